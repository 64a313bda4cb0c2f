"""How long people wait before anything happens: the pre-commit check, and the help.

    python benchmarks/startup.py [--rounds 9]

Makes a repository with one staged file, then times whole commands in turns, ours and those of peers that are installed
(`gitleaks`, `detect-secrets-hook`), and prints the median of each beside that of an interpreter that does nothing.
Every round runs every command once, so that what the machine does meanwhile hits all of them alike.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_COMMANDS: dict[str, list[str]] = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "tokenaudit --help": ["tokenaudit", "--help"],
    "tokenaudit scan --staged": ["tokenaudit", "scan", "--staged"],
    "detect-secrets-hook": ["detect-secrets-hook", "staged.py"],
    "gitleaks git --staged": ["gitleaks", "git", "--staged", "--no-banner"],
}


def _repository(folder: Path) -> Path:
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    who = ["-c", "user.name=A Committer", "-c", "user.email=committer@example.org"]
    (folder / "first.py").write_text("print('first')\n")
    for arguments in (["init", "-q"], ["add", "."], [*who, "commit", "-q", "-m", "first"]):
        subprocess.run(["git", *arguments], cwd=folder, env=environment, check=True)
    (folder / "staged.py").write_text("import os\n\ntoken = os.environ['HF_TOKEN']\n" * 40)
    subprocess.run(["git", "add", "."], cwd=folder, env=environment, check=True)
    return folder


def _seconds(command: list[str], folder: Path) -> float:
    started = time.perf_counter()
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    taken = time.perf_counter() - started
    if done.returncode != 0:
        message = f"{command[0]} left with {done.returncode}: {done.stderr.decode(errors='replace')[:200]}"
        raise SystemExit(message)
    return taken


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    commands = {name: command for name, command in _COMMANDS.items() if shutil.which(command[0])}
    with tempfile.TemporaryDirectory() as name:
        folder = _repository(Path(name))
        for command in commands.values():
            _seconds(command, folder)
        taken: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(rounds):
            for label, command in commands.items():
                taken[label].append(_seconds(command, folder))
    nothing = statistics.median(taken["python -c pass"])
    print(f"{'command':<26} median s   min   max   beyond the interpreter")
    for label, seconds in taken.items():
        middle = statistics.median(seconds)
        print(f"{label:<26} {middle:8.3f} {min(seconds):5.3f} {max(seconds):5.3f} {middle - nothing:8.3f}")


if __name__ == "__main__":
    main()
