"""How far the feed parsers agree with others' expected results: `python -m scripts.feed_agreement DIR`.

DIR holds any of three collections: `feedparser` (a comment at the top of each file says what must
come out, as a Python expression over feedparser's result), `gofeed` and `realworld` (the result as
JSON beside each file). Compared is what a record keeps: titles, links, ids, dates, texts, pictures.
A record keeps neither authors nor categories. Texts are compared as the words that a reader sees;
each disagreement is listed with its cause.
"""

from __future__ import annotations

import argparse
import ast
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import unescape
from pathlib import Path
from typing import Any

import nh3

from bot.domain.text.cleaning import repair
from bot.sources.feeds.dates import parse_moment
from bot.sources.feeds.images import choose_image
from bot.sources.feeds.links import is_web, resolve
from bot.sources.feeds.model import ParsedFeed
from bot.sources.feeds.parse import FeedSpec, NotAFeed, parse, read
from bot.sources.feeds.text import body, line

URL = "http://127.0.0.1:8097/tests/feed.xml"  # what the feedparser collection's relative links expect
LONG = 100_000
SHOWN = 70
# Where another answer was chosen, each looked at by hand.
CHOSEN = {
    "atom10_feed_entry_title_custom_type.xml": "of a type that Atom has encoded, and it can be decoded",
    **dict.fromkeys(
        (
            "entry_content_iframe.xml",
            "entry_content_object.xml",
            "item_content_encoded_iframe.xml",
            "item_content_encoded_object.xml",
            "item_description_iframe.xml",
            "item_xhtml_body_object.xml",
        ),
        "what only old browsers show is left out",
    ),
    "entry_updated_multiple_values.xml": "the first of two dates is used",
    "entity_in_doctype.xml": "a document type's own entities are not expanded",
    "headers_content_location-relative.xml": "the server's header is unknown here",
    "item_content_encoded_script_nested_cdata.xml": "broken markup, parsed as in browsers",
    "itunes_item_link_image.xml": "a link in a namespace without links",
    "rss_channel_item_guid_naked_markup.xml": "an id that is markup",
    "xml_malicious_comment.xml": "broken markup, parsed as in browsers",
}
FIELDS = (
    "feed title",
    "feed link",
    "feed language",
    "entries",
    "title",
    "link",
    "id",
    "date",
    "text",
    "image",
)


@dataclass(frozen=True)
class Check:
    """Something that is expected of a file, and all that we have of the kind."""

    field: str
    expected: Any
    got: Sequence[str]


# ------------------------------------------------------------------------------------- what we have


def had(feed: ParsedFeed, field: str, index: int = 0) -> list[str]:
    """All that we read of a field."""
    if field == "feed title":
        return [line(feed.title, LONG)]
    if field == "feed link":
        return [feed.link]
    if field == "feed language":
        return [feed.language]
    if index >= len(feed.entries):
        return []
    entry = feed.entries[index]
    if field == "title":
        return [line(entry.title, LONG)] if entry.title else []
    if field == "link":
        return [resolve(url, entry.base) for url in (entry.url, *entry.other_urls) if url]
    if field == "id":
        return [entry.guid, resolve(entry.guid, entry.base)] if entry.guid else []
    if field == "date":
        return [found.isoformat() for date in entry.dates if (found := parse_moment(date))]
    if field == "image":
        image = choose_image(entry)
        return [image.url] if image else []
    return [body(text, LONG) for text in entry.texts]


def seen(text: str) -> str:
    """The words that a reader sees of HTML, by another library than the bot's."""
    spaced = re.sub(
        r"<(?=/?(?:p|br|div|h\d|li|ul|ol|img|blockquote|figure|tr|td|table|pre|hr)\b)", " <", text
    )
    bare = unescape(nh3.clean(spaced, tags=set(), clean_content_tags={"script", "style"}))
    return " ".join(bare.split())


# ------------------------------------------------------------------------------------ what is expected


