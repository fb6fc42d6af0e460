"""Decodes the bytes of a feed, despite wrong declarations.

Evidence in the bytes takes precedence over declarations: a byte order mark, the zeros of UTF-16, valid UTF-8. Servers
and templates often declare a wrong encoding.
A declaration is read as browsers read it (https://encoding.spec.whatwg.org/#names-and-labels), so it
can reach the codecs of the web and no other codec of Python's. Where the bytes are neither UTF-8 nor
what is declared, `chardet` guesses from a sample.
"""

from __future__ import annotations

import codecs
import re

from webencodings.labels import LABELS

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
_HEAD = 1024  # bytes that are searched for a declaration

# The codec of each encoding that the WHATWG names, and the only codecs that a declaration can reach. Python's codec
# for such a name is sometimes a subset of what browsers decode.
_CODECS = {
    "big5": "big5hkscs",
    "euc-jp": "euc_jp",
    "euc-kr": "cp949",
    "gb18030": "gb18030",
    "gbk": "gb18030",
    "ibm866": "cp866",
    "iso-2022-jp": "iso2022_jp",
    "iso-8859-8-i": "iso8859_8",
    "macintosh": "mac_roman",
    "shift_jis": "cp932",
    "utf-8": "utf-8",
    "utf-16be": "utf-16-be",
    "utf-16le": "utf-16-le",
    "windows-874": "cp874",
    "x-mac-cyrillic": "mac_cyrillic",
    **{f"iso-8859-{part}": f"iso8859_{part}" for part in (2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16)},
    **{name: name.replace("-", "_") for name in ("koi8-r", "koi8-u")},
    **{f"windows-{page}": f"cp{page}" for page in range(1250, 1259)},
}
_MANY_BYTES = frozenset(
    {"big5hkscs", "cp932", "cp949", "euc_jp", "gb18030", "iso2022_jp", "utf-8", "utf-16-be", "utf-16-le"}
)
# The characters of the others by their bytes: an error handler that is called for each of millions of bytes takes
# seconds, and browsers read the bytes that windows-1252 has no character for as controls.
_TABLES = {
    codec: bytes(range(256)).decode(codec, "replace")
    for codec in _CODECS.values()
    if codec not in _MANY_BYTES
}
_TABLES["cp1252"] = "".join(
    chr(byte) if character == "\ufffd" else character for byte, character in enumerate(_TABLES["cp1252"])
)
# The labels, compared without case and punctuation: `cp-1251` is as clear as `cp1251`.
_PUNCTUATION = re.compile("[^a-z0-9]+")
_LABELS = {_PUNCTUATION.sub("", label): _CODECS[name] for label, name in LABELS.items() if name in _CODECS}
# Encodings of pairs of bytes, which can look like UTF-8 by accident.
_PAIRS = ("gb18030", "cp932", "cp949", "big5hkscs", "euc_jp")
_FEW = 8  # characters beyond ASCII that are UTF-8 by accident
_MOST_DAMAGE = 1 / 20  # of the bytes beyond ASCII: more say that a text has another encoding
_SAMPLE = 100_000  # bytes by which an encoding is guessed
_CONTEXT = 1_000  # and as many before the first one beyond ASCII
# A byte that is no UTF-8, as `surrogateescape` gives it, is mostly one of windows-1252.
_STRAY = {0xDC00 + byte: _TABLES["cp1252"][byte] for byte in range(0x80, 0x100)}
_BEYOND = bytes(range(0x80, 0x100))
_MARKUP = re.compile(rb"<[^<>]{0,2000}>|[\r\n]+")
_LETTERS = re.compile(rb"[A-Za-z\x80-\xff]+")
_ASCII_LETTER = re.compile(rb"[A-Za-z]")
# Encodings of single bytes in which no word has letters of ASCII and others: in Latin scripts most have.
_OTHER_SCRIPTS = frozenset({
    "cp1251", "koi8_r", "koi8_u", "cp866", "iso8859_5", "mac_cyrillic", "cp1253", "iso8859_7", "cp1255", "iso8859_8",
    "cp1256", "iso8859_6", "cp874",
})  # fmt: skip
_BEYOND_ASCII = re.compile(b"[\x80-\xff]")


