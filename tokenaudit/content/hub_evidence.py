"""What the Hub says about a changed file: the verdicts of its scanners and the time of the upload.

These rules use facts instead of content, so `judge_change` does not include them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from tokenaudit.content.change import ContentFinding, Risk
from tokenaudit.content.changed_content import finding
from tokenaudit.model import Rule, Severity
from tokenaudit.text import listed
from tokenaudit.timestamps import minute

HUB_UNSAFE = Rule(
    id="content-hub-unsafe",
    title="Flagged by the Hub's own scanners",
    severity=Severity.HIGH,
    why="The Hub scans every upload with ClamAV and for imports of pickles, and public repositories also with scanners "
    "of JFrog, Protect AI and VirusTotal. It shows the verdicts on the file's page, but still serves the file.",
    remedy="Don't load the file. Read the scanner's report on its page, and restore the last good revision.",
    bad="a changed pytorch_model.bin that pickleImportScan calls unsafe",
    good="a changed file that every scanner calls safe",
    references=("https://huggingface.co/docs/hub/security-pickle", "https://huggingface.co/docs/hub/security-malware"),
)
FORGED_TIME = Rule(
    id="content-forged-time",
    title="Commit dated earlier than the upload of its file",
    severity=Severity.MEDIUM,
    why="The author of a commit chooses its date, but the Hub sets the time of an upload. A commit that claims to be "
    "older than its file was back-dated to hide it from the changes since an incident, or it was imported with an "
    "older history.",
    remedy="Find out whether the account that uploaded the file imported an older history. If not, treat the commit as "
    "part of the incident.",
    bad="a commit dated January with a file uploaded in July",
    good="a commit dated minutes after the upload of its file",
    confidence="medium",
    references=("https://huggingface.co/docs/hub/api",),
)
RULES = (HUB_UNSAFE, FORGED_TIME)

CLOCK_SKEW = timedelta(hours=1)
"""Normal difference between a commit's date and the server's time: clocks, and uploads before the commit."""

_OBJECTIONS: Mapping[str, tuple[Severity, Risk]] = {
    "unsafe": (Severity.HIGH, "executes"),
    "suspicious": (Severity.MEDIUM, "weakens"),
    "caution": (Severity.LOW, "weakens"),
}


def hub_objection(status: str, scanners: Mapping[str, str], imports: tuple[str, ...] = ()) -> ContentFinding | None:
    """The finding for a file with the verdict `status`; None if the Hub considers the file safe.

    `scanners` are the verdicts by scanner, `imports` the names that the Hub found in the pickle.
    """
    if status not in _OBJECTIONS:
        return None
    severity, risk = _OBJECTIONS[status]
    by = sorted(name for name, verdict in scanners.items() if verdict in _OBJECTIONS)
    message = f"the Hub calls the file {status}" + (f" (according to {listed(by)})" if by else "")
    return finding(HUB_UNSAFE, message, risk=risk, severity=severity, names=imports)


def forged_time(
    committed_at: datetime | None, pushed_at: datetime | None, pushed_by: str | None
) -> ContentFinding | None:
    """The finding for a commit whose file was uploaded well after the commit's date; None if the times agree."""
    if committed_at is None or pushed_at is None or pushed_at - committed_at <= CLOCK_SKEW:
        return None
    by = f" by {pushed_by}" if pushed_by else ""
    message = f"the commit is dated {minute(committed_at)} UTC, but the file was uploaded{by} {minute(pushed_at)} UTC"
    return finding(FORGED_TIME, message, risk="misleads")
