"""Plain text and pictures from the HTML of feeds."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from html import unescape
from itertools import islice

from selectolax.lexbor import LexborHTMLParser

HEAD = 8_000  # characters of markup that are read: enough for an excerpt of a thousand
_WHOLE = 200_000  # characters if the head has almost no text
_LITTLE = 200
_TAGS = 500  # tags that are parsed: nested tags take quadratic time
_PICTURES = 20

SEAM = "\x01"  # separates texts that are processed together; not allowed in XML

_INLINE = (
    "a|strong|em|span|b|i|code|abbr|acronym|bdi|bdo|big|cite|dfn|font|ins|kbd|label|mark|q|s|samp|small|strike|"
    "sub|sup|time|tt|u|var|wbr"
)
_BLOCK = (
    "p|br|div|img|li|ul|h[1-6]|figure|blockquote|td|tr|address|article|aside|body|center|dd|details|dl|dt|figcaption|"
    "footer|header|hr|html|main|nav|ol|picture|pre|section|summary|table|tbody|tfoot|th|thead"
)  # common ones first: they are tried in this order
_HIDDEN = [
    "applet", "audio", "canvas", "embed", "form", "head", "iframe", "math", "noscript", "object", "script", "select",
    "style", "svg", "template", "textarea", "title", "video",
]  # fmt: skip
_FIRSTS = "".join(sorted({name[0] for name in _INLINE.split("|")}))  # one check instead of one per name
# The first character is outside the case-insensitive group, which makes the search faster. A tag does not extend
# beyond a `SEAM`.
_INLINE_TAG = re.compile(rf"<(?i:/?(?=[{_FIRSTS}])(?:{_INLINE})(?:\s[^<>{SEAM}]*)?/?>|!--[^<>{SEAM}]*-->)")
_BLOCK_TAG = re.compile(rf"<(?i:/?(?:{_BLOCK})(?:\s[^<>{SEAM}]*)?/?>)")
_OTHER_TAG = re.compile(rf"</?(?!(?:{_INLINE})[\s/>])[a-z][^<>]*>", re.IGNORECASE)
# A tag that may be one of HTML: whether it is an end, its name, its attributes.
_TAG = re.compile(
    rf"<(/?)(?i:({_INLINE}|{_BLOCK}|script|style|iframe|video|audio|object|form|svg)"
    r"((?:\s+[a-z][a-z-]*\s*=[^<>]*)?))\s*/?>"
)
_ATTACHED_BEFORE = frozenset(".,;:!?)]…>")
_ATTACHED_AFTER = frozenset("([<&")
_ENDLESS = frozenset({"br", "hr", "img", "p", "wbr"})
_CDATA_START = re.compile(r"\s*(?:<!\[CDATA\[\s*)+")
_CDATA_END = re.compile(r"(?:\s*\]\]>)+\s*$")
_PREFIXED = re.compile(r"(</?)[A-Za-z_][\w.-]*:(?=[A-Za-z])")

_LONGEST_TAG = 4000
_IMG = re.compile(rf"<[iI][mM][gG]\s([^<>]{{1,{_LONGEST_TAG}}})")
# The common form, which needs no further parsing.
_USUALLY = r'(?:(?:src="([^"&<>]+)"|width="(\d+)"|height="(\d+)"|(?:alt|title)="[^"<>]*")\s*)+/?'
_USUAL = re.compile(_USUALLY)
_FIRST_IMG = re.compile(rf"<[iI][mM][gG]\s(?:{_USUALLY}>)?")
_ATTRIBUTE = re.compile(r"""([A-Za-z-]{3,20})\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""")
_PIXELS = re.compile(r"\s*(\d{1,5})(?:\.\d+)?\s*(?:px)?\s*", re.IGNORECASE)
_DECORATION = (
    "feedburner", "feedsportal", "doubleclick", "blank.", "spacer", "stats.", "statcounter",
    "gravatar", "smiley", "smilies", "/icon", "favicon", "/avatar", ".wp.com/b.gif", ".wp.com/g.gif",
    "piwik", "matomo", "lazyload", "placeholder", "transparent.", "loading.gif",
)  # fmt: skip
# Decoration only as a whole part of an address or class: `google-pixel-9.jpg` shows a phone.
_DECORATION_PART = re.compile(
    r"(?:^|[/._\s])(?:pixel|tracking|beacon|emoji|badges?|analytics)(?=[/.?_\s]|$)|[-_]pixel\.(?:gif|png)|[/_.-]1x1"
)
_PARTS = ("1x1", "pixel", "tracking", "beacon", "emoji", "badge", "analytics")
# Attributes of lazily loaded pictures, the best first.
_LAZY = (
    "data-src", "data-lazy-src", "data-original", "data-lazy", "data-orig-file", "data-large-file", "data-full-url",
    "data-img-src", "data-echo", "data-hi-res-src",
)  # fmt: skip
_LAZY_SETS = ("data-srcset", "data-lazy-srcset", "srcset")
_CANDIDATE = re.compile(r"([^\s,]\S*[^\s,]|[^\s,])\s+(\d{1,5}(?:\.\d+)?)([wx])\s*(?:,|$)")
_WIDEST = 2_000  # pixels: wider than a message


def looks_like_html(text: str) -> bool:
    """Whether an ambiguous text is HTML, and does not only mention tags: `When to use <br>`.

    It is HTML if it closes an element, or if a void tag is attached to words.
    """
    if "<" not in text:
        return False
    opened: set[str] = set()
    for tag in _TAG.finditer(text):
        end, name, attributes = tag[1], tag[2].lower(), tag[3]
        before, after = text[tag.start() - 1 : tag.start()], text[tag.end() : tag.end() + 1]
        attached = before.isalnum() or before in _ATTACHED_BEFORE
        if end:
            if name in opened or attached:
                return True
            continue
        opened.add(name)
        attached = attached or after.isalnum() or after in _ATTACHED_AFTER
        if name in _ENDLESS and (attributes or attached or not _has_words_around(text, tag)):
            return True
    return False


def _has_words_around(text: str, tag: re.Match[str]) -> bool:
    """Whether there are words around a tag, so that it may be mentioned."""
    around = f"{text[max(0, tag.start() - 100) : tag.start()]} {text[tag.end() : tag.end() + 100]}"
    return any(character.isalnum() for character in around)


def without_cdata(text: str) -> str:
    """The text without an escaped CDATA section around it."""
    start = _CDATA_START.match(text)
    return _CDATA_END.sub("", text[start.end() :]) if start else text


def plain(markup: str) -> str:
    """The visible text of HTML, as much as an excerpt needs. `repair` decodes the entities.

    Scripts, styles and the like are removed, and blocks are separated by spaces. Markup that was escaped as a whole is
    unescaped first.
    """
    if "<" not in markup:
        if "&lt;" not in markup or not looks_like_html(inner := unescape(markup[: 2 * HEAD])):
            return markup
        markup = inner
    if len(markup) <= HEAD:
        return _words(markup)
    text = _words(_cut(markup, HEAD))
    if len(text) < _LITTLE:
        text = _words(_cut(markup, _WHOLE))
    return text


def without_prefixes(markup: str) -> str:
    """Markup without prefixes: `<div>` instead of `<xhtml:div>`."""
    return _PREFIXED.sub(r"\1", markup)


def _cut(markup: str, limit: int) -> str:
    """The first `limit` characters, without an incomplete tag at the end."""
    head = markup[:limit]
    opened = head.rfind("<")
    return head[:opened] if opened > head.rfind(">") else head


def without_usual_tags(markup: str) -> str:
    """The text without common tags. A remaining bracket means that a parser is needed."""
    return _BLOCK_TAG.sub(" ", _INLINE_TAG.sub("", markup))


def _words(markup: str) -> str:
    text = without_usual_tags(markup)
    return text if "<" not in text and ">" not in text else _parsed(markup)


def _parsed(markup: str) -> str:
    parts = markup.split("<", _TAGS + 1)
    if len(parts) > _TAGS + 1:
        markup = "<".join(parts[:-1])
    if "<![CDATA[" in markup:  # a comment, to HTML
        markup = markup.replace("<![CDATA[", "").replace("]]>", "")
    tree = LexborHTMLParser(_OTHER_TAG.sub(r" \g<0> ", markup))
    tree.strip_tags(_HIDDEN)
    # The parser has decoded entities; remaining ones are literal text.
    return tree.root.text() if tree.root else ""


def pictures(markup: str) -> Iterator[tuple[str, int, int]]:
    """The addresses and declared sizes of the pictures in HTML, without icons and tracking pixels."""
    if "<" not in markup and "&lt;" in markup:
        markup = unescape(markup[:_WHOLE])
    for tag in islice(_IMG.finditer(markup, 0, _WHOLE), _PICTURES):
        if (usual := _USUAL.fullmatch(tag[1])) and (picture := _picture(usual)):
            yield picture
            continue
        attributes = {
            name.lower(): double or single or bare
            for name, double, single, bare in _ATTRIBUTE.findall(tag[1])
        }
        if "class" in attributes and is_decoration(attributes["class"]):
            continue
        for url in _addresses(attributes):
            if not is_decoration(url):
                yield url, pixels(attributes.get("width")), pixels(attributes.get("height"))


def _addresses(attributes: Mapping[str, str]) -> Iterator[str]:
    """The addresses of a picture: lazily loaded ones first, then the placeholder."""
    lazy = [attributes[name] for name in _LAZY if name in attributes]
    sets = [_best_of_set(attributes[name]) for name in _LAZY_SETS if name in attributes]
    for value in (*lazy, *sets, attributes.get("src", "")):
        url = unescape(value).strip() if "&" in value else value.strip()
        if url and not url.startswith("data:") and ("/" in url or "." in url):
            yield url


def _best_of_set(candidates: str) -> str:
    """The largest picture of a `srcset` that is not too wide; empty if none has a size."""
    sizes = [
        (float(size) if unit == "w" else float(size) * 100, url)
        for url, size, unit in _CANDIDATE.findall(candidates[:_LONGEST_TAG])
    ]
    fitting = [candidate for candidate in sizes if candidate[0] <= _WIDEST]
    return max(fitting)[1] if fitting else min(sizes)[1] if sizes else ""


def captions(markup: str) -> Iterator[str]:
    """The captions of the pictures in HTML."""
    if "<" not in markup and "&lt;" in markup:
        markup = unescape(markup[:_WHOLE])
    for tag in islice(_IMG.finditer(markup, 0, _WHOLE), _PICTURES):
        attributes = {
            name.lower(): double or single or bare
            for name, double, single, bare in _ATTRIBUTE.findall(tag[1])
        }
        if not is_decoration(attributes.get("src", "")):
            yield from (attributes[name] for name in ("alt", "title") if attributes.get(name, "").strip())


def usual_picture(markup: str) -> tuple[str, int, int] | None:
    """The first result of `pictures`, if the first picture has the common form; else None."""
    tag = _FIRST_IMG.search(markup, 0, _WHOLE)
    return _picture(tag) if tag and tag.end() - tag.start() < _LONGEST_TAG else None


def _picture(usual: re.Match[str]) -> tuple[str, int, int] | None:
    url, width, height = usual.groups()
    if not url or url.startswith("data:") or is_decoration(url):
        return None
    return url, int(width or 0), int(height or 0)


def is_decoration(text: str) -> bool:
    """Whether an address or class is that of an icon, avatar, placeholder or tracking pixel."""
    text = text.lower()
    for word in _DECORATION:
        if word in text:
            return True
    for word in _PARTS:
        if word in text:
            return _DECORATION_PART.search(text) is not None
    return False


def pixels(text: str | None) -> int:
    """A declared length in pixels; 0 if there is none."""
    number = _PIXELS.fullmatch(text) if text else None
    return int(number[1]) if number else 0
