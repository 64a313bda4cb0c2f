"""detect-secrets with the plugins of this package, so that no baseline has to say where they are installed.

Its own command line can't do that: it looks for plugins in its own package and in files by their path, and its `audit`
(1.5.0) forgets those from files before it begins.
"""

from __future__ import annotations

import multiprocessing
import sys
from typing import TYPE_CHECKING, Any

from detect_secrets import main as program
from detect_secrets import pre_commit_hook
from detect_secrets.core.plugins import util

from tokenaudit.detect.plugins import shipped
from tokenaudit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

HOOK = "hook"


def detect_secrets(arguments: Sequence[str]) -> int:
    """Runs detect-secrets (`scan`, `audit`) or, with `hook` first, its pre-commit hook; the exit code.

    Raises:
        UsageError: there are no arguments.
    """
    if not arguments:
        message = "no detect-secrets command; use scan, audit or hook, followed by its options"
        raise UsageError(message)
    # The mapping is made once for a process and never cleared; processes that detect-secrets forks have it, too.
    mapping: dict[str, Any] = util.get_mapping_from_secret_type_to_class()
    plugins: Iterable[Any] = util.get_plugins_from_file(str(shipped()))
    mapping |= {plugin.secret_type: plugin for plugin in plugins}
    if "fork" in multiprocessing.get_all_start_methods():
        multiprocessing.set_start_method("fork", force=True)
        cores = []
    else:
        cores = ["--cores", "1"]
    sys.argv[0] = "detect-secrets"  # the name in its help and messages
    run, rest = (pre_commit_hook.main, arguments[1:]) if arguments[0] == HOOK else (program.main, arguments)
    try:
        return int(run([*cores, *rest]) or 0)
    except SystemExit as end:  # its argument parser has said what is wrong
        return end.code if isinstance(end.code, int) else int(end.code is not None)