def decode(body: bytes, content_type: str = "") -> str:
    """The text without a byte order mark. Never fails: undecodable bytes are replaced."""
    for mark, name in _BOMS:
        if body.startswith(mark):
            return body[len(mark) :].decode(name, "replace")
    if b"\0" in body[:16]:
        start = body[:64].lstrip()[:8]
        for zeros, name in _ZEROS:
            if zeros.match(start):
                return body.decode(name, "replace")
    names = _declared(body, content_type)
    if names and names[0] == "iso2022_jp" and body.isascii():
        return body.decode(names[0], "replace")
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return _legacy(body, names)
    if names and not text.isascii() and names[0] in _PAIRS and len(body) - len(text) < 2 * _FEW:
        return _fitting(body, names[0]) or text
    return text


def codec_of(label: str) -> str | None:
    """Python's codec for a declared encoding, or None for a name that the WHATWG does not list."""
    return _LABELS.get(_PUNCTUATION.sub("", label.lower()))


def _declared(body: bytes, content_type: str) -> list[str]:
    """The codecs declared by the document and the server; the document is more reliable and comes first."""
    declaration = _DECLARED.search(body, 0, _HEAD)
    labels = [declaration[1].decode()] if declaration else []
    if header := _CHARSET.search(content_type[:500]):
        labels.append(header[1])
    return [codec for label in labels if (codec := codec_of(label))]


def _legacy(body: bytes, names: list[str]) -> str:
    """The text of bytes that are not valid UTF-8."""
    text = body.decode("utf-8", "surrogateescape")
    stray = len(text) - len(body.decode("utf-8", "ignore"))
    if (
        stray < (len(body) - len(text)) / 2
    ):  # mostly UTF-8, with bytes from elsewhere or a character cut in two
        return text.translate(_STRAY)
    # Any bytes are valid windows-1252, and it is often declared by default, so its declaration means nothing.
    for name in (*names, _guessed(body)):
        if name and not name.startswith(("utf-", "cp1252")) and (legacy := _fitting(body, name)):
            return legacy
    return _replacing(body, "cp1252")


def _guessed(body: bytes) -> str | None:
    """The codec guessed from the bytes beyond ASCII in a sample."""
    import chardet  # loads models, which few feeds need
    from chardet.enums import EncodingEra

    start = max(0, _BEYOND_ASCII.search(body).start() - _CONTEXT)  # type: ignore[union-attr]  # it is not UTF-8
    pieces = _MARKUP.split(body[start : start + _SAMPLE])
    sample = b"\n".join([piece for piece in pieces if not piece.isascii()])
    words = [word for word in _LETTERS.findall(sample) if not word.isascii()]
    pure = sum(len(word) for word in words if not _ASCII_LETTER.search(word))
    is_latin = 2 * pure < sum(map(len, words))
    for guess in chardet.detect_all(sample, encoding_era=EncodingEra.MODERN_WEB):
        codec = codec_of(guess["encoding"] or "")
        if codec and not (is_latin and codec in _OTHER_SCRIPTS):
            return codec
    return None


def _replacing(body: bytes, codec: str) -> str:
    """The text, with U+FFFD for undecodable bytes."""
    if codec in _TABLES:
        return codecs.charmap_decode(body, "replace", _TABLES[codec])[0]
    return body.decode(codec, "replace")


def _fitting(body: bytes, name: str) -> str:
    """The text, or an empty text if too many bytes are invalid in the encoding."""
    text = _replacing(body, name)
    beyond_ascii = len(body) - len(body.translate(None, _BEYOND))
    return text if text.count("\ufffd") <= max(1, beyond_ascii * _MOST_DAMAGE) else ""
