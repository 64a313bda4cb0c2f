"""Whether what code reads is public, asked without a token, through a whole scan."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hub.double import HubDouble
from tests.support.mint import Mint
from tokenaudit.audit.auditor import Auditor, scan
from tokenaudit.audit.inspection import InspectionOptions
from tokenaudit.hub.client import Hub
from tokenaudit.model import Recommendation


def advice(folder: Path, hub: Hub) -> Recommendation:
    load = f"snapshot_download('acme/base', token='{Mint(1).user_token()}')"
    (folder / "app.py").write_text(f"from huggingface_hub import snapshot_download\n{load}\n")
    (found,) = scan([folder], auditor=Auditor(questions=InspectionOptions(hub))).report.credentials
    assert found.recommendation is not None
    return found.recommendation


@pytest.mark.parametrize(
    ("more", "seen", "replacement"),
    [
        ({}, "public", "no-token"),
        ({"gated": "auto"}, "gated", "fine-grained"),
        ({"visibility": "private"}, "hidden", "fine-grained"),
        (None, "hidden", "fine-grained"),
    ],
)
def test_only_what_everyone_can_read_needs_no_token(
    hub: Hub, hub_double: HubDouble, tmp_path: Path, more: dict[str, str] | None, seen: str, replacement: str
) -> None:
    if more is not None:
        hub_double.world.add_repo("acme/base", **more)
    found = advice(tmp_path, hub)
    assert found.evidence[0].visibility == seen
    assert found.replacement == replacement
    asked = [request for request in hub_double.requests if "acme/base" in request.path]
    assert asked
    assert not [request for request in asked if "authorization" in request.headers]
