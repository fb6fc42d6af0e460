"""Text from outside: repaired, bounded, cut into words."""

from __future__ import annotations

import re

import pytest
from bidi import get_display
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.text.cleaning import clip, clip_isolated, clusters, cut, isolate, length, repair
from tests.form import sized

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
        ("\u200bQ\u0301", "Q\u0301"),
        ("\u0301Lost accent", "Lost accent"),
        ("filled\u3164\u3164with\u2800nothing", "filled with nothing"),
        (
            "🏴\U000e0067\U000e0062\U000e0077\U000e006c\U000e0073\U000e007f Wales",
            "🏴\U000e0067\U000e0062\U000e0077\U000e006c\U000e0073\U000e007f Wales",
        ),
        ("tag\U000e0068\U000e0069ged", "tagged"),
        ("Z" + "\u0335" * 40 + "algo", "Z" + "\u0335" * 8 + "algo"),
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
        ("👨\u200d👩\u200d👧", 4, "…"),
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


INVISIBLE = [
    "\u3164", "\uffa0", "\u115f\u1160", "\u2800\u2800", "\ufe0f", "\u034f", "\u00ad", "\u200b\u200d", "\u2064", "\u3000\xa0", "\u180e",
    "\u17b4", "\U0001d159", "\U0001d17a", "\U000e0041", "\u0301", "\u0e31", "\u20dd", "\u0903", "\ue000", "\u0378", "\x07", "\u2029",
    "\u2068\u2069", "\u061c", "\ufff9", "&nbsp;", "&#8203;", "&shy;", "&#x3164;", "&amp;#12644;", "&zwnj;&ensp;", "&#x301;",
]  # fmt: skip


@pytest.mark.parametrize("text", INVISIBLE, ids=ascii)
def test_what_does_not_show_is_no_text(text: str) -> None:
    assert repair(text, 300) == ""
    assert repair(f"  {text} {text}{text}", 300) == ""
    assert repair(f"{text}A", 300) != ""


@pytest.mark.parametrize("text", ["…", "?", "🔴", "1", "ा1", "ー", "½", "$", "٣", "ꙮ"])
def test_whatever_shows_is_a_text(text: str) -> None:
    assert repair(text, 300) != ""


# What a reader takes for one character, and what of it must never be parted.
CHARACTERS = [
    "🇳🇴", "👩\u200d🔬", "👨\u200d👩\u200d👧\u200d👦", "🤷🏽\u200d♀️", "3️⃣", "🏴\U000e0067\U000e0062\U000e0077\U000e006c\U000e0073\U000e007f", "☎️",
    "o\u0308", "ẹ\u0300", "की", "क्त", "ক্ত", "ಕ್ತ", "க்ஷி", "ශ්\u200dරී", "ကျွ", "ក្ក", "กำ", "각", "한", "ｶﾞ", "שָׁ", "م\u064b\u0651",
]  # fmt: skip


@pytest.mark.parametrize("character", CHARACTERS, ids=ascii)
def test_no_cut_goes_through_a_character(character: str) -> None:
    for filler in ("字", "x", "字 "):
        for before in range(4):
            text = filler * before + character * 30
            for limit in range(sized(32, long=80)):  # the longest of the characters has 14 units
                for shown in (cut(text, limit), clip(text, limit).removesuffix("…")):
                    assert length(shown) <= limit
                    assert set(shown.replace(character, "")) <= set(filler)


@given(TEXTS, st.integers(-2, 60))
def test_a_cut_ends_where_a_character_does(text: str, limit: int) -> None:
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "ignore")
    head = cut(text, limit)
    assert length(head) <= max(0, limit)
    assert text.startswith(head)
    whole, end = {0}, 0
    for cluster in clusters(text):
        end += len(cluster)
        whole.add(end)
    assert len(head) in whole


ARABIC, HEBREW = "ميناء المدينة يغلق 3 أرصفة", "הנמל נסגר ל-3 ימים"


@pytest.mark.parametrize(
    "text", [ARABIC, HEBREW, f"Harbour {HEBREW}", "12 ٣", "\u202eevil", f"\u2067{ARABIC}\u202e"]
)
def test_what_stands_beside_a_text_in_another_direction_stays_in_its_place(text: str) -> None:
    shown = on_screen(f"#7 {isolate(text)} · 3 outlets, {isolate(text)} · 5")
    assert shown.startswith("#7 ")
    assert shown.endswith("· 5")
    assert " · 3 outlets, " in shown


def on_screen(text: str) -> str:
    """What is shown from left to right, without the marks that say so."""
    return re.sub("[\u200e\u202a-\u202e\u2066-\u2069]", "", get_display(text, base_dir="L"))


@pytest.mark.parametrize(
    "text", ["Harbour closed — again", "Zoë “here”", "港が閉鎖", "Гавань", "👩\u200d🔬", ""]
)
def test_texts_from_left_to_right_stay_as_they_are(text: str) -> None:
    assert isolate(text) == text
    assert clip_isolated(text, 300) == text


def test_marks_of_direction_that_a_text_came_with_go() -> None:
    assert isolate("plain \u202eé\u2066") == "plain é"
    assert isolate(isolate(ARABIC)) == isolate(ARABIC)


@given(
    st.lists(st.sampled_from([ARABIC, HEBREW, "Latin", "é", "7"]), min_size=1, max_size=5),
    st.integers(0, 120),
)
def test_a_cut_leaves_no_isolated_text_open(parts: list[str], limit: int) -> None:
    for shown in (clip(", ".join(map(isolate, parts)), limit), clip_isolated(" ".join(parts), limit)):
        assert length(shown) <= limit
        assert on_screen(f"{shown} · 5 outlets").endswith(" · 5 outlets")
