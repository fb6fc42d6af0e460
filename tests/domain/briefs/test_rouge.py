"""ROUGE, on texts whose figures can be counted by hand."""

from __future__ import annotations

import pytest

from bot.domain.briefs.rouge import Rouge, compare, first_words, rouge


def test_runs_of_words_count_as_often_as_both_texts_have_them() -> None:
    one, other = list("abac"), list("abdaa")
    assert rouge(one, other, 1) == Rouge(3 / 4, 3 / 5)
    assert rouge(one, other, 2) == Rouge(1 / 3, 1 / 4)
    assert rouge([], other, 1) == Rouge(0, 0)
    assert rouge([], [], 1).f1 == 0
    assert Rouge(0.5, 1).f1 == pytest.approx(2 / 3)


def test_inflected_words_count_as_equal_and_words_beyond_the_limit_do_not_count() -> None:
    assert compare("Drones banned", "drone ban", "en")[0] == Rouge(1, 1)
    assert compare("x " * 60 + "drones", "drones", "en")[0].recall == 0


def test_words_are_counted_as_people_count_them() -> None:
    assert first_words("U.S. council's vote, again", 3) == "U.S. council's vote,"
    assert first_words("市长辞职 drones 市长", 5) == "市长辞职 drones"
    assert first_words("市长辞职", 3) == "市长辞"
    assert first_words("", 3) == ""
