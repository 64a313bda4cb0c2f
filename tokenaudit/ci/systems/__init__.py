"""One file per system: each parses the text of a configuration file to a `model.Pipeline`.

The table below maps files to systems. The module of a system is loaded with its first file, since most targets have
files of few systems or none.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias, cast

if TYPE_CHECKING:
    from tokenaudit.ci.model import Pipeline
    from tokenaudit.work_budget import WorkBudget

Parse: TypeAlias = "Callable[[str, str, WorkBudget], Pipeline]"
"""Path, text and work budget of a file to its pipeline."""

LONGEST_PATH = 4_096
"""Characters. No system has a file with a longer path, but names in a tree object can have megabytes."""

WORKFLOW = r"(?:^|/)\.(?:github|gitea|forgejo)/workflows/[^/]+\.ya?ml$"
MAKEFILE = r"(?:^|/)(?:GNU)?[Mm]akefile[^/]*$|\.mk$|(?:^|/)[Jj]ustfile$"
WINDOWS_SCRIPT = r"(?i:\.(?P<powershell>ps1|psm1)$|\.(?:bat|cmd)$)"
BUILDSPEC = r"(?:^|/)[^/]*buildspec[^/]*\.ya?ml$"


@dataclass(frozen=True)
class System:
    """A CI or deployment system.

    Args:
        name: as `Pipeline.system` calls it.
        module: the module in this package whose `parse` reads its files.
        paths: an expression that matches in the path of each of its files.
        except_endings: endings of files with such a path that are not configuration.
        content: expressions that the content of a file must match if its path is not enough.
    """

    name: str
    module: str
    paths: str
    except_endings: tuple[str, ...] = ()
    content: tuple[bytes, ...] = ()

    def matches(self, path: str, data: bytes) -> bool:
        """Whether a file belongs to the system."""
        return (
            self._paths.search(path) is not None
            and not path.endswith(self.except_endings)
            and all(re.search(each, data, re.MULTILINE) for each in self.content)
        )

    @property
    def parse(self) -> Parse:
        """Reads a file. Raises `yaml_document.ParseError` and `WorkLimitError`."""
        return cast("Parse", importlib.import_module(f"{__name__}.{self.module}").parse)

    @cached_property
    def _paths(self) -> re.Pattern[str]:
        return re.compile(self.paths)


GITLAB = System("gitlab", "gitlab", r"(?:^|/)(?:\.gitlab-ci|[^/]+\.gitlab-ci)\.ya?ml$|(?:^|/)\.gitlab/ci/.+\.ya?ml$")
"""Listed because its files can include files of any name."""

SYSTEMS: tuple[System, ...] = (
    System("github", "github", WORKFLOW),
    System("github", "github", r"(?:^|/)action\.ya?ml$", content=(rb"runs:",)),
    GITLAB,
    System("circleci", "circleci", r"(?:^|/)\.circleci/[^/]+\.ya?ml$"),
    System("azure", "azure", r"(?:^|/)[^/]*azure-pipelines?[^/]*\.ya?ml$|(?:^|/)\.azure-?[Pp]ipelines?/.+\.ya?ml$"),
    System("bitbucket", "bitbucket", r"(?:^|/)bitbucket-pipelines\.ya?ml$"),
    System("travis", "travis", r"(?:^|/)\.travis\.ya?ml$"),
    System("appveyor", "appveyor", r"(?:^|/)\.?appveyor\.ya?ml$"),
    System(
        "buildkite", "buildkite", r"(?:^|/)\.buildkite/(?:.*/)?[^/]+\.(?:ya?ml|json)$|(?:^|/)buildkite\.(?:ya?ml|json)$"
    ),
    System("cirrus", "cirrus", r"(?:^|/)\.cirrus\.ya?ml$"),
    System("semaphore", "semaphore", r"(?:^|/)\.semaphore/.+\.ya?ml$"),
    System("drone", "drone", r"(?:^|/)\.drone\.ya?ml$|(?:^|/)\.woodpecker\.ya?ml$|(?:^|/)\.woodpecker/.+\.ya?ml$"),
    System("cloudbuild", "cloudbuild", rf"(?:^|/)cloudbuild[^/]*\.(?:ya?ml|json)$|{BUILDSPEC}"),
    System("jenkins", "jenkins", r"(?:^|/)Jenkinsfile[^/]*$|\.jenkinsfile$"),
    System(
        "docker",
        "docker",
        r"(?:^|/)(?:Dockerfile[^/]*|[^/]+\.[Dd]ockerfile|Containerfile[^/]*)$",
        (".py", ".md", ".rst", ".go", ".js", ".ts", ".txt", ".html"),
    ),
    System("compose", "compose", r"(?:^|/)(?:docker-)?compose[^/]*\.ya?ml$"),
    System(
        "shell",
        "scripts",
        r"\.(?:sh|bash|zsh|ksh|sbatch|slurm|pbs|qsub)$|"
        rf"(?:^|/)\.(?:bashrc|bash_profile|zshrc|zshenv|profile|zprofile|envrc)$|{WINDOWS_SCRIPT}",
    ),
    System("shell", "scripts", MAKEFILE, (".py", ".in", ".md", ".txt")),
    System("kubernetes", "kubernetes", r"\.ya?ml$", content=(rb"^apiVersion:\s*\S", rb"^kind:\s*\S")),
    System(
        "settings",
        "settings",
        r"(?:^|/)\.env(?:\.[\w.-]+|rc)?$|(?:^|/)[\w.-]+\.env$|\.(?:tf|tfvars|tfstate|tfvars\.json)$|"
        r"(?:^|/)values[\w.-]*\.ya?ml$|(?:^|/)helmfile\.ya?ml$|(?:^|/)\.?devcontainer\.json$|"
        r"(?:^|/)\.devcontainer/.+\.json$|(?:^|/)(?:render|app)\.ya?ml$|(?:^|/)(?:fly|railway|netlify|wrangler)\.toml$|"
        r"(?:^|/)(?:vercel|railway)\.json$|(?:^|/)bamboo-specs/.+|(?:^|/)[Tt]askfile\.ya?ml$|(?:^|/)Procfile$",
    ),
)
"""In the order of the checks: systems with distinctive file names first."""


def system_of(path: str, data: bytes = b"") -> System | None:
    """The system that a file belongs to; some are only recognized by their content."""
    if len(path) > LONGEST_PATH:
        return None
    return next((system for system in SYSTEMS if system.matches(path, data)), None)


def may_be_ci(path: str) -> bool:
    """Whether the name of a file allows that it is configuration; then its content decides."""
    return len(path) <= LONGEST_PATH and (path.endswith((".yml", ".yaml")) or system_of(path) is not None)


def is_ci_file(path: str, data: bytes = b"") -> bool:
    """Whether a file is CI or deployment configuration. `path` is relative, with forward slashes."""
    return system_of(path, data) is not None
