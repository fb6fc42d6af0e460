"""The feeds of a web page."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sources.feeds.discover import MAX_LINKS, MAX_PATHS, FeedLink, common_paths, feed_links

PAGE = "https://example.com/blog/page.html"
RSS = 'rel="alternate" type="application/rss+xml"'


def urls(page: str | bytes, url: str = PAGE) -> list[str]:
    return [found.url for found in feed_links(page.encode() if isinstance(page, str) else page, url)]


def link(href: str, rest: str = RSS) -> str:
    return f'<link {rest} href="{href}">'


# ------------------------------------------------------------------------------------ named feeds


def test_a_page_names_its_feeds() -> None:
    page = f"""<!doctype html><html><head><title>Example</title>
        <link rel="stylesheet" href="/style.css">
        <link {RSS} title="Example &raquo; Feed" href="https://example.com/feed/">
        <link rel="alternate" type="application/atom+xml" title="Atom" href="/atom.xml">
        <link rel="alternate" type="application/feed+json" href="feed.json">
        <link rel="alternate" hreflang="de" href="/de/">
        </head><body><a href="/other/feed">more</a></body></html>"""
    assert feed_links(page.encode(), PAGE) == (
        FeedLink("https://example.com/feed/", "Example » Feed"),
        FeedLink("https://example.com/atom.xml", "Atom"),
        FeedLink("https://example.com/blog/feed.json", ""),
    )


@pytest.mark.parametrize(
    "rest",
    [
        'rel="alternate" type="application/rss+xml"',
        'REL="ALTERNATE" TYPE="Application/RSS+XML"',
        "rel='home alternate' type='application/atom+xml; charset=utf-8'",
        "rel=alternate type=application/json",
        'rel="feed" type=" application/rdf+xml "',
        'rel="alternate" type="text/xml"',
        'rel="alternate" type="application/xml; charset=utf-8"',
        'rel="alternate" type="text/rss+xml"',
        'rel="alternate" type="application/x-rss+xml"',
        'rel="alternate" type="application/x.atom+xml"',
        'rel="alternate" type="text/atom"',
    ],
)
def test_how_a_feed_may_be_named(rest: str) -> None:
    assert urls(link("/x", rest)) == ["https://example.com/x"]


@pytest.mark.parametrize(
    "rest",
    [
        'rel="alternate" type="text/html"',
        'rel="alternate"',
        'rel="stylesheet" type="application/rss+xml"',
        'rel="alternative" type="application/rss+xml"',
        'rel="alternate" type="application/json+oembed"',
        'rel="alternate" type="text/xml+oembed"',
        'rel="sitemap" type="application/xml"',
        'rel="EditURI" type="application/rsd+xml"',
    ],
)
def test_what_names_no_feed(rest: str) -> None:
    assert urls(link("/x", rest)) == []


def test_xml_of_an_unknown_kind_is_tried_only_where_nothing_is_named_as_a_feed() -> None:
    unsure = link("/data.php", 'rel="alternate" type="text/xml"')
    linked = '<a href="/feed">Feed</a>'
    assert urls(unsure + link("/sure")) == ["https://example.com/sure"]
    assert urls(f"{linked}{unsure}") == ["https://example.com/data.php", "https://example.com/feed"]


def test_a_page_as_data_is_no_feed() -> None:
    assert urls(link("/wp-json/wp/v2/posts/1", 'rel="alternate" type="application/json"')) == []


@pytest.mark.parametrize(
    ("href", "expected"),
    [
        ("feed", "https://example.com/blog/feed"),
        ("../feed", "https://example.com/feed"),
        ("//cdn.example.net/feed", "https://cdn.example.net/feed"),
        ("?feed=rss2&amp;cat=1", "https://example.com/blog/page.html?feed=rss2&cat=1"),
        (" /feed\n#top", "https://example.com/feed"),
        ("/my feed", "https://example.com/my%20feed"),
        ("/ünder", "https://example.com/ünder"),
    ],
)
def test_addresses_are_resolved(href: str, expected: str) -> None:
    assert urls(link(href)) == [expected]


@pytest.mark.parametrize(
    "href",
    [
        "",
        "javascript:alert(1)",
        "ftp://example.com/feed",
        "file:///etc/passwd",
        "data:text/xml,x",
        "http://[",
        "http://",
        "https://me:secret@example.com/feed",
        "https://exa mple.com/feed",
        "https://example.com/" + "x" * 3000,
    ],
)
def test_what_is_no_web_address_is_passed_over(href: str) -> None:
    assert urls(link(href) + link("/feed")) in (
        ["https://example.com/feed"],
        [PAGE, "https://example.com/feed"],
    )


def test_the_base_of_a_page() -> None:
    base = '<base target="_top"><base href="/elsewhere/"><base href="/never/">'
    assert urls(base + link("feed")) == ["https://example.com/elsewhere/feed"]
    assert urls('<base href="http://[">' + link("feed")) == ["https://example.com/blog/feed"]
    assert urls('<base href="file:///etc/">' + link("feed")) == []


def test_each_feed_once_and_comments_last() -> None:
    page = (
        link("/comments/feed/", f'{RSS} title="Comments"')
        + link("/post/feed", f'{RSS} title="Example » A post Comments Feed"')
        + link("/feed")
        + link("http://www.example.com/feed/")
        + link("/commentary.xml", f'{RSS} title="Commentary"')
    )
    assert urls(page) == [
        "https://example.com/feed",
        "https://example.com/commentary.xml",
        "https://example.com/comments/feed/",
        "https://example.com/post/feed",
    ]


def test_what_is_no_part_of_the_page() -> None:
    for hidden in (
        "<!-- {} -->",
        "<script>document.write('{}')</script>",
        "<template>{}</template>",
        "<!-- {}",
    ):
        assert urls(hidden.format(link("/feed"))) == []
    assert urls("<!-- x --><!----><script></script>" + link("/feed", f'{RSS} title="a > b"')) == [
        "https://example.com/feed"
    ]


def test_the_number_is_bounded() -> None:
    assert len(urls("".join(link(f"/{n}/feed") for n in range(100)))) == MAX_LINKS
    assert len(urls("".join(f'<a href="/{n}/feed">x</a>' for n in range(100)))) == MAX_LINKS


# ------------------------------------------------------------------------- links that look like one


def anchor(href: str, text: str = "RSS") -> str:
    return f'<a href="{href}"><b>{text}</b></a>'


@pytest.mark.parametrize(
    "path",
    [
        "feed",
        "feed/",
        "blog/feeds",
        "RSS",
        "rss.xml",
        "atom.xml",
        "index.xml",
        "news-rss.xml",
        "feed.json",
        "all.rss",
        "site.atom",
        "index.rdf",
        "a/b/news.feed.xml",
        "rss2/",
    ],
)
def test_a_link_that_looks_like_a_feed(path: str) -> None:
    assert feed_links(anchor(f"/{path}").encode(), PAGE) == (FeedLink(f"https://example.com/{path}", "RSS"),)


@pytest.mark.parametrize(
    "path",
    [
        "feedback",
        "newsfeed.html",
        "rss.html",
        "sitemap.xml",
        "about",
        "feeding/cats",
        "data.json",
        "rssfeeds.aspx",
    ],
)
def test_a_link_that_does_not(path: str) -> None:
    assert urls(anchor(f"/{path}")) == []


def test_links_are_the_second_choice() -> None:
    assert urls(anchor("/rss.xml") + link("/named")) == ["https://example.com/named"]


def test_links_within_the_site_come_first() -> None:
    page = (
        anchor("https://social.example.net/feed/")
        + anchor("https://feeds.example.com/all.rss")
        + anchor("https://reader.example.org/i/subscription/feed/https://example.com/rss.xml")
    )
    assert urls(page) == ["https://feeds.example.com/all.rss", "https://social.example.net/feed/"]


# --------------------------------------------------------------------------------- hostile pages


def test_encodings() -> None:
    titled = link("/feed", f'{RSS} title="Žluť"')
    for encoding in ("utf-8", "iso-8859-2"):
        page = f'<meta charset="{encoding}">{titled}'.encode(encoding)
        assert feed_links(page, PAGE)[0].title == "Žluť"
    spoken = "text/html; charset=windows-1250"
    assert feed_links(titled.encode("cp1250"), PAGE, spoken)[0].title == "Žluť"
    assert urls(titled.encode("utf-16")) == ["https://example.com/feed"]
    assert urls(f'<meta charset="nonsense">{titled}') == ["https://example.com/feed"]


@given(st.binary(max_size=300), st.text(max_size=30), st.text(max_size=30))
def test_any_bytes_are_a_page(page: bytes, url: str, content_type: str) -> None:
    assert isinstance(feed_links(page, url, content_type), tuple)


@given(st.text(max_size=60), st.sampled_from([PAGE, "", "http://[", "x:y"]))
def test_any_address_may_stand_in_a_page(href: str, url: str) -> None:
    page = f"<base href='{href}'><link {RSS} href='{href}' title='{href}'><a href='{href}/feed'>x</a>"
    for found in feed_links(page.encode(errors="surrogatepass"), url):
        assert found.url.startswith(("http://", "https://"))


@pytest.mark.parametrize(
    "page",
    [
        b"<div>" * 400_000,
        b"<a href=/x>" * 180_000,
        b"<a href=/feed>" * 150_000,
        b"<a x='" * 300_000,
        b"<!--" * 500_000,
        b"<script>" * 250_000,
        b"<link " + b"x" * 2_000_000,
        b"<link rel=alternate type=application/rss+xml href=/x>" * 40_000,
        b"<meta " * 400_000,
        b"<table><tr><td>" * 130_000,
        b"x" * 50_000_000,
        b"\0" * 3_000_000,
        b"<meta charset=punycode>" + b"a\xff" * 1_000_000,
    ],
    ids=lambda page: page[:25].decode("latin-1"),
)
def test_a_huge_page_costs_little(page: bytes) -> None:
    # The bound is the test's timeout: where the cost is quadratic, these take hours.
    feed_links(page, PAGE)


# ---------------------------------------------------------------------------------- common paths


def test_common_paths_of_a_site() -> None:
    paths = [
        f"https://example.com/{path}"
        for path in ("feed", "rss.xml", "atom.xml", "feed.xml", "rss", "index.xml")
    ]
    for url in ("https://example.com", "https://example.com/", "https://example.com/index.html?x=1#y"):
        assert common_paths(url) == (*paths, "https://example.com/feed.json")
    for url in (
        "https://example.com/blog",
        "https://example.com/blog/",
        "https://example.com/blog/index.html",
    ):
        own = ("https://example.com/blog/feed", "https://example.com/blog/rss.xml")
        assert common_paths(url) == (*own, *paths)
        assert len(common_paths(url)) == MAX_PATHS


@given(st.text(max_size=40))
def test_common_paths_of_anything(text: str) -> None:
    for url in (text, f"https://{text}", f"https://example.com/{text}"):
        assert all(path.startswith("http") for path in common_paths(url))
    assert common_paths("ftp://example.com/") == ()
