"""Imports everything as on Windows: no POSIX modules, no functions that only POSIX has. Prints what fails.

`python -m tests.support.without_posix tokenaudit` for the package, `… tests` for the tests. Libraries are imported
first, as the system is: only our modules see another one.
"""

from __future__ import annotations

import importlib
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
MODULES = frozenset(
    "crypt curses fcntl grp nis ossaudiodev posix pty pwd readline resource spwd syslog termios tty".split()  # noqa: SIM905 - one line
)
NAMES: dict[ModuleType, str] = {
    os: "O_CLOEXEC O_DIRECTORY O_NOCTTY O_NOFOLLOW O_NONBLOCK SEEK_DATA SEEK_HOLE WEXITSTATUS WIFEXITED WIFSIGNALED "
    "WNOHANG WTERMSIG chown chroot confstr fchown fork forkpty getegid geteuid getgid getgroups getloadavg getpgid "
    "getpgrp getpriority getresuid getsid getuid killpg lchown memfd_create mkfifo mknod nice openpty pipe2 "
    "posix_fadvise posix_spawn pread preadv pwrite register_at_fork sched_getaffinity sendfile setegid seteuid setgid "
    "setpgid setpriority setsid setuid statvfs sync sysconf tcgetpgrp tcsetpgrp ttyname uname wait wait3 wait4",
    signal: "ITIMER_PROF ITIMER_REAL ITIMER_VIRTUAL SIGALRM SIGCHLD SIGCONT SIGHUP SIGKILL SIGPIPE SIGPROF SIGQUIT "
    "SIGSTOP SIGTSTP SIGTTIN SIGTTOU SIGUSR1 SIGUSR2 SIGWINCH SIGXCPU SIGXFSZ SIG_BLOCK SIG_SETMASK SIG_UNBLOCK alarm "
    "getitimer pause pthread_kill pthread_sigmask setitimer sigpending sigwait",
    select: "POLLERR POLLHUP POLLIN POLLOUT epoll poll",
    socket: "AF_UNIX recv_fds send_fds",
    time: "tzset",
}
"""What Python's documentation names as "Availability: Unix"."""


class _Refuses:
    """A finder for modules that Windows does not have."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        del path, target
        if name in MODULES:
            message = f"No module named {name!r} (hidden)"
            raise ModuleNotFoundError(message, name=name)
        return None


def names(package: str) -> Iterator[str]:
    """The names of all modules of a package, and of the detectors in `plugins/` with it."""
    for path in sorted((ROOT / package).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        if parts[-1] != "__main__" and path != Path(__file__):
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def failures(package: str) -> list[str]:
    """What can't be imported as on Windows; a test module that skips itself is no failure."""
    every = list(names(package))
    failed = [*_imported(every)]
    if failed:
        return failed
    for name in list(sys.modules):
        if name.partition(".")[0] in {"tokenaudit", "tests"} | MODULES - {"posix"}:
            del sys.modules[name]
    for module, gone in NAMES.items():
        for name in gone.split():
            if hasattr(module, name):
                delattr(module, name)
    sys.meta_path.insert(0, _Refuses())
    sys.platform = "win32"
    return [*_imported(every)]


def _imported(every: Sequence[str]) -> Iterator[str]:
    for name in every:
        try:
            importlib.import_module(name)
        except pytest.skip.Exception:  # noqa: PERF203 - each can fail
            continue
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the result
            yield f"{name}: {type(error).__name__}: {error}"


if __name__ == "__main__":
    found = failures(sys.argv[1])
    print("\n".join(found) or "every module can be imported")  # noqa: T201 - a script
    sys.stdout.flush()
    os._exit(bool(found))  # what libraries do at exit needs the system as it is
