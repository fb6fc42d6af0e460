"""What put an article into its story is stored in English, and read in every language."""

from __future__ import annotations

import pytest

from bot import i18n
from bot.messages.reasons import assignment_words
from tests.languages import bracketed, outside

STORED = [
    "First article of the story",
    "Linked from Coast Radio",
    "Links to Coast Radio · shared words: lighthouse, pier",
    "Linked from Coast Radio · links to The Tidewatch · shared words: pier · the same in another language",
    "Shared words: pier: the {end}",
    "The same in another language",
    "Moved out of #12 by a moderator",
]


@pytest.mark.parametrize("stored", STORED)
def test_reasons_read_in_english_as_they_are_stored(stored: str) -> None:
    assert assignment_words(stored) == stored


@pytest.mark.parametrize("stored", STORED)
def test_every_reason_is_translated(stored: str, monkeypatch: pytest.MonkeyPatch) -> None:
    bracketed(monkeypatch)
    with i18n.speaking("ja"):
        assert outside(assignment_words(stored)).strip(" ·") == ""


@pytest.mark.parametrize("stored", ["", "What an earlier version wrote", "Linked from", "{count}"])
def test_what_is_no_known_reason_stays(stored: str) -> None:
    assert assignment_words(stored) == stored
