"""Bytes to credentials: plugins, evidence, unwrapping."""

from tokenaudit.detect.detector import Detector
from tokenaudit.detect.evidence import Prefilter
from tokenaudit.detect.limits import Limits

__all__ = ["Detector", "Limits", "Prefilter"]
