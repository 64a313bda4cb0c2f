"""The one rule about machines."""

from __future__ import annotations

from tokenaudit.model import Rule, Severity

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
