"""`-v` and `--log-level`: what a command does, on stderr, with credentials masked."""

from __future__ import annotations

import logging
import sys
from enum import Enum

from tokenaudit._version import __version__
from tokenaudit.cli.streams import fitted
from tokenaudit.redaction import mask
from tokenaudit.text import visible


class LogLevel(str, Enum):
    """From which level on messages are shown."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class _MaskingFormatter(logging.Formatter):
    """Messages in one line, unless on a terminal, with values masked and invisible characters escaped."""

    def format(self, record: logging.LogRecord) -> str:
        return fitted(visible(mask(super().format(record))))


def set_level(level: LogLevel) -> None:
    """Shows the messages of tokenaudit from `level` on; those of libraries stay off, since they can quote values."""
    logger = logging.getLogger("tokenaudit")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_MaskingFormatter("tokenaudit: %(levelname)s: %(message)s"))
    logger.handlers = [handler]  # a program that calls commands several times can have another stderr each time
    logger.propagate = False
    logger.setLevel(level.value.upper())
    python = ".".join(map(str, sys.version_info[:3]))
    logger.debug("tokenaudit %s, Python %s, %s", __version__, python, sys.platform)


def stop() -> None:
    """Undoes `set_level`: in a program that goes on, the stream of this command can be closed, or belong to another."""
    logger = logging.getLogger("tokenaudit")
    if any(isinstance(handler.formatter, _MaskingFormatter) for handler in logger.handlers):
        logger.handlers, logger.propagate = [], True
        logger.setLevel(logging.NOTSET)
