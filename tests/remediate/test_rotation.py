"""A classic write token with six kinds of consumers, rotated to the end, cut off and taken up again at every step."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

import pytest

from tests.hub import bodies
from tests.hub.double import HubDouble
from tests.hub.faults import Fault, error
from tests.remediate.services import Github, Gitlab, Stored, running
from tests.support.mint import Mint
from tests.support.posix import posix_only
from tokenaudit.detect import Detector
from tokenaudit.errors import ConfigurationError, UsageError
from tokenaudit.hub.client import Hub
from tokenaudit.hub.credentials import AuditorToken
from tokenaudit.model import Entity, Grant
from tokenaudit.remediate.consumers import ConsumerError, Updater
from tokenaudit.remediate.consumers.resolve import Owners, resolve
from tokenaudit.remediate.rotation.journal import HaltedError, Journal, Record, StepState, to_json
from tokenaudit.remediate.rotation.runner import Rotation
from tokenaudit.remediate.runbook import Mode
from tokenaudit.report.revocation import to_markdown
from tokenaudit.secret import Secret

DETECTOR = Detector.load()
MODEL = Entity("model", "alice/m")
WANTED = (Grant(MODEL, ("repo.content.read", "repo.write")),)
SPELLED = (
    "space-secret:alice/app",
    "github-secret:acme/app",
    "gitlab-variable:acme/app",
    "token-store",
    "dotenv:{home}/.env",
    "git-credential:https://huggingface.co",
)


class Killed(BaseException):
    """The process is gone."""


def now() -> datetime:
    return datetime(2026, 11, 1, 12, tzinfo=timezone.utc)


@dataclass
class Place:
    """Everything a rotation meets: the Hub, GitHub, GitLab, and a home folder."""

    double: HubDouble
    hub: Hub
    github: Github
    gitlab: Gitlab
    home: Path
    old: Secret
    new: Secret
    seconds: int = 0
    said: list[str] = field(default_factory=list)
    confirmed: list[str] = field(default_factory=list)

    def owners(self) -> Owners:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GITHUB_TOKEN": "g",
            "GITHUB_API_URL": self.github.url,
            "GITLAB_TOKEN": "l",
            "GITLAB_URL": self.gitlab.url,
            "HF_TOKEN_PATH": str(self.home / "token"),
        }
        return Owners(self.hub, environment)

    def consumers(self) -> list[Updater]:
        owners = self.owners()
        return [resolve(s.format(home=self.home), self.old.fingerprint, owners) for s in SPELLED]

    def journal(self, mode: Mode = "planned") -> Journal:
        fresh = Record(self.old.fingerprint, self.old.display, self.hub.endpoint, mode, now())
        return Journal.opened(self.home / "journal" / "rotation.json", fresh, now)

    def walk(
        self, mode: Mode = "planned", *, journal: Journal | None = None, yes: bool = True, **more: object
    ) -> Rotation:
        def confirm(_what: str, phrase: str) -> bool:
            self.confirmed.append(phrase)
            return yes

        settings: dict[str, object] = {
            "consumers": self.consumers(),
            "wanted": WANTED,
            "new": lambda: self.new,
            "waits": (0.0, 1.0),
            "confirm": confirm,
            **more,
        }
        return Rotation(
            self.hub,
            DETECTOR,
            journal or self.journal(mode),
            self.old,
            "user_token",
            say=self.said.append,
            now=now,
            **settings,  # type: ignore[arg-type]
        )

    def held(self) -> list[str]:
        """The values that the six consumers hold."""
        git = (self.home / ".git-credentials").read_text().split(":")[2].split("@")[0]
        return [
            self.double.world.repos["space", "alice/app"].secret_values["HF_TOKEN"],
            self.github.secrets["repos/acme/app/actions/secrets"]["HF_TOKEN"].value,
            str(self.gitlab.variables["acme/app"][0]["value"]),
            (self.home / "token").read_text(),
            (self.home / ".env").read_text().strip().partition("=")[2],
            git,
        ]

    def is_moved(self) -> bool:
        return self.held() == [self.new.reveal()] * 6

    def is_untouched(self) -> bool:
        return self.held() == [self.old.reveal()] * 6 and self.old.reveal() in self.double.world.tokens


@pytest.fixture
def place(hub: Hub, hub_double: HubDouble, tmp_path: Path) -> Iterator[Place]:
    mint = Mint(70)
    old, new, own = (Secret(mint.user_token()) for _ in range(3))
    github, gitlab = Github(), Gitlab()
    hub_double.knows(old.reveal())
    hub_double.knows(own.reveal())
    scope = bodies.scope("model", ["repo.content.read", "repo.write"], name="alice/m")
    hub_double.knows(new.reveal(), bodies.user(bodies.fine_grained(scope)))
    for name in ("alice/m", "alice/other"):
        hub_double.world.add_repo(name, visibility="private")
    space = hub_double.world.add_space("alice/app", secrets={"HF_TOKEN": "2026-10-01T09:00:00.000Z"})
    space.secret_values["HF_TOKEN"] = old.reveal()
    hub.__dict__["own"] = AuditorToken(own, "the test")
    github.secrets["repos/acme/app/actions/secrets"] = {"HF_TOKEN": Stored(old.reveal())}
    gitlab.variables["acme/app"] = [
        {"key": "HF_TOKEN", "value": old.reveal(), "environment_scope": "*", "masked": True}
    ]
    (tmp_path / "token").write_text(old.reveal())
    (tmp_path / ".env").write_text(f"HF_TOKEN={old.reveal()}\n")
    (tmp_path / ".gitconfig").write_text(f"[credential]\n\thelper = store --file={tmp_path}/.git-credentials\n")
    (tmp_path / ".git-credentials").write_text(f"https://me:{old.reveal()}@huggingface.co\n")
    with running(github), running(gitlab):
        found = Place(hub_double, hub, github, gitlab, tmp_path, old, new)

        def moment() -> str:
            found.seconds += 1
            return f"2026-11-01T12:{found.seconds // 60:02d}:{found.seconds % 60:02d}.000Z"

        hub_double.world.moment = moment
        yield found


def test_a_planned_rotation_moves_everything_and_revokes_last(place: Place) -> None:
    record = place.walk().run()
    assert place.is_moved()
    assert place.old.reveal() not in place.double.world.tokens
    assert record.finished_at is not None
    ids = [e.id for e in record.entries]
    assert (
        ids.index("new") < ids.index("consumer dotenv " + str(place.home / ".env") + " HF_TOKEN") < ids.index("revoke")
    )
    assert place.double.world.repos["space", "alice/app"].restarts == 1
    assert place.confirmed == [f"revoke {place.old.fingerprint[:8]}"]


def test_a_finished_rotation_run_again_does_nothing(place: Place) -> None:
    first = place.walk().run()
    space = place.double.world.repos["space", "alice/app"]
    told = (space.restarts, place.github.changes, len(place.double.requests), place.seconds)

    def never() -> Secret:
        raise AssertionError

    for mode in ("planned", "breach"):
        assert place.walk(mode, new=never, yes=False).run() == first
    assert (space.restarts, place.github.changes, len(place.double.requests), place.seconds) == told
    assert place.is_moved()


def test_what_holds_the_old_value_again_after_the_end_is_moved_alone(place: Place) -> None:
    place.walk().run()
    space = place.double.world.repos["space", "alice/app"]
    (place.home / ".env").write_text(f"HF_TOKEN={place.old.reveal()}\n")
    theirs = space.secret_values["HF_TOKEN"] = Mint(73).user_token()
    changes = place.github.changes
    record = place.walk().run()
    assert record.finished_at is not None
    assert (place.home / ".env").read_text() == f"HF_TOKEN={place.new.reveal()}\n"
    assert space.secret_values["HF_TOKEN"] == theirs
    assert (space.restarts, place.github.changes) == (1, changes)
    assert len(place.double.world.revoked) == 1


def test_a_copy_of_the_old_value_stops_it_before_the_revocation(place: Place) -> None:
    place.gitlab.variables["acme/app"].append(
        {"key": "OTHER", "value": f"Bearer {place.old.reveal()}", "environment_scope": "prod", "masked": True}
    )
    with pytest.raises(HaltedError, match="the variable OTHER of acme/app, scope prod"):
        place.walk().run()
    assert place.is_moved()
    assert place.double.world.revoked == []


def test_a_helper_that_cannot_list_stops_it_before_anything_is_changed(place: Place) -> None:
    """Nothing shows which values a keychain has for other users: they have to be named while the old one works."""
    keep = f"test $1 = get && test -e {place.home}/kept && cat {place.home}/kept"
    store = f"test $1 = store && grep -E ^.username=.^password= > {place.home}/kept".replace(
        ".username=.", "username=|^"
    )
    (place.home / ".gitconfig").write_text(f'[credential]\n\thelper = "!f() {{ {keep}; {store}; true; }}; f"\n')
    (place.home / "kept").write_text(f"username=me\npassword={place.old.reveal()}\n")
    with pytest.raises(HaltedError, match="can't list its user names"):
        place.walk().run()
    assert place.is_untouched()
    place.walk(dry_run=True, journal=Journal.opened(None, place.journal().record, now)).run()
    assert any("would stop before any change: a custom credential helper" in line for line in place.said)


def test_a_breach_names_a_helper_that_can_not_list_and_goes_on(place: Place) -> None:
    (place.home / ".gitconfig").write_text('[credential]\n\thelper = "!f() { true; }; f"\n')
    consumers = [each for each in place.consumers() if each.kind != "git-credential"]
    named = resolve("git-credential:https://huggingface.co", place.old.fingerprint, place.owners())

    def confirm(_what: str, _phrase: str) -> bool:
        assert any("can't list its user names" in line for line in place.said)
        return True

    with pytest.raises(HaltedError, match="does not exist"):
        place.walk("breach", consumers=[*consumers, named], confirm=confirm).run()
    assert place.old.reveal() not in place.double.world.tokens


def test_a_breach_revokes_first(place: Place) -> None:
    record = place.walk("breach").run()
    assert place.is_moved()
    ids = [e.id for e in record.entries]
    assert ids.index("contain") < ids.index("new")
    assert "revoke" not in ids


def test_a_breach_ends_even_where_the_new_one_is_not_there_yet(place: Place) -> None:
    """The old one is dead whatever comes after; the walk goes on from there."""

    def later() -> Secret:
        raise Killed

    with pytest.raises(Killed):
        place.walk("breach", new=later).run()
    assert place.old.reveal() not in place.double.world.tokens
    place.walk("breach").run()
    assert place.is_moved()
    assert len(place.double.world.revoked) == 1


@pytest.mark.parametrize("mode", ["planned", "breach"])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_it_can_be_cut_off_before_or_after_every_note_and_taken_up_again(place: Place, mode: Mode, moment: str) -> None:
    """Each walk is cut off at the first note that no walk before it was cut off at, so none is left out."""
    met: set[tuple[str, ...]] = set()
    while True:
        journal = place.journal(mode)
        _cut(journal, met, moment)
        cuts = len(met)
        try:
            record = place.walk(mode, journal=journal).run()
        except Killed:
            alive = place.old.reveal() in place.double.world.tokens
            assert mode == "breach" or alive or place.is_moved(), "revoked before everything had moved"
            assert len(met) == cuts + 1
            continue
        break
    assert len(met) >= 25
    assert record.finished_at is not None
    assert place.is_moved()
    assert place.old.reveal() not in place.double.world.tokens
    assert len(place.double.world.revoked) == 1


def _cut(journal: Journal, met: set[tuple[str, ...]], moment: str) -> None:
    note, change = journal.note, journal.change

    def cutting(key: tuple[str, ...], act: Callable[[], None]) -> None:
        if key in met:
            act()
            return
        met.add(key)
        if moment == "after":
            act()
        raise Killed

    def noting(name: str, title: str, state: StepState, evidence: str = "", **more: datetime | None) -> None:
        cutting((name, state), lambda: note(name, title, state, evidence, **more))

    def changing(**what: object) -> None:
        if "entries" in what:
            change(**what)
        else:
            cutting(tuple(sorted(what)), lambda: change(**what))

    journal.note = noting  # type: ignore[method-assign]
    journal.change = changing  # type: ignore[method-assign]


def read_only_space(place: Place) -> None:
    place.double.fails("/api/spaces/alice/app/auth-check/write", error(403, "Forbidden"), always=True)


def foreign_variable(place: Place) -> None:
    place.double.world.repos["space", "alice/app"].variables["HF_TOKEN"] = {
        "key": "HF_TOKEN",
        "value": Mint(74).user_token(),
    }


def refusing_github(place: Place) -> None:
    place.github.refuses = True


def reading_gitlab(place: Place) -> None:
    place.gitlab.scopes = ["read_api"]


def linked_store(place: Place) -> None:
    os.link(place.home / "token", place.home / "second")


def oauth_store(place: Place) -> None:
    (place.home / "stored_tokens").write_text(f"[a]\nhf_token = {place.old.reveal()}\nrefresh_token = x\n")


def linked_dotenv(place: Place) -> None:
    os.link(place.home / ".env", place.home / "third")


def pipe_instead_of_dotenv(place: Place) -> None:
    (place.home / ".env").unlink()
    os.mkfifo(place.home / ".env")


def locked_git_store(place: Place) -> None:
    (place.home / ".git-credentials.lock").write_text("")


def failing_helper(place: Place) -> None:
    config = place.home / ".gitconfig"
    config.write_text(f'{config.read_text()}[credential]\n\thelper = "!false"\n')


def missing_secret(place: Place) -> None:
    place.github.secrets["repos/acme/app/actions/secrets"].clear()


UNWRITABLE = [
    (read_only_space, "spaces/alice/app HF_TOKEN can't be set"),
    (foreign_variable, "alice/app has a public variable HF_TOKEN"),
    (refusing_github, "acme/app HF_TOKEN can't be read or changed: GitHub answered 403"),
    (reading_gitlab, "the token lacks the scope api"),
    (linked_store, "token has several hard links"),
    (oauth_store, "as an OAuth login"),
    (linked_dotenv, ".env has several hard links"),
    (pipe_instead_of_dotenv, "not a regular file"),
    (locked_git_store, ".git-credentials is locked by git"),
    (failing_helper, "the helper failed with exit code"),
    (missing_secret, "github-secret acme/app HF_TOKEN does not exist"),
]


def never() -> Secret:
    raise AssertionError


@posix_only
@pytest.mark.parametrize(("wrong", "words"), UNWRITABLE)
def test_a_consumer_that_cannot_be_written_stops_it_before_a_new_token_exists(
    place: Place, wrong: Callable[[Place], None], words: str
) -> None:
    wrong(place)
    with pytest.raises((HaltedError, ConsumerError), match=re.escape(words)):
        place.walk(new=never).run()
    assert place.old.reveal() in place.double.world.tokens
    assert place.double.world.repos["space", "alice/app"].secret_values["HF_TOKEN"] == place.old.reveal()
    assert not list(place.home.glob(".*.tokenaudit-*"))


@posix_only
@pytest.mark.parametrize(("wrong", "words"), UNWRITABLE)
def test_a_breach_names_what_cannot_be_written_before_it_revokes_and_stops_before_a_new_token_exists(
    place: Place, wrong: Callable[[Place], None], words: str
) -> None:
    """The value is in the wrong hands: a file that can't be written does not delay its end."""
    asked: list[str] = []

    def confirm(what: str, _phrase: str) -> bool:
        assert place.old.reveal() in place.double.world.tokens
        assert any(words in line for line in place.said)
        asked.append(what)
        return True

    wrong(place)
    with pytest.raises((HaltedError, ConsumerError), match=re.escape(words)):
        place.walk("breach", new=never, confirm=confirm).run()
    assert "not all of them can be updated yet" in asked[0]
    assert place.old.reveal() not in place.double.world.tokens
    assert words in to_markdown(place.journal("breach").record)


