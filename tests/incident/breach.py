"""An organization whose Space leaked an old write token, and what strangers did since."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.hub import bodies, resources
from tests.hub.double import HubDouble
from tests.hub.state import Body
from tests.support.cli import Ran, tokenaudit
from tests.support.gitrepo import GitRepo
from tests.support.mint import Mint
from tokenaudit.secret import fingerprint

ID = "platform-2026-07"
BEFORE, DURING, SINCE = "2026-01-05T10:00:00.000Z", "2026-07-10T03:00:00.000Z", "2026-08-20T12:00:00.000Z"


def token_body(created: str, role: str = "write", **more: Any) -> Body:
    """Whoami of a person's classic token of a given age."""
    return bodies.user(bodies.access_token(role, created=created), **more)


def event(kind: str, number: int, at: str = SINCE, **more: Any) -> Body:
    """One event of the audit log."""
    return resources.audit_event(kind, _id=f"{number:024x}", createdAt=at, **more)


@dataclass
class Breach:
    """`old` is the touched token: a Space's variable holds it. `young` was made after the cut-off, in the same code."""

    double: HubDouble
    folder: Path
    own: str
    old: str
    young: str
    mint: Mint
    environment: dict[str, str] = field(default_factory=dict)
    cwd: Path | None = None

    @property
    def mark(self) -> str:
        return fingerprint(self.old)

    def run(self, *arguments: str | Path, stdin: str = "", **env: str) -> Ran:
        base = {"HF_TOKEN": self.own, "HF_ENDPOINT": self.double.endpoint, "NO_PROXY": "*"}
        return tokenaudit(
            *arguments,
            home=self.folder,
            cwd=self.cwd or self.folder,
            stdin=stdin.encode(),
            env={**base, **self.environment, **env},
        )

    def hosts_the_space(self) -> None:
        """Puts a git repository behind the Space, which is one more thing that a sweep can read."""
        code = GitRepo(self.folder / "space")
        code.commit("start", {"app.py": "print('hello')\n"})
        bare = self.double.hosts(code.path, "acme/elsewhere", "space").git
        del self.double.world.repos["space", "acme/elsewhere"]
        self.double.world.repos["space", "acme/app"].git = bare

    def incident(self, *arguments: str | Path, stdin: str = "", **env: str) -> Ran:
        return self.run("incident", ID, *arguments, stdin=stdin, **env)

    def view(self, *arguments: str | Path, stdin: str = "", code: int = 1, **env: str) -> Any:
        ran = self.incident("--format", "json", *arguments, stdin=stdin, **env)
        assert ran.code == code, (ran.code, ran.out, ran.err)
        return ran.report


def dated_commit(repo: GitRepo, title: str, date: str, author: str = "mallory") -> str:
    """An empty commit that says it is of `date`."""
    env = {
        "GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date, "GIT_AUTHOR_NAME": author,
        "GIT_AUTHOR_EMAIL": f"{author}@example.org",
    }  # fmt: skip
    repo.git("commit", "-q", "--allow-empty", "-m", title, env=env)
    return repo.git("rev-parse", "HEAD")


def breach(double: HubDouble, folder: Path) -> Breach:
    """The whole invented story, with an auditor who administers the organization."""
    mint = Mint(607)
    made = Breach(double, folder, mint.user_token(), mint.user_token(), mint.user_token(), mint)
    world = double.world
    world.organizations.add("acme")
    world.users.update({"alice", "carol"})
    admin = bodies.org("acme", "admin")
    double.knows(made.own, token_body(SINCE, name="carol", orgs=[admin]))
    double.knows(made.old, token_body(BEFORE, orgs=[bodies.org("acme", "write")]))
    double.knows(made.young, token_body(SINCE, "read", orgs=[bodies.org("acme", "read")]))

    model = GitRepo(folder / "model")
    model.commit("start", {"train.py": f"login('{made.young}')\n"})
    dated_commit(model, "quietly change the weights", DURING)
    dated_commit(model, "looks old", BEFORE)
    dated_commit(model, "after the summer", SINCE, "alice")
    double.hosts(model.path, "acme/model", downloads=1200)
    world.add_repo("alice/notes", "dataset", visibility="private")

    space = world.add_space(
        "acme/app",
        variables={"HF_TOKEN": made.old, "MODEL_ID": "acme/model"},
        secrets={"HF_TOKEN": BEFORE, "WANDB_API_KEY": BEFORE, "NEW_KEY": SINCE},
    )
    space.variables["HF_TOKEN"]["updatedAt"] = BEFORE
    space.discussions += [
        {**resources.discussion(1, ["hello"], repo="acme/app", repo_type="space"), "createdAt": BEFORE},
        {
            **resources.discussion(2, ["merge me"], repo="acme/app", repo_type="space", title="Speed up"),
            "createdAt": DURING,
            "isPullRequest": True,
        },
    ]
    world.jobs["acme"] = [resources.job(createdAt=DURING), resources.job("1" * 24, createdAt=BEFORE)]
    world.scheduled_jobs["acme"] = [resources.scheduled_job(createdAt=SINCE)]
    world.webhooks.append(resources.webhook(f"https://hooks.example.com/in?secret={mint.user_token()}"))
    world.audit_log["acme"] = [
        event("org.add_user", 1, DURING, message="added mallory"),
        event("repo.update_secret", 2, SINCE),
        event("collection.create", 3, DURING),
        event("collection.delete", 4, DURING, last4=made.old[-4:]),
        event("org.add_user", 5, BEFORE),
    ]
    return made
