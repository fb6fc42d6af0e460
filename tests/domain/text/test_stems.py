"""What of a text is compared."""

from __future__ import annotations

import pytest

from bot.domain.text.stems import is_informative, letters, terms


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("en", "Bridges closing, bridge closed", ["bridg", "close"]),
        ("", "Bridges closing", ["bridg", "close"]),
        ("de-AT", "Die Brücken", ["die", "bruck"]),
        ("xx", "Brücken closing", ["brucken", "closing"]),
        ("fr", "L’école à Orléans en 2026", ["l", "ecol", "a", "orlean", "en", "2026"]),
        ("ja", "大橋を閉鎖", ["大", "大橋", "橋を", "を閉", "閉鎖"]),
        ("en", "東京 metro", ["東", "東京", "metro"]),
        ("en", "", []),
    ],
)
def test_terms_are_stems_without_accents_and_pairs_of_characters(
    language: str, text: str, expected: list[str]
) -> None:
    assert list(terms(text, language)) == expected


def test_each_term_is_told_as_it_was_written() -> None:
    assert terms("Bridges closed: bridge closing", "en") == {"bridg": "bridges", "close": "closed"}


def test_numbers_and_single_letters_say_nothing_but_characters_do() -> None:
    assert [term for term in ("2026", "a", "ai", "mh370", "橋") if is_informative(term)] == [
        "ai",
        "mh370",
        "橋",
    ]


def test_a_character_of_a_script_without_spaces_counts_for_three_letters() -> None:
    assert (letters("bridge"), letters("мост"), letters("大橋")) == (6, 4, 6)
