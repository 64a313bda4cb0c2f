"""Allow comments count only for who asks."""

from __future__ import annotations

import pickle

import pytest

from tests.support.mint import Mint
from tokenaudit.detect import Detector
from tokenaudit.detect.plugins import AllowlistFilter


@pytest.mark.parametrize(
    "line",
    [
        "t = '{}'  # pragma: allowlist secret",
        "t = '{}'  # PRAGMA: whitelist secret",
        "t = '{}' // gitleaks:allow",
        "t = '{}' # betterleaks:allow",
        "t = '{}' # trufflehog:ignore",
        "t = '{}' # kingfisher:ignore",
        "t = '{}' # ggignore",
        "t = '{}' // secretlint-disable-line",
        "t = '{}' # tokenaudit:allow",
        "# pragma: allowlist nextline secret\nt = '{}'",
        "// secretlint-disable-next-line\nt = '{}'",
    ],
)
def test_an_allow_comment_hides_its_own_line_only(line: str) -> None:
    mint = Mint(51)
    hidden, seen = mint.user_token(), mint.user_token()
    data = f"{line.format(hidden)}\nother = '{seen}'\n".encode()
    detector = Detector.load()
    assert [found.secret.reveal() for found in detector.scan(data).detections] == [hidden, seen]
    honouring = pickle.loads(pickle.dumps(AllowlistFilter(detector)))  # noqa: S301 - made in this very line
    kept = [found.secret.reveal() for found in honouring.scan(data).detections if not found.ignored]
    assert kept == [seen]
