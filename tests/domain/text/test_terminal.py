"""What is printed or logged controls no terminal and forges no line."""

from __future__ import annotations

import json
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.text.terminal import json_line, lines, one_line

ANY = st.text(st.characters())  # lone surrogates too
HOSTILE = st.lists(st.sampled_from([*"\x00\x07\b\t\n\r\x1b\x7f\x85\x9b\u2028\u2029\u202e\u2066\u200f\ufeff\ud800", "a", "é", "👩‍🚀"])).map(
    "".join
)  # fmt: skip


def unsafe(text: str) -> list[str]:
    """The characters that a terminal obeys, that end a line, or that no encoding can write."""
    bidirectional = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    return [
        character
        for character in text
        if unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")
        or unicodedata.bidirectional(character) in bidirectional
        or character in "\u061c\u200e\u200f\ufeff"
    ]


@given(ANY | HOSTILE)
def test_one_line_has_nothing_unsafe_and_changes_nothing_else(text: str) -> None:
    escaped = one_line(text)
    assert unsafe(escaped) == []
    assert one_line(escaped) == escaped
    escaped.encode()
    if not unsafe(text):
        assert escaped == text


@given(ANY | HOSTILE)
def test_lines_keep_line_breaks_and_tabs(text: str) -> None:
    escaped = lines(text)
    assert set(unsafe(escaped)) <= {"\n", "\t"}
    assert [escaped.count(c) for c in "\n\t"] == [text.count(c) for c in "\n\t"]


@given(st.recursive(ANY | HOSTILE, lambda inner: st.lists(inner) | st.dictionaries(ANY, inner)))
def test_json_is_one_line_that_reads_back_the_same(value: object) -> None:
    line = json_line(value)
    assert unsafe(line) == []
    assert json.loads(line) == value


def test_an_emoji_of_several_parts_stays_one() -> None:
    assert one_line("👩‍🚀 in orbit") == "👩‍🚀 in orbit"
