"""`tokenaudit plugins`."""

from __future__ import annotations

from tokenaudit.cli import options
from tokenaudit.cli.output import emit


def plugins(
    plugin: options.PluginOption = None, report_format: options.FormatOption = options.ReportFormat.TEXT
) -> None:
    """List the detectors loaded, with their file paths.

    Each file also works under plain detect-secrets: detect-secrets scan -p FILE.
    """
    from tokenaudit.detect import Detector  # noqa: PLC0415 - `--help` doesn't load detectors
    from tokenaudit.report.catalog import plugins_json, plugins_text  # noqa: PLC0415 - as above

    loaded = Detector.load(tuple(plugin or ())).plugins
    emit(plugins_json(loaded) if report_format is options.ReportFormat.JSON else plugins_text(loaded))
