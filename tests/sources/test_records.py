"""Record files: every variant that occurs is taken in, everything else has a reason."""

from __future__ import annotations

import io
import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain.model import Image, Outlet, Record
from bot.domain.text.cleaning import length
from bot.sources.documents import MAX_DOCUMENT, MAX_LINE
from bot.sources.model import Item
from bot.sources.records import MAX_REJECTED, Parsed, parse, read, record_from_mapping
from tests.form import sized
from tests.shared_data import SHARED, needs_shared

MINIMAL = {"webUrl": "https://www.example.com/story/", "title": "A story"}

FRONT_MATTER = """\
---
category: news
title: "Ferry &#038; harbour: a plan â€“ at last"
excerpt: "Two\u00a0words"
publishedDateTime: 2024-01-31T09:30:00+02:00
originalUrl: "https://www.example.com/story?utm_source=rss"
webUrl: "https://www.example.com/story"
ampWebUrl: "https://www.example.com/amp-version/story"
cdnAmpWebUrl: "https://www-example-com.cdn.ampproject.org/c/s/www.example.com/story/amp/"
type: article
quality: 72
heat: -1
published: false

provider:
  name: Example
  domain: www.example.com
  images:
    - url: "https://cdn.example/logo.png"
      width: 50
      height: 50

topics:
  - Transport
  - ~
  - transport

images:
  - url: "data:image/png;base64,AAAA"
  - url: "https://cdn.example/pixel.png"
    width: 1
    height: 1
  - url: "https://cdn.example/ferry.jpg"
    width: 640
    height: 480
    isCached: true

related:
  - title: "Itself"
    webUrl: "http://example.com/story/"
  - title: "Another"
    excerpt: ""
    webUrl: "https://other.example/another"
    quality: 90
    provider:
      name: Other
      domain: other.example
    publishedDateTime: 2024-01-30T10:00:00Z
  - title: "Another again"
    webUrl: "https://m.other.example/another"

secured: "c2VjcmV0IGNvbnRlbnQ=;"
---
The body is ignored: {[
"""


def only(parsed: Parsed) -> Record:
    assert not parsed.rejected
    (item,) = parsed.items
    return item.record


def rejected(data: bytes | str, path: str) -> tuple[int, str]:
    parsed = parse(data.encode() if isinstance(data, str) else data, path)
    assert not parsed.items
    (reason,) = parsed.rejected
    assert reason.path == path
    return reason.item, reason.reason


def test_front_matter() -> None:
    assert only(parse(FRONT_MATTER.encode(), "a.md")) == Record(
        key="https://example.com/story",
        url="https://www.example.com/story",
        title="Ferry & harbour: a plan – at last",
        outlet=Outlet("Example", "example.com"),
        excerpt="Two words",
        published=datetime(2024, 1, 31, 7, 30, tzinfo=UTC),
        quality=72,
        topics=("Transport",),
        image=Image("https://cdn.example/ferry.jpg", 640, 480),
        twins=("https://example.com/amp-version/story",),
        related=(
            Record(
                key="https://other.example/another",
                url="https://other.example/another",
                title="Another",
                outlet=Outlet("Other", "other.example"),
                published=datetime(2024, 1, 30, 10, tzinfo=UTC),
                quality=90,
            ),
        ),
    )


