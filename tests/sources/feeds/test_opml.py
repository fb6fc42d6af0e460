"""Lists of feeds as feed readers exchange them."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.records.identity import canonical
from bot.domain.text.cleaning import repair
from bot.sources.feeds.opml import MAX_FEEDS, MAX_TITLE, Outline, read_opml, write_opml
from bot.sources.model import Rejected
from bot.sources.topic_files import MAX_NAME
from tests.form import sized


def opml(body: str) -> bytes:
    return f'<?xml version="1.0"?><opml version="2.0"><head/><body>{body}</body></opml>'.encode()


def read(body: str) -> list[Outline]:
    outlines, rejected = read_opml(opml(body))
    assert rejected == ()
    return list(outlines)


# -------------------------------------------------------------------------------------- reading


def test_a_list_of_a_feed_reader() -> None:
    data = b"""<?xml version="1.0" encoding="UTF-8"?>
        <!-- exported -->
        <opml version="1.0">
          <head><title>Subscriptions</title></head>
          <body>
            <outline text="AI" title="AI">
              <outline text="Computer Vision">
                <outline type="rss" text="Pixels" title="Pixels &amp; more" xmlUrl="https://pixels.example/feed"
                         htmlUrl="https://pixels.example/"/>
              </outline>
              <outline type="rss" text="Models" xmlUrl="https://models.example/rss" category="Research,/Tech/AI"/>
            </outline>
            <outline type="rss" xmlUrl="https://plain.example/atom.xml"/>
            <outline text="a note without a feed"/>
          </body>
        </opml>"""
    assert read_opml(data) == (
        (
            Outline("https://pixels.example/feed", "Pixels & more", ("AI", "Computer Vision")),
            Outline("https://models.example/rss", "Models", ("AI", "Research", "Tech")),
            Outline("https://plain.example/atom.xml"),
        ),
        (),
    )


def test_odd_names_of_attributes_and_elements() -> None:
    for name in ("xmlUrl", "xmlurl", "XMLURL", "xmlURL"):
        assert read(f'<outline {name}="https://a.example/" Text="A"/>') == [
            Outline("https://a.example/", "A")
        ]
    odd = b'<o:OPML xmlns:o="urn:x"><o:Body><o:Outline xmlUrl="https://a.example/"/></o:Body></o:OPML>'
    assert read_opml(odd)[0] == (Outline("https://a.example/"),)


def test_addresses_as_they_occur() -> None:
    body = (
        '<outline xmlUrl=" https://a.example/?x=1&amp;y=2 "/>'
        '<outline xmlUrl="https://b.example/?x=1&y=2&nbsp=3"/>'
        '<outline text="Tom &#38; Jerry &eacute;t&eacute;" xmlUrl="feed://c.example/rss"/>'
        '<outline xmlUrl="feed:https://d.example/rss"/>'
        '<outline xmlUrl="FEED://http://e.example/rss"/>'
        '<outline xmlUrl="https://me.example/feed" text="https://me.example/feed"/>'
    )
    assert read(body) == [
        Outline("https://a.example/?x=1&y=2"),
        Outline("https://b.example/?x=1&y=2&nbsp=3"),
        Outline("http://c.example/rss", "Tom & Jerry été"),
        Outline("https://d.example/rss"),
        Outline("http://e.example/rss"),
        Outline("https://me.example/feed"),
    ]


def test_a_feed_in_several_folders_is_one() -> None:
    body = (
        '<outline text="AI"><outline text="First" xmlUrl="https://a.example/feed"/></outline>'
        '<outline text="Tools"><outline text="Second" xmlUrl="http://www.a.example/feed/"/></outline>'
        '<outline text="ai"><outline xmlUrl="https://a.example/feed"/></outline>'
    )
    assert read(body) == [Outline("https://a.example/feed", "First", ("AI", "Tools"))]


def test_bad_addresses_are_told_with_their_position() -> None:
    outlines, rejected = read_opml(
        opml(
            '<outline text="X" xmlUrl="file:///etc/passwd"/>'
            '<outline xmlUrl="https://a.example/"/>'
            '<outline xmlUrl=""/>'
            '<outline text="P" xmlUrl="https://me:secret@b.example/"/>'
        )
    )
    assert [outline.url for outline in outlines] == ["https://a.example/"]
    assert rejected == (
        Rejected("opml", 1, "the address of 'X': not an http or https address"),
        Rejected("opml", 3, "the address: not an http or https address"),
        Rejected("opml", 4, "the address of 'P': contains a user name or password"),
    )


def test_encodings() -> None:
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "iso-8859-2", "windows-1250"):
        declared = encoding.removesuffix("-sig")
        text = f'<?xml version="1.0" encoding="{declared}"?><opml><body><outline text="Žluť" xmlUrl="https://a.example/"/></body></opml>'
        assert read_opml(text.encode(encoding))[0] == (Outline("https://a.example/", "Žluť"),)
    assert read_opml(b"\n \n" + opml(""))[0] == ()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the file is empty"),
        (b" \n", "the file is empty"),
        (b"junk", "not valid XML at line 1: syntax error"),
        (b"\x00\x01\x02", "not valid XML at line 1"),
        (b"{}", "not valid XML at line 1"),
        (b"<rss version='2.0'><channel/></rss>", "not an OPML file: the root element is <rss>, not <opml>"),
        (b"<html><body></html>", "not an OPML file: the root element is <html>, not <opml>"),
        (b"<opml>\n<body>\n<outline", "not valid XML at line 3: unclosed token"),
        (b"<opml><body></opml>", "not valid XML at line 1: mismatched tag"),
        (b"<opml><body>" + b"<outline text='a'>" * 60, "its folders are nested too deeply"),
        (b"<opml>" + b" " * 6_000_000 + b"</opml>", "more than 5 MB"),
    ],
)
def test_what_is_no_list_is_refused_in_words(data: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match="^" + reason.replace("(", r"\(")):
        read_opml(data)


ENTITIES = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))


@pytest.mark.parametrize(
    "doctype",
    [
        "<!DOCTYPE opml>",
        '<!DOCTYPE opml SYSTEM "file:///etc/passwd">',
        '<!DOCTYPE opml [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE opml [<!ENTITY % a SYSTEM "http://127.0.0.1:9/"> %a;]>',
        f'<!DOCTYPE opml [<!ENTITY a0 "aaaaaaaaaa">{ENTITIES}]>',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_dtd_is_refused(doctype: str, encoding: str) -> None:
    data = f'<?xml version="1.0" encoding="{encoding}"?>{doctype}<opml><body><outline text="&a11;"/></body></opml>'
    with pytest.raises(ValueError, match="it has a DTD"):
        read_opml(data.encode(encoding))


def test_the_number_of_feeds_is_bounded() -> None:
    body = "".join(f'<outline xmlUrl="https://a.example/{n}"/>' for n in range(MAX_FEEDS + 5))
    outlines, rejected = read_opml(opml(body))
    assert len(outlines) == MAX_FEEDS
    assert rejected == (Rejected("opml", MAX_FEEDS + 1, "more than 2,000 feeds; the rest is ignored"),)


@pytest.mark.parametrize(
    "body",
    [
        "<x/>" * sized(250_000, long=1_000_000),
        "<outline " + "a='&#38;' " * 100_000 + "/>",
        "<outline xmlUrl='x'/>" * sized(50_000, long=200_000),
        "&" * 900_000,
    ],
)
def test_a_huge_file_costs_little(body: str) -> None:
    # The bound is the test's timeout: where the cost is quadratic, these take hours.
    with suppress(ValueError):
        read_opml(opml(body))


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for whole in (data, b"<opml><body>" + data + b"</body></opml>"):
        with suppress(ValueError):
            read_opml(whole)


# -------------------------------------------------------------------------------------- writing


def test_a_list_is_written() -> None:
    outlines = [
        Outline(
            "https://b.example/feed?a=1&b=2", 'B "quoted" <b>', ("AI", "CI/CD", "One, two", "/x", "100%")
        ),
        Outline("https://z.example/feed"),
        Outline("https://a.example/feed", "A", ("AI",)),
        Outline("https://c.example/feed", "C", ("agents",)),
    ]
    text = write_opml(outlines, "Followed by Tom & Jerry")
    assert (
        text
        == """\
