"""The rotation of the page is typed at a terminal, with its consumers, its prompts and its confirmation."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from pathlib import Path

from tests.docs.terminal import Answer, blocks, typed
from tests.docs.test_blocks import Desk
from tests.hub import bodies
from tests.hub.double import HubDouble, hub_double
from tests.support.mint import Mint
from tests.support.typed_command import typed_command
from tokenaudit.secret import fingerprint

__all__ = ["hub_double"]

HELPER = """\
#!/bin/sh
# As the keychain of a system: it answers for a user name and lists none.
[ "$1" = get ] || [ "$1" = store ] || exit 0
while read -r line && [ -n "$line" ]; do
  case $line in
    username=*) user=${{line#username=}} ;;
    password=*) password=${{line#password=}} ;;
  esac
done
file={folder}/credential-$user
if [ "$1" = store ]; then printf %s "$password" >"$file"; exit 0; fi
[ -f "$file" ] && printf 'username=%s\\npassword=%s\\n' "$user" "$(cat "$file")"
exit 0
"""


def test_the_commands_of_the_page_rotate(tmp_path: Path, hub_double: HubDouble) -> None:
    desk = Desk(tmp_path / "home", hub_double)
    first, last = blocks("rotate.md")
    mint = Mint(5151)
    olds, news = [mint.user_token() for _ in range(2)], [mint.user_token() for _ in range(2)]
    member = [bodies.org("acme", "write")]
    scopes = [
        bodies.scope("model", ["repo.content.read", "repo.write"], name="acme/m"),
    ]
    hub_double.knows(desk.own, bodies.classic("write", orgs=member))
    for old, new in zip(olds, news, strict=True):
        hub_double.knows(old, bodies.user(bodies.access_token("write"), orgs=member))
        hub_double.knows(
            new, bodies.user(bodies.fine_grained(*scopes, created="2026-11-02T08:00:00.000Z"), orgs=member)
        )
    world = hub_double.world
    world.organizations.add("acme")
    world.moment = lambda: datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    world.add_repo("acme/m", visibility="private")
    world.add_space("acme/app", secrets={"HF_TOKEN": "2026-10-01T09:00:00.000Z"})
    world.repos["space", "acme/app"].secret_values["HF_TOKEN"] = olds[1]
    (desk.repo.path / ".env").write_text(f"HF_TOKEN={olds[1]}\n")

    shown = _types(desk, last.commands, olds[1], news[1])
    assert (desk.repo.path / ".env").read_text() == f"HF_TOKEN={news[1]}\n"
    assert world.repos["space", "acme/app"].secret_values["HF_TOKEN"] == news[1]
    assert world.revoked == [[olds[1]]]
    plain = _plain(shown)
    for line in last.text.splitlines()[1:]:
        assert all(part in plain for part in _plain(line).split("…")), line

    helper = desk.home / "helper"
    helper.write_text(HELPER.format(folder=desk.home))
    helper.chmod(0o755)
    (desk.home / ".gitconfig").write_text(f"[credential]\n\thelper = {helper}\n")
    for user in ("hf_user", "me"):
        (desk.home / f"credential-{user}").write_text(olds[0])
    _types(
        desk, first.commands, olds[0], news[0], "--grant repo.content.read@model:acme/m --grant repo.write@model:acme/m"
    )
    assert {(desk.home / f"credential-{user}").read_text() for user in ("hf_user", "me")} == {news[0]}
    assert world.revoked[1:] == [[olds[0]]]


def _plain(text: str) -> str:
    """Text without what is different in each rotation."""
    text = re.sub(r"hf_\*+\w+", "VALUE", text)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", "TIME", text)
    text = re.sub(r"\b[0-9a-f]{8}\b", "FINGERPRINT", text)
    return re.sub(r"https?://[\w.:]+", "HUB", text)


def _types(desk: Desk, commands: str, old: str, new: str, grants: str = "") -> str:
    """Types one command; `grants` are those that the page leaves to the reader."""
    mark = fingerprint(old)[:8]
    line = f"{commands.replace('0f69c86a', mark).strip()} {grants}".strip()
    answers = [
        Answer("", old),
        Answer("Paste the new token", new),
        Answer(r'Type "([^"]+)" to continue', r"\1"),
    ]
    with typed_command(desk.binaries):
        code, shown = typed(f"{line}\n", cwd=desk.repo.path, env=desk.environment, answers=answers)
    assert code == 0, shown
    assert old not in shown
    assert new not in shown
    return shown
