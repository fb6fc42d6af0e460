"""What a reader sees of an entry: its words, its picture, its date."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html import escape

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bot.domain.model import Image
from bot.domain.text.cleaning import repair
from bot.domain.text.words import words
from bot.sources.feeds.dates import parse_moment
from bot.sources.feeds.html import pictures, usual_picture
from bot.sources.feeds.model import Text
from bot.sources.feeds.text import bodies, body, line, word_bytes
from tests.sources.feeds.writing import atom, item, only, rss


def said(markup: str) -> str:
    """The words of a piece of HTML."""
    return body(Text(markup), 1000)


@pytest.mark.parametrize(
    ("markup", "seen"),
    [
        ("<p>One</p><p>two</p>", "One two"),
        ("W<b>or</b>d", "Word"),
        ("a<br>b<br/>c", "a b c"),
        ("<ul><li>a</li><li>b</li></ul>", "a b"),
        ("AT&amp;T &eacute;t&eacute; &#8217;", "AT&T été ’"),
        ("&lt;p&gt;Escaped &lt;b&gt;twice&lt;/b&gt;&lt;/p&gt;", "Escaped twice"),
        ("<p>Write &lt;b&gt; for bold</p>", "Write <b> for bold"),
        ("<script>alert('<p>no</p>')</script><p>Yes</p>", "Yes"),
        ("<style>p{}</style>Yes<template>no</template><noscript>no</noscript>", "Yes"),
        ("<p>Yes</p><script>never closed", "Yes"),
        ("Yes<!-- no --> and <!-- <b>no</b> -->yes", "Yes and yes"),
        ('<a title="a > b" href="/x">Yes</a>', "Yes"),
        ("<iframe src=x>no</iframe><svg><title>no</title></svg>Yes", "Yes"),
        ("<p>Cut in the mid", "Cut in the mid"),
        ("<p>Cut in a <a hre", "Cut in a"),
        ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
        ("<custom-tag>a</custom-tag><custom-tag>b</custom-tag>", "a b"),
        ("Caf\u00c3\u00a9", "Café"),
        ("<p>Text.</p><p>The post <a href=x>Title</a> appeared first on <a href=y>Site</a>.</p>", "Text."),
        ("Text. Continue reading <span>Title</span> &rarr;", "Text."),
        ("Text goes on [&#8230;]", "Text goes on…"),
        ("Text goes on [...]", "Text goes on…"),
        ("Comments", ""),
        ("submitted by /u/someone [link] [comments]", ""),
        ("I was reading this more than the rest", "I was reading this more than the rest"),
    ],
)
def test_html_becomes_the_words_that_a_reader_sees(markup: str, seen: str) -> None:
    assert said(markup) == seen


@pytest.mark.parametrize(
    ("markup", "title"),
    [
        ("Using Vec<T> in Rust", "Using Vec<T> in Rust"),
        ("a < b & c", "a < b & c"),
        ("<b>Bold</b> move", "Bold move"),
        ("<script>alert(1)</script>Calm", "Calm"),
        ("&lt;em&gt;So&lt;/em&gt; it goes", "So it goes"),
        ("Why &amp;amp; how", "Why & how"),
        ("  two \n lines ", "two lines"),
        ("When to use <hr> in a page", "When to use <hr> in a page"),
        ("<p>, <br> and <img>: a history", "<p>, <br> and <img>: a history"),
        ("Is </body> optional?", "Is </body> optional?"),
        ("Lamp<br>New and bright", "Lamp New and bright"),
        ("Lamp<br/>", "Lamp"),
        ("<p>Lamp", "Lamp"),
        ("<img src='/a.png' alt='x'> Lamp", "Lamp"),
        ("A lamp</b> at last", "A lamp at last"),
    ],
)
def test_titles_keep_what_only_looks_like_html(markup: str, title: str) -> None:
    assert line(Text(markup), 300) == title


@pytest.mark.parametrize(
    "section", ["<![CDATA[{}]]>", " <![CDATA[ {} ]]> ", "<![CDATA[<![CDATA[{}]]>]]>", "<![CDATA[{}"]
)
def test_a_section_that_was_escaped_is_no_text(section: str) -> None:
    title, text = (escape(section.format(words)) for words in ("A lamp", "<p>New & bright</p>"))
    record = only(
        rss(f"<title>{title}</title><link>https://a.example/1</link><description>{text}</description>")
    )
    assert (record.title, record.excerpt) == ("A lamp", "New & bright")


def test_a_flag_keeps_its_tags() -> None:
    flag = "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"
    assert line(Text(f"{flag} wins"), 300) == f"{flag} wins"
    assert line(Text("hidden\U000e0067\U000e0062 tags \U0001f3f4\U000e0067"), 300) == "hidden tags \U0001f3f4"


def test_plain_text_of_atom_is_taken_literally() -> None:
    entry = "<title type='text'>The &lt;video> element</title><link href='/1'/>"
    assert only(atom(entry)).title == "The <video> element"


def test_content_speaks_where_there_is_no_summary() -> None:
    extra = (
        "<description> <![CDATA[<img src='/a.png'>]]></description><content:encoded>Long</content:encoded>"
    )
    assert only(rss(item(extra=extra))).excerpt == "Long"
    assert (
        only(
            rss(item(1, "<description>Title 1</description><content:encoded>More</content:encoded>"))
        ).excerpt
        == "More"
    )


def test_an_excerpt_is_short_however_long_the_article() -> None:
    excerpt = only(rss(item(1, f"<description>&lt;p&gt;{'word ' * 50_000}</description>"))).excerpt
    assert len(excerpt) <= 1000
    assert excerpt.endswith("word…")


def test_text_after_a_page_of_styles_is_found() -> None:
    assert said(f"<style>{'p{color:red}' * 2000}</style><p>Here</p>") == "Here"


LINES = st.one_of(st.text(max_size=60), st.text(alphabet="aB c#+.net’…é_-1\n", max_size=30))


@given(st.lists(LINES, max_size=6))
def test_words_for_hashing_are_the_words(lines: list[str]) -> None:
    assert word_bytes(lines) == [" ".join(words(line)).encode("utf-8", "replace") for line in lines]


# What texts of feeds are made of: words, markup whole and broken, entities, odd spaces, mojibake, seams, habits.
PIECES = st.sampled_from(
    ["word", "Two words", " ", "  ", "\n", "\t", "\u00a0", "\u2003", "\x1f", "\x01", "\u200b", ".", "é", "’", "…", "–", "日本",
     "Caf\u00c3\u00a9", "\ud800", "<p>", "</p>", "<BR/>", "<b>", "</b>", "<a href='/x'>", "</a>", "<a hre", "<", ">", "<!-- no -->",
     "<!--", "-->", "<script>x</script>", "<q", "<ſ>", "&amp;", "&", "&lt;", "&lt;p&gt;", "&gt;", "&nbsp;", "&#8230;", "&#1;", "&#82",
     "&am", "p;", "&copy", "&amp;amp;", "&#xe9;", ";", " [&#8230;]", " […]", "[...]", " (more)", " Read more", " Continue reading x",
     " first ", "The post x appeared first on y.", "Comments", "null", "x" * 90, "<p>long</p> " * 40]
)  # fmt: skip
TEXTS = st.builds(Text, st.lists(PIECES, max_size=8).map("".join), st.booleans())


@given(st.lists(TEXTS, max_size=6), st.sampled_from([40, 1000]))
def test_texts_are_the_same_together_and_one_by_one(texts: list[Text], limit: int) -> None:
    assert bodies(texts, limit) == [body(text, limit) for text in texts]


@given(st.lists(st.sampled_from(
    ["<img ", "<IMG ", "<Img\n", 'src="/a.png"', 'src="/pixel.gif"', "src='/b.jpg'", 'width="640"', 'height="20"', 'width="123456"',
     'alt="a &gt; b"', ' ', "/>", ">", "<", "&lt;img src=/c.png&gt;", "<p>", 'src="data:x"', 'class="emoji"']
), max_size=12).map("".join))  # fmt: skip
def test_a_picture_found_quickly_is_the_first(markup: str) -> None:
    quick = usual_picture(markup)
    assert quick is None or quick == next(pictures(markup))


@given(st.text(alphabet="ab &amp;lt;#39…’–\u00a0\n\u00e9\u200b", max_size=60))
def test_repairing_quickly_is_repairing(text: str) -> None:
    assume(not re.search("&(?:amp|lt)(?!;)", text))  # read as browsers do, which `repair` leaves
    assert line(Text(text, plain=True), 50) == repair(text, 50)


# ------------------------------------------------------------------------------------------ pictures


def picture(extra: str) -> str:
    """The address of an item's picture."""
    image = only(rss(item(1, extra))).image
    return image.url if image else ""


