"""Types the commands of a page into a shell at a terminal, and what a person answers to its prompts."""

from __future__ import annotations

import os
import re
import select
import signal
import struct
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

if sys.platform == "win32":
    pytest.skip("commands are typed into a shell at a POSIX terminal", allow_module_level=True)
else:
    import fcntl
    import pty
    import termios

ROOT = Path(__file__).resolve().parents[2]
_BLOCK = re.compile(
    r"^```(?P<language>sh|console)\n(?P<text>.*?)^```\n(?:<!-- exit code: (?P<code>\d+) -->)?", re.DOTALL | re.MULTILINE
)
_ECHO = 3
"""The index of the local modes in what `tcgetattr` returns."""


@dataclass(frozen=True)
class Block:
    """A block of commands, with the exit code that the page names for its last one."""

    text: str
    code: int
    language: str

    @property
    def commands(self) -> str:
        """What is typed: the text without the prompts and the output of a recording."""
        lines = self.text.splitlines()
        if not any(line.startswith("$ ") for line in lines):
            return self.text
        typed, goes_on = [], False
        for line in lines:
            if line.startswith("$ ") or goes_on:
                typed.append(line.removeprefix("$ "))
                goes_on = line.endswith("\\")
        return "\n".join(typed) + "\n"


def blocks(page: str) -> list[Block]:
    """The blocks of commands of a page in `docs`."""
    text = (ROOT / "docs" / page).read_text("utf-8")
    return [Block(found["text"], int(found["code"] or 0), found["language"]) for found in _BLOCK.finditer(text)]


def script(found: Sequence[Block]) -> str:
    """One script of all blocks; each must end with its exit code, and every earlier command of it with 0."""
    parts = ["set -u"]
    for number, block in enumerate(found, 1):
        wanted = f'[ "$code" -eq {block.code} ] || {{ echo "block {number} exited $code, not {block.code}"; exit 99; }}'
        parts += ["set -e" if block.code == 0 else "set +e", block.commands.rstrip("\n"), "code=$?", wanted]
    return "\n".join(parts) + "\n"


@dataclass(frozen=True)
class Answer:
    r"""What is typed when the terminal shows `prompt`, or when it hides what is typed, for an empty `prompt`.

    `\1` in `text` is the first group of the prompt.
    """

    prompt: str
    text: str


def typed(
    commands: str, *, cwd: Path, env: Mapping[str, str], answers: Sequence[Answer] = (), seconds: float = 120
) -> tuple[int, str]:
    """Runs `commands` with bash at a terminal with `answers` in order; the exit code and all that was shown."""
    file = cwd.parent / "typed.sh"
    file.write_text(commands)
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(cwd)
        os.execvpe("bash", ["bash", str(file)], {**env, "TERM": "dumb", "COLUMNS": "200"})  # noqa: S606 - a shell as a user has it
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
    shown, seen = "", 0
    waiting = list(answers)
    end = time.monotonic() + seconds
    try:
        while time.monotonic() < end:
            ready, _, _ = select.select([terminal], [], [], 0.05)
            if ready:
                try:
                    part = os.read(terminal, 1 << 16)
                except OSError:  # the other side is closed
                    break
                shown += part.decode("utf-8", "replace")
            elif waiting and (found := _asks(waiting[0], shown[seen:], terminal)) is not None:
                seen = len(shown)
                os.write(terminal, found.encode() + b"\n")
                waiting.pop(0)
                time.sleep(0.1)
        else:
            os.kill(process, signal.SIGKILL)
    finally:
        os.close(terminal)
    _, status = os.waitpid(process, 0)
    assert not waiting, f"never asked for {waiting[0].prompt or 'a hidden value'}:\n{shown}"
    return os.waitstatus_to_exitcode(status), shown


def _asks(answer: Answer, shown: str, terminal: int) -> str | None:
    if answer.prompt:
        found = re.search(answer.prompt, shown)
        return found.expand(answer.text) if found else None
    hides = not termios.tcgetattr(terminal)[_ECHO] & termios.ECHO
    return answer.text if hides else None
