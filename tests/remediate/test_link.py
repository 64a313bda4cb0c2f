"""The prefilled form for a new token."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

from hypothesis import given
from hypothesis import strategies as st

from tokenaudit.model import Entity, Grant
from tokenaudit.remediate.grants import PARAMETERS, creation_link

PERMISSIONS = ("repo.content.read", "repo.write", "inference.serverless.write", "job.write", "canReadGatedRepos", "odd")
ENTITIES = ("model", "dataset", "space", "user", "org", "global", "resource-group")


def query(url: str) -> list[tuple[str, str]]:
    return parse_qsl(urlsplit(url).query)


def test_the_bare_link_asks_for_a_fine_grained_token() -> None:
    assert creation_link().url == "https://huggingface.co/settings/tokens/new?tokenType=fineGrained"


def test_inference_on_the_account_is_prefilled() -> None:
    link = creation_link([Grant(Entity("user", "ada"), ("inference.serverless.write",))])
    assert ("ownUserPermissions", "inference.serverless.write") in query(link.url)
    assert link.by_hand == ()


def test_a_repository_is_named_in_words_and_never_in_the_link() -> None:
    """Rights on one repository would become rights on the account if the link carried them."""
    link = creation_link([Grant(Entity("model", "acme/m"), ("repo.content.read", "repo.write"))])
    assert query(link.url) == [("tokenType", "fineGrained")]
    assert "acme/m" in link.by_hand[0]
    assert "write" in link.by_hand[0]


def test_repositories_with_the_same_permissions_are_named_in_one_step() -> None:
    both, reading = ("repo.content.read", "repo.write"), ("repo.content.read",)
    grants = [Grant(Entity("model", f"acme/m{number}"), both) for number in range(3)]
    grants += [Grant(Entity("dataset", "acme/d"), both), Grant(Entity("model", "acme/other"), reading)]
    together, dataset, other = creation_link(grants).by_hand
    assert "models acme/m0, acme/m1, acme/m2 and check" in together
    assert "dataset acme/d and check" in dataset
    assert "model acme/other and check" in other


def test_gated_reading_is_prefilled() -> None:
    link = creation_link([Grant(Entity("global"), ("canReadGatedRepos",))])
    assert ("canReadGatedRepos", "true") in query(link.url)


def test_an_organization_is_chosen_and_its_permissions_said() -> None:
    link = creation_link([Grant(Entity("org", "acme"), ("job.write",))])
    assert ("orgs", "acme") in query(link.url)
    assert "job.write" in link.by_hand[0]


def test_the_permissions_of_one_organization_are_in_the_link_and_of_two_in_words_alone() -> None:
    """The form has one set of permissions for all organizations of a link."""
    acme = Grant(Entity("org", "acme"), ("inference.serverless.write", "job.write", "repo.write"))
    other = Grant(Entity("org", "other"), ("job.write",))
    found = query(creation_link([acme, Grant(Entity("model", "acme/m"), ("repo.write",))]).url)
    assert found == [
        ("tokenType", "fineGrained"),
        ("orgs", "acme"),
        ("orgPermissions", "inference.serverless.write"),
        ("orgPermissions", "job.write"),
    ]
    link = creation_link([acme, other])
    assert not any(key == "orgPermissions" for key, _ in query(link.url))
    assert sum("Org permissions" in words for words in link.by_hand) == 2


def test_the_link_stays_with_an_https_hub() -> None:
    assert creation_link(endpoint="https://hub.example/").url.startswith("https://hub.example/settings/tokens/new?")
    assert creation_link(endpoint="http://127.0.0.1:9").url.startswith("https://huggingface.co/")


@given(
    st.lists(
        st.builds(
            Grant,
            st.builds(Entity, st.sampled_from(ENTITIES), st.text(min_size=1)),
            st.lists(st.sampled_from(PERMISSIONS), min_size=1, unique=True).map(tuple),
        )
    )
)
def test_no_link_grants_a_whole_namespace_or_uses_an_undocumented_parameter(grants: list[Grant]) -> None:
    link = creation_link(grants)
    found = query(link.url)
    assert {key for key, _ in found} <= PARAMETERS
    assert not [v for key, v in found if key in {"ownUserPermissions", "orgPermissions"} and v.startswith("repo.")]
    said = link.url + " ".join(link.by_hand)
    for grant in grants:
        assert all(p in said for p in grant.permissions)
