"""Recall, false alarms and speed of judging changes: `python benchmarks/content.py`.

The labelled sets are those of the tests. `--write` puts the counts into docs/content.md. Other scanners are run over
the same model files where they are installed; none of them loads a file.
"""

from __future__ import annotations

import argparse
import io
import logging
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from tests.content.changes import judge
from tests.content.labelled import alarms, judgement
from tests.content.labelled_cards import BENIGN_CARDS, HOSTILE_CARDS
from tests.content.labelled_code import BENIGN, HOSTILE
from tests.content.samples import opcodes as op
from tests.content.samples.benign import benign_files
from tests.content.samples.hostile import hostile_files
from tests.content.samples.templates import BENIGN_TEMPLATES, HOSTILE_TEMPLATES

PAGE = Path(__file__).resolve().parent.parent / "docs" / "content.md"
BEGIN, END = "<!-- figures: benchmarks/content.py --write -->", "<!-- /figures -->"
MODEL_RULES = frozenset({"content-pickle-code", "content-pickle-unreadable"})
FAMILIES = {
    "form": "opcodes of a pickle",
    "gadget": "names that run programs or load more",
    "stream": "second streams: hidden or nested",
    "renamed": "under another name",
    "compressed": "compressed",
    "joblib": "joblib",
    "zip": "zip archives with a defect",
    "benign-zip": "zip archives with a defect and harmless content",
}
OTHERS = "other containers"


def table() -> list[str]:
    """The figures as a table of Markdown."""
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for name, (path, data) in hostile_files().items():
        family = next((key for key in sorted(FAMILIES, key=len, reverse=True) if name.startswith(f"{key}-")), "")
        row = counts[FAMILIES.get(family, OTHERS)]
        row[0] += bool({each.rule for each in judge(path, data).findings} & MODEL_RULES)
        row[1] += 1
    rows = [(text, *counts[text]) for text in [*FAMILIES.values(), OTHERS]]
    planted = sum(
        "content-template-code" in {each.rule for each in judge("chat_template.jinja", text.encode()).findings}
        for text in HOSTILE_TEMPLATES
    )
    rows.append(("chat templates", planted, len(HOSTILE_TEMPLATES)))
    for title, samples in (("code and configuration", HOSTILE), ("cards", HOSTILE_CARDS)):
        found = sum(sample.rule in {each.rule for each in judgement(sample).findings} for sample in samples)
        rows.append((title, found, len(samples)))
    benign = [(path, data) for path, data in benign_files().values()]
    benign += [("chat_template.jinja", text.encode()) for text in BENIGN_TEMPLATES]
    loud = sum(bool(judged.findings or judged.skipped) for judged in (judge(path, data) for path, data in benign))
    loud_code = len(alarms([*BENIGN, *BENIGN_CARDS]))
    lines = ["| hostile | found | of |", "|---|---|---|"]
    lines += [f"| {text} | {found} | {total} |" for text, found, total in rows]
    lines += ["", "| benign | alarms | of |", "|---|---|---|"]
    lines += [
        f"| model files, data, templates | {loud} | {len(benign)} |",
        f"| code, configuration, cards | {loud_code} | {len(BENIGN) + len(BENIGN_CARDS)} |",
    ]
    return lines


def written(page: str, lines: list[str]) -> str:
    """The page with the figures in their place."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n" + "\n".join(lines) + f"\n\n{END}{after}"


def speed() -> None:
    """How long a megabyte of pickle takes, and opcodes a second."""
    state = op.state_dict(tensors=7200)
    words = op.proto(4) + b"](" + b"".join(op.text(f"w{n}") + b"\x94" for n in range(120_000)) + b"e."
    for title, data, opcodes in (("state dictionary", state, 7200 * 27), ("list of words", words, 240_000)):
        started = time.perf_counter()
        judge("m.pkl", data)
        seconds = time.perf_counter() - started
        print(f"{title}: {len(data) / 1e6:.2f} MB in {seconds:.2f} s, about {opcodes / seconds:,.0f} opcodes a second")


def others() -> None:
    """The other scanners that are installed, over the same model files."""
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder:
        for title, scan in (("picklescan", _picklescan), ("fickling", _fickling), ("modelscan", _modelscan)):
            try:
                found = [_flagged(scan, name, data, Path(folder)) for name, data in hostile_files().values()]
                loud = [_flagged(scan, name, data, Path(folder)) for name, data in benign_files().values()]
            except ImportError:
                print(f"{title}: not installed")
                continue
            print(f"{title}: {sum(found)} of {len(found)} hostile, {sum(loud)} of {len(loud)} benign")


def _flagged(scan: Callable[[Path], bool], name: str, data: bytes, folder: Path) -> bool:
    path = folder / Path(name).name
    path.write_bytes(data)
    try:
        return scan(path)
    except ImportError:
        raise
    except Exception:  # noqa: BLE001 - a scanner that fails on a file has not flagged it
        return False
    finally:
        path.unlink(missing_ok=True)


def _picklescan(path: Path) -> bool:
    from picklescan.scanner import scan_file_path  # noqa: PLC0415 - optional

    return bool(scan_file_path(str(path)).issues_count)


def _fickling(path: Path) -> bool:
    from fickling.analysis import Severity, check_safety  # noqa: PLC0415 - optional
    from fickling.fickle import Pickled  # noqa: PLC0415 - optional

    return bool(check_safety(Pickled.load(io.BytesIO(path.read_bytes()))).severity > Severity.LIKELY_SAFE)


def _modelscan(path: Path) -> bool:
    from modelscan.modelscan import ModelScan  # noqa: PLC0415 - optional

    return bool(ModelScan().scan(str(path))["summary"]["total_issues"])


def main() -> None:
    """Prints everything, or writes the counts into the page."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--write", action="store_true", help="put the counts into docs/content.md")
    if options.parse_args().write:
        PAGE.write_text(written(PAGE.read_text("utf-8"), table()), "utf-8")
        return
    print("\n".join(table()))
    speed()
    others()


if __name__ == "__main__":
    sys.path.insert(0, str(PAGE.parent.parent))
    main()
