"""Texts inside of Discord messages: escaped, linked, and within the limits."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.domain.text.cleaning import clip, isolate, repair
from bot.domain.text.terminal import lines as lines_of_text
from bot.domain.text.terminal import one_line
from bot.messages.digest import without_stories
from bot.messages.layout import Markdown
from bot.messages.message import (
    Embed,
    Message,
    escape,
    escape_markup,
    escape_to,
    fit_lines,
    label,
    link,
    panel,
    relative,
    safe_url,
)
from tests import discord_markdown as markdown
from tests.discord_rules import payload, problems, units
from tests.form import sized
from tests.hostile import PIECES, raw_texts, texts, urls
from tests.shown import plain, shown

MARKUP = {
    "**bold**": "bold",
    "*italic*": "italic",
    "_italic_": "italic",
    "__underlined__": "underline",
    "~~struck~~": "strike",
    "||hidden||": "spoiler",
    "`code`": "code",
    "```\ncode\n```": "code_block",
    "# title": "header",
    "-# small": "subtext",
    "> quoted": "quote",
    ">>> quoted": "quote",
    "- listed": "list",
    "* listed": "list",
    "12. listed": "list",
    "@everyone": "everyone",
    "@here": "everyone",
    "<@1>": "mention",
    "<@!1>": "mention",
    "<@&1>": "mention",
    "<#1>": "mention",
    "</help:1>": "mention",
    "<id:guide>": "mention",
    "<t:1700000000:R>": "timestamp",
    "<:cat:1>": "emoji",
    ":smile:": "emoji",
    "https://a.example/b": "url",
    "<https://a.example/b>": "autolink",
    "[text](https://a.example/b)": "link",
    "[[text]](<https://a.example/b> 'title')": "link",
}


@pytest.mark.parametrize(("text", "kind"), MARKUP.items())
def test_what_is_markup_to_discord_is_plain_text_once_escaped(text: str, kind: str) -> None:
    assert markdown.kinds(text) == {kind}  # the rules of the test do know it
    assert markdown.parse(escape(text)) == (markdown.Node("text", text),)


@given(raw_texts)
@example("¯\\_(ツ)_/¯")
@example("line\n- item\n1. item\n# title\n> quote\n-# small")
@example("\\")
def test_escaped_text_shows_as_it_is_and_loses_nothing(text: str) -> None:
    assert markdown.kinds(escape(text)) <= {"text"}
    escaped = escape_markup(text)
    assert markdown.kinds(escaped) <= {"text"}
    assert markdown.shown(markdown.parse(escaped)) == text
    assert re.sub(r"\\([^A-Za-z0-9\s])", r"\1", escaped) == text


@given(st.lists(raw_texts, max_size=3), st.lists(st.sampled_from(PIECES), max_size=3))
def test_texts_that_are_escaped_apart_mean_nothing_together(some: list[str], more: list[str]) -> None:
    assert markdown.kinds("• " + " · ".join(map(escape, some + more))) == {"text"}


@given(raw_texts, st.integers(-1, 300))
def test_escaped_text_fits_its_limit_and_no_escape_is_halved(text: str, limit: int) -> None:
    cut = escape_to(text, limit)
    assert units(cut) <= max(0, limit)
    assert markdown.kinds(cut) <= {"text"}
    if units(escape(text)) <= limit:
        assert cut == escape(text)


@pytest.mark.parametrize(
    "piece", ["\n", " \n", "1\n", "a", "a.", "http", "://", "<", "[a](", "@", ":a"], ids=repr
)
@pytest.mark.parametrize("write", [escape, label, safe_url])
def test_a_huge_text_costs_little(write: Callable[[str], str], piece: str) -> None:
    # The bound is the test's timeout: where the cost is quadratic, this takes half an hour, or a quarter of that.
    write(piece * (sized(100_000, long=200_000) // len(piece)))


def test_escaped_text_is_cut_at_a_word() -> None:
    assert escape_to("Council votes (again) on *everything*", 24) == "Council votes \\(again\\)…"


@given(texts(300, empty="x"), urls(), st.integers(40, 700))
@example("[Update] snake_case_name: 5* and **bold**", "https://a.example/b", 200)
@example("a ] b [ c", "https://a.example/b", 200)
@example("Reuters: https://evil.example says :smile: to @everyone", "https://a.example/b", 200)
@example("x_", "https://a.example/b", 200)
@example("éhttps://evil.example", "https://a.example/b", 200)
def test_a_title_is_one_link_to_its_own_address_or_plain_text(title: str, url: str, limit: int) -> None:
    made = link(title, url, limit)
    assert units(made) <= limit
    after = f"• {made} — {escape('_Outlet_')}"
    if made.endswith(f"]({safe_url(url)})"):
        (_, node, _) = markdown.parse(after)
        assert (node.kind, node.href) == ("link", safe_url(url))
        assert {piece.kind for piece in node.inner} == {"text"}
        assert "\\" not in node.text  # Discord would show it
    else:
        assert markdown.kinds(after) == {"text"}
        assert units(safe_url(url)) + 16 > limit


@given(texts(300))
def test_the_text_of_a_link_is_never_longer_than_it_was(text: str) -> None:
    assert units(label(text)) <= units(text)


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("Plain: a title (with | usual, marks) & more — 5 < 6, a_b #1 ~", None),
        ("snake_case_name", None),
        ("[Update] It works", "(Update) It works"),
        ("**Bold** and _it_", "∗∗Bold∗∗ and _itˍ"),
        ("~~a~~ ||b|| `c`", "∼∼a∼∼ ∣∣b∣∣ ˋcˋ"),
        ("<@1> <t:1:R>", "‹@1> ‹t∶1:R>"),
        ("@everyone and @heresy, but @you", "＠everyone and ＠heresy, but @you"),
        (":smile: at 12:30", "∶smile: at 12:30"),
        ("see https://evil.example/a or HTTP://b", "see evil.example/a or b"),
        ("C:\\dir", "C:∖dir"),
    ],
)
def test_in_a_link_look_alikes_stand_for_markup_and_the_rest_stays(title: str, shown: str | None) -> None:
    (node,) = markdown.parse(link(title, "https://a.example/b", 300))
    assert node.text == (shown or title)


def test_an_address_that_leaves_no_room_for_a_title_is_left_out() -> None:
    address = "https://a.example/" + "x" * 82
    assert link("A title: long enough", address, 115) == "A title\\: long enough"
    assert link("A title: long enough", address, 116) == f"[A title…]({address})"


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://a.example/b?c=d&e=%20f#g", "https://a.example/b?c=d&e=%20f#g"),
        ("https://a.example/wiki/A_(b)", "https://a.example/wiki/A_%28b%29"),
        ("https://a.example/a b\u00a0c", "https://a.example/a%20b%C2%A0c"),
        ("https://a.example/é?q=“x”", "https://a.example/%C3%A9?q=%E2%80%9Cx%E2%80%9D"),
        ("https://a.example/100%", "https://a.example/100%25"),
        ("https://a.example/%zz%20", "https://a.example/%25zz%20"),
        ("https://a.example\\b\\c?d\\e", "https://a.example/b/c?d%5Ce"),
        ("HTTPS://a.example/B", "https://a.example/B"),
        ("http://MÜNCHEN.example:8080/ü", "http://xn--mnchen-3ya.example:8080/%C3%BC"),
        ("https://a.example/<b>\"'`|{}^", "https://a.example/%3Cb%3E%22'%60%7C%7B%7D%5E"),
        ("https://a.example/#\ud800", "https://a.example/#?"),
    ],
)
def test_addresses_become_ascii_that_cannot_end_a_link(url: str, safe: str) -> None:
    assert safe_url(url) == safe


@given(urls())
def test_a_safe_address_stays_as_it_is(url: str) -> None:
    once = safe_url(url)
    assert once.isascii()
    assert not re.search(r"[\s()<>\[\]\\]", once)
    assert safe_url(once) == once


def test_times_are_shown_by_discord_in_the_readers_language() -> None:
    assert relative(datetime(2026, 3, 2, 12, tzinfo=UTC)) == "<t:1772452800:R>"
    assert markdown.kinds(relative(datetime(1990, 1, 1, tzinfo=UTC))) == {"timestamp"}


@given(st.lists(st.text(max_size=30), max_size=12), st.integers(0, 120))
def test_lines_are_the_first_that_fit_whole_and_the_rest_is_counted(entries: list[str], limit: int) -> None:
    text, left = fit_lines(entries, limit)
    kept = entries[: len(entries) - left]
    assert text == "\n".join(kept)
    assert units(text) <= limit
    if left and kept:
        assert units("\n".join(entries[: len(kept) + 1])) > limit


OLD_EMBED = {
    "title": "Tram \\*derailed\\* in Norland",
    "url": "https://a.example/tram",
    "description": "Nobody was hurt. — [A](https://a.example/tram)",
    "author": "A · video",
    "footer": "Story #7 · Trams_and_trains · 2 outlets",
    "image": "https://a.example/tram.png",
    "colour": 5,
    "fields": [{"name": "Related coverage", "value": "• one\n• two"}, {"name": "\u200b", "value": "• three"}],
    "timestamp": "2026-03-02T12:00:00+00:00",
}


def old(*embeds: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A message as an earlier version stored it."""
    message = {"content": "", "embeds": list(embeds), "buttons": [], "roles": [], "name": "n", "tags": ["t"]}
    return message | more