@posix_only
def test_a_breach_goes_on_when_what_could_not_be_written_is_repaired(place: Place) -> None:
    linked_dotenv(place)
    place.github.refuses = True
    with pytest.raises((HaltedError, ConsumerError)):
        place.walk("breach", new=never).run()
    lines = [line for line in place.said if line.startswith("can't be updated yet: ")]
    assert len(lines) == 2, "every one is named, not only the first"
    (place.home / "third").unlink()
    place.github.refuses = False
    place.walk("breach").run()
    assert place.is_moved()
    assert len(place.double.world.revoked) == 1


@posix_only
@pytest.mark.parametrize("mode", ["planned", "breach"])
def test_a_dry_run_names_everything_that_would_stop_it(place: Place, mode: Mode) -> None:
    linked_dotenv(place)
    reading_gitlab(place)
    fresh = Record(place.old.fingerprint, place.old.display, place.hub.endpoint, mode, now())
    before = sorted(path.name for path in place.home.iterdir())
    with pytest.raises(HaltedError, match=r"scope api.*several hard links"):
        place.walk(mode, journal=Journal.opened(None, fresh, now), dry_run=True).run()
    when = "after the revocation" if mode == "breach" else "before any change"
    assert sum(f"would stop {when}: " in line for line in place.said) == 2
    assert place.is_untouched()
    assert sorted(path.name for path in place.home.iterdir()) == before


