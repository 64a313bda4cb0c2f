"""The figures in the documentation are those of the labelled sets."""

from __future__ import annotations

from benchmarks.content import PAGE, table, written


def test_the_figures_are_those_of_the_labelled_sets() -> None:
    page = PAGE.read_text("utf-8")
    assert written(page, table()) == page, "run benchmarks/content.py --write"


def test_the_targets_are_met() -> None:
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table() if line[:1] == "|"]
    counts = {row[0]: (int(row[1]), int(row[2])) for row in rows if row[1].isdigit()}
    code = {"code and configuration", "cards"}
    hostile = {name: each for name, each in counts.items() if name not in code and "," not in name}
    assert sum(total for _, total in counts.values()) >= 350
    assert all(counts[name][0] >= 0.95 * counts[name][1] for name in code)
    assert {name: each for name, each in hostile.items() if each[0] < each[1]} == {}
    assert counts["model files, data, templates"][0] == counts["code, configuration, cards"][0] == 0
