"""Git's stored credentials: each entry with the old value moves, every other one stays as it is, byte for byte."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.mint import Mint
from tokenaudit.detect import Detector
from tokenaudit.errors import UsageError
from tokenaudit.remediate.consumers import ConsumerError, took
from tokenaudit.remediate.consumers.git_credential import GitCredential
from tokenaudit.remediate.consumers.git_helpers import Address, GitHelpers, with_new_values
from tokenaudit.remediate.rotation.verify import copies
from tokenaudit.secret import Secret

MINT = Mint(61)
OLD, NEW, OTHER = (Secret(MINT.user_token()) for _ in range(3))
HUB = "https://huggingface.co"
DETECTOR = Detector.load()


class Git:
    """A home folder with a git configuration of its own, and the credential helpers that it names."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(home), "GIT_CONFIG_NOSYSTEM": "1"}
        self.environment |= {"GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "true"}

    def set(self, *arguments: str) -> None:
        self.run("config", "--global", *arguments)

    def run(self, *arguments: str, given: str = "") -> str:
        done = subprocess.run(
            ["git", *arguments], input=given, env=self.environment, cwd=self.home, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        return done.stdout

    def fill(self, host: str = "huggingface.co", **more: str) -> str | None:
        asked = {"protocol": "https", "host": host, **more}
        answer = self.run("credential", "fill", given="".join(f"{k}={v}\n" for k, v in asked.items()) + "\n")
        return dict(row.split("=", 1) for row in answer.splitlines()).get("password") or None

    def approve(self, user: str, password: str, host: str = "huggingface.co", **more: str) -> None:
        given = {"protocol": "https", "host": host, "username": user, "password": password, **more}
        self.run("credential", "approve", given="".join(f"{k}={v}\n" for k, v in given.items()) + "\n")

    def store(self, text: str, name: str = ".git-credentials") -> Path:
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(filled(text))
        path.chmod(0o600)
        return path


def filled(text: str) -> bytes:
    for name, secret in (("OLD", OLD), ("NEW", NEW), ("OTHER", OTHER)):
        text = text.replace(name, secret.reveal())
    return text.encode()


@pytest.fixture
def git(tmp_path: Path) -> Iterator[Git]:
    found = Git(tmp_path)
    yield found
    found.run("credential-cache", "exit")


def move(git: Git, address: str = HUB) -> tuple[str | None, tuple[str, ...]]:
    """The proof that it moved, and the copies of the old value that are left."""
    consumer = GitCredential(address, git.environment)
    before = consumer.look()
    consumer.update(OLD.fingerprint, NEW)
    proof = took(before, consumer.look(), OLD.fingerprint, NEW)
    return proof, copies(OLD, consumer.contents(), DETECTOR).places


@pytest.mark.parametrize(
    ("before", "after"),
    [
        # the same user name for two repositories, one with another value
        ("https://me:OLD@huggingface.co/a/x\nhttps://me:OTHER@huggingface.co/b/y\n",
         "https://me:NEW@huggingface.co/a/x\nhttps://me:OTHER@huggingface.co/b/y\n"),
        # the value for the whole host, another for one repository of the same user
        ("https://me:OTHER@huggingface.co/b/y\nhttps://me:OLD@huggingface.co\n",
         "https://me:OTHER@huggingface.co/b/y\nhttps://me:NEW@huggingface.co\n"),
        # several user names
        ("https://a:OLD@huggingface.co\nhttps://b:OLD@huggingface.co\nhttps://c:OTHER@huggingface.co\n",
         "https://a:NEW@huggingface.co\nhttps://b:NEW@huggingface.co\nhttps://c:OTHER@huggingface.co\n"),
        # percent-encoded names, paths and ports; no final line end; CRLF; blank lines; what is no entry
        ("https://me%40example.org:OLD@huggingface.co", "https://me%40example.org:NEW@huggingface.co"),
        ("https://m%C3%A9:OLD@huggingface.co/a%20b\r\n\r\nnot an entry\r\n",
         "https://m%C3%A9:NEW@huggingface.co/a%20b\r\n\r\nnot an entry\r\n"),
        ("https://me:OLD@huggingface.co%3a443\nhttps://me:OLD@HuggingFace.co\n",
         "https://me:NEW@huggingface.co%3a443\nhttps://me:NEW@HuggingFace.co\n"),
        # a token as user name
        ("https://OLD:x@huggingface.co\n", "https://NEW:x@huggingface.co\n"),
        # other hosts with other values
        ("https://me:OTHER@github.com\nhttps://me:OLD@huggingface.co\nhttps://x:y@example.org\n",
         "https://me:OTHER@github.com\nhttps://me:NEW@huggingface.co\nhttps://x:y@example.org\n"),
        # the same entry twice
        ("https://me:OLD@huggingface.co\nhttps://me:OLD@huggingface.co\n",
         "https://me:NEW@huggingface.co\nhttps://me:NEW@huggingface.co\n"),
    ],
)  # fmt: skip
def test_only_the_old_value_changes_in_a_store(git: Git, before: str, after: str) -> None:
    git.set("credential.helper", "store")
    path = git.store(before)
    assert move(git) == ("has the new value", ())
    assert path.read_bytes() == filled(after)
    assert path.stat().st_mode & 0o777 == 0o600
    assert sorted(p.name for p in git.home.iterdir()) == [".git-credentials", ".gitconfig"]


@pytest.mark.parametrize(
    "encoded",
    [
        "".join(f"%{ord(c):02x}" for c in OLD.reveal()),
        quote(OLD.reveal(), safe="").replace("_", "%5F"),
    ],
)
def test_a_percent_encoded_password_is_the_same_value(git: Git, encoded: str) -> None:
    git.set("credential.helper", "store")
    path = git.store(f"https://me:{encoded}@huggingface.co\n")
    assert move(git) == ("has the new value", ())
    assert path.read_bytes() == filled("https://me:NEW@huggingface.co\n")


@pytest.mark.parametrize(
    ("helper", "file"),
    [
        ("store --file {home}/creds", "creds"),
        ("store --file={home}/creds", "creds"),
        ("store --file ~/creds", "creds"),
        ("store --file $HOME/creds", "creds"),
        ("store --file '{home}/with space'", "with space"),
        ("!git credential-store --file {home}/creds", "creds"),
        ("store", ".config/git/credentials"),
        ("store", ".git-credentials"),
    ],
)
def test_the_file_is_the_one_that_git_uses(git: Git, helper: str, file: str) -> None:
    git.set("credential.helper", helper.format(home=git.home))
    path = git.store("", file)
    git.approve("me", OLD.reveal())
    git.approve("you", OTHER.reveal(), path="a/b")
    assert OLD.reveal() in path.read_text()
    before = path.read_text()
    assert move(git) == ("has the new value", ())
    assert path.read_text() == before.replace(OLD.reveal(), NEW.reveal())
    assert git.fill(username="me") == NEW.reveal()


def test_a_configuration_folder_elsewhere_is_found(git: Git) -> None:
    git.environment["XDG_CONFIG_HOME"] = str(git.home / "conf")
    git.set("credential.helper", "store")
    path = git.store("https://me:OLD@huggingface.co\n", "conf/git/credentials")
    assert move(git) == ("has the new value", ())
    assert path.read_bytes() == filled("https://me:NEW@huggingface.co\n")


def test_every_helper_is_changed(git: Git) -> None:
    git.set("credential.helper", f"store --file {git.home}/one")
    git.set("--add", "credential.helper", f"store --file {git.home}/two")
    git.set("credential.https://huggingface.co.helper", f"store --file {git.home}/three")
    git.set("credential.https://example.org.helper", f"store --file {git.home}/four")
    paths = [git.store("https://me:OLD@huggingface.co\n", name) for name in ("one", "two", "three")]
    foreign = git.store("https://me:OTHER@example.org\n", "four")
    assert move(git) == ("has the new value", ())
    assert [p.read_bytes() for p in paths] == [filled("https://me:NEW@huggingface.co\n")] * 3
    assert foreign.read_bytes() == filled("https://me:OTHER@example.org\n")


def test_an_empty_helper_takes_back_those_before_it(git: Git) -> None:
    git.set("credential.helper", f"store --file {git.home}/one")
    git.set("--add", "credential.helper", "")
    git.set("--add", "credential.helper", f"store --file {git.home}/two")
    unused = git.store("https://me:OTHER@huggingface.co\n", "one")
    git.store("https://me:OLD@huggingface.co\n", "two")
    assert move(git)[0] == "has the new value"
    assert unused.read_bytes() == filled("https://me:OTHER@huggingface.co\n")


def test_a_link_stays_a_link(git: Git) -> None:
    git.set("credential.helper", "store")
    real = git.store("https://me:OLD@huggingface.co\n", "dotfiles/credentials")
    (git.home / ".git-credentials").symlink_to("dotfiles/credentials")
    assert move(git)[0] == "has the new value"
    assert (git.home / ".git-credentials").is_symlink()
    assert real.read_bytes() == filled("https://me:NEW@huggingface.co\n")
    assert [p.name for p in real.parent.iterdir()] == ["credentials"]


def test_a_store_that_git_is_writing_is_left_alone(git: Git) -> None:
    git.set("credential.helper", "store")
    path = git.store("https://me:OLD@huggingface.co\n")
    (git.home / ".git-credentials.lock").write_text("")
    with pytest.raises(ConsumerError, match=r"\.git-credentials\.lock"):
        move(git)
    assert path.read_bytes() == filled("https://me:OLD@huggingface.co\n")


@pytest.mark.parametrize(
    ("left", "address"),
    [
        ("https://me:OLD@hf.co\n", HUB),
        ("http://me:OLD@huggingface.co\n", HUB),
        ("https://me:OLD@huggingface.co%3a8443\n", HUB),
        ("https://you:OLD@huggingface.co\n", "https://me@huggingface.co"),
        ("# was OLD\n", HUB),
    ],
)
def test_what_is_not_moved_is_found(git: Git, left: str, address: str) -> None:
    """Another host, port or user name gets no new value unasked, and is named before anything is revoked."""
    git.set("credential.helper", "store")
    path = git.store(f"https://me:OLD@huggingface.co\n{left}")
    assert move(git, address) == ("has the new value", (f"{path}:2",))
    assert path.read_bytes() == filled(f"https://me:NEW@huggingface.co\n{left}")


def test_one_port_is_not_another(git: Git) -> None:
    git.set("credential.helper", "store")
    git.approve("me", OLD.reveal(), "localhost:8443")
    git.approve("me", OTHER.reveal(), "localhost:9443")
    assert move(git, "https://localhost:8443") == ("has the new value", ())
    assert (git.fill("localhost:8443"), git.fill("localhost:9443")) == (NEW.reveal(), OTHER.reveal())


def test_one_repository_can_be_named_where_git_tells_them_apart(git: Git) -> None:
    git.set("credential.helper", "store")
    git.set("credential.useHttpPath", "true")
    path = git.store("https://me:OLD@huggingface.co/a/x\nhttps://me:OTHER@huggingface.co/b/y\n")
    assert move(git, f"{HUB}/a/x") == ("has the new value", ())
    assert path.read_bytes() == filled("https://me:NEW@huggingface.co/a/x\nhttps://me:OTHER@huggingface.co/b/y\n")
    assert git.fill(path="a/x") == NEW.reveal()


def test_the_cache_gives_up_every_user_name(git: Git) -> None:
    git.set("credential.helper", f"cache --timeout 600 --socket {git.home}/cache/socket")
    for user, password in (("one", OLD), ("two", OLD), ("three", OTHER), ("hf_user", OLD)):
        git.approve(user, password.reveal())
    assert move(git) == ("has the new value", ())
    found = [git.fill(username=user) for user in ("one", "two", "three", "hf_user")]
    assert found == [NEW.reveal(), NEW.reveal(), OTHER.reveal(), NEW.reveal()]
    git.run("credential-cache", "--socket", f"{git.home}/cache/socket", "exit")


def test_a_cache_by_path_needs_the_repository_named(git: Git) -> None:
    """Storing a credential for the host would delete those of its repositories."""
    git.set("credential.helper", f"cache --timeout 600 --socket {git.home}/cache/socket")
    git.set("credential.useHttpPath", "true")
    git.approve("me", OLD.reveal(), path="a/x")
    git.approve("me", OTHER.reveal(), path="b/y")
    with pytest.raises(ConsumerError, match="OWNER/REPOSITORY"):
        move(git)
    assert move(git, f"{HUB}/a/x")[0] == "has the new value"
    assert (git.fill(path="a/x"), git.fill(path="b/y")) == (NEW.reveal(), OTHER.reveal())
    git.run("credential-cache", "--socket", f"{git.home}/cache/socket", "exit")


def test_a_helper_that_keeps_nothing_proves_nothing(git: Git) -> None:
    """A script that always answers with the old value: what it says afterwards counts, not that it took the new one."""
    (git.home / "value").write_text(OLD.reveal())
    git.set("credential.helper", f"!f() {{ echo username=me; echo password=$(cat {git.home}/value); }}; f")
    assert move(git)[0] is None


KEEPER = r"""#!/bin/sh
# A keychain: one line an entry (host, user name, value); it can't list them.
test -e "{home}/locked" && exit 3
while IFS='=' read -r key value && test -n "$key"; do eval "$key=\$value"; done
touch "{home}/chain"
grep -n "^$host ${{username:-[^ ]*}} " "{home}/chain" | head -1 > "{home}/found"
case $1 in
get) test -s "{home}/found" && sed -E 's/^[0-9]+:[^ ]* ([^ ]*) (.*)/username=\1\npassword=\2/' "{home}/found" ;;
store) grep -v "^$host $username " "{home}/chain" > "{home}/rest"
  (echo "$host $username $password"; cat "{home}/rest") > "{home}/chain" ;;
erase) grep -v "^$host $username $password" "{home}/chain" > "{home}/rest"; cp "{home}/rest" "{home}/chain" ;;
esac
exit 0
"""


def keeper(git: Git, *entries: str) -> Path:
    """Configures a helper that keeps `entries` (host, user name, value) and can't list them."""
    script = git.home / "keeper"
    script.write_text(KEEPER.format(home=git.home))
    script.chmod(0o755)
    git.set("credential.helper", str(script))
    chain = git.home / "chain"
    chain.write_bytes(filled("".join(f"{entry}\n" for entry in entries)))
    return chain


def unread(git: Git, address: str = HUB) -> tuple[str, ...]:
    """Why a copy of the old value could be left that nothing shows."""
    found = copies(OLD, GitCredential(address, git.environment).contents(), DETECTOR)
    return tuple(skipped.reason for skipped in found.skipped)


def test_a_helper_that_cannot_list_its_user_names_is_said_before_and_after(git: Git) -> None:
    chain = keeper(git, "huggingface.co hf_user OLD", "example.org me OTHER", "huggingface.co hidden OLD")
    asked = (
        "the helper can't list its user names (read: its first one, hf_user); pass each user name with "
        "--consumer git-credential:https://USER@huggingface.co"
    )
    assert unread(git) == (asked,)
    assert move(git)[0] == "has the new value"
    assert unread(git) == (asked,)
    assert OLD.reveal() in chain.read_text()
    assert unread(git, "https://hidden@huggingface.co") == ()
    assert move(git, "https://hidden@huggingface.co") == ("has the new value", ())
    assert sorted(chain.read_bytes().splitlines()) == sorted(
        filled("huggingface.co hf_user NEW\nhuggingface.co hidden NEW\nexample.org me OTHER").splitlines()
    )


def test_a_value_for_another_name_of_the_hub_in_a_helper_is_found(git: Git) -> None:
    keeper(git, "huggingface.co me OLD", "hf.co me OLD")
    proof, places = move(git, "https://me@huggingface.co")
    assert proof == "has the new value"
    assert [place.rpartition(" ")[2] for place in places] == ["https://hf.co"]


def test_a_helper_that_fails_is_not_one_that_has_nothing(git: Git) -> None:
    keeper(git, "huggingface.co me OLD")
    (git.home / "locked").touch()
    (reason,) = unread(git, "https://me@huggingface.co")
    assert reason.startswith("the helper failed with exit code 3 for user me")


@pytest.mark.parametrize("is_script", [True, False])
def test_a_script_around_the_store_is_refused(git: Git, is_script: bool) -> None:
    """Asked for the host, `git credential-store` would drop the entries of its repositories."""
    path = git.store("https://me:OLD@huggingface.co\nhttps://me:OTHER@huggingface.co/b/y\n", "creds")
    command = f'git credential-store --file {path} "$@"'
    if is_script:
        (git.home / "around").write_text(f"#!/bin/sh\n{command}\n")
        (git.home / "around").chmod(0o755)
    git.set("credential.helper", str(git.home / "around") if is_script else f"!f() {{ {command}; }}; f")
    before = path.read_bytes()
    with pytest.raises(ConsumerError, match="would drop entries of other repositories"):
        move(git)
    assert path.read_bytes() == before


def test_a_helper_that_mixes_up_users_is_put_right_and_stops(git: Git) -> None:
    chain = keeper(git, "huggingface.co hf_user OLD", "huggingface.co work OTHER")
    git.set("credential.https://huggingface.co.username", "work")
    script = git.home / "keeper"
    script.write_text(script.read_text().replace('grep -v "^$host $username " ', 'grep -v "^$host " ', 1))
    with pytest.raises(ConsumerError, match="changed the value of user work"):
        move(git)
    assert OTHER.reveal() in chain.read_text()


def test_a_deletion_that_was_cut_off_is_made_good(git: Git) -> None:
    """The old value is gone and the new one not there yet: the next run stores it."""
    chain = keeper(git)
    consumer = GitCredential("https://me@huggingface.co", git.environment)
    consumer.update(OLD.fingerprint, NEW)
    assert chain.read_bytes() == filled("huggingface.co me NEW\n")


def test_a_cache_that_was_cut_off_gives_back_what_was_set_aside(git: Git, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed before any change of the cache: nothing is lost, and the next run moves everything."""

    class Killed(BaseException):
        pass

    def cutting(name: str, left: list[int]) -> None:
        real = getattr(GitHelpers, name)

        def act(self: GitHelpers, helper: str, address: Address, password: str) -> None:
            left[0] -= 1
            if left[0] < 0:
                raise Killed
            real(self, helper, address, password)

        monkeypatch.setattr(GitHelpers, name, act)

    git.set("credential.helper", f"cache --timeout 600 --socket {git.home}/cache/socket")
    users = {"one": OLD, "two": OTHER}
    for user, password in users.items():
        git.approve(user, password.reveal())
    steps = 0
    while True:
        with monkeypatch.context():
            left = [steps]
            cutting("approve", left)
            cutting("reject", left)
            try:
                move(git)
            except Killed:
                steps += 3
            else:
                break
            finally:
                monkeypatch.undo()
        GitCredential(HUB, git.environment).look()
        assert git.fill(username="two") == OTHER.reveal()
        assert git.fill(username="one") in {OLD.reveal(), NEW.reveal()}
    assert steps >= 6
    assert git.fill(username="one") == NEW.reveal()
    git.run("credential-cache", "--socket", f"{git.home}/cache/socket", "exit")


def test_what_a_killed_run_left_behind_is_cleared(git: Git) -> None:
    """A lock file of ours and a file with the new value, both held by no process any more."""
    git.set("credential.helper", "store")
    path = git.store("https://me:OLD@huggingface.co\n")
    (git.home / ".git-credentials.lock").write_text("tokenaudit\n")
    (git.home / "..git-credentials.tokenaudit-abc").write_bytes(filled("https://me:NEW@huggingface.co\n"))
    assert move(git) == ("has the new value", ())
    assert path.read_bytes() == filled("https://me:NEW@huggingface.co\n")
    assert sorted(p.name for p in git.home.iterdir()) == [".git-credentials", ".gitconfig"]


def test_another_value_is_left_alone(git: Git) -> None:
    git.set("credential.helper", "store")
    path = git.store("https://me:OTHER@huggingface.co\n")
    with pytest.raises(ConsumerError, match="not changed"):
        move(git)
    assert path.read_bytes() == filled("https://me:OTHER@huggingface.co\n")


@pytest.mark.parametrize("address", ["huggingface.co", "https://", "/x"])
def test_what_is_no_address_is_refused(git: Git, address: str) -> None:
    with pytest.raises(UsageError, match="invalid git credential address"):
        GitCredential(address, git.environment)


@given(st.lists(st.tuples(st.sampled_from(["old", "other", "text"]), st.text(max_size=8)), max_size=6))
def test_every_byte_beside_the_old_value_survives(rows: list[tuple[str, str]]) -> None:
    """Any user name and path, encoded as git does, among lines of any text."""
    made = []
    for kind, text in rows:
        encoded = quote(text.encode("utf-8", "surrogatepass"), safe="")
        value = {"old": OLD, "other": OTHER}.get(kind)
        made.append(f"https://{encoded}:{value.reveal()}@huggingface.co/{encoded}" if value else text)
    before = "\n".join(made)
    after = with_new_values(before, Address("https", "huggingface.co"), OLD.fingerprint, NEW)
    assert after == before.replace(OLD.reveal(), NEW.reveal())
