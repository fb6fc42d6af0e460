"""Fuzzing of the query language: `python -m scripts.fuzz_queries --seconds 60 [--seed N]`.

Random texts of pieces of the language are parsed, and what is a query is evaluated on random articles, alone and among
others. A finding, which ends the run with an error, is: anything raised but `QueryError`; a query that is not read
again as it is written; a price above the limit; more looks at an article than the price; a matcher that finds something
else; and anything that takes more than half a second of processor time. The same seed gives the same run.
"""

from __future__ import annotations

import argparse
import random
import sys
import time

from bot.domain.topics.query.document import Document, Positions
from bot.domain.topics.query.language import MAX_LENGTH, MAX_PRICE, Query, QueryError, explain, matches, parse
from bot.domain.topics.query.percolator import Matcher

SLOW = 0.5  # seconds of processor time
AT_ONCE = 20  # queries that are matched together
WORDS = (
    "a",
    "ab",
    "abc",
    "storm",
    "st",
    "wind farm",
    "\u6771\u4eac",
    "\u0e44\u0e17\u0e22",
    "caf\u00e9",
    "c++",
    ".net",
    "\ufdfa",
    "\u0130",
    "\u304c",
    "x\u0301",
)
PIECES = (
    *WORDS, *(f"{word}*" for word in WORDS), *(f'"{word} {word}"' for word in WORDS), " ", " OR ", " AND ", " NOT ", " -", "(", ")",
    " NEAR/1 ", " NEAR/50 ", " NEAR/51 ", "title:", "excerpt:", "outlet:(", "domain:bbc.co.uk", "type:article", "lang:en", "topic:", "quality>=1",
    "heat<", "9" * 12, '"', "*", ":", "&", "\u201c", "\uff08", "\x00", "\U0001f600", "NEAR", "OR", "\u200b", "\ud7ff",
)  # fmt: skip


class Looked(Document):
    """An article that counts how often it is looked at."""

    looks = 0

    def joined(self, field: str) -> str:
        self.looks += 1
        return super().joined(field)

    def positions(self, text: str) -> Positions:
        self.looks += 1
        return super().positions(text)


def query_text(choose: random.Random) -> str:
    """A text that is often a query: pieces at random, or many parts of one pattern."""
    if choose.random() < 0.3:
        one, two = choose.choice(WORDS), choose.choice(WORDS)
        part = choose.choice(
            ("({0}* NEAR/1 {1}*)", "({0} {1}*)", '"{0} {1}" -{1}', "title:({0} NEAR/9 {1})", "({0}")
        )
        joint = choose.choice((" OR ", " ", " -"))
        return joint.join(part.format(f"{one}{n}", two) for n in range(choose.choice((1, 5, 16, 40, 120))))
    return "".join(choose.choice(PIECES) for _ in range(choose.choice((1, 3, 8, 20, 200))))


def article(choose: random.Random) -> Looked:
    """An article of few words, which come again and again."""

    def text(longest: int) -> str:
        some = choose.choices(WORDS, k=choose.choice((1, 2, 5)))
        return " ".join(choose.choice(some) for _ in range(choose.choice((0, 3, 30, 600))))[:longest]

    return Looked(
        text(300),
        text(1000),
        outlet=text(60),
        domain="news.bbc.co.uk",
        lang="en-gb",
        quality=choose.randrange(3),
    )


def fails(text: str, document: Looked) -> tuple[str, Query | None]:
    """What is wrong with how a query is read and evaluated, empty if nothing; and the query."""
    try:
        query = parse(text)
    except QueryError as error:
        caret = error.drawn().split("\n")[1]
        return (
            "" if caret.strip() == "^" and 0 <= error.position <= len(text) else "the error is drawn nowhere"
        ), None
    if parse(str(query)) != query or len(str(query)) > MAX_LENGTH:
        return "it is not read again as it is written", query
    if query.price > MAX_PRICE:
        return f"its price is {query.price}", query
    document.looks = 0
    held = matches(query, document)
    if document.looks > query.price:
        return f"it looked {document.looks} times, for a price of {query.price}", query
    if explain(query, document) and not held:
        return "it explains what it does not match", query
    return "", query


def main() -> None:
    """Fuzz until time or count is up."""
    parser = argparse.ArgumentParser(prog="python -m scripts.fuzz_queries", description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--count", type=int, default=sys.maxsize)
    arguments = parser.parse_args()
    choose = random.Random(arguments.seed)  # noqa: S311 - nothing secret
    end, done, understood, findings, slowest = time.monotonic() + arguments.seconds, 0, 0, 0, 0.0
    while done < arguments.count and time.monotonic() < end:
        document = article(choose)
        matcher: Matcher[str] = Matcher()
        queries: list[Query] = []
        started = time.process_time()
        for _ in range(AT_ONCE):
            text = query_text(choose)
            began = time.process_time()
            try:
                wrong, query = fails(text, document)
            except Exception as error:
                wrong, query = f"raised {type(error).__name__}: {error}", None
            took = time.process_time() - began
            slowest = max(slowest, took)
            wrong = wrong or (f"took {took:.1f} s" if took > SLOW else "")
            if wrong:
                findings += 1
                print(f"{text!r}: {wrong}", flush=True)
            if query is not None:
                queries.append(query)
                matcher.add(query.text, query)
            done += 1
        understood += len(queries)
        if matcher.match(document) != {query.text for query in queries if matches(query, document)}:
            findings += 1
            print(f"{[query.text for query in queries]}: together they match something else", flush=True)
        slowest = max(slowest, (time.process_time() - started) / AT_ONCE)
    print(
        f"{done:,} texts, {understood:,} of them queries, seed {arguments.seed}: {findings} findings, slowest {slowest:.2f} s"
    )
    sys.exit(1 if findings else 0)


if __name__ == "__main__":
    main()
