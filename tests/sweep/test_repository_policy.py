"""What the repositories of a namespace offer to those who load them."""

from __future__ import annotations

from tests.sweep.example_org import Acme


def files(*paths: str) -> list[dict[str, str]]:
    return [{"rfilename": path} for path in paths]


def test_a_sweep_says_what_repositories_offer(org: Acme) -> None:
    for name, repo_type, paths in (
        ("old", "model", ("pytorch_model.bin", "training_args.bin")),
        ("new", "model", ("model.safetensors",)),
        ("code", "model", ("model.safetensors", "modeling_acme.py")),
        ("data", "dataset", ("data.py", "a.parquet")),
    ):
        org.repository(name, repo_type, secret=False)
        org.double.world.repos[repo_type, f"acme/{name}"].info["siblings"] = files(*paths)
    report = org.sweep().report
    assert [(one.rule, one.target, one.path) for one in report.problems] == [
        ("repo-pickle-only", "models/acme/old", "pytorch_model.bin"),
        ("repo-remote-code", "datasets/acme/data", "data.py"),
        ("repo-remote-code", "models/acme/code", "modeling_acme.py"),
        ("repo-trainer-leftovers", "models/acme/old", "training_args.bin"),
    ]


def test_a_listing_without_files_says_nothing_of_them(org: Acme) -> None:
    org.repository("m", "model", secret=False)
    org.double.world.repos["model", "acme/m"].info["siblings"] = None
    assert org.sweep().report.problems == ()
