"""The encoding of a feed: as the web names it, or by its bytes, and never by a codec that is no encoding."""

from __future__ import annotations

import encodings
import pkgutil

import pytest

from bot.sources.feeds.charset import codec_of, decode
from tests.sources.feeds.writing import only, rss

RUSSIAN = "Маяк получил новую лампу, и город радуется"


def feed(title: str, declared: str = "", charset: str = "utf-8") -> bytes:
    """A feed with one title in that charset, which declares another."""
    declaration = f'<?xml version="1.0" encoding="{declared}"?>' if declared else '<?xml version="1.0"?>'
    body = rss(f"<title>{title}</title><link>https://a.example/1</link>").removeprefix(
        '<?xml version="1.0"?>'
    )
    return (declaration + body).encode(charset)


@pytest.mark.parametrize(
    ("label", "charset", "title"),
    [
        ("cp1251", "cp1251", RUSSIAN),
        ("CP-1251", "cp1251", RUSSIAN),
        ("x-cp1251", "cp1251", RUSSIAN),
        ("koi8_r", "koi8-r", RUSSIAN),
        ("koi", "koi8-r", RUSSIAN),
        ("x-mac-cyrillic", "mac-cyrillic", RUSSIAN),
        ("windows-31j", "cp932", "灯台に新しいランプ①"),
        ("ms_kanji", "cp932", "灯台に新しいランプ"),
        ("x-euc-jp", "euc-jp", "灯台に新しいランプ"),
        ("x-gbk", "gbk", "灯塔换上新灯"),
        ("gb_2312-80", "gbk", "灯塔换上新灯"),
        ("windows-949", "cp949", "등대에 새 램프가 똠"),
        ("ks_c_5601-1987", "cp949", "등대에 새 램프"),
        ("dos-874", "cp874", "ประภาคารได้หลอดไฟใหม่"),
        ("iso-8859-8-i", "iso-8859-8", "מגדלור קיבל מנורה חדשה"),
        ("latin2", "iso-8859-2", "Nowa żarówka w latarni"),
    ],
)
def test_a_label_means_what_browsers_take_it_for(label: str, charset: str, title: str) -> None:
    assert only(feed(title, label, charset)).title == title


@pytest.mark.parametrize("declared", ["utf-8", "", "iso-8859-1", "no-such-charset"])
@pytest.mark.parametrize(
    ("charset", "title"),
    [
        ("cp1251", RUSSIAN),
        ("koi8-r", RUSSIAN),
        ("gbk", "灯塔换上新灯，居民都很高兴"),
        ("shift_jis", "灯台に新しいランプが入り、町は喜んでいる"),
        ("euc-kr", "등대에 새 램프가 들어와 마을이 기뻐한다"),
        ("cp1253", "Ο φάρος απέκτησε νέο λαμπτήρα"),
        ("cp1252", "Der Leuchtturm hat eine neue Glühbirne – endlich"),
        ("cp1252", "Le phare a enfin une lampe neuve, à l’été"),
    ],
)
def test_a_wrong_declaration_is_seen_by_the_bytes(declared: str, charset: str, title: str) -> None:
    assert only(feed(title, declared, charset)).title == title


def test_one_broken_character_does_not_refute_a_declaration() -> None:
    body = feed(f"{RUSSIAN} @", "cp1251", "cp1251").replace(b"@", b"\x98")
    assert only(body).title.startswith(RUSSIAN)
    words = "灯塔换上新灯，居民都很高兴" * 3
    assert words in only(feed(f"{words} @", "gbk", "gbk").replace(b"@", b"\xff")).title


CODECS = sorted({module.name for module in pkgutil.iter_modules(encodings.__path__)})
OF_THE_WEB = {
    "big5hkscs", "cp866", "cp874", "cp932", "cp949", "euc_jp", "gb18030", "iso2022_jp", "koi8_r", "koi8_u", "mac_cyrillic",
    "mac_roman", "utf-8", "utf-16-be", "utf-16-le", *(f"cp125{page}" for page in range(9)),
    *(f"iso8859_{part}" for part in (2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16)),
}  # fmt: skip


@pytest.mark.parametrize(
    "name", [*CODECS, "utf-7", "unicode-escape", "raw-unicode-escape", "zip", "rot13", "x-user-defined"]
)
def test_no_declaration_reaches_a_codec_that_is_no_encoding_of_the_web(name: str) -> None:
    for label in (name, name.replace("_", "-"), name.replace("_", "").upper()):
        assert codec_of(label) in {None, *OF_THE_WEB}
        text = "+AGEAYg- xn--80ak6aa92e \\u0041 begin 644 x"
        body = feed(text, label)
        assert decode(body, f"text/xml; charset={label}") == body.decode()
    assert {
        codec_of(other) for other in ("punycode", "idna", "uu", "hex", "zlib", "utf_7", "unicode_escape")
    } == {None}
