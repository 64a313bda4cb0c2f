"""The steps of an incident report: known credentials, active ones, reach, changes, action items."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from tokenaudit.changes.judgements import Judgements
from tokenaudit.changes.model import ContentsMode
from tokenaudit.changes.run import MAX_DOWNLOAD, ChangesRun, known_uses
from tokenaudit.changes.window import ChangesWindow
from tokenaudit.ci.model import Names
from tokenaudit.hub.client import Hub
from tokenaudit.incident import reach
from tokenaudit.incident.action_items import ActionContext, action_items
from tokenaudit.incident.affected import CurrentStatus, affected_secrets, credential_touched, current_status, spaces_of
from tokenaudit.incident.changes import Answers, Places, ask_all
from tokenaudit.incident.changes.audit_log import TouchedTokens
from tokenaudit.incident.contents import examine_contents
from tokenaudit.incident.evidence import IncidentEvidence
from tokenaudit.incident.hub_queries import HubQueries, TimeWindow, open_queries
from tokenaudit.incident.model import (
    AffectedCredential,
    IncidentContents,
    IncidentReport,
    IncidentSummary,
    StoredSecret,
)
from tokenaudit.inspect import inspect_credentials
from tokenaudit.inspect.inspector import Cache
from tokenaudit.interfaces import NullProgress, Progress, Scanner
from tokenaudit.model import Credential, Inspection, Policy, Severity, Tool, Verdict
from tokenaudit.policy import Settings
from tokenaudit.policy.evaluate import evaluate
from tokenaudit.policy.settings import Incident
from tokenaudit.redaction import redacted
from tokenaudit.remediate.runbook.consumers import spot
from tokenaudit.secret import Secret


@dataclass(frozen=True)
class IncidentAssessor:
    """Everything an incident report needs besides the evidence.

    Args:
        hub: client for queries.
        examiner: finds credentials in foreign texts, so that they are masked.
        settings: the policy.
        tool: name and version of the program.
        now: the clock.
        cache: stores inspections for later runs.
        progress: receives progress.
        contents: which changed files to read in repositories that affected credentials could write.
        judgements: remembers the judgements of contents between runs.
        max_download: maximum bytes of contents to download.
    """

    hub: Hub
    scanner: Scanner
    settings: Settings
    tool: Tool
    now: Callable[[], datetime]
    cache: Cache | None = None
    progress: Progress = field(default_factory=NullProgress)
    contents: ContentsMode = "none"
    judgements: Judgements | None = None
    max_download: int = MAX_DOWNLOAD

    def view(self, incident: Incident, material: IncidentEvidence, window: TimeWindow) -> IncidentReport:
        """The whole view of `incident`.

        Raises:
            ConfigurationError: the place of the auditor's own token can't be read, or the cache can't be used.
        """
        started = self.now()
        fresh = dict(
            inspect_credentials(material.asked(), self.hub, now=self.now, cache=self.cache, progress=self.progress)
        )
        statuses = self._statuses(material, fresh)
        found, untouched = self._touched(incident, material, statuses)
        fingerprints = frozenset(one.fingerprint for one in found)
        queries = open_queries(self.hub, fingerprints, self._inspected)
        credential_reaches = [
            reach.CredentialReach(
                fingerprint,
                material.credentials[fingerprint].display,
                statuses[fingerprint].details,
                material.credentials[fingerprint].reach,
            )
            for fingerprint in sorted(fingerprints)
        ]
        reached = reach.measure(credential_reaches, queries)
        answers = ask_all(
            window,
            self._places(reached, material, fingerprints),
            TouchedTokens(fingerprints, material.found_credentials()),
            queries,
            self.scanner,
            self.progress,
        )
        contents = self._contents(window, reached, material, queries)
        names = Names()
        secrets = affected_secrets(material.secrets.values(), answers.settings, fingerprints, incident, names)
        found = [_with_reach(one, reached) for one in found]
        plans = {c.fingerprint: path for path, report in material.reports if path for c in report.credentials}
        ground = ActionContext(incident.id, self.hub.endpoint, material.credentials, plans, names, contents)
        lowered = [
            one
            for fingerprint in sorted(fingerprints)
            for one in self._judged(material.credentials[fingerprint], statuses[fingerprint]).lowered
        ]
        policy = replace(self.settings.policy, lowered=tuple(lowered))
        return self._written(
            incident,
            material,
            window,
            queries,
            (found, secrets, untouched),
            reached,
            answers,
            ground,
            started,
            policy,
        )

    def _statuses(self, material: IncidentEvidence, fresh: Mapping[str, Inspection]) -> dict[str, CurrentStatus]:
        return {
            fingerprint: current_status(
                credential,
                material.known_inspections.get(fingerprint, ()),
                fresh.get(fingerprint),
                endpoint=self.hub.endpoint,
                now=self.now(),
            )
            for fingerprint, credential in material.credentials.items()
            if credential.likelihood == "credential"
        }

    def _touched(
        self, incident: Incident, material: IncidentEvidence, statuses: Mapping[str, CurrentStatus]
    ) -> tuple[list[AffectedCredential], int]:
        found: list[AffectedCredential] = []
        untouched = 0
        for fingerprint, now in statuses.items():
            credential = material.credentials[fingerprint]
            inspections = [*material.known_inspections.get(fingerprint, ()), now.inspection]
            touch, why = credential_touched(credential, inspections, material.first_seen.get(fingerprint), incident)
            if touch == "no":
                untouched += 1
                continue
            inspection = now.inspection
            found.append(
                AffectedCredential(
                    fingerprint, credential.kind, credential.display, touch, why, self._severity(credential, now),
                    "done" if now.dead else "open", inspection.status, inspection.reason,
                    inspection.checked_at if now.has_status else None, now.asked_now, inspection.account,
                    inspection.name,
                    inspection.role, inspection.created_at,
                    places=tuple(dict.fromkeys(spot(location) for location in credential.locations)),
                    consumers=material.consumers(fingerprint),
                )
            )  # fmt: skip
        return found, untouched

    def _severity(self, credential: Credential, now: CurrentStatus) -> Severity:
        if now.dead:
            return Severity.INFO
        judged = self._judged(credential, now).severity
        return max(judged, credential.severity, key=lambda severity: severity.rank)

    def _judged(self, credential: Credential, now: CurrentStatus) -> Verdict:
        return evaluate(replace(credential, inspection=now.inspection), self.settings, self.now())

    def _places(self, reached: reach.CombinedReach, material: IncidentEvidence, fingerprints: frozenset[str]) -> Places:
        writable = reached.writable()
        spaces = {repo.id for repo in writable if repo.type == "space"}
        spaces |= set(spaces_of(material.secrets.values()))
        targets = {target.target for _, report in material.reports for target in report.targets}
        targets |= {spot.target for fingerprint in fingerprints for spot in material.credentials[fingerprint].locations}
        spaces |= {target.removeprefix("spaces/") for target in targets if target.startswith("spaces/")}
        organizations = reached.organizations - reached.users
        return Places(tuple(writable), spaces, reached.namespaces | reached.users, reached.users, organizations)

    def _contents(
        self, window: TimeWindow, reached: reach.CombinedReach, material: IncidentEvidence, queries: HubQueries
    ) -> IncidentContents | None:
        writable = reached.writable()
        if self.contents == "none" or not writable:
            return None
        run = ChangesRun(
            self.hub, queries.secret, ChangesWindow(window.since), self.tool, self.now, self.contents,
            self.max_download, self.judgements or Judgements(), self.progress,
        )  # fmt: skip
        uses = known_uses(one for _, report in material.reports for one in report.credentials)
        return examine_contents(run, window.repositories(writable, queries), writable, queries, uses)

    def _inspected(self, secret: Secret) -> Inspection:
        ((_, inspection),) = inspect_credentials([("user_token", secret)], self.hub, now=self.now)
        return inspection

    def _written(
        self,
        incident: Incident,
        material: IncidentEvidence,
        window: TimeWindow,
        queries: HubQueries,
        found: tuple[list[AffectedCredential], Sequence[StoredSecret], int],
        reached: reach.CombinedReach,
        answers: Answers,
        ground: ActionContext,
        started: datetime,
        policy: Policy,
    ) -> IncidentReport:
        credentials, secrets, untouched = found
        opened_items, done = action_items(credentials, secrets, ground)
        skipped = tuple(dict.fromkeys((*material.skipped, *queries.all_skipped())))
        numbers = IncidentSummary(
            credentials=len(credentials),
            perhaps=sum(one.touched == "perhaps" for one in credentials),
            credentials_open=sum(one.state == "open" for one in credentials),
            secrets=len(secrets),
            secrets_open=sum(one.state == "open" for one in secrets),
            open=len(opened_items),
            done=len(done),
            changes=len(answers.changes),
            untouched=untouched,
        )
        reason = incident.since_reason if window.since == incident.since else "--since"
        written = IncidentReport(
            self.tool, started, self.now(), self.hub.endpoint, incident, window.since, reason,
            complete=not skipped, sources=tuple(material.sources), skipped=skipped, summary=numbers,
            credentials=tuple(sorted(credentials, key=_order)), secrets=tuple(secrets),
            reach=reach.summed(reached, window.limit), changes=answers.changes, open=opened_items, done=done,
            policy=policy, usage=answers.usage, contents=ground.contents,
        )  # fmt: skip
        own = [self.hub.own.secret] if self.hub.own is not None else []
        return redacted(written, [*material.values.values(), *own])


def _with_reach(touched: AffectedCredential, reached: reach.CombinedReach) -> AffectedCredential:
    if touched.fingerprint not in reached.held:
        return touched
    readable, writable = reached.counts(touched.fingerprint)
    return replace(touched, readable=readable, writable=writable)


def _order(touched: AffectedCredential) -> tuple[bool, int, str]:
    return touched.state == "done", -touched.severity.rank, touched.fingerprint
