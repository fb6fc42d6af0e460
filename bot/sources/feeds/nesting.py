"""Repairs the nesting of tags in a damaged document.

Raw HTML in a description, or an unclosed tag, would make an XML parser treat the rest of the item as its content. The
rules are like those of browsers: an end tag closes all open elements inside its element, an end tag without a start
is removed, and a field of an item closes the field before it.
"""

from __future__ import annotations

import re
from collections import Counter

_PIECE = re.compile(
    r"<!\[CDATA\[(?:[^\]]|\](?!\]>))*+(?:\]\]>|\Z)"
    r"|<!--(?:[^-]|-(?!->))*+(?:-->|\Z)"
    r"""|<(/?)([A-Za-z_][\w:.-]*)((?:[^<>"']|"[^"<]*"|'[^'<]*')*+|[^<>]*+)>"""
)
# Elements without content: those of HTML, and those that feeds write in that way.
_VOID = frozenset({
    "area", "atom:link", "br", "col", "embed", "enclosure", "hr", "img", "input", "media:thumbnail", "meta", "param", "track", "wbr",
})  # fmt: skip
_LISTS = frozenset({"rss", "rdf:rdf", "channel", "feed", "items"})
_ENTRIES = frozenset({"item", "entry"})
_PARTS = frozenset(
    {"image", "textinput", "source", "author", "contributor"}
)  # of a feed or entry, with their own fields
_GROUPS = frozenset({"media:group", "media:content"})
# The possible parents of each field. A start tag closes all open elements inside the innermost parent.
_INSIDE: dict[str, frozenset[str]] = {
    **dict.fromkeys(_ENTRIES, _LISTS),
    **dict.fromkeys(("title", "link", "description", "id", "updated"), _LISTS | _ENTRIES | _PARTS),
    **dict.fromkeys(
        ("guid", "pubdate", "enclosure", "category", "comments", "summary", "content", "content:encoded", "published",
         "issued", "modified", "dc:date", "dc:creator", "dc:title", "dc:description", "itunes:summary", "itunes:image"),
        _LISTS | _ENTRIES,
    ),
    **dict.fromkeys(
        ("media:content", "media:thumbnail", "media:title", "media:description"), _LISTS | _ENTRIES | _GROUPS
    ),
    "media:group": _LISTS | _ENTRIES,
}  # fmt: skip


def close_tags(text: str) -> str:
    """The document with correctly nested tags. Takes linear time."""
    return text if _is_nested(text) else _renested(text)


def _is_nested(text: str) -> bool:
    opened: list[str] = []
    for piece in _PIECE.finditer(text):
        closing, name, attributes = piece.groups()
        if name is None or attributes.endswith("/"):
            continue
        if not closing:
            opened.append(name)
        elif not opened or opened.pop() != name:
            return False
    return not opened


def _renested(text: str) -> str:
    parts: list[str] = []
    opened: list[str] = []  # in their original spelling
    counts: Counter[str] = Counter()  # in lower case
    end = 0

    def close(until: int) -> None:
        while len(opened) > until:
            name = opened.pop()
            counts[name.lower()] -= 1
            parts.append(f"</{name}>")

    for piece in _PIECE.finditer(text):
        closing, name, attributes = piece.groups()
        if name is None:
            continue
        parts.append(text[end : piece.start()])
        end = piece.end()
        lower = name.lower()
        if closing:
            if counts[lower]:
                close(_innermost(opened, frozenset({lower})))
            continue
        inside = _INSIDE.get(lower)
        if inside is not None and any(counts[element] for element in inside):
            close(_innermost(opened, inside) + 1)
        if attributes.endswith("/"):
            parts.append(piece[0])
        elif lower in _VOID:
            parts.append(f"<{name}{attributes}/>")
        else:
            parts.append(piece[0])
            opened.append(name)
            counts[lower] += 1
    parts.append(text[end:])
    close(0)
    return "".join(parts)


def _innermost(opened: list[str], names: frozenset[str]) -> int:
    """The index of the innermost open element with one of these names, of which one must be open."""
    return next(place for place in reversed(range(len(opened))) if opened[place].lower() in names)
