"""Parses untrusted XML in bounded time and memory, without files, network or entities.

lxml parses it. Everything before the root element, including any document type definition, is removed first, so there
is nothing to expand or fetch. A document that is not well-formed is repaired and parsed with libxml2's recovery.
"""

from __future__ import annotations

import re
from html.entities import html5
from typing import Any

from lxml import etree

from bot.i18n import mark
from bot.sources.feeds.model import NotAFeed
from bot.sources.feeds.namespaces import adopt_namespaces, with_usual_namespaces
from bot.sources.feeds.nesting import close_tags

_MAX_MARKUP = 1_000_000  # tags and attributes of a document: each costs a hundred times its length in memory
_MAX_MENDED = 500_000  # tags and entities in a damaged document: each is processed
_SMALL = 1_000_000  # bytes in which there cannot be so many
_MAX_PROLOG = 1_000  # comments and instructions before the root

_DAMAGED = mark("damaged XML that cannot be repaired")
_ROOTS = r"rss|rdf|feed|channel|entry|html|opml|urlset|sitemapindex"
_ROOT = re.compile(rf"<(?:[A-Za-z_][\w.-]*:)?({_ROOTS})(?=[\s/>])", re.IGNORECASE)
_NO_FEEDS = {
    "html": mark("a web page, not a feed"),
    "opml": mark("a list of feeds (OPML), not a feed"),
    **dict.fromkeys(("urlset", "sitemapindex"), mark("a sitemap, not a feed")),
}

_BAD = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]+")
# In a damaged document: sections and comments as a whole, ampersands, and everything that opens like a tag.
_DAMAGE = re.compile(
    r"<!\[CDATA\[(?:[^\]]|\](?!\]>))*+(?:\]\]>|(\Z))"
    r"|<!--(?:[^-]|-(?!->))*+-->"
    r"|&(?:\#(\d{1,7}|x[0-9a-f]{1,6});|([a-z][a-z0-9]{1,31};))?"
    r"""|<[a-z_](?:(?:[^<>"']|"[^"<]*"|'[^'<]*')*+|[^<>]*+)>"""
    r"|(<)(?![a-z_/!?])",
    re.IGNORECASE,
)
_BARE_VALUE = re.compile(r"""(\s[\w:.-]+)\s*=\s*([^\s"'<>]+)""")
_QUOTED = re.compile(r"""("[^"]*"|'[^']*')""")


def parse_root(text: str) -> Any:
    """The root element of a feed. Raises `NotAFeed`."""
    start, name = _root(text)
    if name in _NO_FEEDS:
        raise NotAFeed(_NO_FEEDS[name])
    text = with_usual_namespaces(text[start:])
    if len(text) > _SMALL and text.count("<") + text.count('="') + text.count("='") > _MAX_MARKUP:
        raise NotAFeed(f"more than {_MAX_MARKUP:,} tags and attributes")
    root = _parsed(text, recover=False)
    if root is None:
        root = _parsed(_repair_markup(text), recover=True)
    if root is None:
        raise NotAFeed(_DAMAGED)
    adopt_namespaces(root)
    return root


def _parsed(text: str, *, recover: bool) -> Any:
    parser = etree.XMLParser(
        encoding="utf-8",
        recover=recover,
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        collect_ids=False,
    )
    try:
        return etree.fromstring(text.encode("utf-8", "replace"), parser)
    except etree.XMLSyntaxError:
        return None


def _root(text: str) -> tuple[int, str]:
    """The position and name of the root element of a feed or another known format."""
    position = text.find("<")
    for _ in range(_MAX_PROLOG):
        if text.startswith("<!--", position):
            end = text.find("-->", position)
        elif text.startswith("<?", position):
            end = text.find("?>", position)
        else:
            break
        if end < 0:
            break
        position = text.find("<", end)
    # A document type, or junk such as a script's warnings, ends where the root begins.
    if position >= 0 and (root := _ROOT.search(text, position)):
        return root.start(), root[1].lower()
    if position < 0:
        raise NotAFeed(mark("neither XML nor JSON") if text.strip() else mark("the document is empty"))
    if text[position : position + 14].lower() == "<!doctype html":
        raise NotAFeed(_NO_FEEDS["html"])
    raise NotAFeed(mark("XML or HTML, but not in a supported feed format"))


def _repair_markup(text: str) -> str:
    """The text without damage that stops libxml2's recovery or loses content."""
    if text.count("<") + text.count("&") > _MAX_MENDED:
        raise NotAFeed(_DAMAGED)
    text = _BAD.sub("", text)
    closed = text.rfind("-->")  # a comment that never ends would take the rest with it
    text = (
        text[: closed + 3] + text[closed + 3 :].replace("<!--", "")
        if closed >= 0
        else text.replace("<!--", "")
    )
    return close_tags(_DAMAGE.sub(_repair_piece, text))


def _repair_piece(piece: re.Match[str]) -> str:
    text = piece[0]
    if text[0] == "&":
        return _entity(piece[2], piece[3])
    if piece[4]:
        return "&lt;"
    if piece[1] is not None:
        return f"{text}]]>"  # cut off within a section
    if text[1] == "!" or "=" not in text:
        return text
    parts = _QUOTED.split(text)  # what is between quotes stands at odd places
    parts[::2] = [_BARE_VALUE.sub(r'\1="\2"', part) for part in parts[::2]]
    return "".join(parts)


def _entity(number: str | None, name: str | None) -> str:
    """An XML reference for the entity, or an escaped ampersand if it is unknown."""
    if number:
        code = int(number[1:], 16) if number[0] in "xX" else int(number)
        valid = code < 0x110000 and not _BAD.match(chr(code))
        return f"&#{code};" if valid else ""
    if name in ("amp;", "lt;", "gt;", "quot;", "apos;"):
        return f"&{name}"
    if name and (characters := html5.get(name)):
        return "".join(f"&#{ord(character)};" for character in characters)
    return f"&amp;{name or ''}"