def from_comment(text: str, feed: ParsedFeed) -> Iterator[Check]:
    """The comparisons of an expression that concern what we keep; nothing of it is executed."""
    found = re.search(r"Expect:\s*(.*?)\s*-->", text, re.DOTALL)
    if found is None:
        return
    try:
        tree = ast.parse(" ".join(found[1].split()), mode="eval").body
    except (SyntaxError, ValueError):
        return
    for node in tree.values if isinstance(tree, ast.BoolOp) and isinstance(tree.op, ast.And) else [tree]:
        if not isinstance(node, ast.Compare) or not all(isinstance(op, ast.Eq) for op in node.ops):
            continue
        try:
            expected = ast.literal_eval(node.comparators[-1])
        except ValueError:
            continue
        for side in (node.left, *node.comparators[:-1]):
            if (where := _field(_path(side))) is not None:
                field, index = where
                yield Check(field, expected, had(feed, field, index))


def _path(node: ast.expr) -> tuple[object, ...]:
    """`entries[0]['title']` as its parts."""
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        return (*_path(node.value), node.slice.value)
    if isinstance(node, ast.Attribute):
        return (*_path(node.value), node.attr)
    return (node.id,) if isinstance(node, ast.Name) else (None,)


_DATES = ("published", "updated", "created", "modified", "date", "issued")
_TEXTS = ("summary", "description")


def _field(path: tuple[object, ...]) -> tuple[str, int] | None:
    """Which field of ours, of which entry, feedparser's path means."""
    match path:
        case ("feed", "title") | ("feed", "title_detail", "value"):
            return "feed title", 0
        case ("feed", "link"):
            return "feed link", 0
        case ("feed", "language"):
            return "feed language", 0
        case ("entries", int(index), *rest):
            match rest:
                case ["title"] | ["title_detail", "value"]:
                    return "title", index
                case ["link"]:
                    return "link", index
                case ["id"] | ["guid"]:
                    return "id", index
                case ["image", "href"]:
                    return "image", index
                case ["content", 0, "value"] | ["summary_detail", "value"]:
                    return "text", index
                case [str(name)] if name in _TEXTS:
                    return "text", index
                case [str(name)] if name.removesuffix("_parsed") in _DATES:
                    return "date", index
    return None


def from_json(expected: dict[str, Any], feed: ParsedFeed) -> Iterator[Check]:
    """The checks of an expected result as gofeed and others write them."""
    head = expected.get("feed", expected)
    for name in ("title", "link", "language"):
        value = head.get(name) or (head.get("home_page_url") if name == "link" else None)
        if value:
            yield Check(f"feed {name}", value, had(feed, f"feed {name}"))
    entries = expected.get("items", expected.get("entries")) or []
    yield Check("entries", str(len(entries)), [str(feed.total)])
    for index, entry in enumerate(entries):
        for field, value in _expected(entry):
            if value:
                yield Check(field, value, had(feed, field, index))


