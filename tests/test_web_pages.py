"""Links to GitHub, GitLab and the Hub: only https to a known host with plain names, whatever a configuration says."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenaudit.web_pages import commit_page, file_page, hub_page, repository_page

COMMIT = "4f1c2a9d0b7e8f6a5c3d1e2f4a6b8c0d2e4f6a8b"
LINK = re.compile(r"https://(github\.com|gitlab\.com|huggingface\.co)(/[A-Za-z0-9_.-]+){2,21}")


@pytest.mark.parametrize(
    ("address", "page"),
    [
        ("https://github.com/acme/webshop.git", "https://github.com/acme/webshop"),
        ("https://github.com/acme/webshop/", "https://github.com/acme/webshop"),
        ("https://user:password@github.com/acme/webshop", "https://github.com/acme/webshop"),
        ("https://github.com:443/acme/webshop?x=1#y", "https://github.com/acme/webshop"),
        ("git@github.com:acme/webshop.git", "https://github.com/acme/webshop"),
        ("github.com:acme/.github", "https://github.com/acme/.github"),
        ("ssh://git@ssh.github.com:443/acme/webshop.git", "https://github.com/acme/webshop"),
        ("git@gitlab.com:acme/group/sub/app.git", "https://gitlab.com/acme/group/sub/app"),
        ("https://huggingface.co/spaces/acme/app", "https://huggingface.co/spaces/acme/app"),
        ("git@hf.co:datasets/acme/d", "https://huggingface.co/datasets/acme/d"),
        ("https://HuggingFace.co/acme/m", "https://huggingface.co/acme/m"),
    ],
)
def test_the_page_of_a_known_host(address: str, page: str) -> None:
    assert repository_page(address) == page
    assert repository_page(page) == page


@pytest.mark.parametrize(
    "address",
    [
        None, "", ".", "/srv/git/app.git", "file:///github.com/acme/webshop", "https://evil.example/acme/webshop",
        "https://github.com.evil.example/acme/webshop", "https://evil.example/github.com/acme/webshop",
        "https://github.com@evil.example/acme/webshop", "https://github.com:8080/acme/webshop",
        "https://github.com/acme", "https://github.com/acme/webshop/pulls", "https://github.com/acme/../webshop",
        "https://github.com/../..", "https://github.com/acme/%2e%2e", "https://github.com/a b/c", "https://[",
        "javascript:alert(1)//github.com/acme/webshop", "ext::sh -c x github.com/acme/webshop", "-u github.com:a/b",
        "https://github.com/acme/web\u202eshop", "https://github.com/acme/x\n", "https://gitlab.com/acme/-/app",
        "https://huggingface.co/spaces/acme", "https://huggingface.co/gpt2", "git@github.com:/acme/webshop",
        "https://github.com/" + "a" * 600 + "/x",
    ],
)  # fmt: skip
def test_no_page_for_anything_else(address: str | None) -> None:
    assert repository_page(address) is None


@given(st.one_of(st.text(max_size=60), st.from_regex(r"(https?|ssh|git)://[\x20-\x7e]{0,40}", fullmatch=True)))
def test_whatever_is_configured_becomes_a_plain_https_address_or_none(address: str) -> None:
    page = repository_page(address)
    assert page is None or LINK.fullmatch(page)


def test_files_and_commits_have_pages_in_the_form_of_their_host() -> None:
    github, gitlab, hub = (repository_page(f"https://{host}/a/b") for host in ("github.com", "gitlab.com", "hf.co"))
    assert file_page(github, COMMIT, "src/a b#.py", 7) == f"{github}/blob/{COMMIT}/src/a%20b%23.py#L7"
    assert file_page(github, COMMIT, "README.md", 7) == f"{github}/blob/{COMMIT}/README.md?plain=1#L7"
    assert file_page(gitlab, COMMIT, "a.py") == f"{gitlab}/-/blob/{COMMIT}/a.py"
    assert file_page(hub, COMMIT, "app.py", 3) == f"{hub}/blob/{COMMIT}/app.py#L3"
    assert commit_page(gitlab, COMMIT) == f"{gitlab}/-/commit/{COMMIT}"
    assert file_page(github, COMMIT, "\udcff.py") == f"{github}/blob/{COMMIT}/%FF.py"


@pytest.mark.parametrize("path", ["", None, "/etc/passwd", "../x", "a/../../x", "a//b", "./a"])
def test_no_page_for_a_path_that_leads_elsewhere(path: str | None) -> None:
    assert file_page("https://github.com/a/b", COMMIT, path) is None


@pytest.mark.parametrize("commit", [None, "", "main", "HEAD", COMMIT[:12], COMMIT + "/x", "../" + COMMIT])
def test_no_page_for_a_commit_that_is_none(commit: str | None) -> None:
    assert commit_page("https://github.com/a/b", commit) is None


@pytest.mark.parametrize("page", ["https://evil.example/a/b", "http://github.com/a/b", "https://github.com/a/b/"])
def test_a_page_in_a_report_made_by_hand_is_checked_again(page: str) -> None:
    assert commit_page(page, COMMIT) is None


def test_repositories_of_the_hub_have_a_page_at_the_public_hub_only() -> None:
    assert hub_page("https://huggingface.co", "spaces/acme/app") == "https://huggingface.co/spaces/acme/app"
    assert hub_page("https://huggingface.co", "models/acme/m") == "https://huggingface.co/acme/m"
    assert hub_page("https://hub.example", "spaces/acme/app") is None
    assert hub_page(None, "acme/m") is None
    assert hub_page("https://huggingface.co", "acme") is None
