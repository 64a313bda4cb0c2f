"""The files in which tools keep Hugging Face credentials, as data.

Locations of Hugging Face's own store: huggingface_hub's constants (`HF_HOME`, `HF_TOKEN_PATH`, `XDG_CACHE_HOME`) and
its `_auth.py`; git's: gitcredentials(7); netrc's: curl and git documentation; docker's: docker login.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tokenaudit.model import Rule, Severity, Skipped


@dataclass(frozen=True)
class MachineFile:
    """A file worth reading, and whether it is meant for its owner alone."""

    path: Path
    what: str
    private: bool = True


def token_folder(home: Path, environment: Mapping[str, str]) -> Path:
    """The folder of the token file and of `stored_tokens`, as huggingface_hub works it out."""
    return token_file(home, environment).parent


def token_file(home: Path, environment: Mapping[str, str]) -> Path:
    """The file of the active token: `HF_TOKEN_PATH`, else `token` in `HF_HOME`, else in the cache folder."""
    if environment.get("HF_TOKEN_PATH"):
        return _expanded(environment["HF_TOKEN_PATH"], home)
    return hf_home(home, environment) / "token"


def hf_home(home: Path, environment: Mapping[str, str]) -> Path:
    """Hugging Face's own folder: `HF_HOME`, else `huggingface` in the cache folder."""
    if environment.get("HF_HOME"):
        return _expanded(environment["HF_HOME"], home)
    cache = environment.get("XDG_CACHE_HOME")
    return (_expanded(cache, home) if cache else home / ".cache") / "huggingface"


def _expanded(path: str, home: Path) -> Path:
    return home / path[2:] if path.startswith(("~/", "~\\")) else Path(path)


_IN_HOME: tuple[tuple[str, str, bool], ...] = (
    (".huggingface/token", "token file of huggingface_hub before 0.21", True),
    (".cache/huggingface_staging/token", "token file of the staging Hub", True),
    (".git-credentials", "git credential store", True),
    (".gitconfig", "git configuration", False),
    (".netrc", "netrc", True),
    ("_netrc", "netrc", True),
    (".authinfo", "netrc", True),
    (".docker/config.json", "docker logins", True),
    (".aws/credentials", "S3 keys", True),
    (".config/rclone/rclone.conf", "rclone remotes", True),
    (".pypirc", "package index logins", True),
    (".npmrc", "npm configuration", True),
    (".condarc", "conda configuration", False),
    (".kube/config", "Kubernetes logins", True),
    (".env", "dotenv file", True),
    (".envrc", "direnv file", True),
    (".bashrc", "shell start-up", False),
    (".bash_profile", "shell start-up", False),
    (".bash_login", "shell start-up", False),
    (".bash_aliases", "shell start-up", False),
    (".profile", "shell start-up", False),
    (".zshrc", "shell start-up", False),
    (".zshenv", "shell start-up", False),
    (".zprofile", "shell start-up", False),
    (".zlogin", "shell start-up", False),
    (".config/fish/config.fish", "shell start-up", False),
    (".pam_environment", "environment at login", False),
    (".bash_history", "shell history", True),
    (".zsh_history", "shell history", True),
    (".zhistory", "shell history", True),
    (".sh_history", "shell history", True),
    (".local/share/fish/fish_history", "shell history", True),
    (".python_history", "Python history", True),
    (".node_repl_history", "Node history", True),
    (".psql_history", "psql history", True),
    (".sqlite_history", "SQLite history", True),
    (".lesshst", "less history", True),
    (".viminfo", "vim history", True),
    (".wget-hsts", "wget state", False),
    (".ipython/profile_default/history.sqlite", "IPython history", True),
    ("AppData/Roaming/Microsoft/Windows/PowerShell/PSReadLine/ConsoleHost_history.txt", "shell history", True),
)

