"""`tokenaudit plugins`."""

from __future__ import annotations

from tokenaudit.cli import choices, options
from tokenaudit.cli.output import emit
from tokenaudit.detect import Detector
from tokenaudit.report.catalog import plugins_json, plugins_text


def plugins(
    plugin: options.PluginOption = None, report_format: options.ListFormatOption = choices.ListFormat.TEXT
) -> None:
    """List the loaded detectors with their file paths.

    Each file is a detect-secrets plugin and also works without tokenaudit.

    Examples:
      tokenaudit plugins
      tokenaudit plugins --plugin my_plugin.py --format json
    """
    loaded = Detector.load(tuple(plugin or ())).plugins
    emit(plugins_json(loaded) if report_format is choices.ListFormat.JSON else plugins_text(loaded))
