"""Documents that were made to be expensive, each parsed in a process under a ceiling of memory."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

import pytest

from bot.sources.feeds.charset import decode
from bot.sources.feeds.discover import feed_links
from bot.sources.feeds.parse import MAX_BODY, FeedSpec, NotAFeed, parse
from bot.sources.parsing.pool import ParserPool

ORIGIN = FeedSpec("https://paper.example/feed")
CEILING = 250_000_000  # bytes beyond those of a process that has just started, its libraries included

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the system keeps no limit of memory")


@pytest.fixture
async def pool() -> AsyncIterator[ParserPool]:
    async with ParserPool(1, memory=CEILING) as made:
        yield made


def nested(inside: str, depth: int, text: int) -> bytes:
    """Items inside each other's elements, with so much text in the innermost."""
    opening = "".join(
        f"<item><title>{n}</title><link>https://a.example/{n}</link><{inside}>" for n in range(depth)
    )
    closing = f"</{inside}></item>" * depth
    return f"<rss><channel><title>x</title>{opening}{'y' * text}{closing}</channel></rss>".encode()


@pytest.mark.parametrize(
    "inside", ["description", "title", "summary", "content", "source", "category", "author"]
)
async def test_nested_text_stays_under_a_ceiling_of_memory(pool: ParserPool, inside: str) -> None:
    for depth, text in ((60, 9_000_000), (120, 10_000), (120, 2_000_000), (5_000, 1_000_000)):
        with suppress(NotAFeed):  # refused is as good
            document = await pool.run(1, parse, nested(inside, depth, text), ORIGIN)
            assert len(document.items) + len(document.rejected) <= depth + 1, (depth, text)


@pytest.mark.parametrize(
    "make",
    [
        lambda: b"<rss><channel>" + b"<item>" * 1_000_000,
        lambda: b"<rss><channel>" + b"<item/>" * 1_000_000,
        lambda: b"<rss " + b" ".join(b'a%d=""' % n for n in range(500_000)) + b"/>",
        lambda: b"<rss>" + b"&amp;" * 1_900_000 + b"</rss>",
        lambda: b"<rss>" + b"&#x1F600;" * 1_000_000 + b"</rss>",
        lambda: b"<rss>" + b"<![CDATA[" * 1_000_000,
        lambda: b'{"items": ' + b"[" * 5_000_000,
        lambda: b'{"items": [' + b"{}," * 3_000_000 + b"{}]}",
        lambda: b"\xff\xfe" + b"<\0" * 4_000_000,
    ],
    ids=["open", "empty", "attributes", "ampersands", "emoji", "sections", "depth", "objects", "wide"],
)
async def test_whatever_a_large_body_consists_of_it_stays_under_a_ceiling(
    pool: ParserPool, make: Callable[[], bytes]
) -> None:
    body = make()
    assert len(body) <= MAX_BODY
    with suppress(NotAFeed):
        await pool.run(1, parse, body, ORIGIN)
    assert len(await pool.run(1, feed_links, body, ORIGIN.url)) == 0


@pytest.mark.parametrize("size", [10_000, 100_000, 1_000_000])
async def test_every_codec_that_python_has_is_survived_at_every_size(pool: ParserPool, size: int) -> None:
    """Whatever a document declares; a codec whose time is not linear would end at the pool's deadline."""
    from encodings.aliases import aliases

    text = b"a" * (size // 2) + b"-" + b"b9z" * (size // 6) + b"\xff"
    for codec in sorted({*aliases.values(), "punycode", "idna", "utf_7", "unicode_escape", "undefined"}):
        kind = f"text/xml; charset={codec.replace('_', '-')}"
        assert len(await pool.run(1, decode, text, kind)) <= 2 * size
