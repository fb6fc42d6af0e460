"""Feeds that are not as they should be: of each is taken what can be taken, and none does harm."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sources.feeds.parse import NotAFeed
from tests.form import sized
from tests.make import examples
from tests.shared_data import SHARED, needs_shared
from tests.sources.feeds.writing import ORIGIN, atom, item, only, read, records, rss

WORDS = "Grüße – “naïve” €5"


# What is hostile is read within the timeout that every test has: where the cost is quadratic, it takes hours.


def titled(title: str, declaration: str = "") -> str:
    """A feed whose one item has that title."""
    return declaration + rss(f"<title>{title}</title><link>https://a.example/1</link>").removeprefix(
        '<?xml version="1.0"?>'
    )


@pytest.mark.parametrize(
    ("declared", "actual"),
    [
        ("utf-8", "utf-8"),
        ("", "utf-8"),
        ("iso-8859-1", "utf-8"),
        ("utf-16", "utf-8"),
        ("no-such-charset", "utf-8"),
        ("hex", "utf-8"),
        ("utf-8", "utf-8-sig"),
        ("utf-8", "utf-16"),
        ("utf-16", "utf-16-be"),
        ("utf-16", "utf-16-le"),
        ("utf-16", "utf-32"),
        ("windows-1252", "cp1252"),
        ("iso-8859-1", "cp1252"),
        ("us-ascii", "cp1252"),
        ("utf-8", "cp1252"),
        ("", "cp1252"),
    ],
)
def test_the_bytes_are_believed_before_what_is_said_of_them(declared: str, actual: str) -> None:
    declaration = f'<?xml version="1.0" encoding="{declared}"?>' if declared else ""
    assert only(titled(WORDS, declaration).encode(actual)).title == WORDS


@pytest.mark.parametrize(
    ("charset", "words"),
    [
        ("koi8-r", "Паром остановлен навсегда"),
        ("windows-1251", "Паром остановлен навсегда"),
        ("shift_jis", "フェリーが止まった"),
        ("gb2312", "渡轮停航"),
        ("euc-kr", "페리가 멈췄다"),
        ("iso-2022-jp", "フェリーが止まった"),
        ("big5", "渡輪停航"),
    ],
)
def test_a_charset_is_taken_from_the_document_or_the_server(charset: str, words: str) -> None:
    body = titled(words, f'<?xml version="1.0" encoding="{charset}"?>').encode(charset)
    assert only(body).title == words
    (found,) = read(titled(words).encode(charset), content_type=f"text/xml; charset={charset}").items
    assert found.record.title == words


def test_a_stray_byte_does_not_spoil_the_rest() -> None:
    body = titled("Grüße und Küsse und Töne @").encode().replace(b"@", b"\x92")
    assert only(body).title == "Grüße und Küsse und Töne ’"


@pytest.mark.parametrize(
    ("body", "title"),
    [
        (titled("Tom & Jerry"), "Tom & Jerry"),
        (titled("Caf&eacute; &nbsp;&copy; 2026"), "Café © 2026"),
        (titled("&unknown; thing"), "&unknown; thing"),
        (titled("a < b"), "a < b"),
        (titled("Bell\x07 and\x00 null"), "Bell and null"),
        (titled("Num&#0;ber &#x1F; &#146;"), "Number ’"),
        (titled("<![CDATA[Tom & Jerry]]>"), "Tom & Jerry"),
        ("<br />\n<b>Warning</b>: in line 1" + titled("PHP"), "PHP"),
        ("\n \ufeff" + titled("Space", '<?xml version="1.0"?>'), "Space"),
        (titled("Twice", '<?xml?xml version="1.0"??>'), "Twice"),
        (titled("Unquoted").replace('version="2.0"', "version=2.0 rss:version=2.0"), "Unquoted"),
        (titled("Tail") + "<html><body>advertisement", "Tail"),
        (titled("Unclosed").partition("</item>")[0], "Unclosed"),
        (titled("x").replace("<title>x</title>", "<title><![CDATA[Cut"), None),
        (titled("Prefix").replace("<link>", "<nobody:knows>x</nobody:knows><link>"), "Prefix"),
        (titled("Comment").replace("<link>", "<!-- a -- b --><link>"), "Comment"),
        (titled("Capitals").replace("item>", "ITEM>").replace("title>", "TITLE>").replace("link>", "Link>"), "Capitals"),
        (titled("Own").replace("<rss ", "<rss xmlns='https://nobody.example/ns' "), "Own"),
        (titled("Mixed").replace("</title>", "</titel>", 1), "Mixed"),
    ],
)  # fmt: skip
def test_of_a_damaged_document_is_taken_what_can_be_taken(body: str, title: str | None) -> None:
    found = read(body).items
    assert [one.record.title for one in found] == ([title] if title else [])


def test_a_truncated_feed_gives_the_entries_before_the_cut() -> None:
    body = rss(*(item(number, "<description>Some words</description>") for number in range(1, 21))).encode()
    for end in range(len(body) // 2, len(body), 61):
        found = read(body[:end]).items
        assert [one.record.title for one in found[:5]] == [f"Title {number}" for number in range(1, 6)]


def test_entries_inside_each_other_are_entries() -> None:
    assert len(records(rss(item(1) + "<item>" + item(2) + "</item>"))) == 2


# ----------------------------------------------------------------------------------------- hostile


def test_entities_are_not_expanded() -> None:
    levels = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    bomb = titled("&l9; boom", f'<!DOCTYPE rss [<!ENTITY l0 "lol">{levels}]>')
    assert only(bomb).title == "&l9; boom"
    assert (
        only(titled("&a;b", '<!DOCTYPE rss [<!ENTITY a "<![CDATA[<rss>]]>">]>'.replace("<rss>", ""))).title
        == "&a;b"
    )


def test_files_and_servers_are_never_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("opensesame")
    for uri in (secret.as_uri(), "http://127.0.0.1:9/x"):
        doctype = (
            f'<!DOCTYPE rss SYSTEM "{uri}" [<!ENTITY x SYSTEM "{uri}"><!ENTITY % p SYSTEM "{uri}"> %p;]>'
        )
        assert "opensesame" not in repr(read(titled("Look &x;", doctype)))
        include = f"<xi:include xmlns:xi='http://www.w3.org/2001/XInclude' href='{uri}' parse='text'/>"
        assert "opensesame" not in repr(read(rss(item(1, f"<description>{include}</description>"))))


def much(size: int) -> int:
    """A quarter of it in the short form. What takes hours where the cost is quadratic then takes minutes, and fails as well."""
    return sized(size // 4, long=size)


HUGE = "word " * 1_800_000  # 9 MB
HOSTILE: dict[str, Callable[[], str]] = {
    "deep": lambda: "<rss>" + "<item>" * much(100_000),
    "deep markup": lambda: rss(item(1, f"<description>{'&lt;div&gt;' * much(100_000)}</description>")),
    "deep xhtml": lambda: atom(f"<title>T</title><link href='/1'/><content type='xhtml'>{'<b>' * much(100_000)}x"),
    "deep groups": lambda: rss(item(1, "<media:group>" * much(100_000))),
    "deep json": lambda: "[" * 100_000,
    "wide": lambda: "<rss>" + "<a/>" * much(2_000_000),
    "many attributes": lambda: "<rss><item " + " ".join(f'a{n}="1"' for n in range(much(600_000))) + "/></rss>",
    "many bases": lambda: atom("<title>T</title><link href='x'/>").replace("<entry>", "<e xml:base='a/'>" * 200 + "<entry>"),
    "huge title": lambda: titled(HUGE),
    "huge text": lambda: rss(item(1, f"<description>{HUGE}</description>")),
    "huge guid": lambda: rss(item(1, f"<guid>{HUGE}</guid>")),
    "huge date": lambda: rss(item(1, f"<pubDate>{HUGE}</pubDate>")),
    "huge image": lambda: rss(item(1, f"<description>&lt;img src='{HUGE}'></description>")),
    "only openings": lambda: "<rss>" + "<" * much(9_000_000),
    "only ampersands": lambda: "<rss>" + "&" * much(3_000_000),
    "comments": lambda: "<rss>" + "<!--" * much(1_000_000),
    "sections": lambda: "<rss>" + "<![CDATA[" * much(500_000),
    "questions": lambda: "<?" * much(2_000_000),
    "doctype": lambda: "<!DOCTYPE a [" + "<!ENTITY b 'c'>" * much(300_000),
    "spaces": lambda: " " * 9_000_000 + "<rss/>",
    "images": lambda: rss(item(1, f"<description>{'&lt;img ' * much(500_000)}</description>")),
    "slow parts of many": lambda: rss(
        *(item(n, f"<description>{'&lt;div&gt;&lt;x&gt;' * 400}</description>") for n in range(sized(150, long=999)))
    ),
    "endings": lambda: rss(item(1, f"<description>{'The post ' * 500} first appeared</description>")),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_documents_cost_bounded_time(name: str) -> None:
    body = HOSTILE[name]().encode()[:10_000_000]
    try:
        document = read(body)
    except NotAFeed as error:
        assert len(str(error)) < 200  # noqa: PT017 - both are right
        return
    for found in document.items:
        assert len(found.record.title) <= 300
        assert len(found.record.excerpt) <= 1000


def test_more_than_the_largest_feed_is_refused() -> None:
    with pytest.raises(NotAFeed, match="larger than 10 MB"):
        read(b"<rss>" + b" " * 10_000_000)


def test_a_body_that_is_still_compressed_is_refused() -> None:
    with pytest.raises(NotAFeed, match="compressed"):
        read(gzip.compress(rss(item()).encode()))


@examples(8)
@given(
    st.binary(max_size=300),
    st.sampled_from([b"", b"<rss>", b"<feed>", b"<rss><item>", b'{"version":', b"\xff\xfe"]),
)
def test_any_bytes_are_a_feed_or_none(data: bytes, start: bytes) -> None:
    try:
        read(start + data)
    except NotAFeed as error:
        assert str(error)  # noqa: PT017 - both are right


TEXTS = st.text(
    alphabet=st.characters(categories=("L", "N", "P", "Zs"), exclude_characters="<>&[]()…;"), max_size=40
)


@given(
    st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=5),
    st.booleans(),
    st.sampled_from(["utf-8", "utf-16"]),
)
def test_what_is_written_is_read(written: list[tuple[str, str]], cdata: bool, charset: str) -> None:
    opened, closed = ("<![CDATA[", "]]>") if cdata else ("", "")
    items = [
        f"<title>{opened}No {number} {title}{closed}</title><link>/{number}</link><guid>{number}</guid>"
        f"<description>{opened}Says {text}{closed}</description>"
        for number, (title, text) in enumerate(written)
    ]
    found = records(rss(*items).encode(charset))
    assert [record.url for record in found] == [
        f"https://news.example.com/{number}" for number in range(len(written))
    ]
    assert [record.title.split()[:2] for record in found] == [
        ["No", str(number)] for number in range(len(written))
    ]
    assert all(record.excerpt.startswith("Says") for record in found)


@needs_shared
def test_all_shared_feeds_are_read_or_refused() -> None:
    folder = SHARED / "feeds"
    read_well = 0
    for path in sorted(folder.rglob("*.xml"))[:: sized(4, long=1)]:
        try:
            document = read(path.read_bytes())
        except NotAFeed:
            continue
        read_well += 1
        assert all(found.record.title and found.record.key for found in document.items), path
        assert all(found.path == ORIGIN.url for found in document.items), path
    assert read_well > sized(350, long=1400)


def test_a_namespace_of_control_characters_is_one_that_nobody_knows() -> None:
    feed = atom("<title>T</title><link href='https://a.example/1'/>")
    assert only(feed.replace("/2005/Atom", "/2005/&#1;Atom")).title == "T"


def test_an_entry_of_enclosures_alone_is_read_in_time() -> None:
    links = "<link rel='enclosure' href='https://a.example/1.mp3'/>" * much(30_000)
    assert only(atom(f"<title>T</title>{links}")).url == "https://a.example/1.mp3"
