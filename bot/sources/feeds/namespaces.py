"""Names of elements, independent of the spelling of namespaces.

Feeds spell namespaces in many ways (`https://`, a missing slash, capitals) or invent their own. A namespace is
recognised by its address in any spelling, else by its usual prefix; others count as the format's own.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import chain
from typing import Any

_NAMESPACES = {
    "": "",
    "http://www.w3.org/2005/atom": "",
    "http://purl.org/atom/ns": "",
    "http://purl.org/rss/1.0": "",
    "http://purl.org/net/rss1.1": "",
    "http://my.netscape.com/rdf/simple/0.9": "",
    "http://channel.netscape.com/rdf/simple/0.9": "",
    "http://my.netscape.com/publish/formats/rss-0.91.dtd": "",
    "http://backend.userland.com/rss": "",
    "http://backend.userland.com/rss2": "",
    "http://blogs.law.harvard.edu/tech/rss": "",
    "http://www.w3.org/1999/02/22-rdf-syntax-ns": "rdf:",
    "http://purl.org/rss/1.0/modules/content": "content:",
    "http://purl.org/dc/elements/1.1": "dc:",
    "http://purl.org/dc/elements/1.0": "dc:",
    "http://purl.org/dc/terms": "dcterms:",
    "http://search.yahoo.com/mrss": "media:",
    "http://video.search.yahoo.com/mrss": "media:",
    "http://www.itunes.com/dtds/podcast-1.0.dtd": "itunes:",
    "http://example.com/dtds/podcast-1.0.dtd": "itunes:",
    "http://purl.org/rss/1.0/modules/syndication": "sy:",
    "http://rssnamespace.org/feedburner/ext/1.0": "feedburner:",
    "http://www.pheedo.com/namespace/pheedo": "pheedo:",
    "http://www.youtube.com/xml/schemas/2015": "yt:",
    "http://www.w3.org/1999/xhtml": "xhtml:",
    "http://www.w3.org/tr/xhtml1": "xhtml:",
    "http://www.rssboard.org/media-rss": "media:",
    "http://tools.search.yahoo.com/mrss": "media:",
    "http://search.yahoo.com/rss": "media:",
    "http://purl.org/rss/1.0/modules/dc": "dc:",
    "http://www.itunes.com/dtds/podcast": "itunes:",
    "http://www.itunes.com/dtds/podcast-1.0": "itunes:",
}
_PREFIXES = frozenset(_NAMESPACES.values()) | {"atom:", "rss:"}
_DECLARATION = re.compile(r"""(xmlns(?::([\w.-]+))?\s*=\s*)(["'])([^"'<>]*)\3""")
_SPELLING = re.compile(r"^\s*(?:https?:)?/*(?:www\.)?|[/#\s]+$", re.IGNORECASE)
# A namespace as it should be declared, by its usual prefix; the first of each.
_USUAL = {prefix.rstrip(":"): name for name, prefix in reversed(_NAMESPACES.items()) if prefix}
_USUAL |= {
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",  # of its attributes, too, which are looked up as they are
    "atom": "http://www.w3.org/2005/atom",
}
_BY_SPELLING = {_SPELLING.sub("", name): name for name in _NAMESPACES if name} | {
    _SPELLING.sub("", _USUAL["rdf"]): _USUAL["rdf"]
}


def with_usual_namespaces(text: str) -> str:
    """The document with recognised namespaces in their usual spelling."""
    start = text.find("xmlns")
    while start >= 0:  # ten times as fast as searching for the pattern
        declaration = _DECLARATION.match(text, start)
        if declaration and _namespace_of(declaration) != declaration[4]:
            break
        start = text.find("xmlns", start + 5)
    else:
        return text
    return _DECLARATION.sub(lambda match: f"{match[1]}{match[3]}{_namespace_of(match)}{match[3]}", text)


def _namespace_of(declaration: re.Match[str]) -> str:
    """The namespace of a declaration in its usual spelling; unknown ones stay."""
    return _meaning(declaration[2] or "", declaration[4])


@lru_cache(maxsize=1024)
def _meaning(prefix: str, name: str) -> str:
    usual_prefix = _NAMESPACES.get(name.lower().rstrip("/#"))
    if usual_prefix is not None:
        return _USUAL["rdf"] if usual_prefix == "rdf:" else name
    return _BY_SPELLING.get(_SPELLING.sub("", name.lower()), _USUAL.get(prefix.lower(), name))


def adopt_namespaces(root: Any) -> None:
    """Treat unknown namespaces of structural elements (of the root, or a default below it) as the format's own."""
    structure = root.iter("{*}channel", "{*}item", "{*}entry")
    unknown = {
        namespace
        for element in chain([root], structure)
        if not name_of(element.tag) and (element is root or element.prefix is None)
        if (namespace := _split(element.tag)[0]).lower().rstrip("/#") not in _NAMESPACES
    }
    if not unknown:
        return
    for element in root.iter("*"):  # includes names that cannot be searched for
        namespace, local = _split(element.tag)
        if namespace not in unknown:
            continue
        try:
            element.tag = local
        except ValueError:  # a damaged name that only the parser lets pass
            continue


@lru_cache(maxsize=2048)
def name_of(tag: Any) -> str:
    """The usual short name of an element, such as `title` or `media:content`; empty if it is unknown."""
    if not isinstance(tag, str):  # a comment or processing instruction
        return ""
    namespace, local = _split(tag)
    usual_prefix = _NAMESPACES.get(namespace.lower().rstrip("/#"))
    if usual_prefix is None:
        return ""
    local = local.lower()
    prefix, colon, bare_name = local.partition(":")  # an undeclared prefix is part of the name
    if colon and f"{prefix}:" in _PREFIXES:
        return bare_name if prefix in ("atom", "rss") else local
    return f"{usual_prefix}{local}"


def _split(tag: str) -> tuple[str, str]:
    if tag.startswith("{"):
        namespace, _, local = tag[1:].partition("}")
        return namespace, local
    return "", tag
