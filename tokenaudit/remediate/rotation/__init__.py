"""A runbook as a walk: every step does or asks, then proves, and can be taken up again wherever it was cut off."""