def test_what_an_earlier_version_stored_becomes_a_layout() -> None:
    buttons = [{"label": "Read", "url": "https://a.example/tram", "action": ""}]
    message = Message.from_json(old(OLD_EMBED, content="<@&5>", roles=[5], buttons=buttons))
    assert problems(payload(message)) == []
    assert (message.roles, message.name, message.tags, message.other_tags) == ((5,), "n", ("t",), ())
    seen = shown(message)
    assert [plain(line) for line in seen.lines] == [
        "<@&5>",
        "A · video",
        "Tram ∗derailed∗ in Norland",
        "Nobody was hurt. — A",
        "Related coverage",
        "• one",
        "• two",
        "• three",
        f"Story #7 · Trams_and_trains · 2 outlets · <t:{int(datetime(2026, 3, 2, 12, tzinfo=UTC).timestamp())}:f>",
    ]
    assert (seen.url, seen.picture, seen.colours) == (OLD_EMBED["url"], OLD_EMBED["image"], (5,))
    assert seen.buttons == (("Read", "https://a.example/tram"),)


def test_a_digest_of_an_earlier_version_knows_its_stories_line_by_line() -> None:
    bare = {**OLD_EMBED, "url": "", "author": "", "footer": "", "image": "", "fields": [], "timestamp": ""}
    space = {**bare, "title": "Space", "description": "`#3` one\n> more\n\n`#4` two"}
    trams = {**bare, "title": "Trams", "description": "`#5` three", "footer": "2 more stories: /latest"}
    message = Message.from_json(
        old(space, trams, content="**Daily digest** · 3 stories", stories=[[3, 4], [5]])
    )
    assert message.stories == (3, 4, 5)
    assert message.title == "**Daily digest** · 3 stories"
    fewer = without_stories(message, {3, 5})
    assert fewer is not None
    assert [plain(line) for line in shown(fewer).lines] == ["Daily digest · 1 story", "Space", "#4 two"]