def _expected(entry: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    links = [link for link in entry.get("links") or [] if isinstance(link, dict)]
    pages = [link.get("href") for link in links if link.get("rel", "alternate") in ("alternate", "")]
    yield "title", entry.get("title")
    yield "link", entry.get("link") or entry.get("url") or (pages[0] if pages else None)
    guid = entry.get("guid") or entry.get("id")
    yield "id", guid.get("value") if isinstance(guid, dict) else guid
    for name in ("publishedParsed", "pubDateParsed", "updatedParsed", "date_published"):
        yield "date", entry.get(name)
    if not entry.keys() & {"publishedParsed", "pubDateParsed", "updatedParsed"}:
        yield "date", entry.get("published")
    for name in ("summary", "description", "content", "content_html", "content_text"):
        value = entry.get(name)
        if isinstance(value, list):
            value = value[0] if value else None
        yield "text", value.get("value") if isinstance(value, dict) else value
    image = entry.get("image")
    yield "image", image.get("url") if isinstance(image, dict) else image


# --------------------------------------------------------------------------------------- comparing


def cause(check: Check) -> str:
    """Why they differ; empty where they agree."""
    expected, got = check.expected, check.got
    if check.field == "date":
        return _date_cause(expected, got)
    if not isinstance(expected, str):
        return "unexplained"
    if expected in got:
        return ""
    if check.field in ("link", "feed link", "image"):
        if not is_web(expected.strip()):
            return "unsafe link left out" if re.match(r"\s*[a-z]+:", expected, re.IGNORECASE) else "resolved"
        if any(expected.strip().rstrip("/") == url.rstrip("/") for url in got):
            return ""
        return "another of its links" if any(got) and check.field != "image" else "unexplained"
    if check.field == "id" and not any(got) and is_web(expected):
        return "no id: other parsers use the link"
    if check.field in ("id", "feed language"):
        return "whitespace" if expected.split() in [one.split() for one in got] else "unexplained"
    return _text_cause(expected, got)


def _text_cause(expected: str, got: Sequence[str]) -> str:
    words = seen(expected)
    packed = "".join(words.split())
    ours = [" ".join(one.split()) for one in got] or [""]
    if words in ours or words in [seen(one) for one in ours]:
        return ""
    if packed in ["".join(seen(one).split()) for one in ours]:
        return "whitespace"
    if repair(words, LONG) in ours or repair(seen(words), LONG) in [seen(one) for one in ours]:
        return "repaired"
    whole = [repair(text, LONG) for text in (words, expected)]  # some of what is expected is no HTML any more
    if any(_same_beginning("".join(text.split()), "".join(one.split())) for text in whole for one in ours):
        return "clipped, by them or by us"
    if seen(unescape(words)) in [seen(unescape(one)) for one in ours]:
        return "escaped more than once"
    if re.sub(r"\W+", "", words) in [re.sub(r"\W+", "", seen(one)) for one in ours]:
        return "invisible markup"
    if words.startswith("th { text-align"):
        return "a style sheet left out"
    return "unexplained"


def _same_beginning(one: str, other: str) -> bool:
    """Whether a text goes on where the other, but for an ending left out, stops."""
    length = min(len(one), len(other)) - 30
    return length > 20 and one[:length] == other[:length]


def _date_cause(expected: Any, got: Sequence[str]) -> str:
    ours = [datetime.fromisoformat(one) for one in got]
    if isinstance(expected, tuple):
        same = any(tuple(one.timetuple())[:6] == expected[:6] for one in ours)
        sensible = 1990 <= expected[0] <= 2100
    else:
        parsed = parse_moment(str(expected))
        same = parsed in ours if parsed else not ours
        sensible = parsed is not None
    if same:
        return ""
    return "unexplained" if sensible else "not of a sensible year"


# ------------------------------------------------------------------------------------------ running


def expectation(path: Path) -> Path | None:
    """The file with the expected result, where there is one."""
    for name in (f"{path.stem}_expected.json", f"{path.stem}.expected.json", f"{path.stem}.json"):
        if (found := path.with_name(name)) != path and found.is_file():
            return found
    return None


def checks(path: Path, data: bytes) -> Iterator[Check]:
    """All that is expected of a file."""
    feed = read(data, URL)
    if (beside := expectation(path)) is not None:
        yield from from_json(json.loads(beside.read_bytes()), feed)
    elif "feedparser" in path.parts:
        yield from from_comment(data[:20_000].decode("utf-8", "replace"), feed)


def feeds(folder: Path) -> list[Path]:
    """All feeds below a folder, without what only says what is expected of one."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    expected = {
        expectation(path) for path in files if path.suffix == ".xml" or path.with_suffix(".xml") not in files
    }
    return [path for path in files if path not in expected]


def main() -> None:
    """Read every feed, compare, and print a table and every disagreement."""
    parser = argparse.ArgumentParser(prog="python -m scripts.feed_agreement", description=__doc__)
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    agree: Counter[str] = Counter()
    total: Counter[str] = Counter()
    causes: Counter[str] = Counter()
    refused: list[str] = []
    paths = feeds(folder)
    for path in paths:
        data, name = path.read_bytes(), str(path.relative_to(folder))
        try:
            parse(data, FeedSpec(URL))
            found = list(checks(path, data))
        except NotAFeed as error:
            refused.append(f"{name}: {error}")
            continue
        for check in found:
            total[check.field] += 1
            why = cause(check)
            if why == "unexplained":
                why = CHOSEN.get(path.name) or why
            if not why:
                agree[check.field] += 1
                continue
            causes[why] += 1
            got = next(iter(check.got), "")
            print(f"{name}: {check.field}: {why}: expected {_short(check.expected)}, got {_short(got)}")
    print(f"\n{len(paths)} files, {len(refused)} of them no feeds:")
    print("\n".join(f"  {one}" for one in refused))
    print("\nfield           agree  of")
    for field in FIELDS:
        print(f"{field:<14} {agree[field]:6} {total[field]:4}")
    print("\ncauses of the rest")
    for why, count in causes.most_common():
        print(f"{count:6} {why}")
    sys.exit(1 if causes["unexplained"] else 0)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


if __name__ == "__main__":
    main()
