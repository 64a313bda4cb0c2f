"""The double of the Hub, and a client of it that doesn't really wait."""

from __future__ import annotations

import pytest

from tests.hub.double import HubDouble, hub_double
from tokenaudit.hub.client import Hub
from tokenaudit.hub.rate_limit import RetryPolicy

__all__ = ["hub_double"]


@pytest.fixture
def hub(hub_double: HubDouble) -> Hub:
    return Hub(
        hub_double.endpoint,
        timeout=2,
        deadline=4,
        retry_policy=RetryPolicy(attempts=2),
        auditor_token=False,
        sleep=lambda _seconds: None,
    )
