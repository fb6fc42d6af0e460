"""The site of docs/: every page is in the menu, and every link leads to a page and a heading that are there.

`make docs` builds the site itself, and fails for the same reasons; it needs packages that tests do without.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.site import INSTEAD, PARTS, REPOSITORY, ROOT, pages, parts, slug, with_links

DOCS = ROOT / "docs"
README = parts((ROOT / "README.md").read_text("utf-8"))
LINK = re.compile(r"\]\(([^)\s]+)\)")


class Loader(yaml.SafeLoader):
    """Reads the configuration without making the objects that it names."""


Loader.add_multi_constructor("tag:yaml.org,2002:python/", lambda *_: None)


def _site() -> dict[str, str]:
    """All pages by their paths, as the site has them."""
    own = {path.relative_to(DOCS).as_posix(): path.read_text("utf-8") for path in DOCS.rglob("*.md")}
    return pages() | {page: with_links(text, f"docs/{page}", page, README) for page, text in own.items()}


def _menu(entry: Any) -> Iterator[str]:
    if isinstance(entry, str):
        yield entry
    else:
        for inner in entry.values() if isinstance(entry, dict) else entry:
            yield from _menu(inner)


SITE = _site()
MENU = yaml.load((ROOT / "mkdocs.yml").read_text("utf-8"), Loader)["nav"]  # noqa: S506 (a safe loader)


def _anchors(text: str) -> set[str]:
    return {slug(heading) for heading in re.findall(r"^#{1,6} (.+)$", text, re.MULTILINE)}


def test_the_menu_has_each_page_once() -> None:
    assert sorted(_menu(MENU)) == sorted(SITE)


def test_the_parts_of_the_readme_are_pages_or_are_said_elsewhere() -> None:
    assert set(README) - {""} == {*PARTS.values(), *(h for h in README if slug(h) in INSTEAD)}


@pytest.mark.parametrize("page", SITE)
def test_every_link_of_a_page_leads_somewhere(page: str) -> None:
    prose = re.sub(r"^```.*?^```$", "", SITE[page], flags=re.MULTILINE | re.DOTALL)
    broken = []
    for link in LINK.findall(prose):
        if link.startswith(f"{REPOSITORY}/"):
            if not (ROOT / link.removeprefix(f"{REPOSITORY}/").partition("#")[0]).exists():
                broken.append(link)
            continue
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = posixpath.normpath(posixpath.join(posixpath.dirname(page), path)) if path else page
        if target in SITE:
            if anchor and anchor not in _anchors(SITE[target]):
                broken.append(link)
        elif not (DOCS / target).is_file():
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize(
    ("document", "page", "link", "rewritten"),
    [
        ("README.md", "index.md", "docs/records.md#queries", "records.md#queries"),
        ("README.md", "reference/settings.md", "docs/operations.md", "../operations.md"),
        ("README.md", "reference/settings.md", "#correcting-stories", "commands.md#correcting-stories"),
        ("README.md", "index.md", "LICENSE", f"{REPOSITORY}/LICENSE"),
        ("docs/operations.md", "operations.md", "../README.md#settings", "reference/settings.md#settings"),
        ("docs/records.md", "records.md", "../tests/README.md", "contributing/tests.md"),
        ("docs/records.md", "records.md", "#queries", "records.md#queries"),
        ("docs/records.md", "records.md", "https://a.example/x.md", "https://a.example/x.md"),
    ],
)
def test_links_between_documents_become_links_between_pages(
    document: str, page: str, link: str, rewritten: str
) -> None:
    assert with_links(f"[x]({link})", document, page, README) == f"[x]({rewritten})"
    code = f"```\n[x]({link})\n```"
    assert with_links(code, document, page, README) == code


def test_pages_of_the_readme_begin_with_one_heading() -> None:
    for page in PARTS:
        assert len(re.findall(r"^# ", re.sub(r"^```.*?^```$", "", SITE[page], flags=re.M | re.S), re.M)) == 1


def test_the_site_loads_nothing_from_elsewhere() -> None:
    config = Path(ROOT / "mkdocs.yml").read_text("utf-8")
    assert "font: false" in config
    assert "extra_javascript" not in config
    assert "plugins: [search]\n" in config
