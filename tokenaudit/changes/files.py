"""Judges every changed file of a repository, and adds what the Hub says about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tokenaudit.changes.history import ServerTimes
from tokenaudit.changes.model import ChangedFile, RepositoryCommit
from tokenaudit.changes.questions import RepositoryQuestions
from tokenaudit.changes.versions import Files, SingleChange
from tokenaudit.content.change import ContentFinding, ContentJudgement, FileChange, RepositoryFacts, Risk
from tokenaudit.content.hub_evidence import forged_time, hub_objection
from tokenaudit.content.judge import worst
from tokenaudit.hub.repo_content import FileSecurity, files_with_issues, paths_info
from tokenaudit.hub.result import Failure
from tokenaudit.hub.spaces import secret_names
from tokenaudit.text import count


@dataclass(frozen=True)
class BothEnds:
    """The revisions that are compared, each with its files. `good` is None if there is no commit before the window."""

    head: str
    after: Files
    good: str | None
    before: Files


@dataclass(frozen=True)
class RepositoryFiles:
    """Judges the files in `changed`, and with `--contents all` every other file at the head."""

    queries: RepositoryQuestions
    ends: BothEnds
    changed: Sequence[SingleChange]
    times: ServerTimes
    commits: Sequence[RepositoryCommit]

    def judged(self) -> list[ChangedFile]:
        """Every change with its judgement, and unchanged files with findings or skipped parts."""
        queries = self.queries
        others = self._unchanged()
        security = self._security([*self.changed, *others])
        facts = self._facts(security)
        found = [self._file(each, facts, security) for each in self.changed]
        for each in others:
            file = self._file(each, facts, security)
            if file.risk != "none" or file.findings:
                found.append(replace(file, change="unchanged", before=file.after))
        if queries.context.contents == "none":
            if found:
                what = f"{queries.where}: contents of {count(len(found), 'changed file')}"
                queries.skip(what, "not examined (--contents none)")
            return found
        for file in found:
            for reason in file.skipped:
                queries.skip(f"{queries.where}: {file.path}", reason)
        return found

    def _unchanged(self) -> list[SingleChange]:
        if self.queries.context.contents != "all":
            return []
        paths = {each.change.path for each in self.changed if each.is_at_head}
        head = self.ends.head
        return [
            SingleChange(FileChange("added", None, self.queries.version(head, file)), file)
            for path, file in sorted(self.ends.after.items())
            if path not in paths
        ]

    def _facts(self, security: Mapping[str, FileSecurity]) -> RepositoryFacts:
        ends, version = self.ends, self.queries.version
        repository = self.queries.repository
        return RepositoryFacts(
            repository.id,
            repository.type,
            {path: version(ends.good or "", file) for path, file in ends.before.items()},
            {path: version(ends.head, file) for path, file in ends.after.items()},
            tuple(each.change for each in self.changed if each.is_at_head),
            self._holds_secrets(),
            {path: each.pickle_imports for path, each in security.items() if each.pickle_imports},
        )

    def _holds_secrets(self) -> bool | None:
        """Whether a Space has secrets; None if unknown, which is usual for anyone but its owner."""
        queries = self.queries
        secret = queries.context.secret
        if queries.repository.type != "space" or not self.changed or secret is None:
            return None
        names = secret_names(queries.context.hub, queries.repository.id, secret)
        if isinstance(names, Failure):
            queries.not_known.append("whether the Space has secrets (needs repo.write)")
            return None
        return bool(names)

    def _security(self, everything: Sequence[SingleChange]) -> dict[str, FileSecurity]:
        """The Hub's verdicts on the examined files at the head."""
        paths = sorted({each.change.path for each in everything if each.is_at_head and each.change.after})
        if not paths:
            return {}
        queries = self.queries
        hub, secret = queries.context.hub, queries.context.secret
        where = f"{queries.where}: verdicts of the Hub's scanners"
        info = queries.asked(where, paths_info(hub, queries.repository, self.ends.head, paths, secret))
        found = {file.path: file.security for file in info or () if file.security is not None}
        if queries.context.contents == "all":
            issues = queries.asked(where, files_with_issues(hub, queries.repository, secret))
            for path, level in (issues or {}).items():
                found.setdefault(path, FileSecurity(level, {}))
        return found

    def _file(self, single: SingleChange, facts: RepositoryFacts, security: Mapping[str, FileSecurity]) -> ChangedFile:
        context = self.queries.context
        change, now = single.change, single.after_file
        judgement = ContentJudgement("other", "unknown")
        unread = () if now is None or now.size is not None else ("not read: the Hub does not report its size",)
        if context.contents != "none" and not unread:
            judgement = context.judgements.judge(change, facts)
        verdict = security.get(change.path) if single.is_at_head and change.after else None
        more = [*self._objection(verdict), *self._times(single)]
        risks: list[Risk] = [judgement.risk, *(each.risk for each in more)]
        shown = change.after or change.before
        return ChangedFile(
            path=change.path,
            change=change.change,
            format=judgement.format,
            size=shown.size if shown is not None else 0,
            before=change.before.content_id if change.before is not None else None,
            after=change.after.content_id if change.after is not None else None,
            commits=single.commits,
            risk=worst(risks),
            hub_scan=verdict.status if verdict is not None else None,
            findings=(*judgement.findings, *more),
            previous_path=change.before.path if change.before is not None and change.change == "renamed" else None,
            ref=single.ref,
            removed_in=single.removed_in,
            skipped=(*unread, *judgement.skipped),
        )

    def _objection(self, verdict: FileSecurity | None) -> list[ContentFinding]:
        if verdict is None:
            return []
        found = hub_objection(verdict.status, verdict.scanners, verdict.pickle_imports)
        return [found] if found is not None else []

    def _times(self, single: SingleChange) -> list[ContentFinding]:
        """A finding if the commit that added the file is dated before the upload."""
        upload = self.times.uploads.get(single.after_file.content_id) if single.after_file is not None else None
        bringer = next((each for each in self.commits if each.id in single.commits[-1:]), None)
        if upload is None or bringer is None:
            return []
        found = forged_time(bringer.at, upload.pushed_at, upload.pushed_by)
        return [found] if found is not None else []
