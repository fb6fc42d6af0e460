"""The words of a text as queries compare them, and where each stands."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.document import spans, words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The quick-brown  Fox, 2 foxes!", "the quick brown fox 2 foxes"),
        ("Don’t don't", "don t don t"),
        ("snake_case", "snake_case"),
        ("C# and C++ on .NET, not ASP.NET, nor C", "c# and c++ on .net not asp net nor c"),
        ("Café Cafe\u0301 Łódź Ørsted Straße İstanbul", "cafe cafe lodz orsted strasse istanbul"),
        ("ΣΊΣΥΦΟΣ Ёлка", "σισυφοσ елка"),
        ("ｗｉｄｅ ﬁne ½", "wide fine 1 2"),
        ("東京タワー", "東 京 タ ワ ー"),
        ("がか", "が か"),  # marks of kana are no accents
        ("iPhone用ケース", "iphone 用 ケ ー ス"),
        ("ไทย", "ไ ท ย"),
        ("삼성전자", "삼성전자"),
        ("हिन्दी", "हिन्दी"),
        ("שָׁלוֹם מُحَمَّد", "שלום מحمد"),
        ("می\u200cخواهم", "میخواهم"),
        ("", ""),
        ("— … !", ""),
    ],
)
def test_words_compare_without_case_and_accents(text: str, found: str) -> None:
    assert words(text) == found.split()


@given(st.text())
def test_every_word_stands_somewhere(text: str) -> None:
    places = list(spans(text))
    assert len(places) == len(words(text))
    assert all(0 <= start < end <= len(text) for start, end in places)
    assert places == sorted(places)


@given(st.text(alphabet="aZ9 é’-東がc#+.NETه\u0301ไ½"))
def test_what_stands_there_is_that_word(text: str) -> None:
    for word, (start, end) in zip(words(text), spans(text), strict=True):
        assert word in words(text[start:end])
