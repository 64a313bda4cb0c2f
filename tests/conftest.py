"""What all tests share."""

from __future__ import annotations

import os

from hypothesis import settings

# How long an example takes says more about how busy the machine is than about the code.
settings.register_profile("tokenaudit", deadline=None)
# The gate has to give the same answer twice; whoever runs the tests by hand explores further with every run.
settings.register_profile("gate", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("gate" if os.environ.get("CI") else "tokenaudit")
