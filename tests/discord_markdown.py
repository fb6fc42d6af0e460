"""What Discord's client makes of Markdown, as far as texts from outside could abuse it.

Written from how the client behaves, apart from the code that it checks: a backslash makes any
punctuation literal, but not in the text of a link, where it is shown; and a link whose text has an
address, a mention or an emoji's name in it is no link, but is shown as it was written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Node:
    """A piece of a text: its `kind` (`text` is what shows as written), what it shows, where it leads."""

    kind: str
    text: str
    href: str = ""
    inner: tuple[Node, ...] = ()


_FORMATS = r"""
  (?P<code_block>```.+?```)
| (?P<code>(?P<ticks>`+)(?P<code_text>.*?[^`])(?P=ticks)(?!`))
| (?P<bold>\*\*(?P<bold_text>(?:\\.|[^\\])+?)\*\*(?!\*))
| (?P<underline>__(?P<underline_text>(?:\\.|[^\\])+?)__(?!_))
| (?P<italic>\*(?!\s)(?:\\.|\*\*|[^*\\])+?(?<!\s)[ ]{0,2}\*(?!\*)|_(?:\\.|__|[^_\\])+?_(?![A-Za-z0-9_]))
| (?P<strike>~~.+?~~(?!_))
| (?P<spoiler>\|\|.+?\|\|)
| (?P<timestamp><t:-?\d+(?::[tTdDfFRsS])?>)
| (?P<emoji><a?:\w+:\d+>|:\w+:)
"""
_ADDRESSES = r"""
| (?P<everyone>@everyone|@here)
| (?P<mention><@[!&]?\d+>|<\#\d+>|</[^:>]+:\d+>|<id:\w+>)
| (?P<autolink><[^:\ >]+:/[^\ >]+>)
| (?P<url>(?:https?|steam|discord)://[^\s<]+[^<.,:;"'\]\s])
"""
_LINKS = r"""
| (?P<link>\[(?P<label>(?:\[[^\]]*\]|[^\[\]])*[^\[]*)\]
    \(\s*<?(?P<href>(?:\([^)]*\)|[^\s\\]|\\[^\n])*?)>?(?:\s+['"].*?['"])?\s*\))
"""
_LINES = r"""
| (?P<header>^\ *\#{1,3}\s+(?P<header_text>[^\n]+))
| (?P<subtext>^-\#\ +(?P<subtext_text>[^\n]+))
| (?P<quote>^\ *(?:>>>\ .*|>\ [^\n]*))
| (?P<list>^\ *(?:[*-]|\d+\.)\ +[^\n]*)
"""
_FLAGS = re.VERBOSE | re.DOTALL | re.MULTILINE
_EVERYWHERE = re.compile(rf"\\(?P<escape>[^A-Za-z0-9\s])|{_FORMATS}{_ADDRESSES}{_LINKS}{_LINES}", _FLAGS)
_IN_LINKS = re.compile(_FORMATS, _FLAGS)
_NOT_IN_LINKS = re.compile(rf"{_FORMATS}{_ADDRESSES}{_LINKS}", _FLAGS)
_FORBIDDEN = {"everyone", "mention", "autolink", "url", "link", "emoji"}
_KINDS = (
    "code_block", "code", "bold", "underline", "italic", "strike", "spoiler", "timestamp", "emoji",
    "everyone", "mention", "autolink", "url", "link", "header", "subtext", "quote", "list",
)  # fmt: skip


def parse(text: str) -> tuple[Node, ...]:
    """The pieces of a text. Texts side by side are one."""
    return tuple(_joined(_pieces(text, _EVERYWHERE)))


def shown(nodes: tuple[Node, ...]) -> str:
    """What a reader sees of it, apart from how it looks."""
    return "".join(node.text for node in nodes)


def kinds(text: str) -> set[str]:
    """The kinds of a text's pieces: of one that means nothing to Discord only `text`."""
    return {node.kind for node in parse(text)}


def links(text: str) -> list[tuple[str, str]]:
    """Text and address of every link, in headings and small lines too."""
    return [(node.text, node.href) for node in flat(parse(text)) if node.kind == "link"]


def flat(nodes: tuple[Node, ...]) -> Iterator[Node]:
    """The pieces, and in place of headings, small lines and bold text what these are made of."""
    for node in nodes:
        if node.kind in ("header", "subtext", "bold"):
            yield from flat(node.inner)
        else:
            yield node


def _pieces(text: str, rules: re.Pattern[str]) -> Iterator[Node]:
    at = 0
    for found in rules.finditer(text):
        if text[at : found.start()]:
            yield Node("text", text[at : found.start()])
        at = found.end()
        groups = found.groupdict()
        kind = next((kind for kind in _KINDS if groups.get(kind) is not None), "escape")
        if kind == "escape":
            yield Node("text", found["escape"])
        elif kind == "link":
            yield _link(found)
        elif kind in ("bold", "underline", "header", "subtext"):
            inner = tuple(_joined(_pieces(found[f"{kind}_text"], rules)))
            yield Node(kind, shown(inner), inner=inner)
        else:
            yield Node(kind, found["code_text"] if kind == "code" else found[0])
    if text[at:]:
        yield Node("text", text[at:])


def _link(found: re.Match[str]) -> Node:
    label, href = found["label"], found["href"]
    inside = {node.kind for node in _pieces(label, _NOT_IN_LINKS)}
    if inside & _FORBIDDEN or not label.strip() or not re.match(r"(?:https?|discord)://\S", href):
        return Node("text", found[0])
    inner = tuple(_joined(_pieces(label, _IN_LINKS)))
    return Node("link", shown(inner), href, inner)


def _joined(nodes: Iterator[Node]) -> Iterator[Node]:
    waiting = ""
    for node in nodes:
        if node.kind == "text":
            waiting += node.text
            continue
        if waiting:
            yield Node("text", waiting)
            waiting = ""
        yield node
    if waiting:
        yield Node("text", waiting)
