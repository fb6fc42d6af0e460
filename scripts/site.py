"""What `mkdocs.yml` does beside building docs/: the README and the other files of the root become pages as well.

The README stays the one place for what it says: each of its parts is a page of the site. Links between documents lead to
pages, and those to other files to the repository.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
REPOSITORY = "https://github.com/topicwire/topicwire/blob/main"

# Page -> the part of the README, by its heading. The first page has what stands before all parts, too.
PARTS = {
    "index.md": "Try it: two commands",
    "howto/install.md": "Run it for real",
    "reference/commands.md": "Slash commands",
    "reference/command-line.md": "Command line",
    "reference/settings.md": "Settings",
}
# Page -> a whole document outside of docs/.
WHOLE = {
    "contributing/index.md": "CONTRIBUTING.md",
    "contributing/tests.md": "tests/README.md",
    "contributing/conduct.md": "CODE_OF_CONDUCT.md",
    "contributing/security.md": "SECURITY.md",
    "changelog.md": "CHANGELOG.md",
    "reference/catalogue.md": "bot/catalogue/README.md",
}
# Parts of the README that say shortly what a page says at length.
INSTEAD = {"records-and-topics": "records.md", "more": "index.md", "licence": "index.md"}

_LINK = re.compile(r"(?<=\]\()([^)\s]+)(?=\))")
_FENCE = re.compile(r"^(```.*?^```$)", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)


def slug(heading: str) -> str:
    """The anchor of a heading, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def parts(readme: str) -> dict[str, str]:
    """The parts of the README by their headings; what stands before them is at "" ."""
    pieces = re.split(r"^## (.+)\n", readme, flags=re.MULTILINE)
    return {"": pieces[0], **dict(zip(pieces[1::2], pieces[2::2], strict=True))}


def page_of(document: str, anchor: str, readme: dict[str, str]) -> str | None:
    """The page that has a place of a document of the repository; None where the site has none."""
    if document == "README.md":
        for page, heading in PARTS.items():
            headings = [heading, *_HEADING.findall(readme[heading])]
            if anchor in map(slug, headings):
                return page
        return INSTEAD.get(anchor, "index.md")
    if document.startswith("docs/"):
        return document.removeprefix("docs/")
    return next((page for page, name in WHOLE.items() if name == document), None)


def with_links(text: str, document: str, page: str, readme: dict[str, str]) -> str:
    """The text of a document with its links as its page needs them."""

    def rewritten(found: re.Match[str]) -> str:
        target, hash_sign, anchor = found[1].partition("#")
        if re.match(r"[a-z]+:", target):
            return found[1]
        name = posixpath.normpath(posixpath.join(posixpath.dirname(document), target)) if target else document
        other = page_of(name, anchor, readme)
        if other is None:
            return f"{REPOSITORY}/{name}{hash_sign}{anchor}"
        if other == INSTEAD.get(anchor):
            hash_sign = anchor = ""
        relative = posixpath.relpath(other, posixpath.dirname(page) or ".")
        return f"{relative}{hash_sign}{anchor}"

    pieces = _FENCE.split(text)
    return "".join(piece if piece.startswith("```") else _LINK.sub(rewritten, piece) for piece in pieces)


def pages() -> dict[str, str]:
    """The pages that come from outside of docs/, as Markdown."""
    readme = parts((ROOT / "README.md").read_text("utf-8"))
    made: dict[str, str] = {}
    for page, heading in PARTS.items():
        if page == "index.md":
            text = f"{readme['']}## {heading}\n{readme[heading]}"
        else:
            text = f"# {heading}\n{readme[heading]}".replace("\n### ", "\n## ")
        made[page] = with_links(text, "README.md", page, readme)
    for page, document in WHOLE.items():
        made[page] = with_links((ROOT / document).read_text("utf-8"), document, page, readme)
    return made


def on_files(files: Any, *, config: Any) -> Any:
    """MkDocs calls it with the files of docs/."""
    from mkdocs.structure.files import File

    for page, text in pages().items():
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """MkDocs calls it with the text of each page."""
    path = page.file.src_uri
    if path in PARTS or path in WHOLE:
        return markdown  # its links are as they have to be
    return with_links(markdown, f"docs/{path}", path, parts((ROOT / "README.md").read_text("utf-8")))
