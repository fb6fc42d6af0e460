"""Where an entry is: addresses as they are written, what they are relative to, and what stands in for a page."""

from __future__ import annotations

import json

import pytest

from bot.domain.model import Record
from bot.sources.feeds.links import resolve
from bot.sources.feeds.parse import FeedSpec
from bot.sources.feeds.wrappers import unwrap
from bot.sources.records import parse as parse_records
from tests.sources.feeds.writing import URL, atom, item, only, read, rss

SITE = "https://www.lanternpost.example/"
ELSEWHERE = FeedSpec("https://feeds.hosting.example/lantern.xml")
OF_THE_SITE = f"<title>Lantern Post</title><link>{SITE}</link>"


def json_feed(entry: dict[str, object], **fields: object) -> str:
    """A JSON Feed with one entry."""
    return json.dumps(
        {"version": "https://jsonfeed.org/version/1.1", "title": "L", "items": [entry], **fields}
    )


def picture(record: Record) -> str:
    """The address of a record's picture."""
    assert record.image is not None
    return record.image.url


# ------------------------------------------------------------------------------------------ spelling


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("/lamp", "https://www.lanternpost.example/lamp"),
        ("2026/lamp", "https://www.lanternpost.example/news/2026/lamp"),
        ("//cdn.example/lamp", "https://cdn.example/lamp"),
        ("www.lanternpost.example/lamp", "https://www.lanternpost.example/lamp"),
        ("lanternpost.example/lamp", "https://lanternpost.example/lamp"),
        ("blog.lanternpost.example/lamp", "https://blog.lanternpost.example/lamp"),
        ("www.elsewhere.example/lamp", "https://www.elsewhere.example/lamp"),
        ("notlanternpost.example/lamp", "https://www.lanternpost.example/news/notlanternpost.example/lamp"),
        ("lamp.html", "https://www.lanternpost.example/news/lamp.html"),
        ("http:/www.lanternpost.example/lamp", "http://www.lanternpost.example/lamp"),
        ("https//www.lanternpost.example/lamp", "https://www.lanternpost.example/lamp"),
        ("http://https://www.lanternpost.example/lamp", "https://www.lanternpost.example/lamp"),
        ("https:\\\\www.lanternpost.example/lamp", "https://www.lanternpost.example/lamp"),
        ("https://a.example/?p=1&amp;q=2", "https://a.example/?p=1&q=2"),
        ("https://a.example/?p=1&amp;amp;q=2&#038;r=3", "https://a.example/?p=1&q=2&r=3"),
        ("https://a.example/\n   lamp", "https://a.example/lamp"),
        ("<![CDATA[https://a.example/lamp]]>", "https://a.example/lamp"),
        ("https://a.example/?u=http://b.example/", "https://a.example/?u=http://b.example/"),
        ("magnet:?xt=1", "magnet:?xt=1"),
    ],
)
def test_an_address_is_made_absolute_as_it_is_meant(written: str, meant: str) -> None:
    assert resolve(written, f"{SITE}news/") == meant
    assert resolve(meant, f"{SITE}news/") == meant


def test_addresses_of_records_are_shown_as_they_are_meant() -> None:
    line = b'{"title": "T", "webUrl": "https://a.example/?p=1&amp;q=2", "images": ["https://a.example/i?a=1&amp;b=2"]}'
    (found,) = parse_records(line, "a.jsonl").items
    assert found.record.url == "https://a.example/?p=1&q=2"
    assert picture(found.record) == "https://a.example/i?a=1&b=2"


# ---------------------------------------------------------------------------------------------- bases


def test_links_are_relative_to_the_site() -> None:
    body = rss("<title>T</title><link>/lamp</link>", head=OF_THE_SITE)
    assert only(body, ELSEWHERE).url == f"{SITE}lamp"
    assert (
        only(json_feed({"id": "1", "url": "lamp", "title": "T"}, home_page_url=SITE), ELSEWHERE).url
        == f"{SITE}lamp"
    )
    entry = atom("<title>T</title><link href='/lamp'/>", head=f"<title>L</title><link href='{SITE}'/>")
    assert only(entry, ELSEWHERE).url == f"{SITE}lamp"