YAML = FRONT_MATTER.split("---\n")[1]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.markdown", FRONT_MATTER),
        ("A.MD", "\n\n" + FRONT_MATTER),
        ("a.md", "---\n" + YAML + "---"),
        ("a.yaml", YAML),
        ("a.yml", "---\n" + YAML + "---\n"),
        ("a.yaml", YAML + "\n---\n---\n"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_every_container_and_encoding_gives_the_same_record(
    path: str, text: str, encoding: str, newline: str
) -> None:
    expected = only(parse(FRONT_MATTER.encode(), "a.md"))
    assert only(parse(text.replace("\n", newline).encode(encoding), path)) == expected


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_json_and_json_lines(encoding: str) -> None:
    expected = record_from_mapping(MINIMAL)[0]
    one = json.dumps(MINIMAL)
    assert only(parse(json.dumps(MINIMAL, indent=2).encode(encoding), "a.json")) == expected
    assert [i.item for i in parse(f"[{one}, {one}]".encode(encoding), "a.json").items] == [1, 2]
    lines = parse(f"{one}\r\n\n{one}".encode(encoding), "a.jsonl")
    assert [(i.item, i.record) for i in lines.items] == [(1, expected), (3, expected)]
    assert only(parse(one.encode(encoding), "a.ndjson")) == expected


def test_yaml_lists_and_several_documents_count_their_items() -> None:
    text = "- {title: a, webUrl: 'https://a.example'}\n- nonsense\n---\n---\ntitle: b\nwebUrl: https://b.example\n"
    parsed = parse(text.encode(), "many.yaml")
    assert [(item.item, item.record.title) for item in parsed.items] == [(1, "a"), (3, "b")]
    assert [(r.item, r.reason) for r in parsed.rejected] == [
        (2, "record: expected a mapping of fields, got text 'nonsense'")
    ]


def test_what_was_read_before_a_broken_document_is_kept() -> None:
    parsed = parse(b"title: a\nwebUrl: https://a.example\n---\na: [\n", "a.yaml")
    assert [item.item for item in parsed.items] == [1]
    assert [(r.item, r.reason.split(":")[0]) for r in parsed.rejected] == [(2, "not valid YAML at line 5")]


def test_topic_definitions_are_passed_over() -> None:
    assert parse(b"taxonomy: topic\n_id: ai\nname: AI\n", "ai.yaml") == Parsed((), ())


# --------------------------------------------------------------------------- variants of fields


def record(**fields: Any) -> Record:
    return record_from_mapping(MINIMAL | fields)[0]


def without(*names: str, **fields: Any) -> Record:
    return record_from_mapping({k: v for k, v in (MINIMAL | fields).items() if k not in names})[0]


def test_the_least_a_record_needs() -> None:
    assert record() == Record(
        key="https://example.com/story",
        url="https://www.example.com/story/",
        title="A story",
        outlet=Outlet("example.com", "example.com"),
    )


def test_default_quality_is_for_records_that_declare_none() -> None:
    related = [{"title": "b", "webUrl": "https://b.example"}]
    read, _ = record_from_mapping(MINIMAL | {"related": related}, 55)
    assert (read.quality, read.related[0].quality) == (55, 0)
    assert record_from_mapping(MINIMAL | {"quality": 0}, 55)[0].quality == 0


def test_videos_have_no_web_url() -> None:
    frame = '<iframe width="800" src="https://www.youtube.com/embed/6NPtZSMH0h4" allowfullscreen></iframe>'
    video = without(
        "webUrl", originalUrl="https://youtube.com/watch?v=6NPtZSMH0h4", type="video", featuredContent=frame
    )
    assert (video.key, video.type) == ("https://youtube.com/watch?v=6NPtZSMH0h4", "video")
    embedded = without("webUrl", featuredContent=frame)
    assert (embedded.key, embedded.url) == (video.key, "https://www.youtube.com/embed/6NPtZSMH0h4")
    bare = without("webUrl", featuredContent="<IFRAME SRC=//player.example/v?a=1&amp;b=2 >")
    assert bare.url == "https://player.example/v?a=1&b=2"


def test_a_removed_record_needs_only_its_address() -> None:
    removed = without("title", removed=True)
    assert (removed.key, removed.title, removed.removed) == ("https://example.com/story", "", True)


def test_heat_and_notable() -> None:
    assert (record(heat=-1).heat, record(heat=0).heat, record(heat=150).heat) == (None, 0, 150)
    assert (record(published=True).notable, record(published=False).notable, record().notable) == (
        True,
        False,
        False,
    )


def test_nulls_are_absent() -> None:
    names = ("excerpt", "quality", "heat", "published", "publishedDateTime", "provider", "topics", "images", "related",
             "type", "removed", "originalUrl", "ampWebUrl", "language")  # fmt: skip
    assert record(**dict.fromkeys(names)) == record()
    assert record(topics=[None, "AI"]).topics == ("AI",)


@pytest.mark.parametrize(
    ("provider", "outlet"),
    [
        (
            {"name": "Los Angeles Times", "domain": "WWW.LATimes.com"},
            Outlet("Los Angeles Times", "latimes.com"),
        ),
        ({"name": "BBC", "domain": "news.bbc.co.uk"}, Outlet("BBC", "bbc.co.uk")),
        ({"name": "  A&amp;B "}, Outlet("A&B", "example.com")),
        ({"domain": "other.example"}, Outlet("other.example", "other.example")),
        ({"name": "Bad", "domain": "not a domain"}, Outlet("Bad", "example.com")),
        ({}, Outlet("example.com", "example.com")),
    ],
)
def test_outlets(provider: dict[str, str], outlet: Outlet) -> None:
    assert record(provider=provider).outlet == outlet


@pytest.mark.parametrize(
    "value",
    [
        datetime(2024, 1, 31, 9, 30, tzinfo=UTC),
        datetime(2024, 1, 31, 9, 30),  # noqa: DTZ001 - YAML gives such ones
        "2024-01-31T09:30:00Z",
        "2024-01-31T10:30:00.000+01:00",
        "2024-01-31 09:30",
        "Wed, 31 Jan 2024 09:30:00 GMT",
        "Wed, 31 Jan 2024 04:30:00 -0500",
    ],
)
def test_dates(value: object) -> None:
    assert record(publishedDateTime=value).published == datetime(2024, 1, 31, 9, 30, tzinfo=UTC)


def test_dates_without_a_time_are_midnight() -> None:
    midnight = datetime(2024, 1, 31, tzinfo=UTC)
    assert record(publishedDateTime=date(2024, 1, 31)).published == midnight
    assert record(publishedDateTime="2024-01-31").published == midnight
    assert record(publishedDateTime="").published is None


@pytest.mark.parametrize(
    ("images", "image"),
    [
        (["https://a.example/1.png"], Image("https://a.example/1.png")),
        ([{"url": "/relative.png"}, {"url": "https://a.example/2.png"}], Image("https://a.example/2.png")),
        ([{"url": "javascript:alert(1)"}], None),
        ([{"url": "https://a.example/icon.png", "width": 16, "height": 16}], None),
        ([{"url": "https://a.example/wide.png", "width": 2000, "height": 10}], None),
        ([{"url": "https://a.example/huge.png", "width": 2000, "height": 10**6}], None),
        ([{"width": 100, "height": 100}], None),
        ([], None),
    ],
)
def test_images(images: list[object], image: Image | None) -> None:
    assert record(images=images).image == image


def test_twins_that_are_no_addresses_are_left_out_with_a_note() -> None:
    read, notes = record_from_mapping(
        MINIMAL | {"ampWebUrl": "nowhere", "originalUrl": "https://example.com/old"}
    )
    assert read.twins == ("https://example.com/old",)
    assert notes == ("ampWebUrl: not an http or https address; ignored",)


def test_a_bad_related_entry_costs_only_itself() -> None:
    entries = [
        {"title": "b", "webUrl": "https://b.example"},
        {"title": "c", "webUrl": "https://c.example", "quality": "high"},
        "d",
        {"title": "e"},
    ]
    parsed = parse(json.dumps(MINIMAL | {"related": entries}).encode(), "a.json")
    assert [entry.title for entry in only(parsed).related] == ["b"]
    assert parsed.notes == (
        "a.json: 1: related[1].quality: expected a whole number, got text 'high'; ignored",
        "a.json: 1: related[2]: expected a mapping of fields, got text 'd'; ignored",
        "a.json: 1: related[3].webUrl: missing, and neither originalUrl nor an iframe in featuredContent replaces it; ignored",
    )


def test_everything_is_bounded() -> None:
    entry = {"title": "t", "webUrl": "https://r.example/"}
    read, notes = record_from_mapping(
        MINIMAL
        | {
            "title": "😀 word " * 1000,
            "excerpt": "word " * 10_000,
            "provider": {"name": "name " * 1000},
            "topics": [f"topic {n} " + "x" * 100 for n in range(100)],
            "related": [entry | {"webUrl": f"https://r.example/{n}"} for n in range(300)],
            "language": "x" * 1000,
        }
    )
    assert length(read.title) <= 300
    assert length(read.excerpt) <= 1000
    assert length(read.outlet.name) <= 80
    assert len(read.topics) == 50
    assert all(length(topic) <= 80 for topic in read.topics)
    assert len(read.related) == 200
    assert [note.partition(":")[0] for note in notes] == ["topics[50]", "related[200]"]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"title": 42}, "title: expected text, got number 42; put it in quotes"),
        ({"title": True}, "title: expected text, got true; put it in quotes"),
        ({"title": date(2024, 1, 31)}, "title: expected text, got a date; put it in quotes"),
        ({"title": ["a"]}, "title: expected text, got a list"),
        ({"title": b"a"}, "title: expected text, got binary data"),
        ({"title": ""}, "title: missing"),
        ({"title": " \u200b"}, "title: missing"),
        ({"excerpt": {"a": 1}}, "excerpt: expected text, got a mapping"),
        ({"webUrl": 5}, "webUrl: expected text, got number 5; put it in quotes"),
        ({"webUrl": "ftp://example.com"}, "webUrl: not an http or https address"),
        ({"webUrl": "https://a:b@example.com"}, "webUrl: contains a user name or password"),
        ({"webUrl": "https://example.com/\x00"}, "webUrl: contains control characters"),
        ({"webUrl": "https://example.com/" + "a" * 3000}, "webUrl: longer than 2048 characters"),
        ({"webUrl": ""}, "webUrl: missing, and neither originalUrl nor an iframe in featuredContent replaces it"),
        ({"quality": "high"}, "quality: expected a whole number, got text 'high'"),
        ({"quality": "x" * 500}, "quality: expected a whole number, got text '" + "x" * 39 + "…'"),
        ({"quality": True}, "quality: expected a whole number, got true"),
        ({"quality": 7.5}, "quality: expected a whole number, got number 7.5"),
        ({"quality": 10**5000}, "quality: expected a smaller whole number"),
        ({"heat": []}, "heat: expected a whole number, got a list"),
        ({"published": "yes"}, "published: expected true or false, got text 'yes'"),
        ({"published": 1}, "published: expected true or false, got number 1"),
        ({"removed": "true"}, "removed: expected true or false, got text 'true'"),
        ({"publishedDateTime": 1706693400}, "publishedDateTime: expected a date and time like 2024-01-31T09:30:00Z, got number 1706693400"),
        ({"publishedDateTime": "soon"}, "publishedDateTime: expected a date and time like 2024-01-31T09:30:00Z, got text 'soon'"),
        ({"publishedDateTime": "1970-01-01"}, "publishedDateTime: expected a year from 1990 to 2100, got 1970"),
        ({"publishedDateTime": datetime(1, 1, 1, tzinfo=UTC)}, "publishedDateTime: expected a year from 1990 to 2100, got 1"),
        ({"provider": "Microsoft"}, "provider: expected a mapping of fields, got text 'Microsoft'"),
        ({"provider": {"name": 5}}, "provider.name: expected text, got number 5; put it in quotes"),
        ({"provider": {"domain": []}}, "provider.domain: expected text, got a list"),
        ({"topics": "AI"}, "topics: expected a list, got text 'AI'"),
        ({"topics": ["AI", 365]}, "topics[1]: expected text, got number 365; put it in quotes"),
        ({"images": {}}, "images: expected a list, got a mapping"),
        ({"images": [5]}, "images[0]: expected a mapping of fields, got number 5"),
        ({"images": [{"url": "https://a.example/1", "width": "wide"}]}, "images[0].width: expected a whole number, got text 'wide'"),
        ({"related": {}}, "related: expected a list, got a mapping"),
        ({"type": 3}, "type: expected text, got number 3; put it in quotes"),
        ({"ampWebUrl": 3}, "ampWebUrl: expected text, got number 3; put it in quotes"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_named_with_what_was_expected_and_found(fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - the message is compared as a whole
        record(**fields)
    assert str(raised.value) == reason


# ------------------------------------------------------------------------------- unreadable files


@pytest.mark.parametrize(
    ("path", "data", "reason"),
    [
        ("a.txt", "a", "not a record file; the name must end in .md, .markdown, .yaml, .yml, .json, .jsonl, .ndjson"),
        ("noname", "a", "not a record file"),
        ("a.md", "", "the file is empty"),
        ("a.yaml", " \n\n", "the file is empty"),
        ("a.md", "# Title\n", "no front matter: the first line must be ---"),
        ("a.md", "---\ntitle: a\n", "the front matter has no closing line ---"),
        ("a.md", "---\n---\n", "record: expected a mapping of fields, got nothing"),
        ("a.md", b"\x89PNG\r\n\x1a\n\x00\x00", "binary data, not text (a NUL byte at offset 8)"),
        ("a.md", b"---\ntitle: caf\xe9\n---\n", "not valid UTF-8 text at byte offset 14"),
        ("a.md", b"\xff\xfe\x00\xd8\x00\x00", "not valid UTF-16 text at byte offset 2"),
        ("a.yaml", "title: a: b\n", "not valid YAML at line 1: mapping values are not allowed in this context"),
        ("a.md", "---\ntitle: a\n\tb: c\n---\n", "not valid YAML at line 3"),
        ("a.yaml", "title: \x01\n", "not valid YAML: forbidden character at offset"),
        ("a.yaml", "title: !!python/object/apply:os.system [ls]\n", "not valid YAML at line 1: unsupported tag or key"),
        ("a.yaml", "? [a]\n: b\n", "not valid YAML at line 1: unsupported tag or key"),
        ("a.yaml", "just words", "record: expected a mapping of fields, got text 'just words'"),
        ("a.yaml", "title: a\nwebUrl: https://a.example\npublishedDateTime: 2024-13-45\n", "publishedDateTime: expected a date and time like 2024-01-31T09:30:00Z, got text '2024-13-45'"),
        ("a.yaml", f"title: a\nwebUrl: https://a.example\nquality: {'9' * 5000}\n", "quality: expected a whole number, got text '999"),
        ("a.yaml", f"title: a\nwebUrl: https://a.example\nquality: 1{':59' * 200_000}\n", "quality: expected a whole number, got text '1:59"),
        ("a.json", "{", "not valid JSON at column 2: Expecting property name enclosed in double quotes"),
        ("a.json", '{\n"title": }', "not valid JSON at line 2, column 10: Expecting value"),
        ("a.json", '{"quality": NaN}', "not valid JSON: NaN is not a number"),
        ("a.json", '{"quality": ' + "9" * 5000 + "}", "not valid JSON: a number has too many digits"),
        ("a.json", "5", "record: expected a mapping of fields, got number 5"),
        ("a.json", "[" * 100_000, "lists and mappings are nested too deeply"),
        ("a.json", '{"a":' * 100_000, "lists and mappings are nested too deeply"),
        ("a.json", "[" + "{}," * 1_000_000 + "{}]", "more than 1,000,000 values; split it, or use JSON lines"),
        ("a.jsonl", "nonsense", "not valid JSON at column 1: Expecting value"),
        ("a.jsonl", b"\x00\x01\n{}\n", "binary data, not text; the rest of the file is ignored"),
        ("a.jsonl", b'{"title": "\xe9"}\n', "not valid UTF-8 text at byte offset 11"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_has_one_reason(path: str, data: str | bytes, reason: str) -> None:
    item, given_reason = rejected(data, path)
    assert item == 1
    assert given_reason.startswith(reason)
    assert len(given_reason) <= 300


NESTED = 200_000


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: " + "[" * NESTED, "lists and mappings are nested too deeply"),
        ("a: " + "[" * NESTED + "]" * NESTED, "lists and mappings are nested too deeply"),
        ("{a: " * NESTED, "lists and mappings are nested too deeply"),
        ("- " * NESTED + "a", "lists and mappings are nested too deeply"),
        ("? " * NESTED + "a", "lists and mappings are nested too deeply"),
        ("- " * 200 + "a", "lists and mappings are nested too deeply"),
        ("[" * 60 + "]" * 60, "lists and mappings are nested too deeply"),
        ("".join(" " * n + "a:\n" for n in range(300)), "lists and mappings are nested too deeply"),
        ("- a\n" * 300_001, "more than 300,000 values; every use of an alias counts"),
        ("%TAG !a! x\n" * 100_000, "not valid YAML: too many lines begin with %"),
        ("a: " + "x" * 2_000_000, "a text is longer than 1,000,000 characters"),
        ("a: &a [*a]", "not valid YAML: an alias refers to an undefined anchor or to itself"),
        ("a: *b", "not valid YAML: an alias refers to an undefined anchor or to itself"),
    ],
)
def test_hostile_yaml_is_refused_before_it_costs_anything(text: str, reason: str) -> None:
    assert rejected(text, "a.yaml") == (1, reason)
    assert rejected(f"---\n{text}\n---\n", "a.md") == (1, reason)


@pytest.mark.parametrize("entry", ["[{}]", "{{<<: [{}]}}"])
def test_yaml_bombs_are_refused(entry: str) -> None:
    lines = ["a0: &a0 {k: v}"]
    lines += [f"a{n}: &a{n} " + entry.format(",".join([f"*a{n - 1}"] * 9)) for n in range(1, 12)]
    reason = "more than 300,000 values; every use of an alias counts"
    assert rejected("\n".join(lines), "bomb.yaml") == (1, reason)


def test_aliases_as_dumpers_write_them_are_taken_in() -> None:
    text = (
        "- {title: a, webUrl: 'https://a.example', provider: &id001 {name: P, domain: p.example}}\n"
        "- {title: b, webUrl: 'https://b.example', provider: *id001}\n"
    )
    assert [item.record.outlet.name for item in parse(text.encode(), "a.yaml").items] == ["P", "P"]


class Endless(io.RawIOBase):
    """A file that never ends, and counts what was asked of it."""

    asked = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self.asked += len(buffer)
        buffer[:] = b"a" * len(buffer)
        return len(buffer)


def test_no_more_of_a_file_is_read_than_its_limit() -> None:
    for path, limit, most in [
        ("a.md", None, MAX_DOCUMENT + 1),
        ("a.md", 100_000_000, 0),
        ("a.json", 5000, 5000),
        ("a.jsonl", 5000, 5000),
        ("a.jsonl", 3_000_000, 3_000_000),
    ]:
        endless = Endless()
        (entry,) = read(io.BufferedReader(endless), path, 0, limit)
        assert not isinstance(entry, Item)
        assert endless.asked <= most + io.DEFAULT_BUFFER_SIZE


def test_one_bad_line_costs_only_itself() -> None:
    good = json.dumps(MINIMAL)
    lines = [
        good,
        "{",
        good,
        '{"title": "' + "a" * MAX_LINE + '"}',
        good,
        '"text"',
        '{"title": "\\u0000"}',
        good,
    ]
    parsed = parse("\n".join(lines).encode(), "a.jsonl")
    assert [item.item for item in parsed.items] == [1, 3, 5, 8]
    assert [(r.item, r.reason) for r in parsed.rejected] == [
        (2, "not valid JSON at column 2: Expecting property name enclosed in double quotes"),
        (4, "the line is longer than 1 MB"),
        (6, "record: expected a mapping of fields, got text 'text'"),
        (7, "webUrl: missing, and neither originalUrl nor an iframe in featuredContent replaces it"),
    ]


@pytest.mark.parametrize(("path", "text"), [("a.jsonl", "{\n" * 5000), ("a.json", "[" + "1," * 4999 + "1]")])
def test_a_file_of_bad_items_is_given_up(path: str, text: str) -> None:
    parsed = parse(text.encode(), path)
    assert len(parsed.rejected) == MAX_REJECTED
    assert parsed.rejected[-1].reason.endswith(
        "(1,000 items of this file were rejected; the rest is ignored)"
    )


# -------------------------------------------------------------------------------------- properties

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.binary(max_size=5)
    | st.dates() | st.datetimes() | st.sampled_from(["https://a.example/1", "https://b.example", "2024-01-31", "AI"])
)  # fmt: skip
NAMES = st.sampled_from(
    ["webUrl", "originalUrl", "ampWebUrl", "cdnAmpWebUrl", "featuredContent", "title", "excerpt", "type", "quality", "heat",
     "published", "publishedDateTime", "provider", "name", "domain", "topics", "images", "url", "width", "height",
     "related", "language", "removed", "taxonomy", "secured"]
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(NAMES | st.text(max_size=3), inner, max_size=8)
    ),
    max_leaves=30,
)


@given(VALUES | st.dictionaries(NAMES, VALUES).map(MINIMAL.__or__))
def test_any_value_is_a_record_or_a_reason(value: object) -> None:
    try:
        read, _ = record_from_mapping(value)
    except ValueError:
        return
    assert read.key.startswith("https://")
    assert read.title or read.removed
    assert length(read.title) <= 300
    assert read.published is None or read.published.tzinfo is UTC
    keys = [read.key, *read.twins, *(entry.key for entry in read.related)]
    assert len(set(keys)) == len(keys)
    json.dumps([read.title, read.excerpt, read.outlet.name, read.topics]).encode()


PIECES = st.sampled_from(
    ["---\n", "title: a\n", "webUrl: https://a.example\n", "- ", "? ", "[", "]", "{", "}", ": ", "&a ", "*a ", "<<: ", "!!int ",
     "!!binary ", "!!timestamp ", "2024-13-45", "'", '"', "\n", "  ", "|", ">", "%TAG ! x\n", "#", "\\", "null", "0x", "...\n",
     '{"title":"a","webUrl":"https://a.example"}', "\ufeff", "é", "\x00", "\x85", "1:59", ".inf", "\t"]
)  # fmt: skip
TEXTS = st.lists(PIECES, max_size=30).map("".join)
SUFFIXES = st.sampled_from(["a.md", "a.yaml", "a.json", "a.jsonl", "a.txt"])


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=200) | TEXTS.map(str.encode) | TEXTS.map(lambda t: t.encode("utf-16")), SUFFIXES)
def test_any_bytes_are_records_or_reasons(data: bytes, path: str) -> None:
    parsed = parse(data, path)
    places = [item.item for item in parsed.items] + [reason.item for reason in parsed.rejected]
    assert len(set(places)) == len(places)
    assert all(place >= 1 for place in places)
    assert all(entry.reason and length(entry.reason) <= 400 for entry in parsed.rejected)


