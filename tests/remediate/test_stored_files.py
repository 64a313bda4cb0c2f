"""dotenv, netrc and the token store: the old value moves, everything beside it survives, and what is left is named."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.mint import Mint
from tests.support.posix import is_root, posix_only
from tokenaudit.detect import Detector
from tokenaudit.remediate.consumers import ConsumerError, Updater, files, took
from tokenaudit.remediate.consumers.dotenv import Dotenv
from tokenaudit.remediate.consumers.netrc import Netrc
from tokenaudit.remediate.consumers.token_store import TokenStore
from tokenaudit.remediate.rotation.verify import copies
from tokenaudit.secret import Secret

MINT = Mint(62)
OLD, NEW, OTHER = (Secret(MINT.user_token()) for _ in range(3))
JWT = Secret(MINT.oauth_token())
DETECTOR = Detector.load()


def filled(text: str, old: Secret = OLD) -> str:
    for name, secret in (("OLD", old), ("NEW", NEW), ("OTHER", OTHER)):
        text = text.replace(name, secret.reveal())
    return text


def move(consumer: Updater, old: Secret = OLD) -> tuple[str | None, tuple[str, ...]]:
    before = consumer.look()
    consumer.update(old.fingerprint, NEW)
    proof = took(before, consumer.look(), old.fingerprint, NEW)
    return proof, copies(old, consumer.contents(), DETECTOR).places


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("HF_TOKEN=OLD", "HF_TOKEN=NEW"),
        ("A=1\nHF_TOKEN=OLD\nB=OTHER\n", "A=1\nHF_TOKEN=NEW\nB=OTHER\n"),
        ("export HF_TOKEN=OLD # why\r\nB='x'\r\n", "export HF_TOKEN=NEW # why\r\nB='x'\r\n"),
        ('HF_TOKEN = "OLD"  # why', 'HF_TOKEN = "NEW"  # why'),
        ("HF_TOKEN='OLD'\rB=1\r", "HF_TOKEN='NEW'\rB=1\r"),
        ("HF_TOKEN=`OLD`\n", "HF_TOKEN=`NEW`\n"),
        ("HF_TOKEN: OLD\n", "HF_TOKEN: NEW\n"),
        ("\ufeffHF_TOKEN=OLD\n", "\ufeffHF_TOKEN=NEW\n"),
        ("  export\tHF_TOKEN=OLD  \n", "  export\tHF_TOKEN=NEW  \n"),
        # a name that contains the name, and one that is contained in it
        ("MY_HF_TOKEN=OTHER\nHF_TOKEN=OLD\nHF_TOKEN_2=OTHER\nHF=OTHER\n",
         "MY_HF_TOKEN=OTHER\nHF_TOKEN=NEW\nHF_TOKEN_2=OTHER\nHF=OTHER\n"),
        # several assignments of one variable
        ("HF_TOKEN=OTHER\nHF_TOKEN=OLD\n", "HF_TOKEN=OTHER\nHF_TOKEN=NEW\n"),
        ("HF_TOKEN=OLD\nHF_TOKEN='OLD'\n", "HF_TOKEN=NEW\nHF_TOKEN='NEW'\n"),
        # inside a URL, a header, JSON, several lines
        ("HF_TOKEN=https://me:OLD@huggingface.co/a/b?x=OTHER\n", "HF_TOKEN=https://me:NEW@huggingface.co/a/b?x=OTHER\n"),
        ('HF_TOKEN="Bearer OLD"\n', 'HF_TOKEN="Bearer NEW"\n'),
        ('HF_TOKEN=\'{"a": "OLD", "b": "OTHER"}\'\n', 'HF_TOKEN=\'{"a": "NEW", "b": "OTHER"}\'\n'),
        ('HF_TOKEN="first\nOLD\nlast # no comment"\nB=1\n', 'HF_TOKEN="first\nNEW\nlast # no comment"\nB=1\n'),
        # what looks like an assignment inside another variable's text is none
        ('A="text\nHF_TOKEN=OTHER\n"\nHF_TOKEN=OLD\n', 'A="text\nHF_TOKEN=OTHER\n"\nHF_TOKEN=NEW\n'),
        # a quote that is never closed ends with its line
        ('A="it\nHF_TOKEN=OLD\nB="x\n', 'A="it\nHF_TOKEN=NEW\nB="x\n'),
    ],
)  # fmt: skip
def test_a_dotenv_file_keeps_everything_else(tmp_path: Path, before: str, after: str) -> None:
    path = tmp_path / ".env"
    path.write_bytes(filled(before).encode())
    assert move(Dotenv(path, "HF_TOKEN")) == ("has the new value", ())
    assert path.read_bytes().decode() == filled(after)


def test_a_long_credential_is_one_value(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text(filled("HF_TOKEN=https://x:OLD@hub.example/\n", JWT))
    assert move(Dotenv(path, "HF_TOKEN"), JWT) == ("has the new value", ())
    assert path.read_text() == filled("HF_TOKEN=https://x:NEW@hub.example/\n")


ENCODED = {
    "another variable": "OTHER_TOKEN=OLD\n",
    "a URL": "REMOTE=https://me:OLD@huggingface.co/a/b\n",
    "a percent-encoded URL": f"REMOTE=https://me:{quote(OLD.reveal()).replace('_', '%5f')}@huggingface.co/a/b\n",
    "JSON": 'CONFIG={"token": "OLD"}\n',
    "escaped JSON": f"CONFIG={json.dumps(json.dumps({'t': OLD.reveal()}))}\n",
    "base64": f"AUTH={base64.b64encode(f'me:{OLD.reveal()}'.encode()).decode()}\n",
    "a comment": "# HF_TOKEN=OLD\n",
    "a comment behind": "X=1 # OLD\n",
    "another case": "hf_token=OLD\n",
}


@pytest.mark.parametrize("left", ENCODED.values(), ids=ENCODED)
def test_a_copy_beside_it_is_found(tmp_path: Path, left: str) -> None:
    path = tmp_path / ".env"
    path.write_text(filled(f"HF_TOKEN=OLD\n{left}"))
    proof, places = move(Dotenv(path, "HF_TOKEN"))
    assert proof == "has the new value"
    assert [place.split(" ")[0] for place in places] == [f"{path}:2"]
    assert path.read_text() == filled(f"HF_TOKEN=NEW\n{left}")


TEXT = st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="\"'`"), max_size=7)


@given(st.lists(st.tuples(st.sampled_from(["OLD", "OTHER", ""]), TEXT), max_size=5), st.sampled_from(["\n", "\r\n"]))
def test_every_byte_beside_the_value_survives(rows: list[tuple[str, str]], end: str) -> None:
    before = end.join(f"X={filled(kind)}#{text}" if kind else text for kind, text in rows)
    after = Dotenv(Path("x"), "HF_TOKEN")._changed(f"{before}{end}HF_TOKEN={OLD.reveal()}", OLD.fingerprint, NEW)
    assert after == f"{before}{end}HF_TOKEN={NEW.reveal()}"


@posix_only
def test_a_pipe_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / ".env")
    with pytest.raises(ConsumerError, match="not a regular file"):
        Dotenv(tmp_path / ".env", "HF_TOKEN").look()


def test_a_file_with_two_names_is_refused(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text(filled("HF_TOKEN=OLD\n"))
    os.link(path, tmp_path / "other")
    with pytest.raises(ConsumerError, match="hard links"):
        move(Dotenv(path, "HF_TOKEN"))
    assert path.read_text() == filled("HF_TOKEN=OLD\n")


def test_a_link_stays_and_the_mode_too(tmp_path: Path) -> None:
    real = tmp_path / "secrets" / "env"
    real.parent.mkdir()
    real.write_text(filled("HF_TOKEN=OLD\n"))
    real.chmod(0o640)
    (tmp_path / ".env").symlink_to(real)
    assert move(Dotenv(tmp_path / ".env", "HF_TOKEN"))[0] == "has the new value"
    assert (tmp_path / ".env").is_symlink()
    assert real.read_text() == filled("HF_TOKEN=NEW\n")
    assert real.stat().st_mode & 0o777 == 0o640
    assert [p.name for p in real.parent.iterdir()] == ["env"]


@pytest.mark.skipif(not is_root, reason="only root can give files away")
def test_the_owner_stays(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text(filled("HF_TOKEN=OLD\n"))
    os.chown(path, 4711, 4712)
    move(Dotenv(path, "HF_TOKEN"))
    assert (path.stat().st_uid, path.stat().st_gid) == (4711, 4712)


@pytest.mark.parametrize(
    ("before", "after", "left"),
    [
        ("machine huggingface.co login me password OLD\n", "machine huggingface.co login me password NEW\n", ()),
        ("machine example.org login me password OTHER\nmachine huggingface.co\n\tlogin me\n\tpassword OLD\n",
         "machine example.org login me password OTHER\nmachine huggingface.co\n\tlogin me\n\tpassword NEW\n", ()),
        ('machine HuggingFace.co login "a b" password "OLD" # x',
         'machine HuggingFace.co login "a b" password "NEW" # x', ()),
        ("machine huggingface.co password OLD login a\nmachine huggingface.co login b password OTHER\n",
         "machine huggingface.co password NEW login a\nmachine huggingface.co login b password OTHER\n", ()),
        ("machine huggingface.co login OLD password x\r\nmachine x.org login OTHER password y\r\n",
         "machine huggingface.co login NEW password x\r\nmachine x.org login OTHER password y\r\n", ()),
        ("macdef x\nmachine huggingface.co password OTHER\n\nmachine huggingface.co login password password OLD",
         "macdef x\nmachine huggingface.co password OTHER\n\nmachine huggingface.co login password password NEW", ()),
        ("machine huggingface.co login me password OLD\nmachine example.org login me password OLD\n",
         "machine huggingface.co login me password NEW\nmachine example.org login me password OLD\n", (2,)),
        ("machine huggingface.co login me password OLD\ndefault login me password OLD\n",
         "machine huggingface.co login me password NEW\ndefault login me password OLD\n", (2,)),
    ],
)  # fmt: skip
def test_a_netrc_file_keeps_everything_else(tmp_path: Path, before: str, after: str, left: tuple[int, ...]) -> None:
    path = tmp_path / ".netrc"
    path.write_bytes(filled(before).encode())
    path.chmod(0o600)
    proof, places = move(Netrc(path, ["huggingface.co"]))
    assert proof == "has the new value"
    assert places == tuple(f"{path}:{line}" for line in left)
    assert path.read_bytes() == filled(after).encode()
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_netrc_with_another_value_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / ".netrc"
    path.write_text(filled("machine huggingface.co login me password OTHER\nmachine x.org password OLD\n"))
    with pytest.raises(ConsumerError, match="not changed"):
        move(Netrc(path, ["huggingface.co"]))


def test_every_name_of_the_token_store_with_the_old_value_moves(tmp_path: Path) -> None:
    stored = "[a]\nhf_token = OLD\n\n[b]\nHF_TOKEN=OLD\n\n[c]\nhf_token = OTHER\n\n# OTHER\n"
    (tmp_path / "token").write_text(filled("OLD\n"))
    (tmp_path / "stored_tokens").write_text(filled(stored))
    assert move(TokenStore(tmp_path / "token", OLD.fingerprint)) == ("has the new value", ())
    assert (tmp_path / "token").read_text() == filled("NEW\n")
    assert (tmp_path / "stored_tokens").read_text() == filled(stored.replace("OLD", "NEW"))


def test_a_copy_in_the_token_store_is_found(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(filled("OLD"))
    (tmp_path / "stored_tokens").write_text(filled("[a]\nhf_token = OTHER\nnote = OLD\n"))
    assert move(TokenStore(tmp_path / "token", OLD.fingerprint))[1] == (f"{tmp_path}/stored_tokens:3",)


def test_a_mounted_file_is_not_writable(tmp_path: Path) -> None:
    """A file that is passed to a container is a mount point, which no file can be renamed to."""
    path, other = tmp_path / "a file\\", tmp_path / "other"
    path.write_text("HF_TOKEN=x")
    other.write_text("HF_TOKEN=y")
    code = (
        "import sys; from pathlib import Path; from tokenaudit.remediate.consumers import ConsumerError, files\n"
        "for dry_run in (True, False):\n"
        "    try: files.check_writable(Path(sys.argv[1]), dry_run=dry_run)\n"
        "    except ConsumerError as error: print(error)\n"
    )
    mounted = 'mount --bind "$1" "$2" && exec "$3" -c "$4" "$2"'
    words = ["unshare", "-m", "sh", "-c", mounted, "sh", str(other), str(path), sys.executable, code]
    try:
        ran = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    except OSError:
        pytest.skip("this system has no mount namespaces")
    if "mount" in ran.stderr or "unshare" in ran.stderr:
        pytest.skip("this user can't mount")
    assert ran.stdout.count("is mounted from elsewhere") == 2, ran.stderr
    files.check_writable(path, dry_run=False)
