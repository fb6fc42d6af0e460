"""Parsing feeds into records, sanitised, beside feedparser's own sanitised parse, in one process and in turns."""

from __future__ import annotations

import gc
import random
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import feedparser

from benchmarks.table import line
from bot.sources.feeds.parse import FeedSpec, parse

_ITEMS = 100
_OURS_A_TURN = 10  # so that both take long enough to be measured
_URL = "https://news.example.com/feed.xml"
_START = datetime(2026, 3, 2, 12, tzinfo=UTC)
_WORDS = """
    harbour council ferry storm photonic wind farm robots greenhouse tomato census satellite orbit speech whistle
    peatland carbon store macaques image recognition benchmark labels tide bridge minister report engineers
    announced later this week the a of in and for with that from its new open source model released today
""".split()  # noqa: SIM905 - words read better so


class _Writer:
    """Makes up articles; the same ones at every run."""

    def __init__(self) -> None:
        self._random = random.Random(1)  # noqa: S311 - nothing secret

    def sentence(self, words: int) -> str:
        return " ".join(self._random.choices(_WORDS, k=words)).capitalize() + "."

    def article(self, number: int) -> str:
        """Paragraphs, links and a picture, as blogs write them."""
        return (
            f'<p>{self.sentence(22)} <a href="/topic/{number}">{self.sentence(3)}</a> &amp; {self.sentence(8)}</p>\n'
            f'<p><img src="/images/{number}.jpg" alt="{self.sentence(4)}" width="640" height="360" /></p>\n'
            f"<p>{self.sentence(20)} <strong>{self.sentence(2)}</strong></p>"
        )


def rss() -> bytes:
    """A feed as WordPress writes them: a description, and the article in `content:encoded`."""
    write, items = _Writer(), []
    for number in range(_ITEMS):
        slug = write.sentence(6).rstrip(".").lower().replace(" ", "-")
        date = format_datetime(_START - timedelta(hours=number))
        items.append(
            f"<item><title>{write.sentence(9)}</title><link>https://news.example.com/2026/03/{slug}/</link>"
            f"<dc:creator><![CDATA[Ada]]></dc:creator><pubDate>{date}</pubDate><category><![CDATA[News]]></category>"
            f'<guid isPermaLink="false">https://news.example.com/?p={number}</guid>'
            f"<description><![CDATA[<p>{write.sentence(25)} [&#8230;]</p>]]></description>"
            f"<content:encoded><![CDATA[{write.article(number)}]]></content:encoded></item>\n"
        )
    head = (
        '<?xml version="1.0" encoding="UTF-8"?><rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"'
        ' xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>Made up</title>'
        "<link>https://news.example.com</link><description>Nothing of it is true</description><language>en</language>\n"
    )
    return f"{head}{''.join(items)}</channel></rss>".encode()


def atom() -> bytes:
    """The same in Atom, its HTML escaped."""
    write, entries = _Writer(), []
    for number in range(_ITEMS):
        slug = write.sentence(6).rstrip(".").lower().replace(" ", "-")
        date = (_START - timedelta(hours=number)).isoformat()
        article = write.article(number).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        entries.append(
            f"<entry><title>{write.sentence(9)}</title><id>tag:news.example.com,2026:{number}</id>"
            f'<link rel="alternate" type="text/html" href="https://news.example.com/2026/03/{slug}"/>'
            f"<published>{date}</published><updated>{date}</updated><author><name>Ada</name></author>"
            f"<summary>{write.sentence(25)}</summary>"
            f'<content type="html">{article}</content></entry>\n'
        )
    head = (
        '<?xml version="1.0" encoding="utf-8"?><feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en">'
        '<title>Made up</title><id>tag:news.example.com,2026:feed</id><link href="https://news.example.com/"/>\n'
    )
    return f"{head}{''.join(entries)}</feed>".encode()


def spent(run: Callable[[], object], times: int) -> float:
    """Seconds of processor time for one run. Others' load on the machine is not counted."""
    gc.collect()
    started = time.process_time()
    for _ in range(times):
        run()
    return (time.process_time() - started) / times


def measure(runs: int) -> None:
    """Both parsers on both feeds, in turns."""
    for name, body in (("RSS", rss()), ("Atom", atom())):
        origin = FeedSpec(_URL)
        if len(parse(body, origin).items) != _ITEMS or len(feedparser.parse(body).entries) != _ITEMS:
            raise SystemExit(f"{name}: some items were not read")
        ours, theirs, ratios = [], [], []
        for _ in range(runs):
            ours.append(1e3 * spent(lambda: parse(body, origin), _OURS_A_TURN))  # noqa: B023 - called at once
            theirs.append(1e3 * spent(lambda: feedparser.parse(body), 1))  # noqa: B023
            ratios.append(theirs[-1] / ours[-1])
        print(f"\nParsing {name}, {_ITEMS} items, {len(body) / 1000:.0f} KB (CPU time)")
        line("to records", ours, "ms")
        line("feedparser", theirs, "ms")
        print(
            f"{'feeds a second':<58} {1000 / statistics.median(ours):8.0f}      (feedparser {1000 / statistics.median(theirs):.0f})"
        )
        line("relative speed", ratios, "x")


if __name__ == "__main__":
    measure(15)
