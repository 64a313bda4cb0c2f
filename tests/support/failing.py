"""A process in which system calls of a scan fail, one after the other: `python -m tests.support.failing FOLDER STEP`.

Prints how many calls failed, and those after which a scan had fewer findings than without the failure and said nothing.
"""

from __future__ import annotations

import errno
import os
import sys
from dataclasses import dataclass, field

from tokenaudit.audit.auditor import Auditor, scan
from tokenaudit.model import Report

_CALLS = frozenset({
    "open", "os.scandir", "os.listdir", "subprocess.Popen", "mmap.__new__", "os.rename", "os.remove", "os.mkdir",
    "tempfile.mkdtemp", "_thread.start_new_thread",
})  # fmt: skip
_MODULES = (".py", ".pyc", ".so")


@dataclass
class Failing:
    """Fails the call `number` of those that are counted while it is `on`; with `lasting` all after it, too."""

    on: bool = False
    number: int = 0
    lasting: bool = False
    count: int = 0
    failed: str = ""
    seen: set[str] = field(default_factory=set)

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        """Called by the interpreter before each call."""
        if not self.on or event not in _CALLS or str(arguments[:1]).rstrip("',)").endswith(_MODULES):
            return
        self.count += 1
        if self.count == self.number or (self.lasting and self.count > self.number > 0):
            self.failed = self.failed or f"{event} {arguments[:1]}"
            if event == "_thread.start_new_thread":
                message = "can't start new thread"
                raise RuntimeError(message)
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE), str(arguments[0]) if arguments else None)


def findings(report: Report) -> set[object]:
    """What a failure must not change without a word."""
    found: set[object] = {(c.fingerprint, location) for c in report.credentials for location in c.locations}
    return found | {(problem.rule, problem.path, problem.line) for problem in report.problems}


def silent_losses(folder: str, step: int) -> tuple[int, list[str]]:
    """Return the number of failed calls, and those that lost something silently."""
    failing = Failing()
    scan([folder])  # imports everything
    sys.addaudithook(failing)
    failing.on = True
    whole = findings(scan([folder], auditor=Auditor(jobs=1)).report)
    total, lost, runs = failing.count, [], 0
    for number in range(1, total + 1, step):
        for lasting in (False, True):
            failing.number, failing.lasting, failing.count, failing.failed = number, lasting, 0, ""
            runs += 1
            try:
                report = scan([folder], auditor=Auditor(jobs=1)).report
            except Exception as error:  # noqa: BLE001 - the command ends with an error, which is not silent
                sys.stderr.write(f"{failing.failed}: {error!r}\n")
                continue
            if report.complete and findings(report) != whole:
                lost.append(failing.failed)
    failing.on = False
    return runs, lost


if __name__ == "__main__":
    sys.stdout.write(repr(silent_losses(sys.argv[1], int(sys.argv[2]))))
