"""An invented organization at the double of the Hub, with a token in every kind of place."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tests.hub import bodies
from tests.hub.double import HubDouble
from tests.hub.state import MOMENT
from tests.support.gitrepo import GitRepo
from tests.support.mint import Mint
from tokenaudit.hub import Hub
from tokenaudit.hub.rate_limit import RetryPolicy
from tokenaudit.inventory import Inventory, open_inventory
from tokenaudit.secret import fingerprint
from tokenaudit.sweep import SweepConfig, SweepResult, SweepScope, run_sweep
from tokenaudit.sweep.progress import ProgressDisplay
from tokenaudit.sweep.scheduler import ExecutorPool, thread_pool
from tokenaudit.sweep.worker_context import WorkerContext

IMPATIENT = RetryPolicy(attempts=2, longest_wait=1, total_wait=2, first_backoff=0.01)


@dataclass
class Acme:
    """The organization; `tokens` are the planted ones by the place they were put in."""

    double: HubDouble
    folder: Path
    own: str
    mint: Mint = field(default_factory=lambda: Mint(11))
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def marks(self) -> set[str]:
        return {fingerprint(token) for token in self.tokens.values()}

    def token(self, place: str) -> str:
        return self.tokens.setdefault(place, self.mint.user_token())

    def repository(self, name: str, repo_type: str = "model", *, secret: bool = True, **more: object) -> GitRepo:
        """A repository with a token in an older commit, hosted as acme/<name>."""
        repo = GitRepo(self.folder / f"{repo_type}-{name}")
        if secret:
            repo.commit("start", {"README.md": f"# {name}\n", "push.py": f"token = '{self.token(name)}'\n"})
        repo.commit("clean", {"README.md": f"# {name}\n", "push.py": "import os\n"})
        self.double.hosts(repo.path, f"acme/{name}", repo_type, **more)
        return repo

    def push(self, repo: GitRepo, name: str, repo_type: str = "model", *refspecs: str) -> None:
        """Pushes to the hosted copy, `main` if nothing else is said."""
        bare = self.double.world.repos[repo_type, f"acme/{name}"].git
        repo.git("push", "-q", str(bare), *(refspecs or ("main",)))

    def context(self, **setup: object) -> WorkerContext:
        made = SweepConfig(self.double.endpoint, service=self.double.endpoint, **setup)  # type: ignore[arg-type]
        hub = Hub(self.double.endpoint, retry_policy=IMPATIENT, timeout=5, deadline=20)
        return WorkerContext(made, hub)

    def book(self) -> Inventory:
        return open_inventory(self.folder / "data" / "inventory.sqlite")

    def sweep(
        self,
        scope: SweepScope | None = None,
        *,
        executor_pool: ExecutorPool | None = None,
        full: bool = False,
        screen: ProgressDisplay | None = None,
        **setup: object,
    ) -> SweepResult:
        with self.book() as book:
            context = self.context(**setup)
            scope = scope or SweepScope(("acme",))
            return run_sweep(
                scope, context, book, executor_pool=executor_pool or thread_pool(3), full=full, screen=screen
            )


def acme(double: HubDouble, folder: Path) -> Acme:
    """An empty organization with an auditor who may administer it. Put the auditor's token into `HF_TOKEN`."""
    made = Acme(double, folder, Mint(5).user_token())
    double.world.organizations.add("acme")
    double.world.users.add("alice")
    double.knows(made.own, bodies.classic("write", orgs=[bodies.org("acme", "admin")]))
    return made


def everything(made: Acme) -> None:
    """Something to find at every kind of place."""
    world = made.double.world
    made.repository("tiny-model")
    made.repository("corpus", "dataset", visibility="private")
    forked = made.repository("demo", "space", secret=False)
    forked.switch("pr", "main")
    forked.commit("from a pull request", {"app.py": f"login('{made.token('pull request')}')\n"})
    made.push(forked, "demo", "space", "pr:refs/pr/1", "pr~0:refs/convert/parquet")
    demo = world.repos["space", "acme/demo"]
    demo.info["sdk"] = "docker"
    demo.variables["HF_TOKEN"] = {"key": "HF_TOKEN", "value": made.token("variable"), "updatedAt": MOMENT}
    demo.secrets["HF_TOKEN"] = {"key": "HF_TOKEN", "updatedAt": "2024-03-01T00:00:00.000Z"}
    demo.discussions.append(_discussion(made))
    world.jobs["acme"] = [_job(made)]
    world.scheduled_jobs["acme"] = [_scheduled(made)]
    world.webhooks.append(_webhook(made))
    world.endpoints["acme"] = [_endpoint(made)]
    world.collections.append(_collection(made))
    world.buckets["acme/files"] = {
        "notes.txt": f"the token is {made.token('bucket')}\n".encode(),
        "weights.safetensors": b"\0" * 100,
    }


def _discussion(made: Acme) -> dict[str, object]:
    author = {"name": "bob", "type": "user", "avatarUrl": "/b.png"}
    comment = {
        "id": "c" * 24,
        "type": "comment",
        "createdAt": MOMENT,
        "author": author,
        "data": {
            "edited": True,
            "hidden": False,
            "latest": {"raw": f"works with {made.token('comment')}", "html": "", "updatedAt": MOMENT},
            "history": [{"raw": f"first I used {made.token('edited away')}", "html": "", "updatedAt": MOMENT}],
        },
    }
    return {
        "num": 1,
        "title": "it fails",
        "status": "open",
        "isPullRequest": False,
        "createdAt": MOMENT,
        "author": author,
        "events": [comment],
    }


def _job(made: Acme) -> dict[str, object]:
    return {
        "id": "a" * 24,
        "createdAt": MOMENT,
        "dockerImage": "python:3.12",
        "command": ["hf", "download", "--token", made.token("job command")],
        "arguments": [],
        "environment": {"HF_TOKEN": made.token("job environment")},
        "secrets": ["WANDB_API_KEY", "HF_TOKEN"],
        "hfToken": {"ownerName": "alice", "tokenRole": "write", "tokenId": "9" * 24},
        "flavor": "cpu-basic",
        "createdBy": {"id": "1" * 24, "name": "alice"},
        "status": {"stage": "COMPLETED"},
    }


def _scheduled(made: Acme) -> dict[str, object]:
    spec = {"environment": {"TOKEN": made.token("scheduled job")}, "secrets": {"HF_TOKEN": ""}, "command": ["true"]}
    return {"id": "b" * 24, "createdAt": MOMENT, "schedule": "@daily", "jobSpec": spec}


def _webhook(made: Acme) -> dict[str, object]:
    return {
        "id": "d" * 24,
        "url": f"https://hooks.example.com/?secret={made.token('webhook')}",
        "disabled": False,
        "watched": [{"name": "acme", "type": "org"}],
        "hasSecret": True,
        "domains": ["repo"],
        "job": {"environment": {}, "flavor": "cpu-basic", "timeoutSeconds": None, "secrets": ["HF_TOKEN"]},
    }


def _endpoint(made: Acme) -> dict[str, object]:
    model = {"env": {"HF_TOKEN": made.token("endpoint")}, "secrets": {"HF_API_TOKEN": "***"}, "repository": "acme/m"}
    return {"name": "serve", "model": model, "status": {"updatedAt": MOMENT}}


def _collection(made: Acme) -> dict[str, object]:
    note = {"html": "", "text": f"use {made.token('collection note')}"}
    items = [{"id": "acme/tiny-model"}, {"id": "acme/corpus", "note": note}]
    return {"slug": f"acme/best-{'e' * 24}", "title": "Best", "description": "", "lastUpdated": MOMENT, "items": items}