def test_the_largest_declared_picture_is_taken() -> None:
    extra = (
        "<media:thumbnail url='https://a.example/s.jpg' width='150' height='150'/>"
        "<media:content url='https://a.example/l.jpg' width='1200' height='630' medium='image'/>"
        "<media:content url='https://a.example/m.jpg' width='600' height='315' type='image/jpeg'/>"
        "<description>&lt;img src='/in.jpg'></description>"
    )
    assert only(rss(item(1, extra))).image == Image("https://a.example/l.jpg", 1200, 630)


@pytest.mark.parametrize(
    ("extra", "url"),
    [
        ("<enclosure url='/e.png' type='image/png'/>", "https://news.example.com/e.png"),
        ("<itunes:image href='https://a.example/i.jpg'/>", "https://a.example/i.jpg"),
        ("<media:group><media:thumbnail url='https://a.example/t.jpg'/></media:group>", "https://a.example/t.jpg"),
        ("<media:content url='https://a.example/v.mp4' type='video/mp4'><media:thumbnail url='//a.example/v.jpg'/>"
         "</media:content>", "https://a.example/v.jpg"),
        ("<image><url>https://a.example/u.jpg</url></image>", "https://a.example/u.jpg"),
        ("<description>&lt;img src='/a.jpg'></description>", "https://news.example.com/a.jpg"),
        ("<description>&lt;img data-src=/lazy.jpg src='data:x'></description>", "https://news.example.com/lazy.jpg"),
        ("<description>&lt;img data-src=/lazy.jpg src='/wait.gif'></description>", "https://news.example.com/lazy.jpg"),
        ("<description>&lt;img data-lazy-src=/lazy.jpg src='/wait.gif'></description>", "https://news.example.com/lazy.jpg"),
        ("<description>&lt;img src='/wait.gif' srcset='/s.jpg 300w, /l.jpg 1200w, /xl.jpg 6000w'></description>",
         "https://news.example.com/l.jpg"),
        ("<description>&lt;img src='/placeholder.png'>&lt;img src='/b.jpg'></description>", "https://news.example.com/b.jpg"),
        ("<media:content url='https://1.gravatar.com/avatar/a?s=96' medium='image'/>"
         "<media:content url='https://a.example/b.jpg' medium='image'/>", "https://a.example/b.jpg"),
        ("<media:content url='https://a.example/new-pixel-9.jpg' medium='image'/>", "https://a.example/new-pixel-9.jpg"),
        ("<media:content url='https://a.example/i?a=1&amp;amp;b=2' medium='image'/>", "https://a.example/i?a=1&b=2"),
        ("<description>&lt;img src='/a?x=1&amp;amp;y=2'></description>", "https://news.example.com/a?x=1&y=2"),
        ("<description>&lt;img width=1 height=1 src='/p.gif'>&lt;img src='/b.jpg'></description>",
         "https://news.example.com/b.jpg"),
        ("<description>&lt;img src='https://feeds.feedburner.com/~r/x'></description>", ""),
        ("<description>&lt;img class='wp-smiley' src='/s.png'></description>", ""),
        ("<media:content url='javascript:x' medium='image'/>", ""),
        ("<media:content url='https://a.example/icon.png' medium='image' width='16' height='16'/>", ""),
    ],
)  # fmt: skip
def test_pictures(extra: str, url: str) -> None:
    assert picture(extra) == url


