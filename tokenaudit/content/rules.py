"""The rules for changes in a repository, for the reference. Importing this module imports every rule family."""

from __future__ import annotations

from itertools import chain

from tokenaudit.content import (
    card,
    card_links,
    card_metadata,
    config,
    dependencies,
    format_downgrade,
    hdf5_external,
    hub_evidence,
    keras_code,
    load_rules,
    native_code,
    path_escape,
    pickle_code,
    python_code,
    remote_code,
    repository_policy,
    space,
    templates,
)
from tokenaudit.model import Rule

RULES: dict[str, Rule] = {
    rule.id: rule
    for rule in chain(
        pickle_code.RULES,
        keras_code.RULES,
        native_code.RULES,
        path_escape.RULES,
        hdf5_external.RULES,
        hub_evidence.RULES,
        templates.RULES,
        format_downgrade.RULES,
        config.RULES,
        python_code.RULES,
        remote_code.RULES,
        repository_policy.RULES,
        load_rules.RULES,
        space.RULES,
        dependencies.RULES,
        card.RULES,
        card_links.RULES,
        card_metadata.RULES,
    )
}
"""The rules of every family, by id."""