@given(st.lists(st.integers(0, 4096), max_size=10), st.lists(st.integers(1, 1024), max_size=25))
def test_however_much_an_earlier_version_stored_it_is_within_the_limits_now(
    descriptions: list[int], fields: list[int]
) -> None:
    embeds = [
        {
            **OLD_EMBED,
            "description": "word " * (size // 5),
            "fields": [{"name": "n", "value": "v" * size} for size in fields],
        }
        for size in descriptions
    ]
    buttons = [{"label": "Related", "url": "", "action": "related:7"}]
    message = Message.from_json(old(*embeds, content="above", buttons=buttons))
    assert problems(payload(message)) == []
    assert not embeds or shown(message).titles


def test_a_block_of_code_is_never_cut_in_two() -> None:
    code = "```\n" + "line\n" * 700 + "```"
    (first, *others) = panel(Embed(title="Query", description=f"before\n{code}\nafter")).parts
    assert first == Markdown(("### Query",))
    assert others == [Markdown(("before", code, "after"))]
    longer = panel(Embed(title="Query", description=f"before\n{code}{code}\nafter"))
    assert longer.parts[1] == Markdown(("before",))


# What one part of a text becomes must not make anything else of the parts beside it.
PARTS = st.lists(
    st.sampled_from(PIECES)
    | st.sampled_from(
        [
            "htt",
            "p:",
            "//",
            "http:",
            "x",
            "@every",
            "one",
            "\x1b",
            "\u202e",
            "\u200d",
            "&am",
            "p;lt;",
            "%",
            "2",
        ]
    )
    | st.text(max_size=3),
    max_size=24,
).map("".join)


@given(PARTS)
@pytest.mark.parametrize(
    "escaping",
    [
        label,
        safe_url,
        isolate,
        one_line,
        lines_of_text,
        lambda text: repair(text, 80),
        lambda text: clip(text, 20),
    ],
    ids=["label", "safe_url", "isolate", "one_line", "lines", "repair", "clip"],
)
def test_what_was_made_safe_once_is_so_for_good(escaping: Callable[[str], str], text: str) -> None:
    """Nothing is left, and nothing has come together, that would be taken out the second time."""
    assert escaping(escaping(text)) == escaping(text)


@given(PARTS, PARTS)
@pytest.mark.parametrize("escaping", [one_line, lines_of_text])
def test_lines_that_are_safe_apart_are_safe_together(
    escaping: Callable[[str], str], one: str, other: str
) -> None:
    assert escaping(escaping(one) + escaping(other)) == escaping(one) + escaping(other)


@pytest.mark.parametrize(
    "text", ["htthttp://p://evil.example", "steasteam://m://run/1", "a:b://c://d", "htthttp://xp://y"]
)
def test_no_address_comes_of_what_surrounds_one_that_is_left_out(text: str) -> None:
    assert "://" not in label(text)


def test_no_markup_comes_of_a_look_alike() -> None:
    assert label(":`a:") == label(label(":`a:"))
    assert markdown.kinds(f"[{label(':`a:')}](https://a.example/)") == {"link"}
