"""What only POSIX has: marks for the tests that need it, so that the others run on every system."""

from __future__ import annotations

import os

import pytest

posix_only = pytest.mark.skipif(os.name != "posix", reason="POSIX only: file types, modes, signals")
is_root = hasattr(os, "geteuid") and os.geteuid() == 0
