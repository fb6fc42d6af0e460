"""Every format and extension gives the records that its author meant."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.model import Outlet
from bot.sources.feeds.parse import MAX_ITEMS, FeedSpec, NotAFeed
from tests.sources.feeds.writing import HEAD, URL, atom, item, only, read, records, rss

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def test_rss() -> None:
    record = only(
        rss(
            "<title>Ferry stopped</title><link>https://news.example.com/ferry?utm_source=rss</link>"
            "<description>&lt;p&gt;It did not &lt;b&gt;sail&lt;/b&gt;.&lt;/p&gt;</description><category>Sea</category>"
            "<guid isPermaLink='false'>f1</guid><pubDate>Mon, 02 Mar 2026 13:00:00 +0100</pubDate>"
        ),
        FeedSpec(URL, topics=("Shipping",), quality=55),
    )
    assert record.key == "https://news.example.com/ferry"
    assert record.url == "https://news.example.com/ferry?utm_source=rss"
    assert (record.title, record.excerpt) == ("Ferry stopped", "It did not sail.")
    assert record.outlet == Outlet("The News", "example.com")
    assert record.published == NOON
    assert (record.topics, record.quality, record.type) == (("Shipping",), 55, "article")


def test_atom() -> None:
    record = only(
        atom(
            "<title type='html'>Wind &amp;amp; waves</title><id>tag:x,1</id><updated>2026-03-02T13:00:00Z</updated>"
            "<published>2026-03-02T12:00:00Z</published><link rel='self' href='/self'/>"
            "<link rel='alternate' href='/wind'/><summary>In short</summary>"
            "<content type='xhtml'><div xmlns='http://www.w3.org/1999/xhtml'><p>At length</p></div></content>"
        )
    )
    assert (record.title, record.excerpt, record.published) == ("Wind & waves", "In short", NOON)
    assert record.url == "https://news.example.com/wind"


def test_atom_03() -> None:
    record = only(
        '<feed version="0.3" xmlns="http://purl.org/atom/ns#"><title>T</title><entry><title>Old</title>'
        '<link rel="alternate" type="text/html" href="http://old.example/1"/><issued>2026-03-02T12:00:00Z</issued>'
        '<content type="text/html" mode="base64">PHA+SGVsbG88L3A+</content></entry></feed>'
    )
    assert (record.title, record.excerpt, record.published) == ("Old", "Hello", NOON)


def test_rdf() -> None:
    record = only(
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/"><channel rdf:about="https://a.example/"><title>A</title></channel>'
        '<item rdf:about="https://a.example/1"><title>One</title><dc:date>2026-03-02T12:00:00Z</dc:date></item></rdf:RDF>'
    )
    assert (record.url, record.published, record.title) == ("https://a.example/1", NOON, "One")


def test_cdf() -> None:
    record = only(
        '<CHANNEL HREF="https://a.example/"><TITLE>A</TITLE><ITEM HREF="https://a.example/1" '
        'LASTMOD="2026-03-02T12:00:00Z"><TITLE>One</TITLE><ABSTRACT>Said briefly</ABSTRACT></ITEM></CHANNEL>'
    )
    assert (record.url, record.title, record.excerpt, record.published) == (
        "https://a.example/1", "One", "Said briefly", NOON,
    )  # fmt: skip


def test_json_feed() -> None:
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": "A",
        "home_page_url": "https://a.example/",
        "language": "de",
        "items": [
            {"id": 7, "url": "/1", "title": "One", "content_html": "<p>Text</p>", "date_published": "2026-03-02T12:00:00Z",
             "image": "/one.png"},
            {"id": "https://a.example/2", "content_text": "Only a few words"},
            "no item",
        ],
    }  # fmt: skip
    document = read(json.dumps(feed), FeedSpec("https://a.example/feed.json"))
    one, two = (found.record for found in document.items)
    assert (one.url, one.title, one.excerpt, one.published, one.language) == (
        "https://a.example/1", "One", "Text", NOON, "de",
    )  # fmt: skip
    assert one.image is not None
    assert one.image.url == "https://a.example/one.png"
    assert (two.key, two.title, two.excerpt) == ("https://a.example/2", "Only a few words", "")
    assert [(bad.item, bad.reason) for bad in document.rejected] == [(3, "expected a mapping of fields")]


def test_a_podcast_without_pages_links_to_its_files() -> None:
    record = only(rss("<title>Episode</title><enclosure url='https://a.example/1.mp3' type='audio/mpeg'/>"))
    assert (record.url, record.type) == ("https://a.example/1.mp3", "podcast")


@pytest.mark.parametrize(
    "extra",
    [
        "<enclosure url='https://a.example/1.mp4' type='video/mp4'/>",
        "<media:content url='https://a.example/1.mp4' medium='video'/>",
        "<media:group><media:content url='https://a.example/1' type='video/mp4'/></media:group>",
    ],
)
def test_an_entry_whose_main_medium_is_a_video_is_one(extra: str) -> None:
    assert only(rss(item(extra=extra))).type == "video"


@pytest.mark.parametrize(
    ("extra", "kind"),
    [
        ("<enclosure url='https://a.example/1.mp3' type='audio/mpeg'/>", "podcast"),
        ("<media:content url='https://a.example/1' medium='audio'/>", "podcast"),
        (
            "<media:content url='https://a.example/1.jpg' medium='image'/>"
            "<enclosure url='https://a.example/1.mp3' type='audio/mpeg'/>",
            "article",  # read aloud
        ),
    ],
)
def test_an_entry_whose_main_medium_is_a_sound_is_an_episode_of_a_podcast(extra: str, kind: str) -> None:
    assert only(rss(item(extra=extra))).type == kind


def test_a_page_of_a_video_site_is_a_video() -> None:
    first = "<title>Seen</title><link rel='alternate' href='https://www.youtube.com/watch?v=abcdefghijk'/>"
    assert only(atom(first)).type == "video"


def test_a_feeds_own_words() -> None:
    document = read(
        rss(
            item(),
            head=f"{HEAD}<language>en_GB</language><ttl>60</ttl><skipHours><hour>0</hour><hour>24</hour><hour>7</hour>"
            "<hour>x</hour></skipHours><skipDays><day>Sunday</day><day>Noday</day></skipDays>",
        )
    )
    assert (document.title, document.link, document.language) == (
        "The News",
        "https://news.example.com/",
        "en-GB",
    )
    assert document.ttl == timedelta(hours=1)
    assert document.skip_hours == frozenset({0, 7})
    assert document.skip_days == frozenset({6})


@pytest.mark.parametrize(
    ("said", "taken"),
    [
        ("<ttl>1</ttl>", timedelta(minutes=5)),
        ("<ttl>99999</ttl>", timedelta(days=1)),
        ("<ttl>0</ttl>", None),
        ("<ttl>soon</ttl>", None),
        (
            "<sy:updatePeriod>hourly</sy:updatePeriod><sy:updateFrequency>2</sy:updateFrequency>",
            timedelta(minutes=30),
        ),
        ("<sy:updatePeriod>yearly</sy:updatePeriod>", timedelta(days=1)),
    ],
)
def test_how_long_a_feed_stays_is_within_bounds(said: str, taken: timedelta | None) -> None:
    assert read(rss(item(), head=HEAD + said)).ttl == taken


def test_language_is_the_entrys_else_the_feeds_else_the_users() -> None:
    both = rss(item(extra="<dc:language>fr</dc:language>"), head=f"{HEAD}<language>de</language>")
    assert only(both).language == "fr"
    assert only(rss(item(), head=f"{HEAD}<language>de</language>")).language == "de"
    assert only(rss(item()), FeedSpec(URL, language="it")).language == "it"
    assert only(rss(item(), head=f"{HEAD}<language>not a language</language>")).language == ""
    entry = "<title>T</title><link href='/1'/>"
    assert only(atom(entry).replace("<feed ", "<feed xml:lang='pt-BR' ")).language == "pt-BR"


def test_an_entry_without_a_title_is_called_by_its_first_words() -> None:
    record = only(rss("<link>https://a.example/1</link><description>Just said.</description>"))
    assert (record.title, record.excerpt) == ("Just said.", "")
    longer = "word " * 60
    record = only(rss(f"<link>https://a.example/1</link><description>{longer}</description>"))
    assert record.title.endswith("…")
    assert len(record.title) <= 100
    assert record.excerpt == longer.strip()


def test_what_is_no_record_is_rejected_with_a_reason() -> None:
    document = read(
        rss(
            "<title>No link</title>",
            "<guid/>",
            "<title>Unsafe</title><link>javascript:alert(1)</link>",
            item(4),
            item(4),
        )
    )
    assert [(bad.item, bad.reason) for bad in document.rejected] == [
        (1, "no link"),
        (2, "no link"),
        (3, "link: not an http or https address"),
        (5, "the same as entry 4"),
    ]
    assert [(found.path, found.item) for found in document.items] == [(URL, 4)]


def test_only_so_many_entries_are_read() -> None:
    document = read(rss(*(item(number) for number in range(MAX_ITEMS + 5))))
    assert len(document.items) == MAX_ITEMS
    assert [bad.reason for bad in document.rejected] == ["only 1,000 of the feed's 1,005 entries are read"]


def test_a_feed_without_entries_is_a_feed() -> None:
    assert records(rss()) == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "the document is empty"),
        (b"  \n", "the document is empty"),
        (b"<!DOCTYPE html><html><head><title>x</title></head></html>", "a web page, not a feed"),
        (b"<!-- hi --><HTML><body>", "a web page, not a feed"),
        (b"<!doctype html>\n<p>Hello", "a web page, not a feed"),
        (b"<opml version='2.0'/>", "a list of feeds (OPML), not a feed"),
        (b"<?xml version='1.0'?><urlset/>", "a sitemap, not a feed"),
        (b"<note>x</note>", "XML or HTML, but not in a supported feed format"),
        (b"just words", "neither XML nor JSON"),
        (b"\x1f\x8b\x08\x00abc", "compressed data, not a feed"),
        (b'{"a": 1}', "JSON, but not a JSON Feed"),
        (
            b'{"items": []}',
            "JSON, but not a JSON Feed: its version should be https://jsonfeed.org/version/1.1",
        ),
        (b"[1, 2]", "JSON, but not a JSON Feed"),
    ],
)
def test_what_is_no_feed_is_said_to_be_none(body: bytes, reason: str) -> None:
    with pytest.raises(NotAFeed) as raised:
        read(body)
    assert str(raised.value) == reason