def test_a_declared_base_goes_before_the_site() -> None:
    body = rss("<title>T</title><link>lamp</link>", head=OF_THE_SITE)
    assert (
        only(body.replace("<item>", "<item xml:base='https://b.example/x/'>"), ELSEWHERE).url
        == "https://b.example/x/lamp"
    )


def test_pictures_in_a_text_are_relative_to_the_article() -> None:
    text = "<title>T</title><link>{}</link><description>&lt;img src='lamp.jpg'></description>"
    own = only(rss(text.format(f"{SITE}2026/lamp/"), head=OF_THE_SITE), ELSEWHERE)
    assert picture(own) == f"{SITE}2026/lamp/lamp.jpg"
    linked = only(rss(text.format("https://other.example/a/"), head=OF_THE_SITE), ELSEWHERE)
    assert picture(linked) == f"{SITE}lamp.jpg"


# ------------------------------------------------------------------------------------------- wrappers

PAGE = "https://harbour.example/lamp?id=3"
ESCAPED = "https%3A%2F%2Fharbour.example%2Flamp%3Fid%3D3"


@pytest.mark.parametrize(
    "wrapper",
    [
        f"https://www.google.com/url?rct=j&sa=t&url={ESCAPED}&ct=ga&usg=x",
        f"https://www.google.co.uk/url?q={ESCAPED}",
        f"https://www.bing.com/news/apiclick.aspx?ref=x&url={ESCAPED}&c=1",
        f"https://l.facebook.com/l.php?u={ESCAPED}&h=x",
        f"https://www.youtube.com/redirect?q={ESCAPED}",
        f"https://eur01.safelinks.protection.outlook.com/?url={ESCAPED}&data=x",
        f"https://www.google.com/url?url=https%3A%2F%2Fl.instagram.com%2F%3Fu%3D{ESCAPED.replace('%', '%25')}",
    ],
)
def test_a_wrapper_stands_for_its_target(wrapper: str) -> None:
    assert unwrap(wrapper) == PAGE
    record = only(rss(f"<title>T</title><link><![CDATA[{wrapper}]]></link>"))
    assert (record.key, record.url, record.outlet.domain) == (PAGE, PAGE, "harbour.example")


@pytest.mark.parametrize(
    "url",
    [
        f"https://www.google.com.evil.example/url?url={ESCAPED}",
        f"https://evilgoogle.com/url?url={ESCAPED}",
        f"https://www.google.com@evil.example/url?url={ESCAPED}",
        f"https://www.google.com/urls?url={ESCAPED}",
        f"https://evilsafelinks.protection.outlook.com/?url={ESCAPED}",
        "https://www.google.com/url?url=javascript:alert(1)",
        "https://www.google.com/url?url=http://127.0.0.1/x",
        "https://www.google.com/url?url=http://[::1]/x",
        "https://www.google.com/url?url=http://2130706433/x",
        "https://www.google.com/url?url=http://router.local/x",
        "https://www.google.com/url?url=http://localhost/x",
        "https://www.google.com/url?url=https://user:password@harbour.example/",
        "https://www.google.com/url?url=https://harbour.example:8443/",
        "https://www.google.com/url?url=",
        "https://www.google.com/url?" + "a=1&" * 100 + f"url={ESCAPED}",
    ],
)
def test_what_is_no_wrapper_or_carries_no_public_page_stays(url: str) -> None:
    assert unwrap(url) == url


# ------------------------------------------------------------------------------ entries without a page


