"""Detect credentials in bytes: plugins, prefilter, decoders."""

from tokenaudit.detect.limits import Limits
from tokenaudit.detect.prefilter import Prefilter
from tokenaudit.detect.scanner import Detector

__all__ = ["Detector", "Limits", "Prefilter"]
