"""`tokenaudit detect-secrets`."""

from __future__ import annotations

import typer

PASSES_ON = True
"""Options and arguments are those of detect-secrets."""


def detect_secrets(context: typer.Context) -> None:
    """Run detect-secrets with these detectors.

    The commands are scan, audit, and hook for its pre-commit hook, with the options of detect-secrets.
    A baseline names no path of an installed detector, so that it is the same on every machine; plain detect-secrets
    can't find it then, and its audit fails on every baseline with detectors from files.

    Examples:
      tokenaudit detect-secrets scan
      tokenaudit detect-secrets audit .secrets.baseline
    """
    from tokenaudit.baseline.update import detect_secrets as run  # noqa: PLC0415 - `--help` doesn't load it

    raise typer.Exit(run(context.args))
