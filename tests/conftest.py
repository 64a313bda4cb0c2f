"""Settings of all tests."""

from __future__ import annotations

import os

from hypothesis import settings

# The gate has to give the same answer twice; whoever runs the tests by hand explores further with every run.
settings.register_profile("gate", derandomize=True, print_blob=True)
if os.environ.get("CI"):
    settings.load_profile("gate")
