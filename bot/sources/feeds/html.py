"""HTML of feeds as plain text, and the picture in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

from selectolax.lexbor import LexborHTMLParser

_HEAD = 8_000  # characters of markup that are looked at: more than an excerpt of a thousand needs
_WHOLE = 200_000  # and as many where the head is nearly without text
_LITTLE = 200
_TAGS = 500  # in what is looked at: the time for nested ones is quadratic
_PICTURES = 20

_INLINE = (
    "a|abbr|acronym|b|bdi|bdo|big|cite|code|dfn|em|font|i|ins|kbd|label|mark|q|s|samp|small|span|strike|strong|"
    "sub|sup|time|tt|u|var|wbr"
)
_BLOCK = (
    "address|article|aside|blockquote|body|br|center|dd|details|div|dl|dt|figcaption|figure|footer|h[1-6]|header|hr|"
    "html|img|li|main|nav|ol|p|picture|pre|section|summary|table|tbody|td|tfoot|th|thead|tr|ul"
)
_HIDDEN = [
    "applet", "audio", "canvas", "embed", "form", "head", "iframe", "math", "noscript", "object", "script", "select",
    "style", "svg", "template", "textarea", "title", "video",
]  # fmt: skip
_INLINE_TAG = re.compile(rf"</?(?:{_INLINE})(?:\s[^<>]*)?/?>|<!--[^<>]*-->", re.IGNORECASE)
_BLOCK_TAG = re.compile(rf"</?(?:{_BLOCK})(?:\s[^<>]*)?/?>", re.IGNORECASE)
_OTHER_TAG = re.compile(rf"</?(?!(?:{_INLINE})[\s/>])[a-z][^<>]*>", re.IGNORECASE)
# Text is taken for HTML if an element is closed in it, or one that needs no end stands in it.
_LOOKS = re.compile(
    rf"</(?:{_INLINE}|{_BLOCK}|script|style|iframe|video|audio|object|form|svg)\s*>|<(?:br|hr|p|img)\b[^<>]*>",
    re.IGNORECASE,
)
_PREFIXED = re.compile(r"(</?)[A-Za-z_][\w.-]*:(?=[A-Za-z])")

_IMG = re.compile(r"<[iI][mM][gG]\s([^<>]{1,4000})")
# As most write it: enough to know that there is nothing else to look at.
_USUAL = re.compile(r'(?:(?:src="([^"&]+)"|width="(\d+)"|height="(\d+)"|(?:alt|title)="[^"]*")\s*)+/?')
_ATTRIBUTE = re.compile(r"""([A-Za-z-]{3,20})\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""")
_PIXELS = re.compile(r"\s*(\d{1,5})(?:\.\d+)?\s*(?:px)?\s*", re.IGNORECASE)
_DECORATION = (
    "feedburner", "feedsportal", "pixel", "doubleclick", "/1x1", "-1x1", "_1x1", ".1x1", "blank.", "spacer", "tracking",
    "beacon", "stats.", "statcounter", "gravatar", "emoji", "smiley", "smilies", "/icon", "favicon", "/avatar", "badge",
    ".wp.com/b.gif", ".wp.com/g.gif", "analytics", "piwik", "matomo",
)  # fmt: skip


def looks_like_html(text: str) -> bool:
    """Whether a text that could be either is HTML."""
    return "<" in text and _LOOKS.search(text) is not None


def plain(markup: str) -> str:
    """The words of HTML; entities are left to `repair`, and only as much is read as an excerpt needs.

    Nothing of scripts, styles and the like is in it. Blocks are apart from each other. Markup that
    was escaped as a whole is read as what it was.
    """
    if "<" not in markup:
        if "&lt;" not in markup or not looks_like_html(inner := unescape(markup[: 2 * _HEAD])):
            return markup
        markup = inner
    if len(markup) <= _HEAD:
        return _words(markup)
    text = _words(_cut(markup, _HEAD))
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


def _words(markup: str) -> str:
    # Usual tags are simply removed. Where that leaves a bracket, there is something that needs a parser.
    text = _BLOCK_TAG.sub(" ", _INLINE_TAG.sub("", markup))
    return text if "<" not in text and ">" not in text else _parsed(markup)


def _parsed(markup: str) -> str:
    parts = markup.split("<", _TAGS + 1)
    if len(parts) > _TAGS + 1:
        markup = "<".join(parts[:-1])
    tree = LexborHTMLParser(_OTHER_TAG.sub(r" \g<0> ", markup))
    tree.strip_tags(_HIDDEN)
    # The parser has decoded entities; what is one still was meant to be read.
    return tree.root.text() if tree.root else ""


def pictures(markup: str) -> Iterator[tuple[str, int, int]]:
    """The addresses and declared sizes of the pictures in HTML, without icons and what only counts readers."""
    if "<" not in markup and "&lt;" in markup:
        markup = unescape(markup[:_WHOLE])
    for number, tag in enumerate(_IMG.finditer(markup, 0, _WHOLE)):
        if number == _PICTURES:
            break
        if (
            (usual := _USUAL.fullmatch(tag[1]))
            and (url := usual[1])
            and not _is_decoration(url)
            and url[:5] != "data:"
        ):
            yield url, int(usual[2] or 0), int(usual[3] or 0)
            continue
        attributes = {
            name.lower(): double or single or bare
            for name, double, single, bare in _ATTRIBUTE.findall(tag[1])
        }
        url = attributes.get("src", "").strip()
        if not url or url.startswith("data:"):
            url = attributes.get("data-src", attributes.get("data-lazy-src", "")).strip()
        if "&" in url:
            url = unescape(url)
        if (
            url
            and not _is_decoration(url)
            and not ("class" in attributes and _is_decoration(attributes["class"]))
        ):
            yield url, pixels(attributes.get("width")), pixels(attributes.get("height"))


def _is_decoration(text: str) -> bool:
    text = text.lower()
    for word in _DECORATION:  # noqa: SIM110 - half the time of `any`
        if word in text:
            return True
    return False


def pixels(text: str | None) -> int:
    """A declared length; 0 where there is none."""
    found = _PIXELS.fullmatch(text) if text else None
    return int(found[1]) if found else 0
