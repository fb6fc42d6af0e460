"""Mutation fuzzing of the feed parsers: `python -m scripts.fuzz_feeds --seconds 60 [--seed N] [--corpus DIR]`.

Feeds, the benchmark's and those of a folder, are broken at random and parsed. Anything raised but
`NotAFeed`, and anything that takes more than two seconds of processor time, is a finding: its bytes are written to
a file, and the run ends with an error. The same seed and corpus give the same run.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from pathlib import Path

from benchmarks import parsing
from bot.sources.feeds.parse import FeedSpec, NotAFeed, parse

SLOW = 2.0  # seconds
LARGEST = 300_000  # bytes of a mutant, but for the few that repeat a piece many times
ORIGIN = FeedSpec("https://news.example.com/feed.xml")
JSON_FEED = (
    b'{"version": "https://jsonfeed.org/version/1.1", "title": "T", "items": [{"id": 1, "url": "https://a.example/1",'
    b' "title": "One", "content_html": "<p>Text <img src=\'/x.png\'></p>", "date_published": "2026-03-02T12:00:00Z"}]}'
)
PIECES = (
    b"<![CDATA[", b"]]>", b"<!--", b"-->", b"<?xml version='1.0' encoding='utf-16'?>", b"<!DOCTYPE a [<!ENTITY b 'c'>]>",
    b"&b;", b"&#0;", b"&#x110000;", b"&nbsp;", b"&", b"<", b">", b"<item>", b"</item>", b"<entry>", b"<a xml:base='//['>",
    b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\x80", b"\xe2\x82", b" xml:base='http://['", b" xmlns='x'", b"<media:group>",
    b"http://[::1", b"https://a.example:99999/", b"javascript:", b"data:,", b"'", b'"', b"=", b"\\ud800", b"1e999", b"NaN",
    b"<script>", b"</p>", b"<img src=", b"9" * 400, b"Mon, 31 Feb 9999 25:61:61 +9999", b"<link rel='enclosure' href='//'/>",
)  # fmt: skip


def mutants(data: bytes, other: bytes, choose: random.Random) -> bytes:
    """The data with a few random changes."""
    for _ in range(choose.choice((1, 1, 2, 3, 8))):
        start = choose.randrange(len(data) + 1)
        end = min(len(data), start + choose.choice((1, 2, 8, 60, 900)))
        match choose.randrange(8):
            case 0:
                data = data[:start] + data[end:]
            case 1:
                data = data[:start] + choose.choice(PIECES) + data[start:]
            case 2:
                data = data[:start] + bytes(choose.randrange(256) for _ in range(end - start)) + data[end:]
            case 3:
                data = data[:end] + data[start:end] * choose.choice((1, 2, 50)) + data[end:]
            case 4:
                data = data[:start]
            case 5:
                cut = choose.randrange(len(other) + 1)
                data = data[:start] + other[cut : cut + choose.choice((10, 200, 5000))] + data[start:]
            case 6:
                data = data[:start] + choose.choice(PIECES) * choose.choice((10, 1000, 20_000)) + data[start:]
            case _:
                data = data.replace(
                    choose.choice((b">", b"<", b'"', b"/", b"item", b"title")), choose.choice(PIECES), 3
                )
        data = data[: LARGEST * 4]
    return data


def fails(data: bytes) -> str:
    """What is wrong with how these bytes are parsed; empty if nothing."""
    started = time.process_time()
    try:
        parse(data, ORIGIN, "application/xml")
    except NotAFeed:
        pass
    except Exception as error:
        return f"raised {type(error).__name__}: {error}"
    took = time.process_time() - started
    return f"took {took:.1f} s" if took > SLOW else ""


def corpus(folder: Path | None) -> list[bytes]:
    """What mutants are made of."""
    seeds = [parsing.rss()[:20_000], parsing.atom()[:20_000], JSON_FEED]
    if folder is not None:
        files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        seeds += [path.read_bytes()[:LARGEST] for path in files]
    return seeds


def main() -> None:
    """Fuzz until time or count is up."""
    parser = argparse.ArgumentParser(prog="python -m scripts.fuzz_feeds", description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--count", type=int, default=sys.maxsize)
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--keep", type=Path, default=Path("fuzz-findings"), help="where findings are written")
    arguments = parser.parse_args()
    choose, seeds = random.Random(arguments.seed), corpus(arguments.corpus)  # noqa: S311 - nothing secret
    findings: Counter[str] = Counter()
    end, done, slowest = time.monotonic() + arguments.seconds, 0, 0.0
    while done < arguments.count and time.monotonic() < end:
        data = mutants(choose.choice(seeds), choose.choice(seeds), choose)
        started = time.process_time()
        wrong = fails(data)
        slowest = max(slowest, time.process_time() - started)
        done += 1
        if wrong:
            findings[wrong[:60]] += 1
            if findings[wrong[:60]] == 1:
                arguments.keep.mkdir(exist_ok=True)
                path = arguments.keep / f"{arguments.seed}-{done}.bin"
                path.write_bytes(data)
                print(f"{path}: {wrong}", flush=True)
    print(
        f"{done:,} mutants of {len(seeds):,} feeds, seed {arguments.seed}: {findings.total()} findings, slowest {slowest:.2f} s"
    )
    sys.exit(1 if findings else 0)


if __name__ == "__main__":
    main()
