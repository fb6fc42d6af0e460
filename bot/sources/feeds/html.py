"""HTML of feeds as plain text, and the picture in it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from html import unescape
from itertools import islice

from selectolax.lexbor import LexborHTMLParser

HEAD = 8_000  # characters of markup that are looked at: more than an excerpt of a thousand needs
_WHOLE = 200_000  # and as many where the head is nearly without text
_LITTLE = 200
_TAGS = 500  # in what is looked at: the time for nested ones is quadratic
_PICTURES = 20

SEAM = "\x01"  # between texts that are worked on as one; in XML no text has it

_INLINE = (
    "a|strong|em|span|b|i|code|abbr|acronym|bdi|bdo|big|cite|dfn|font|ins|kbd|label|mark|q|s|samp|small|strike|"
    "sub|sup|time|tt|u|var|wbr"
)
_BLOCK = (
    "p|br|div|img|li|ul|h[1-6]|figure|blockquote|td|tr|address|article|aside|body|center|dd|details|dl|dt|figcaption|"
    "footer|header|hr|html|main|nav|ol|picture|pre|section|summary|table|tbody|tfoot|th|thead"
)  # the usual ones first: they are tried in this order
_HIDDEN = [
    "applet", "audio", "canvas", "embed", "form", "head", "iframe", "math", "noscript", "object", "script", "select",
    "style", "svg", "template", "textarea", "title", "video",
]  # fmt: skip
_FIRSTS = "".join(sorted({name[0] for name in _INLINE.split("|")}))  # one look, instead of one at each name
# The sign at the beginning stands outside of what ignores case: so it is searched for as fast as can be. A tag ends
# at `SEAM`: it does not begin in one text and end in the next.
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
# As most write it: enough to know that there is nothing else to look at.
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
# As a whole part of an address or class these are decoration; `google-pixel-9.jpg` shows a telephone.
_DECORATION_PART = re.compile(
    r"(?:^|[/._\s])(?:pixel|tracking|beacon|emoji|badges?|analytics)(?=[/.?_\s]|$)|[-_]pixel\.(?:gif|png)|[/_.-]1x1"
)
_PARTS = ("1x1", "pixel", "tracking", "beacon", "emoji", "badge", "analytics")
# Where a page keeps the picture that its script shows in the place of the one in `src`, the best first.
_LAZY = (
    "data-src", "data-lazy-src", "data-original", "data-lazy", "data-orig-file", "data-large-file", "data-full-url",
    "data-img-src", "data-echo", "data-hi-res-src",
)  # fmt: skip
_LAZY_SETS = ("data-srcset", "data-lazy-srcset", "srcset")
_CANDIDATE = re.compile(r"([^\s,]\S*[^\s,]|[^\s,])\s+(\d{1,5}(?:\.\d+)?)([wx])\s*(?:,|$)")
_WIDEST = 2_000  # pixels: more than a message shows


def looks_like_html(text: str) -> bool:
    """Whether a text that could be either is HTML, and does not only speak of tags: `When to use <br>`.

    It is HTML if an element is closed in it, or a tag that needs no end is attached to words as no writer
    would put it.
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
    """Whether there are words beside a tag, so that it can be one of them."""
    around = f"{text[max(0, tag.start() - 100) : tag.start()]} {text[tag.end() : tag.end() + 100]}"
    return any(character.isalnum() for character in around)


def without_cdata(text: str) -> str:
    """A text without a CDATA section around it that was escaped, and so is text itself."""
    start = _CDATA_START.match(text)
    return _CDATA_END.sub("", text[start.end() :]) if start else text


def plain(markup: str) -> str:
    """The words of HTML; entities are left to `repair`, and only as much is read as an excerpt needs.

    Nothing of scripts, styles and the like is in it. Blocks are apart from each other. Markup that
    was escaped as a whole is read as what it was.
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
    """Markup with `<div>` for `<xhtml:div>`."""
    return _PREFIXED.sub(r"\1", markup)


def _cut(markup: str, limit: int) -> str:
    """The first characters, without half a tag at the end."""
    head = markup[:limit]
    opened = head.rfind("<")
    return head[:opened] if opened > head.rfind(">") else head


def without_usual_tags(markup: str) -> str:
    """The words where only usual tags are in it. A bracket that is left says that it needs a parser."""
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
    # The parser has decoded entities; what is one still was meant to be read.
    return tree.root.text() if tree.root else ""


def pictures(markup: str) -> Iterator[tuple[str, int, int]]:
    """The addresses and declared sizes of the pictures in HTML, without icons and what only counts readers."""
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
    """Where a picture may be: first what its page shows in the end, then what stands there until then."""
    lazy = [attributes[name] for name in _LAZY if name in attributes]
    sets = [_best_of_set(attributes[name]) for name in _LAZY_SETS if name in attributes]
    for value in (*lazy, *sets, attributes.get("src", "")):
        url = unescape(value).strip() if "&" in value else value.strip()
        if url and not url.startswith("data:") and ("/" in url or "." in url):
            yield url


def _best_of_set(candidates: str) -> str:
    """Of a `srcset` the largest picture that is not too large; nothing where none has a size."""
    sizes = [
        (float(size) if unit == "w" else float(size) * 100, url)
        for url, size, unit in _CANDIDATE.findall(candidates[:_LONGEST_TAG])
    ]
    fitting = [candidate for candidate in sizes if candidate[0] <= _WIDEST]
    return max(fitting)[1] if fitting else min(sizes)[1] if sizes else ""


def captions(markup: str) -> Iterator[str]:
    """What the pictures in HTML are said to show."""
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
    """What `pictures` gives first, where the first picture is written as most are; else None."""
    tag = _FIRST_IMG.search(markup, 0, _WHOLE)
    return _picture(tag) if tag and tag.end() - tag.start() < _LONGEST_TAG else None


def _picture(usual: re.Match[str]) -> tuple[str, int, int] | None:
    url, width, height = usual.groups()
    if not url or url.startswith("data:") or is_decoration(url):
        return None
    return url, int(width or 0), int(height or 0)


def is_decoration(text: str) -> bool:
    """Whether an address or a class is that of an icon, a portrait, a placeholder, or what only counts readers."""
    text = text.lower()
    for word in _DECORATION:
        if word in text:
            return True
    for word in _PARTS:
        if word in text:
            return _DECORATION_PART.search(text) is not None
    return False


def pixels(text: str | None) -> int:
    """A declared length; 0 where there is none."""
    number = _PIXELS.fullmatch(text) if text else None
    return int(number[1]) if number else 0