<?xml version="1.0" encoding="UTF-8"?>
<opml version="2.0">
  <head><title>Followed by Tom &amp; Jerry</title></head>
  <body>
    <outline type="rss" text="https://z.example/feed" title="https://z.example/feed" xmlUrl="https://z.example/feed"/>
    <outline text="agents" title="agents">
      <outline type="rss" text="C" title="C" xmlUrl="https://c.example/feed"/>
    </outline>
    <outline text="AI" title="AI">
      <outline type="rss" text="A" title="A" xmlUrl="https://a.example/feed"/>
      <outline type="rss" text="B &quot;quoted&quot; &lt;b&gt;" title="B &quot;quoted&quot; &lt;b&gt;" xmlUrl="https://b.example/feed?a=1&amp;b=2" category="CI/CD,One%2C two,%2Fx,100%25"/>
    </outline>
  </body>
</opml>
"""
    )
    assert write_opml(reversed(outlines), "Followed by Tom & Jerry") == text
    read_back, rejected = read_opml(text.encode())
    assert (sorted(read_back, key=str), rejected) == (sorted(outlines, key=str), ())


def test_an_empty_list() -> None:
    assert read_opml(write_opml([], "").encode()) == ((), ())


def test_what_xml_cannot_hold_is_left_out() -> None:
    text = write_opml([Outline("https://a.example/", "a\x00b\x1b\ud800c\n\td", ("x\x00y",))], "\x00")
    assert read_opml(text.encode()) == ((Outline("https://a.example/", "abc d", ("xy",)),), ())


def names(limit: int) -> st.SearchStrategy[str]:
    """Texts as they come out of reading."""
    return st.text(max_size=40).map(lambda text: repair(text, limit))


ADDRESSES = st.builds(
    lambda host, path, query: f"https://{host}.example/{path}?{query}",
    st.from_regex("[a-z]{1,8}", fullmatch=True),
    st.from_regex("[a-z0-9/._~'()*!$-]{0,12}", fullmatch=True),
    st.from_regex("[a-z]=[a-z0-9%20&;+]{0,9}", fullmatch=True),
)
OUTLINES = st.builds(
    Outline,
    ADDRESSES,
    names(MAX_TITLE),
    st.lists(names(MAX_NAME).filter(bool), max_size=4, unique_by=str.casefold).map(tuple),
)


@given(st.lists(OUTLINES, max_size=8, unique_by=lambda outline: canonical(outline.url)), st.text(max_size=30))
def test_what_is_written_is_read_again(outlines: list[Outline], title: str) -> None:
    text = write_opml(outlines, title)
    assert text.endswith("</opml>\n")
    read_back, rejected = read_opml(text.encode())
    assert rejected == ()
    # Folders whose names differ in case alone become one.
    assert {o.url: (o.title, tuple(map(str.casefold, o.topics))) for o in read_back} == {
        o.url: (o.title, tuple(map(str.casefold, o.topics))) for o in outlines
    }
    assert write_opml(read_back, title) == text