_PATTERNS: tuple[tuple[str, str, bool], ...] = (
    (".config/environment.d/*.conf", "environment at login", False),
    (".config/systemd/user/*.service", "user service", False),
    (".config/fish/conf.d/*.fish", "shell start-up", False),
    (".local/share/jupyter/**/*.json", "Jupyter state", False),
    (".jupyter/*.json", "Jupyter configuration", False),
    (".env.*", "dotenv file", True),
)


def machine_files(home: Path, environment: Mapping[str, str]) -> Iterator[MachineFile]:
    """Every file that is looked at, whether it exists or not, without duplicates."""
    seen: set[Path] = set()
    for found in _candidates(home, environment):
        if found.path not in seen:
            seen.add(found.path)
            yield found


def _candidates(home: Path, environment: Mapping[str, str]) -> Iterator[MachineFile]:
    folder = token_folder(home, environment)
    yield MachineFile(token_file(home, environment), "active Hugging Face token")
    yield MachineFile(folder / "stored_tokens", "stored Hugging Face tokens")
    if hf_home(home, environment) != folder:
        yield MachineFile(hf_home(home, environment) / "token", "unused Hugging Face token file")
        yield MachineFile(hf_home(home, environment) / "stored_tokens", "unused stored Hugging Face tokens")
    config = environment.get("XDG_CONFIG_HOME")
    config_home = _expanded(config, home) if config else home / ".config"
    yield MachineFile(config_home / "git" / "credentials", "git credential store")
    yield MachineFile(config_home / "git" / "config", "git configuration", private=False)
    for variable, what in (("NETRC", "netrc"), ("HISTFILE", "shell history")):
        if environment.get(variable):
            yield MachineFile(_expanded(environment[variable], home), what)
    for name, what, private in _IN_HOME:
        yield MachineFile(home / name, what, private=private)
    for pattern, what, private in _PATTERNS:
        for path in sorted(home.glob(pattern)):
            yield MachineFile(path, what, private=private)


_LEFT_OUT = frozenset({"node_modules", "site-packages", "__pycache__"})
_MOST_ENTRIES = 500_000


def notebooks_and_dotenv(folder: Path) -> Iterator[MachineFile | Skipped]:
    """Notebooks, dotenv and direnv files below `folder`; symlinks are not followed.

    Hidden folders and packages that somebody else wrote (`site-packages`, `node_modules`) are left out: `scan` reads
    those. More than half a million entries are not walked, and the rest is `Skipped`.
    """
    problems: list[OSError] = []
    entries = 0
    for top, folders, files in os.walk(folder, onerror=problems.append):
        folders[:] = sorted(name for name in folders if name not in _LEFT_OUT and not name.startswith("."))
        entries += len(folders) + len(files)
        if entries > _MOST_ENTRIES:
            yield Skipped(str(folder), f"has more than {_MOST_ENTRIES:,} entries; nothing from {top} on was read")
            break
        for name in sorted(files):
            if name.endswith(".ipynb"):
                yield MachineFile(Path(top, name), "notebook", private=False)
            elif name in {".env", ".envrc"} or name.startswith(".env.") or name.endswith(".env"):
                yield MachineFile(Path(top, name), "dotenv file")
    for problem in problems:
        yield Skipped(str(problem.filename), f"can't be read: {problem.strerror}")


TOO_OPEN = Rule(
    id="machine-file-too-open",
    title="A file that holds a credential can be read by other users of the machine",
    severity=Severity.MEDIUM,
    why=(
        "huggingface_hub writes its token files with mode 0600. A file with a credential that the group or everybody "
        "may read or write hands the credential to every account and every service on the machine."
    ),
    remedy="Take the rights of others away: chmod 600 FILE. If others have accounts here, rotate the credential.",
    bad="-rw-r--r-- ~/.cache/huggingface/token",
    good="-rw------- ~/.cache/huggingface/token",
    references=("https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables",),
)

RULES: dict[str, Rule] = {TOO_OPEN.id: TOO_OPEN}
