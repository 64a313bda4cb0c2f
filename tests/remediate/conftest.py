"""The double of the Hub, and a client of it that doesn't really wait."""

from __future__ import annotations

import pytest

from tests.hub.double import HubDouble, hub_double
from tokenaudit.hub.client import Hub
from tokenaudit.hub.rate_limit import Patience

__all__ = ["hub_double"]


@pytest.fixture
def hub(hub_double: HubDouble) -> Hub:
    return Hub(
        hub_double.endpoint,
        timeout=2,
        deadline=4,
        patience=Patience(attempts=2),
        own_token=False,
        sleep=lambda _seconds: None,
    )
