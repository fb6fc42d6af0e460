"""The text of a feed's bytes, whatever is said of their encoding.

What the bytes themselves show goes before what is declared: a byte order mark, the zeros of
UTF-16, text that is valid UTF-8. Servers and templates are wrong about it more often than bytes are.
"""

from __future__ import annotations

import codecs
import re

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # begins like UTF-16's
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_ZEROS = (
    (re.compile(rb"[^\0]\0\0\0"), "utf-32-le"),
    (re.compile(rb"\0\0\0[^\0]"), "utf-32-be"),
    (re.compile(rb"[^\0]\0[^\0]\0"), "utf-16-le"),
    (re.compile(rb"\0[^\0]\0[^\0]"), "utf-16-be"),
)
_DECLARED = re.compile(
    rb"""<\?xml[^>]{0,200}?\sencoding\s*=\s*["']\s*([A-Za-z0-9._:-]{1,40})""", re.IGNORECASE
)
_CHARSET = re.compile(r"""charset\s*=\s*["']?\s*([A-Za-z0-9._:-]{1,40})""", re.IGNORECASE)
_HEAD = 1024  # bytes in which a declaration is looked for

# What browsers take these names for: the encoding that is meant where they are used.
_MEANT = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "big5": "big5hkscs",
}
# Encodings of plain ASCII bytes or of pairs of bytes, which look like UTF-8 or can by accident.
_SEVEN_BITS = ("iso2022", "hz", "utf-7")
_PAIRS = ("gb18030", "cp932", "cp949", "big5", "euc_")
_FEW = 8  # characters beyond ASCII that are UTF-8 by accident
# A byte that is no UTF-8, as `surrogateescape` gives it, is mostly one of windows-1252.
_STRAY = re.compile("[\udc80-\udcff]")


def decoded(body: bytes, content_type: str = "") -> str:
    """The text, without a byte order mark. Never fails: what fits no encoding is replaced."""
    for mark, name in _BOMS:
        if body.startswith(mark):
            return _lenient(body[len(mark) :], name)
    if b"\0" in body[:16]:
        start = body[:64].lstrip()[:8]
        for zeros, name in _ZEROS:
            if zeros.match(start):
                return _lenient(body, name)
    names = _declared(body, content_type)
    if names and names[0].startswith(_SEVEN_BITS):
        return _lenient(body, names[0])
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return _legacy(body, names)
    if names and not text.isascii() and names[0].startswith(_PAIRS) and len(body) - len(text) < 2 * _FEW:
        return _strict(body, names[0]) or text
    return text


def _declared(body: bytes, content_type: str) -> list[str]:
    """The encodings that the document and the server name, the document's first: it knows better."""
    found = _DECLARED.search(body, 0, _HEAD)
    names = [found[1].decode()] if found else []
    if spoken := _CHARSET.search(content_type[:500]):
        names.append(spoken[1])
    known = []
    for name in names:
        try:
            python = codecs.lookup(name).name
            "".encode(python)  # some codecs are of bytes
        except (LookupError, ValueError):
            continue
        known.append(_MEANT.get(python, python))
    return known


def _legacy(body: bytes, names: list[str]) -> str:
    """The text where it is not UTF-8 throughout."""
    text = body.decode("utf-8", "surrogateescape")
    stray = len(text) - len(body.decode("utf-8", "ignore"))
    if (
        stray < (len(body) - len(text)) / 2
    ):  # mostly UTF-8, with bytes from elsewhere or a character cut in two
        return _STRAY.sub(lambda byte: _as_cp1252(byte[0]), text)
    for name in names:
        if not name.startswith(("utf-", "cp1252")) and (legacy := _strict(body, name)):
            return legacy
    return body.decode("cp1252", "replace")


def _as_cp1252(escaped: str) -> str:
    return escaped.encode("utf-8", "surrogateescape").decode("cp1252", "replace")


def _strict(body: bytes, name: str) -> str:
    """The text, or nothing where the bytes are not of that encoding. A last character may be cut."""
    for end in (len(body), len(body) - 1):
        try:
            return body[:end].decode(name)
        except (UnicodeError, ValueError):
            continue
    return ""


def _lenient(body: bytes, name: str) -> str:
    try:
        return body.decode(name, "replace")
    except (UnicodeError, ValueError):  # some codecs give up all the same
        return body.decode("utf-8", "replace")