@pytest.mark.parametrize(
    ("inside", "url"),
    [
        ("<link>magnet:?xt=1</link><guid>https://a.example/7</guid>", "https://a.example/7"),
        ("<link>gemini://a.example/7</link><atom:link href='https://a.example/7'/>", "https://a.example/7"),
        ("<link>http://</link><guid isPermaLink='true'>https://a.example/7</guid>", "https://a.example/7"),
        ("<link/>https://a.example/7<pubDate/>", "https://a.example/7"),
        ("<guid isPermaLink='true'>/7</guid>", "https://news.example.com/7"),
        ("<enclosure url='https://a.example/7.mp3' type='audio/mpeg'/>", "https://a.example/7.mp3"),
        ("<enclosure url='https://a.example/7.jpg' type='image/jpeg'/>", "https://a.example/7.jpg"),
        ("<media:content url='https://a.example/7.mp4' type='video/mp4'/>", "https://a.example/7.mp4"),
        ("<guid isPermaLink='false'>seven</guid>", "https://news.example.com/"),
        ("<link>javascript:alert(1)</link><guid>seven</guid>", "https://news.example.com/"),
    ],
)  # fmt: skip
def test_an_item_without_a_usable_link_has_the_next_best_address(inside: str, url: str) -> None:
    assert only(rss(f"<title>T</title>{inside}")).url == url


@pytest.mark.parametrize(
    ("inside", "url"),
    [
        ("<content type='text/html' src='/7'/>", "/7"),
        ("<link rel='related' href='/7'/>", "/7"),
        ("<link rel='via' href='/8'/><link rel='related' href='/7'/>", "/7"),
        ("<link rel='self' type='text/html' href='/7'/>", "/7"),
        ("<link rel='self' type='application/atom+xml' href='/7.xml'/>", "/feed.xml"),
        ("<link rel='edit' href='/edit'/>", "/feed.xml"),
        ("", "/feed.xml"),
    ],
)
def test_an_atom_entry_without_an_alternate_has_the_nearest_page(inside: str, url: str) -> None:
    assert only(atom(f"<id>urn:7</id><title>T</title>{inside}")).url == f"https://news.example.com{url}"


def test_a_json_podcast_links_to_its_attachment() -> None:
    attached = [{"url": "https://a.example/7.mp3", "mime_type": "audio/mpeg"}]
    assert (
        only(json_feed({"id": "7", "title": "T", "attachments": attached})).url == "https://a.example/7.mp3"
    )


def test_entries_that_stand_on_the_page_of_their_feed_are_told_apart_by_their_guids() -> None:
    one = only(rss("<title>T</title><guid isPermaLink='false'>1</guid>"))
    two = only(rss("<title>T</title><guid isPermaLink='false'>2</guid>"))
    assert one.url == two.url
    assert one.key != two.key
    assert not {one.key, *one.twins} & {two.key, *two.twins}
    assert "https://news.example.com" not in {one.key, *one.twins}


def test_an_item_that_says_nothing_or_cannot_be_told_from_others_is_refused() -> None:
    document = read(rss("<title>T</title>", "<guid isPermaLink='false'>7</guid>"))
    assert [bad.reason for bad in document.rejected] == ["no link", "no title, text or link"]


def test_a_title_that_is_declared_as_text_is_no_html() -> None:
    entry = "<title type='text'>Use &lt;b>bold&lt;/b> words</title><link href='/1'/>"
    assert only(atom(entry)).title == "Use <b>bold</b> words"


# --------------------------------------------------------------------------- entries without a title


@pytest.mark.parametrize(
    ("inside", "title"),
    [
        ("<media:content url='https://a.example/1.jpg' medium='image'><media:description>A new lamp</media:description>"
         "</media:content>", "A new lamp"),
        ("<media:group><media:title>A new lamp</media:title></media:group>", "A new lamp"),
        ("<description>&lt;img src='/1.jpg' alt='A new lamp'></description>", "A new lamp"),
        ("<description>&lt;img src='/1.jpg' title='A new lamp'></description>", "A new lamp"),
        ("<description>&lt;img src='https://x.example/pixel.gif' alt='counter'></description>", "news.example.com/7-lamp"),
        ("", "news.example.com/7-lamp"),
    ],
)  # fmt: skip
def test_an_entry_without_words_is_called_by_its_picture_or_its_address(inside: str, title: str) -> None:
    assert only(rss(f"<link>https://news.example.com/7-lamp</link>{inside}")).title == title


def test_what_a_group_of_media_says_is_the_entrys_text() -> None:
    group = "<media:group><media:title>No</media:title><media:description>In four minutes.</media:description></media:group>"
    record = only(rss(item(1, group)), FeedSpec(URL))
    assert (record.title, record.excerpt) == ("Title 1", "In four minutes.")
