"""Bytes to credentials: plugins, evidence, unwrapping."""

from tokenaudit.detect.detector import Detector
from tokenaudit.detect.limits import Limits
from tokenaudit.detect.prefilter import Prefilter

__all__ = ["Detector", "Limits", "Prefilter"]
