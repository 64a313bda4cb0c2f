"""The compiled part, built from its source with the compiler of this machine."""

from __future__ import annotations

import hashlib
import importlib.util
import shlex
import shutil
import subprocess
import sys
import sysconfig
from functools import cache
from pathlib import Path
from typing import cast

import deflate
import pytest
from filelock import FileLock

from tokenaudit.git.pack.compiled import Accelerator

SOURCE = Path(__file__).parents[2] / "accelerator" / "tokenaudit_fast"


def missing() -> str | None:
    """Why the compiled part can't be built here; None if it can."""
    if sys.platform not in {"linux", "darwin"}:
        return f"not for {sys.platform}"
    if not SOURCE.is_dir():
        return "no source of the compiled part"
    command = shlex.split(sysconfig.get_config_var("CC") or "cc")
    if not shutil.which(command[0]):
        return f"no C compiler: {command[0]}"
    header = Path(sysconfig.get_path("include")) / "Python.h"
    return None if header.is_file() else f"no {header}"


def build(folder: Path) -> Path:
    """Build the extension module in `folder`, with every warning an error."""
    command = shlex.split(sysconfig.get_config_var("CC") or "cc")
    linked = ["-undefined", "dynamic_lookup"] if sys.platform == "darwin" else ["-ldl"]
    made = folder / "_fast.abi3.so"
    options = ["-O1", "-Wall", "-Wextra", "-Werror", "-std=c11", "-D_DEFAULT_SOURCE", "-fPIC", "-shared", *linked]
    include = f"-I{sysconfig.get_path('include')}"
    subprocess.run([*command, include, str(SOURCE / "_fast.c"), "-o", str(made), *options], check=True)
    return made


@cache
def built(folder: Path) -> Accelerator:
    """The extension module, built once for all processes that share `folder`, with libdeflate loaded.

    It is loaded directly: another version can be installed as a package.
    """
    source = (SOURCE / "_fast.c").read_bytes() + sys.version.encode()
    home = folder / f"fast-{hashlib.sha256(source).hexdigest()[:16]}"
    with FileLock(f"{home}.lock"):
        if not home.exists():
            draft = Path(f"{home}.draft")
            draft.mkdir(exist_ok=True)
            build(draft)
            draft.rename(home)
    spec = importlib.util.spec_from_file_location("_fast", home / "_fast.abi3.so")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (library,) = Path(deflate.__file__).parent.glob("_deflate*.so")
    module.use_libdeflate(str(library))
    return cast("Accelerator", module)


def built_or_skip(factory: pytest.TempPathFactory) -> Accelerator:
    """The extension module; skips the test where it can't be built."""
    reason = missing()
    if reason:
        pytest.skip(reason)
    base = factory.getbasetemp()
    return built(base.parent if base.name.startswith("popen-") else base)