def test_a_breach_says_that_it_revokes_the_token_that_it_works_with(place: Place) -> None:
    place.hub.__dict__["own"] = AuditorToken(place.old, "the environment variable HF_TOKEN")
    with pytest.raises(ConsumerError, match="alice/app"):
        place.walk("breach", new=never).run()
    assert any("your own token (the environment variable HF_TOKEN) is the one to be revoked" in s for s in place.said)
    assert place.old.reveal() not in place.double.world.tokens


def two_values() -> Secret:
    message = "stdin has 2 values besides the old one"
    raise UsageError(message)


@pytest.mark.parametrize("mode", ["planned", "breach"])
@pytest.mark.parametrize("wrong", [{"wanted": ()}, {"check_new": two_values}])
def test_wrong_arguments_stop_it_before_anything_is_done(place: Place, mode: Mode, wrong: dict[str, object]) -> None:
    with pytest.raises((HaltedError, UsageError)):
        place.walk(mode, **wrong).run()  # type: ignore[arg-type]
    assert place.is_untouched()


def test_the_journal_is_private_and_holds_no_value(place: Place) -> None:
    record = place.walk().run()
    path = place.home / "journal" / "rotation.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    written = path.read_text() + to_markdown(record) + to_json(record) + "\n".join(place.said)
    for secret in (place.old, place.new):
        assert secret.reveal() not in written
        assert secret.reveal()[3:] not in written
    assert json.loads(path.read_text())["schema"] == "tokenaudit/rotation/1"


