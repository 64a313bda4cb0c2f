"""Baselines in detect-secrets' own format: what is known already, so that only what is new is reported.

    known = load(path)
    report = apply(whole, known, secrets)           # what the baseline doesn't list
    save(updated(known, whole, secrets, plugins), path)

The format names a credential by the unsalted SHA-1 of its value, so matching needs the values of the run. What it has
no place for (findings in history only, problems of configuration) stands under a key of ours that detect-secrets
ignores; detect-secrets drops that key when it rewrites the file.
"""

from tokenaudit.baseline.match import Baseline, apply, load, save
from tokenaudit.baseline.update import HostPlugin, updated

__all__ = ["Baseline", "HostPlugin", "apply", "load", "save", "updated"]