@pytest.mark.parametrize(
    "text",
    [
        FRONT_MATTER.replace("title:", "title: ["),
        FRONT_MATTER.replace('secured: "', "secured: !"),
        FRONT_MATTER.replace('secured: "', 'secured: "\\'),
        FRONT_MATTER.replace('secured: "', "secured: *"),
        FRONT_MATTER.replace("quality: 72", "quality: x"),
        FRONT_MATTER,
    ],
)
def test_secured_content_is_nowhere(text: str) -> None:
    parsed = parse(text.encode(), "a.md")
    assert len(parsed.items) + len(parsed.rejected) == 1
    assert "c2VjcmV0" not in repr(parsed)
    assert "2VjcmV0" not in repr(parsed)


# --------------------------------------------------------------------------------------- real data


@needs_shared
@pytest.mark.parametrize(
    ("site", "count", "related"),
    [
        ("powerapps", sized(135, long=674), 0),
        ("azure", sized(63, long=315), sized(910, long=4408)),
        ("ai", 1, 5),
    ],
)
def test_real_sites_are_taken_in_whole(site: str, count: int, related: int) -> None:
    files = sorted((SHARED / "records" / site / "_news").glob("*.md"))[:: sized(5, long=1)]
    parsed = [parse(file.read_bytes(), file.name) for file in files]
    records = [only(entry) for entry in parsed]
    assert len(records) == count
    assert sum(len(entry.related) for entry in records) == related
    assert not [note for entry in parsed for note in entry.notes]
    assert all(entry.published and entry.topics and entry.title for entry in records)


@needs_shared
def test_real_headlines_are_taken_in_whole() -> None:
    parsed = parse((SHARED / "stories" / "headlines.jsonl").read_bytes(), "headlines.jsonl")
    assert (len(parsed.items), parsed.rejected) == (2989, ())
