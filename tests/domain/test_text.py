"""Text from outside: repaired, bounded, cut into words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.text import clip, length, repair, words

# Arbitrary text, and text of the pieces that repairs are about, which random characters seldom form.
PIECES = st.sampled_from(
    ["&amp;", "&#038;", "&lt;", "&nbsp;", "&", ";", "#38;", "â€“", "â€™", "Ã©", "Â", "\xa0", "\u200b", "\u202e", "\u200d",
     "👨", "🏴", "é", "e\u0301", "\ud83d", "\ude00", "\x00", "\n", " ", "word", "C#", "微软", "\ufeff", "\x85", "ﬁ"]
)  # fmt: skip
TEXTS = st.text() | st.lists(PIECES, max_size=30).map("".join)


@pytest.mark.parametrize(
    ("raw", "repaired"),
    [
        ("Power Apps â€“ what is new", "Power Apps – what is new"),
        ("Itâ€™s here", "It’s here"),
        ("naïve cafÃ©", "naïve café"),
        ("Power Fx &#8216;Environment&#8217;", "Power Fx ‘Environment’"),
        ("Research &amp;#038; development", "Research & development"),
        ("a &amp;amp;amp;lt; b", "a < b"),
        ("AT&T, R&D; 5 &copy 6", "AT&T, R&D; 5 &copy 6"),
        ("two\xa0\xa0words\r\n\tand  more ", "two words and more"),
        ("&nbsp;x&nbsp;", "x"),
        ("zero\u200bwidth\ufeff \u202eright-to-left\u2069", "zerowidth right-to-left"),
        ("null\x00byte \x1b[31mred", "nullbyte [31mred"),
        ("a family 👨\u200d👩\u200d👧 stays", "a family 👨\u200d👩\u200d👧 stays"),
        ("hid\u200dden", "hidden"),
        ("split \ud83d\ude00 and half \ud83d pair", "split 😀 and half pair"),
        ("“Curly quotes” — and … dots", "“Curly quotes” — and … dots"),
        ("全角！ＡＢＣ", "全角！ＡＢＣ"),
        ("", ""),
        (" \u200b ", ""),
    ],
)
def test_repairs(raw: str, repaired: str) -> None:
    assert repair(raw, 300) == repaired


@given(TEXTS, st.integers(1, 60))
def test_repair_is_idempotent_and_bounded(text: str, limit: int) -> None:
    once = repair(text, limit)
    assert repair(once, limit) == once
    assert length(once) <= limit
    assert once == " ".join(once.split())
    once.encode()  # without lone surrogates


def test_repair_of_a_huge_text_looks_at_its_beginning_only() -> None:
    assert repair("word " * 1_000_000, 20) == "word word word word…"


@given(TEXTS, st.integers(-2, 60))
def test_clip_never_exceeds_its_limit(text: str, limit: int) -> None:
    clipped = clip(text, limit)
    assert length(clipped) <= max(0, limit)
    if length(text) <= limit:
        assert clipped == text


@pytest.mark.parametrize(
    ("text", "limit", "clipped"),
    [
        ("Ukraine uses facial recognition", 31, "Ukraine uses facial recognition"),
        ("Ukraine uses facial recognition", 30, "Ukraine uses facial…"),
        ("Ukraine uses facial recognition", 20, "Ukraine uses facial…"),
        ("Ukraine uses facial recognition", 19, "Ukraine uses…"),
        ("Hello, world", 8, "Hello…"),
        ("x" * 100, 10, "x" * 9 + "…"),
        ("short " + "x" * 100, 60, "short " + "x" * 53 + "…"),
        ("smile 😀😀😀", 9, "smile…"),
        ("😀😀😀", 4, "😀…"),
        ("👨\u200d👩\u200d👧", 4, "👨…"),
        ("cafe\u0301s", 5, "caf…"),
        ("anything", 1, "…"),
        ("anything", 0, ""),
    ],
)
def test_clip_cuts_at_a_word(text: str, limit: int, clipped: str) -> None:
    assert clip(text, limit) == clipped


def test_length_counts_utf16_code_units() -> None:
    assert length("abc") == 3
    assert length("é–") == 2
    assert length("😀") == 2
    assert length("\ud83d") == 1


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Model-driven apps", ["model", "driven", "apps"]),
        ("OpenAI's GPT_4 in 2024", ["openai", "s", "gpt_4", "in", "2024"]),
        ("C# and F#, C++ or c?", ["c#", "and", "f#", "c++", "or", "c"]),
        ("A+ grade, Disney+ and AI#", ["a", "grade", "disney", "and", "ai"]),
        (".NET 8 is ASP.NET... net", [".net", "8", "is", "asp", "net", "net"]),
        ("Straße CAFÉ cafe\u0301 ＡＩ", ["strasse", "café", "café", "ai"]),
        ("微软AI发布", ["微", "软", "ai", "发", "布"]),
        ("", []),
    ],
)
def test_words(text: str, found: list[str]) -> None:
    assert words(text) == found


@given(TEXTS)
def test_words_do_not_depend_on_case(text: str) -> None:
    assert words(text) == words(text.casefold())