def test_a_dry_run_changes_nothing_and_keeps_no_journal(place: Place) -> None:
    fresh = Record(place.old.fingerprint, place.old.display, place.hub.endpoint, "planned", now())
    place.walk(journal=Journal.opened(None, fresh, now), dry_run=True).run()
    assert place.is_untouched()
    assert not (place.home / "journal").exists()
    assert sum("would update" in line for line in place.said) == 6


def other_account(place: Place) -> None:
    scope = bodies.scope("model", ["repo.content.read", "repo.write"], name="alice/m")
    place.double.world.tokens[place.new.reveal()] = bodies.user(bodies.fine_grained(scope), name="mallory")


def too_much(place: Place) -> None:
    scope = bodies.scope("model", ["repo.content.read", "repo.write", "discussion.write"], name="alice/m")
    place.double.world.tokens[place.new.reveal()] = bodies.user(bodies.fine_grained(scope))


def too_little(place: Place) -> None:
    scope = bodies.scope("model", ["repo.content.read"], name="alice/m")
    place.double.world.tokens[place.new.reveal()] = bodies.user(bodies.fine_grained(scope))


def classic(place: Place) -> None:
    place.double.knows(place.new.reveal())


def dead(place: Place) -> None:
    del place.double.world.tokens[place.new.reveal()]


