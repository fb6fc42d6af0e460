"""Documents that were made to be expensive, each parsed in a process under a ceiling of memory."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from bot.sources.feeds.charset import decode
from bot.sources.feeds.discover import feed_links
from bot.sources.feeds.parse import MAX_BODY, FeedSpec, NotAFeed, parse
from bot.sources.parsing.pool import ParserPool, TooCostlyError
from tests.form import sized

ORIGIN = FeedSpec("https://paper.example/feed")
MOST = sized(MAX_BODY // 5, long=MAX_BODY)  # bytes of a body
# Bytes beyond those of a process that has just started: its libraries, and what a body of the largest size may take.
CEILING = sized(120_000_000, long=250_000_000)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the system keeps no limit of memory")


@pytest.fixture
async def pool() -> AsyncIterator[ParserPool]:
    async with ParserPool(1, memory=CEILING) as made:
        yield made


@contextmanager
def naming(*case: object) -> Iterator[None]:
    """Says what was too costly."""
    try:
        yield
    except TooCostlyError as error:
        pytest.fail(f"{case}: {error}")


def nested(inside: str, depth: int, text: int) -> bytes:
    """Items inside each other's elements, with so much text in the innermost."""
    opening = "".join(
        f"<item><title>{n}</title><link>https://a.example/{n}</link><{inside}>" for n in range(depth)
    )
    closing = f"</{inside}></item>" * depth
    return f"<rss><channel><title>x</title>{opening}{'y' * text}{closing}</channel></rss>".encode()


async def test_nested_text_stays_under_a_ceiling_of_memory(pool: ParserPool) -> None:
    for inside in ("description", "title", "summary", "content", "source", "category", "author"):
        for depth, text in ((60, 9 * MOST // 10), (120, 10_000), (120, MOST // 5), (5_000, MOST // 10)):
            with suppress(NotAFeed), naming(inside, depth, text):  # refused is as good
                document = await pool.run(1, parse, nested(inside, depth, text), ORIGIN)
                assert len(document.items) + len(document.rejected) <= depth + 1, (inside, depth, text)


LARGE: dict[str, Callable[[], bytes]] = {
    "open": lambda: b"<rss><channel>" + b"<item>" * 1_000_000,
    "empty": lambda: b"<rss><channel>" + b"<item/>" * 1_000_000,
    "attributes": lambda: b"<rss " + b" ".join(b'a%d=""' % n for n in range(MOST // 20)) + b"/>",
    "ampersands": lambda: b"<rss>" + b"&amp;" * (MOST * 19 // 100) + b"</rss>",
    "emoji": lambda: b"<rss>" + b"&#x1F600;" * (MOST // 10) + b"</rss>",
    "sections": lambda: b"<rss>" + b"<![CDATA[" * (MOST // 10),
    "depth": lambda: b'{"items": ' + b"[" * (MOST // 2),
    "objects": lambda: b'{"items": [' + b"{}," * (MOST * 3 // 10) + b"{}]}",
    "wide": lambda: b"\xff\xfe" + b"<\0" * (MOST * 2 // 5),
}


async def test_whatever_a_large_body_consists_of_it_stays_under_a_ceiling(pool: ParserPool) -> None:
    for kind, body in ((kind, make()) for kind, make in LARGE.items()):
        assert len(body) <= MAX_BODY, kind
        with suppress(NotAFeed), naming(kind):
            await pool.run(1, parse, body, ORIGIN)
        with naming(kind):
            assert len(await pool.run(1, feed_links, body, ORIGIN.url)) == 0, kind


async def test_every_codec_that_python_has_is_survived_at_every_size(pool: ParserPool) -> None:
    """Whatever a document declares; a codec whose time is not linear would end at the pool's deadline."""
    from encodings.aliases import aliases

    for size in sized((10_000, 200_000), long=(10_000, 100_000, 1_000_000)):
        text = b"a" * (size // 2) + b"-" + b"b9z" * (size // 6) + b"\xff"
        for codec in sorted({*aliases.values(), "punycode", "idna", "utf_7", "unicode_escape", "undefined"}):
            kind = f"text/xml; charset={codec.replace('_', '-')}"
            with naming(codec, size):
                assert len(await pool.run(1, decode, text, kind)) <= 2 * size, (codec, size)
