"""Feeds that are broken by nature: tags that nobody closes, namespaces of their own, JSON of templates, bombs."""

from __future__ import annotations

import resource

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sources.feeds.nesting import close_tags
from bot.sources.feeds.parse import NotAFeed
from bot.sources.feeds.xml import parse_root
from tests.sources.feeds.writing import HEAD, item, only, read, records, rss

LINK = "<link>https://a.example/1</link>"
DATE = "<pubDate>Mon, 02 Mar 2026 12:00:00 GMT</pubDate>"

# ------------------------------------------------------------------------------------------- nesting


@pytest.mark.parametrize(
    "inside",
    [
        f"<title>Lamp</title><description><p>New.<br>Bright <img src='/a.png'></p></description>{LINK}{DATE}",
        f"<title>Lamp</title><description><p>New.<p>Bright</description>{LINK}{DATE}",
        f"<title>Lamp</title><description><ul><li>New<li>Bright</ul></description>{LINK}{DATE}",
        f"<title>Lamp</title><description><b><i>New</b></i> Bright</description>{LINK}{DATE}",
        f"<enclosure url='https://a.example/1.mp3' type='audio/mpeg'><title>Lamp</title>{LINK}{DATE}",
        f"<media:thumbnail url='https://a.example/1.png'><title>Lamp</title>{LINK}{DATE}",
        f"<title>Lamp<link>https://a.example/1<description>New. Bright{DATE}",
        f"<title>Lamp</title>{LINK}<description>New. Bright</div></span></description>{DATE}",
        f"<title>Lamp</TITLE>{LINK}<author><name>Ann</author>{DATE}",
        f"<title>Lamp</title><media:group><media:content url='/a.png' medium='image'>{LINK}{DATE}",
        f"<title>Lamp</title><description><a title='a > b' href=/x>New<hr></description>{LINK}{DATE}",
    ],
)
def test_an_open_tag_does_not_swallow_the_rest_of_its_item(inside: str) -> None:
    first, second = records(rss(inside, item(2)))
    assert (first.title, first.url) == ("Lamp", "https://a.example/1")
    assert first.published is not None
    assert "GMT" not in first.excerpt
    assert "https" not in first.excerpt
    assert second.url == "https://news.example.com/2"


def test_an_item_that_is_not_closed_ends_where_the_next_begins() -> None:
    body = rss(item(1), item(2), item(3)).replace("</item>", "", 2)
    assert [record.title for record in records(body)] == ["Title 1", "Title 2", "Title 3"]


@pytest.mark.parametrize(
    "text",
    [
        rss(item(1, "<description><![CDATA[<p>One<br>]]></description><!-- <p> -->")),
        "<feed><entry><source><title>Other</title></source><title>T</title></entry></feed>",
        "<feed><entry><content><div><summary>S</summary></div></content></entry></feed>",
        "<rss><channel><image><title>I</title><link>x</link></image></channel></rss>",
    ],
)
def test_what_is_nested_stays_as_it_is(text: str) -> None:
    assert close_tags(text) == text


TAGS = st.sampled_from(
    ["<item>", "</item>", "<title>", "</title>", "<link>", "</link>", "<b>", "</b>", "<p>", "<br>", "<img src='x'>", "<image>",
     "</image>", "<media:group>", "</media:group>", "<media:content>", "<enclosure url='x'>", "words", "<![CDATA[<b>]]>", "<!-- <p> -->"]
)  # fmt: skip


@given(st.lists(TAGS, max_size=30).map("".join))
def test_tags_in_any_order_become_nested_ones(inside: str) -> None:
    text = close_tags(f"<rss xmlns:media='m'><channel>{inside}")
    assert close_tags(text) == text
    assert parse_root(text) is not None


# ---------------------------------------------------------------------------------------- namespaces


