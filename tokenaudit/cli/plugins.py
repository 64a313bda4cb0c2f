"""`tokenaudit plugins`."""

from __future__ import annotations

from tokenaudit.cli import options
from tokenaudit.cli.destinations import destinations, emit_each
from tokenaudit.detect import Detector
from tokenaudit.report.catalog import plugins_json, plugins_text


def plugins(plugin: options.PluginOption = None, formats: options.ListFormatOption = None) -> None:
    """List the loaded detectors with their file paths.

    Each file is a detect-secrets plugin and also works without tokenaudit.

    Examples:
      tokenaudit plugins
      tokenaudit plugins --plugin my_plugin.py --format json
    """
    loaded = Detector.load(tuple(plugin or ())).plugins
    emit_each(destinations(formats), lambda to: (plugins_json if to.format == "json" else plugins_text)(loaded))