def same(place: Place) -> None:
    place.new = place.old


def pending(place: Place) -> None:
    scope = bodies.scope("model", ["repo.content.read", "repo.write"], name="alice/m")
    orgs = [bodies.org("acme", restrictions=["token-policy"])]
    place.double.world.tokens[place.new.reveal()] = bodies.user(bodies.fine_grained(scope), orgs=orgs)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (other_account, "belongs to mallory"),
        (too_much, "in excess open and answer discussions"),
        (too_little, "missing write"),
        (classic, "role write"),
        (dead, "is invalid"),
        (same, "same as the old one"),
        (pending, "approval by acme"),
    ],
)
def test_a_wrong_new_token_is_refused_and_nothing_is_touched(
    place: Place, wrong: Callable[[Place], None], words: str
) -> None:
    wrong(place)
    with pytest.raises(HaltedError, match=words):
        place.walk().run()
    assert place.is_untouched()


def test_a_door_that_should_be_shut_stops_it(place: Place) -> None:
    """The rights may read well and still be wider than they look: one write must be refused."""
    place.double.fails("/api/models/alice/(m|other)/auth-check/write", error(403, "Forbidden"))
    with pytest.raises(HaltedError, match="access check failed"):
        place.walk().run()
    assert place.is_untouched()


def test_without_wanted_rights_nothing_is_touched(place: Place) -> None:
    with pytest.raises(HaltedError, match="--grant"):
        place.walk(wanted=()).run()
    assert place.is_untouched()