# --------------------------------------------------------------------------------------------- dates

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "Mon, 02 Mar 2026 12:00:00 GMT",
        "Mon, 02 Mar 2026 12:00:00 +0000",
        "Mon, 02 Mar 2026 07:00:00 EST",
        "Mon, 2 Mar 2026 12:00 UT",
        "2 March 2026 13:00:00 +0100",
        "02-Mar-26 12:00:00 GMT",
        "Monday, March 2, 2026 12:00 PM",
        "Mon Mar  2 12:00:00 2026",
        "2026-03-02T12:00:00Z",
        "2026-03-02T14:00:00.123+02:00",
        "2026-03-02 12:00:00",
        "2026-03-02T12:00Z",
        "20260302T120000Z",
        "Mon, 02 Mar 2026 14:00:00 CEST",
        "  Mon, 02 Mar 2026 12:00:00 GMT ",
    ],
)
def test_dates_as_they_are_written(text: str) -> None:
    found = parse_moment(text)
    assert found is not None
    assert found.replace(microsecond=0) == NOON
    assert found.tzinfo is UTC


@pytest.mark.parametrize(
    "text", ["2026-03-02", "2026-061", "Mon, 02 Mar 2026", "2026-03-01T24:00:00Z", "2 Mar 2026"]
)
def test_a_date_without_a_time_is_its_midnight(text: str) -> None:
    assert parse_moment(text) == NOON.replace(hour=0)


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "Mon, 31 Feb 2026 12:00:00 GMT", "0001-01-01T00:00:00Z", "Mon, 02 Foo 2026 12:00:00 GMT",
     "9999-12-31T23:59:59-14:00", "2026-13-01", "1" * 1000, "Mon, 02 Mar 1970 00:00:00 GMT", "٢٠٢٦-٠٣-٠٢T99"],
)  # fmt: skip
def test_what_is_no_date_is_none(text: str) -> None:
    assert parse_moment(text) is None


def test_the_date_of_publication_goes_before_that_of_a_change() -> None:
    extra = (
        "<atom:updated>2026-03-05T12:00:00Z</atom:updated><pubDate>Mon, 02 Mar 2026 12:00:00 GMT</pubDate>"
    )
    assert only(rss(item(1, extra))).published == NOON
    assert (
        only(rss(item(1, "<pubDate>never</pubDate><dc:date>2026-03-02T12:00:00Z</dc:date>"))).published
        == NOON
    )


@given(st.text(max_size=60))
def test_any_text_has_a_date_or_none(text: str) -> None:
    parse_moment(text)


@given(st.datetimes(min_value=datetime(1991, 1, 1), max_value=datetime(2099, 1, 1)))  # noqa: DTZ001
def test_every_date_comes_back(naive: datetime) -> None:
    when = naive.replace(tzinfo=UTC, microsecond=0)
    assert parse_moment(when.isoformat()) == when
    assert parse_moment(when.strftime("%a, %d %b %Y %H:%M:%S +0000")) == when
