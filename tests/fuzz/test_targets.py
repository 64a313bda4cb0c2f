"""Every fuzz target accepts its own seeds and some mutations of them."""

from __future__ import annotations

import random

import pytest

from tests.fuzz.__main__ import mutated
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_passes_its_seeds_and_some_mutations(name: str) -> None:
    target = TARGETS[name]
    seeds = target.seeds()
    assert seeds
    dice = random.Random(name)
    for data in dice.sample(seeds, min(len(seeds), 10)):
        target.check(data)
        target.check(mutated(data, dice))
