"""The docs point at what is there, and name what the programs know."""

import re
from pathlib import Path

import pytest
import yaml

PROJECT = Path(__file__).resolve().parents[2]
PAGES = [*sorted(PROJECT.glob("README*.md")), *sorted((PROJECT / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\((?!https?:)([^)\s#]*)(#[\w-]+)?\)")
"""Of a link within a page the first part is empty."""


def anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {"#" + re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target, anchor in LINK.findall(page.read_text(encoding="utf-8")):
        there = (page.parent / target).resolve() if target else page
        assert there.exists(), f"{page.name}: {target}"
        if anchor and there.suffix == ".md":
            assert anchor in anchors(there), f"{page.name}: {target}{anchor}"


def test_decisions_are_short() -> None:
    decisions = sorted((PROJECT / "docs" / "decisions").glob("*.md"))
    assert len(decisions) >= 7
    for page in decisions:
        assert len(page.read_text().splitlines()) <= 40, page.name


def test_issue_forms_are_forms() -> None:
    forms = sorted((PROJECT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
    for form in forms:
        told = yaml.safe_load(form.read_text(encoding="utf-8"))
        if form.name != "config.yml":
            assert {"name", "description", "body"} <= set(told)
            assert all({"type", "id", "attributes"} <= set(one) for one in told["body"])


def test_files_that_contributors_are_sent_to_are_there() -> None:
    text = (PROJECT / "docs" / "contributing.md").read_text()
    named = re.findall(r"`((?:bot|engine|store|tests|migrations|deploy)/[\w./-]+)`", text)
    assert len(named) > 8
    for one in named:
        if "NNNN" not in one:
            assert (PROJECT / one).exists(), one
