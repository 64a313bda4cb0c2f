"""The commands of a runbook name places as the command line takes them."""

from __future__ import annotations

import pytest

from tests.support.mint import Mint
from tokenaudit.model import Credential, Location
from tokenaudit.remediate.runbook.consumers import clone_address, found_again, look_again, spot
from tokenaudit.secret import Secret

HUB = "https://hub.example"


def seen(*spots: Location) -> Credential:
    secret = Secret(Mint(5).user_token())
    return Credential(secret.fingerprint, "user_token", secret.display, "credential", spots)


@pytest.mark.parametrize(
    ("spot", "place", "again"),
    [
        (Location("history", "/srv/app", "a.py"), "/srv/app", "tokenaudit scan /srv/app"),
        (Location("tree", "my app", ".env"), "'my app'", "tokenaudit scan 'my app'"),
        (Location("history", "https://git.example/a.git", "a.py"), "https://git.example/a.git", None),
        (Location("history", "models/acme/m", "a.py"), f"{HUB}/acme/m", "tokenaudit sweep acme"),
        (Location("commit-message", "spaces/acme/app"), f"{HUB}/spaces/acme/app", "tokenaudit sweep acme"),
        (Location("space-variable", "spaces/acme/app", "HF_TOKEN"), None, "tokenaudit sweep acme"),
        (Location("discussion", "datasets/acme/d", "discussions/1"), None, "tokenaudit sweep acme"),
        (Location("job", "jobs/acme/123", "command"), None, "tokenaudit sweep acme"),
        (Location("tree", "buckets/acme/b", "x.txt"), None, "tokenaudit sweep acme"),
        (Location("variable", "github:acme/app", "HF_TOKEN"), None, "tokenaudit sweep github:acme"),
        (Location("variable", "gitlab:acme/team/app", "HF_TOKEN"), None, "tokenaudit sweep gitlab:acme"),
        (Location("machine", "this machine", "~/.bash rc", 1), "~/'.bash rc'", "tokenaudit doctor"),
        (Location("machine", "this machine", "/etc/netrc", 1), "/etc/netrc", "tokenaudit doctor"),
        (Location("machine", "this machine", "$HF_TOKEN"), None, "tokenaudit doctor"),
    ],
)
def test_each_place_is_named_as_the_command_takes_it(spot: Location, place: str | None, again: str | None) -> None:
    found = seen(spot)
    assert found_again(found, HUB) == place
    assert look_again(found, HUB) == (again or f"tokenaudit scan {place}")


def test_places_of_several_kinds_are_looked_at_each_in_its_way() -> None:
    found = seen(
        Location("space-variable", "spaces/acme/app", "HF_TOKEN"),
        Location("history", "/srv/app", "a.py"),
        Location("tree", "/srv/app", "a.py"),
        Location("machine", "this machine", "~/.netrc", 1),
    )
    assert found_again(found, HUB) == "/srv/app"
    assert look_again(found, HUB, ask=True).splitlines() == [
        "tokenaudit sweep acme",
        "tokenaudit scan --inspect /srv/app",
        "tokenaudit doctor --inspect",
    ]


def test_a_credential_that_was_seen_nowhere_has_to_be_handed_over() -> None:
    assert found_again(seen(), HUB) is None
    assert look_again(seen(), HUB) == "tokenaudit inspect"


def test_only_repositories_of_the_hub_get_its_address() -> None:
    assert clone_address("models/acme/m", HUB) == f"{HUB}/acme/m"
    assert clone_address("datasets/acme/d", HUB) == f"{HUB}/datasets/acme/d"
    assert clone_address("models/here", HUB) == "models/here"
    assert clone_address("/srv/models/acme/m", HUB) == "/srv/models/acme/m"


def test_a_file_named_like_its_folder_keeps_its_name() -> None:
    assert spot(Location("tree", "/srv/app", "app")) == "/srv/app: app"
    assert spot(Location("tree", ".env", ".env")) == ".env"