@pytest.mark.parametrize(
    ("spelled", "meant"),
    [
        ("https://search.yahoo.com/mrss/", "http://search.yahoo.com/mrss/"),
        ("http://www.search.yahoo.com/MRSS", "http://search.yahoo.com/mrss/"),
        ("http://www.rssboard.org/media-rss", "http://search.yahoo.com/mrss/"),
        ("urn:whatever", "http://search.yahoo.com/mrss/"),
        ("https://purl.org/dc/elements/1.1", "http://purl.org/dc/elements/1.1/"),
        (" http://purl.org/dc/elements/1.1/ ", "http://purl.org/dc/elements/1.1/"),
        ("//purl.org/rss/1.0/modules/content", "http://purl.org/rss/1.0/modules/content/"),
    ],
)
def test_a_namespace_is_known_however_it_is_spelled(spelled: str, meant: str) -> None:
    extra = (
        "<dc:date>2026-03-02T12:00:00Z</dc:date><content:encoded>Bright</content:encoded>"
        "<media:content url='https://a.example/1.png' medium='image'/>"
    )
    record = only(rss(item(1, extra)).replace(meant, spelled))
    assert record.published is not None
    assert record.excerpt == "Bright"
    assert record.image is not None


def test_rdf_is_known_by_its_attributes_too() -> None:
    body = (
        '<rdf:RDF xmlns:rdf="https://www.w3.org/1999/02/22-rdf-syntax-ns" xmlns="https://purl.org/rss/1.0">'
        '<item rdf:about="https://a.example/1"><title>Lamp</title></item></rdf:RDF>'
    )
    assert only(body).url == "https://a.example/1"


@pytest.mark.parametrize("element", ["<rss ", "<channel>", "<item>"])
def test_an_unknown_namespace_of_the_feeds_elements_is_the_formats(element: str) -> None:
    body = rss(item(1)).replace(
        element, f"{element.rstrip('> ')} xmlns='https://cms.example/rss'{element[-1]}"
    )
    assert only(body).title == "Title 1"


def test_an_unknown_namespace_of_something_else_is_not() -> None:
    foreign = "<x:title xmlns:x='urn:x'>No</x:title><svg xmlns='urn:svg'><title>No</title></svg>"
    assert [record.title for record in records(rss(f"{foreign}{item(1)}"))] == ["Title 1"]


# ---------------------------------------------------------------------------------------------- JSON


@pytest.mark.parametrize(
    ("written", "title"),
    [
        ('"Two\nlines\tand a tab"', "Two lines and a tab"),
        ('"A lamp",', "A lamp"),
        ('"A lamp", "tags": ["a", "b",]', "A lamp"),
        (r'"Ann\'s lamp"', "Ann\\'s lamp"),
        (r'"100 \% brighter, ]"', "100 \\% brighter, ]"),
    ],
)
def test_json_of_templates_is_read(written: str, title: str) -> None:
    body = f'{{"version": "https://jsonfeed.org/version/1.1", "items": [{{"id": "https://a.example/1", "title": {written}}},]}}'
    assert only(body).title == title


def test_json_that_is_damaged_otherwise_is_refused_at_its_place() -> None:
    with pytest.raises(NotAFeed, match="not valid JSON at column 57"):
        read('{"version": "https://jsonfeed.org/version/1.1", "items" [')


def test_a_date_in_json_may_be_a_number() -> None:
    body = (
        '{"version": "https://jsonfeed.org/version/1.1", "items": [{"id": "https://a.example/1", "title": "T", '
        '"date_published": 1772452800.5}]}'
    )
    assert only(body).published is not None


# --------------------------------------------------------------------------------------------- bombs


@pytest.mark.parametrize("field", ["description", "content:encoded", "title", "media:group"])
def test_items_inside_each_other_cost_no_more_than_their_text(field: str) -> None:
    depth, size = 124, 5_000_000
    head = "".join(f"<item><title>T{n}</title><link>/{n}</link><{field}>" for n in range(depth))
    inside = f"{head}<b>{'a' * size}</b>{f'</{field}></item>' * depth}"
    body = rss().replace("</channel>", f"{inside}</channel>")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    document = read(body)
    assert len(document.items) + len(document.rejected) == depth
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # KB


def test_a_text_beyond_what_is_looked_at_is_not_kept() -> None:
    record = only(rss(item(1, f"<description><b>{'word ' * 1_000_000}</b></description>")))
    assert record.excerpt.startswith("word word")


def test_bases_inside_each_other_stay_short() -> None:
    bases = [f"<x xml:base='{'a' * 1_500}/'>" for _ in range(200)]
    body = f"<feed xmlns='http://www.w3.org/2005/Atom'><title>T</title>{''.join(bases)}<entry><title>T</title><link href='/1'/></entry>"
    assert only(body).url == "https://news.example.com/1"


def test_the_words_of_a_page_beside_a_feed_stay_out() -> None:
    assert read(rss(item(1), head=HEAD) + "<p>advertisement").items[0].record.excerpt == ""
