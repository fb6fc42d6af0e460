"""Which addresses are one page, and which are not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.records import identity
from bot.domain.records.identity import canonical, publisher_address, registered_domain
from tests.form import sized
from tests.shared_data import SHARED, needs_shared

KEY = "https://example.com/news/story-1"


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/news/story-1",
        "http://example.com/news/story-1",
        " HTTPS://WWW.Example.COM/news/story-1/ ",
        "https://example.com:443/news/story-1",
        "http://example.com:80/news/story-1",
        "https://example.com./news/story-1",
        "https://m.example.com/news/story-1",
        "https://mobile.example.com/news/story-1",
        "https://amp.example.com/news/story-1",
        "https://www.m.example.com/news/story-1",
        "https://example.com//news///story-1//",
        "https://example.com/news/./old/../story-1",
        "https://example.com/%6eews/story%2D1",
        "https://example.com\\news\\story-1",
        "https://example.com/news/story-1#comments",
        "https://example.com/news/story-1?",
        "https://example.com/news/story-1?utm_source=x&UTM_Medium=y&fbclid=z",
        "https://example.com/news/story-1?gclid=1&amp;mc_cid=2&cmpid=3&ref=rss&source=twitter",
        "https://example.com/news/story-1/amp",
        "https://example.com/news/story-1/amp/",
        "https://example.com/news/story-1.amp",
        "https://example.com/amp/news/story-1",
        "https://example.com/AMP/news/story-1/",
        "https://example.com/google-amp/news/story-1",
        "https://example.com/.amp/news/story-1",
        "https://example.com/news/story-1?amp",
        "https://example.com/news/story-1?amp=1",
        "https://example.com/news/story-1?_amp=true",
        "https://example.com/news/story-1?outputType=amp",
        "https://example.com/news/story-1?context=amp",
        "https://www-example-com.cdn.ampproject.org/c/s/www.example.com/news/story-1/amp/",
        "https://www-example-com.cdn.ampproject.org/v/s/www.example.com/news/story-1?amp_js_v=0.1&usqp=mq331",
        "https://www-example-com.cdn.ampproject.org/c/www.example.com/news/story-1",
        "https://www.google.com/amp/s/www.example.com/news/story-1/amp/",
        "https://google.co.uk/amp/www.example.com/news/story-1",
        "https://bing-amp.com/c/s/www.example.com/news/story-1",
        "https://www-example-com.bing-amp.com/c/s/www.example.com/news/story-1",
        "https://example.com/news/story-1?PHPSESSID=1b7aa4b87e16e1",
        "https://example.com/news/story-1;jsessionid=A1B2C3?utm_source=x",
        "https://example.com/news/story-1?ASPSESSIONIDQQ=X",
        "https://example.com/news/story-1?CFID=1&CFTOKEN=2&zenid=3&osCsid=4",
    ],
)
def test_twins_share_an_identity(url: str) -> None:
    assert canonical(url) == KEY


# Hosts that only look like those of an AMP cache or viewer: anybody can have one, with any page in its path.
STRANGERS = [
    (host, path)
    for path in ("/c/s/paper.example/1", "/amp/s/paper.example/1", "/amp/paper.example/1")
    for host in (
        "evilbing-amp.com", "bing-amp.com.evil.example", "evilcdn.ampproject.org", "cdn.ampproject.org.evil.example",
        "cdn-ampproject.org", "evil.ampproject.org", "evilgoogle.com", "google.com.evil.example", "google.evl.xyz",
        "google.xyz", "google.evil.example", "amp.google.example", "google.ev.de", "google-com.example", "bing-amp.co",
    )
]  # fmt: skip


@pytest.mark.parametrize(("host", "path"), STRANGERS)
def test_a_host_that_looks_like_an_amp_cache_shows_its_own_page(host: str, path: str) -> None:
    url = f"https://{host}{path}"
    assert publisher_address(url) == url
    assert registered_domain(canonical(url)) == registered_domain(host)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://www.google.com/amp/s/www.paper.example/1/?a=b", "https://www.paper.example/1/?a=b"),
        ("https://WWW.Google.de/amp/paper.example/1", "https://paper.example/1"),
        ("http://paper-example.cdn.ampproject.org/c/s/paper.example/A%2Fb", "https://paper.example/A%2Fb"),
        ("https://bing-amp.com/c/s/www.google.com/amp/s/paper.example/1", "https://paper.example/1"),
        ("https://paper.example/amp/1", "https://paper.example/amp/1"),
        ("https://www.google.com/amp/s", "https://www.google.com/amp/s"),
        ("https://u:p@google.com/amp/s/paper.example/1", "https://u:p@google.com/amp/s/paper.example/1"),
        ("https://google.com", "https://google.com"),
        ("no address, google.com/amp/s/x.example", "no address, google.com/amp/s/x.example"),
    ],
)
def test_the_address_that_is_shown_is_the_publishers(url: str, shown: str) -> None:
    assert publisher_address(url) == shown


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://example.com/?id=1", "https://example.com/?id=2"),
        ("https://example.com/a", "https://example.com/A"),
        ("https://example.com/a", "https://example.com/b"),
        ("https://example.com/a", "https://example.com/a?page=2"),
        ("https://example.com/a?amp=5", "https://example.com/a?amp=6"),
        ("https://example.com/a?context=music", "https://example.com/a"),
        ("https://example.com/a?ref=42", "https://example.com/a?ref=43"),
        ("https://example.com/a%2Fb", "https://example.com/a/b"),
        ("https://example.com/a?x=%26y", "https://example.com/a?x=&y"),
        ("https://example.com:8080/a", "https://example.com/a"),
        ("https://example.com/#!/a", "https://example.com/#!/b"),
        ("https://news.example.com/a", "https://example.com/a"),
        ("https://youtube.com/watch?v=6NPtZSMH0h4", "https://youtube.com/watch?v=m8_wjf1PkAc"),
        ("https://m.co.uk/a", "https://co.uk/a"),
        ("https://mobile.github.io/a", "https://github.io/a"),
        ("https://mobile.de/a", "https://de/a"),
        ("https://www.com/a", "https://com/a"),
        ("https://github.com/someone/amp", "https://github.com/someone"),
        ("https://github.com/amp/tool", "https://github.com/tool"),
        ("https://example.com/tag/amp", "https://example.com/tag"),
        ("https://example.com/amp", "https://example.com/"),
        ("https://example.com/lamp", "https://example.com/l"),
        ("https://example.com/guitars/amp/marshall", "https://example.com/guitars/marshall"),
        ("https://google.com/amp/s", "https://google.com/"),
        ("https://example.com/?s=1", "https://example.com/?s=2"),
        ("https://example.com/?s=international-organisations", "https://example.com/?s=other"),
        ("https://example.com/?session_id=1", "https://example.com/?session_id=2"),
        (
            "https://example.com/?sid=507f1f77bcf86cd799439011",
            "https://example.com/?sid=507f191e810c19729de860ea",
        ),
        ("https://example.com/a;v=1", "https://example.com/a;v=2"),
        *((f"https://{host}{path}", "https://paper.example/1") for host, path in STRANGERS),
    ],
)
def test_distinct_pages_stay_distinct(one: str, other: str) -> None:
    assert canonical(one) != canonical(other)


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("http://example.com", "https://example.com"),
        ("https://example.com/a?c=3&b=2&a=1&b=1", "https://example.com/a?a=1&b=2&b=1&c=3"),
        ("https://example.com/#!/app/page", "https://example.com#!/app/page"),
        ("https://münchen.de/straße?q=ü x", "https://xn--mnchen-3ya.de/stra%C3%9Fe?q=%C3%BC%20x"),
        ("https://example.com/100%", "https://example.com/100%25"),
        ("https://example.com/%c3%a9", "https://example.com/%C3%A9"),
        ("http://[2001:DB8::0:1]:80/a", "https://[2001:db8::1]/a"),
        ("http://192.168.0.1:8000/a", "https://192.168.0.1:8000/a"),
        ("http://localhost/a", "https://localhost/a"),
        ("https://www.youtube.com/embed/6NPtZSMH0h4?rel=0", "https://youtube.com/watch?v=6NPtZSMH0h4"),
        ("https://youtu.be/6NPtZSMH0h4?t=10", "https://youtube.com/watch?v=6NPtZSMH0h4"),
        ("https://m.youtube.com/watch?list=x&v=6NPtZSMH0h4", "https://youtube.com/watch?v=6NPtZSMH0h4"),
        ("https://youtube.com/c/SomeChannel", "https://youtube.com/c/SomeChannel"),
    ],
)
def test_canonical_form(url: str, key: str) -> None:
    assert canonical(url) == key


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "not an http or https address"),
        ("story", "not an http or https address"),
        ("javascript:alert(1)", "not an http or https address"),
        ("ftp://example.com/a", "not an http or https address"),
        ("file:///etc/passwd", "not an http or https address"),
        ("//example.com/a", "no host"),
        ("https://", "no host"),
        ("https:///a", "no host"),
        ("https://user:secret@example.com/", "user name or password"),
        ("https://www.google.com/amp/s/user@example.com/a", "user name or password"),
        ("https://exa mple.com/", "host is not valid"),
        ("https://a..b/", "host is not valid"),
        ("https://-a.com/", "host is not valid"),
        ("https://%65xample.com/", "host is not valid"),
        ("https://0x7f.1/", "host is not valid"),
        ("https://1.2.3.999/", "host is not valid"),
        ("https://[::1/", "host is not valid"),
        ("https://[1:2]/", "host is not valid"),
        (f"https://{'a' * 64}.com/", "host is not valid"),
        ("https://\u2488.com/", "host is not valid"),
        ("https://example.com:0/", "port is not valid"),
        ("https://example.com:65536/", "port is not valid"),
        ("https://example.com/a\nb", "control characters"),
        ("https://example.com/a\u202eb", "control characters"),
        ("https://example.com/\ud800", "half a character"),
        ("https://example.com/" + "a" * 2048, "longer than 2048"),
        ("https://example.com/" + "ü" * 1000, "longer than 2048"),
    ],
)
def test_what_is_no_page_has_a_reason(url: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as raised:
        canonical(url)
    assert "secret" not in str(raised.value)


HOSTS = st.sampled_from(
    ["example.com", "www.example.com", "m.example.co.uk", "www.m.amp.x.org", "google.com", "youtu.be", "youtube.com",
     "a-com.cdn.ampproject.org", "github.com", "münchen.de", "1.2.3.4", "[::1]", "x:80", "x:8080"]
)  # fmt: skip
SEGMENTS = st.sampled_from(
    ["amp", "AMP", "google-amp", ".amp", "story.amp", "a.amp.html", "", ".", "..", "%2e", "c", "s", "www.example.com",
     "embed", "6NPtZSMH0h4", "watch", "tag", "ü", "%C3%bc", "%", "a b", "x;y", "\\"]
)  # fmt: skip
PAIRS = st.sampled_from(
    [
        "amp",
        "amp=1",
        "amp=2",
        "v=6NPtZSMH0h4",
        "id=1",
        "id=2",
        "utm_x=1",
        "ref=rss",
        "ref=5",
        "",
        "a=%7e",
        "amp;b=1",
        "=",
    ]
)
ADDRESSES = st.builds(
    lambda scheme, host, path, query, tail: f"{scheme}://{host}/{'/'.join(path)}?{'&'.join(query)}{tail}",
    st.sampled_from(["http", "https", "HTTP"]),
    HOSTS,
    st.lists(SEGMENTS, max_size=6),
    st.lists(PAIRS, max_size=5),
    st.sampled_from(["", "#", "#x", "#!", "#!/a b", "?"]),
)


@given(
    ADDRESSES | st.text().map("https://example.com/".__add__) | st.text().map("https://".__add__) | st.text()
)
def test_canonical_is_idempotent_and_raises_nothing_but_value_errors(url: str) -> None:
    try:
        key = canonical(url)
    except ValueError:
        return
    assert canonical(key) == key
    assert key.startswith("https://")
    assert key.isascii()
    assert len(key) <= 2048


SITES = st.sampled_from(
    ["https://a.example", "http://www.a.example", "https://m.a.example", "https://youtu.be", "https://www.youtube.com",
     "https://cdn.ampproject.org", "https://amp.a.example", "https://news.google.com", "https://amp-theatre.example",
     "http://a..b", "https://1.2.3.0x", "https://A.example", "https://a.example:443", "https://localhost", "ftp://a.example"]
)  # fmt: skip
PATHS = st.text(alphabet="ab/AMPamp.-_~e?p=1#&%é", max_size=24)
ADDRESSES = st.one_of(
    st.builds("{}{}{}".format, SITES, st.sampled_from(["", "/", "?"]), PATHS),
    st.from_regex(identity._SIMPLE, fullmatch=True),
)


@given(ADDRESSES)
def test_a_simple_address_is_the_same_the_quick_way_and_the_long_way(url: str) -> None:
    def outcome(way: Callable[[str], str]) -> str:
        try:
            return way(url)
        except ValueError as error:
            return f"refused: {error}"

    assert outcome(canonical) == outcome(identity._canonical)


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        ("www.LATimes.com", "latimes.com"),
        ("https://news.bbc.co.uk:8080/x?y", "bbc.co.uk"),
        ("microsoft.com/blog", "microsoft.com"),
        ("powerapps.microsoft.com", "microsoft.com"),
        ("someone.github.io", "someone.github.io"),
        ("blog.someone.github.io", "someone.github.io"),
        ("github.io", "github.io"),
        ("co.uk", "co.uk"),
        ("wiki.intranet.local", "intranet.local"),
        ("localhost", "localhost"),
        ("127.0.0.1:80", "127.0.0.1"),
        ("[::1]", "[::1]"),
        ("Bücher.example", "xn--bcher-kva.example"),
    ],
)
def test_registered_domain(text: str, domain: str) -> None:
    assert registered_domain(text) == domain


@pytest.mark.parametrize("text", ["", "not a host", "a@b.com", "a..b"])
def test_registered_domain_refuses_what_is_no_host(text: str) -> None:
    with pytest.raises(ValueError, match=r"host|user name"):
        registered_domain(text)


def _real_urls(folder: Path) -> list[tuple[str, list[str]]]:
    """Pages of real records and their declared AMP versions."""
    entries = []
    for path in sorted(folder.glob("*.md"))[:: sized(5, long=1)]:
        record = yaml.load(path.read_text(encoding="utf-8").split("---\n")[1], yaml.CSafeLoader)
        entries += [record, *record.get("related", [])]
    return [(e["webUrl"], [e[k] for k in ("ampWebUrl", "cdnAmpWebUrl") if k in e]) for e in entries]


@needs_shared
def test_real_addresses_are_told_apart() -> None:
    pages = _real_urls(SHARED / "records" / "azure" / "_news")
    urls = {page for page, _ in pages}
    assert len({canonical(url) for url in urls}) == len(urls)
    twins = [(canonical(page), canonical(amp)) for page, amps in pages for amp in amps]
    assert sum(page == amp for page, amp in twins) > 0.8 * len(twins)