def test_a_refusing_consumer_stops_it_before_the_revocation_and_it_goes_on_later(place: Place) -> None:
    place.gitlab.refuses = True
    with pytest.raises(ConsumerError, match="GitLab answered 401"):
        place.walk().run()
    assert place.is_untouched()
    place.gitlab.refuses = False
    place.walk().run()
    assert place.is_moved()


def test_a_value_changed_by_someone_else_is_not_overwritten(place: Place) -> None:
    stranger = Secret(Mint(71).user_token())
    (place.home / ".env").write_text(f"HF_TOKEN={stranger.reveal()}\n")
    with pytest.raises(HaltedError, match="changed by someone else"):
        place.walk().run()
    assert stranger.reveal() in (place.home / ".env").read_text()
    assert place.double.world.repos["space", "alice/app"].secret_values["HF_TOKEN"] == place.old.reveal()
    assert (place.github.changes, place.gitlab.variables["acme/app"][0]["value"]) == (0, place.old.reveal())
    assert place.old.reveal() in place.double.world.tokens


def test_a_secret_changed_by_someone_else_since_the_walk_began_is_not_overwritten(place: Place) -> None:
    held = place.github.secrets["repos/acme/app/actions/secrets"]

    def meanwhile() -> Secret:
        held["HF_TOKEN"] = Stored("theirs", "2026-10-31T00:00:00Z")
        return place.new

    with pytest.raises(HaltedError, match="after the start of this rotation"):
        place.walk(new=meanwhile).run()
    assert held["HF_TOKEN"].value == "theirs"
    assert place.old.reveal() in place.double.world.tokens


def test_a_mistyped_confirmation_revokes_nothing(place: Place) -> None:
    with pytest.raises(HaltedError, match="not confirmed"):
        place.walk(yes=False).run()
    assert place.is_moved()
    assert place.old.reveal() in place.double.world.tokens
    assert place.double.world.revoked == []


def test_no_answer_about_the_old_one_is_no_reason_to_guess(place: Place) -> None:
    place.double.fails("/api/whoami-v2", error(503, "busy"), always=True)
    with pytest.raises(HaltedError, match="owner unknown"):
        place.walk().run()
    assert place.is_untouched()


def test_the_journal_of_another_rotation_is_not_continued(place: Place) -> None:
    with pytest.raises(HaltedError):
        place.walk(wanted=()).run()
    with pytest.raises(ConfigurationError, match="another rotation"):
        place.journal("breach")


def test_another_new_token_than_the_first_is_refused(place: Place) -> None:
    with pytest.raises(HaltedError):
        place.walk(yes=False).run()
    place.new = Secret(place.double.knows(Mint(72).user_token(), place.double.world.tokens[place.new.reveal()]))
    with pytest.raises(HaltedError, match="continue with that token"):
        place.walk().run()


def test_dead_copies_that_are_left_are_named(place: Place) -> None:
    record = place.walk(rescan=lambda: ["app: .env"]).run()
    assert "invalid copies left in app: .env" in next(e.evidence for e in record.entries if e.id == "gone")


@pytest.mark.parametrize(
    "path", ["/api/models/acme/hidden/auth-check/write", "/api/jobs/acme/auth-check/write", "/api/models/alice/other"]
)
def test_a_new_token_that_opens_something_else_stops_it(place: Place, path: str) -> None:
    place.double.world.add_repo("acme/hidden", visibility="private")
    place.double.world.tokens[place.old.reveal()] = bodies.classic("write", orgs=[bodies.org("acme", "write")])
    yes = {"namespace": {"name": "acme"}, "user": {"name": "alice"}}
    place.double.fails(path, Fault(200, body=json.dumps(yes).encode()), always=True)
    with pytest.raises(HaltedError, match="has excess access"):
        place.walk().run()
    assert place.is_untouched()
