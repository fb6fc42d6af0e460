"""The texts of the setup panel."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.model import Mode, Subscription, Volume
from bot.domain.text.cleaning import length
from bot.messages.setup import (
    OPTIONS,
    Page,
    PanelState,
    PendingMute,
    mode_choices,
    offer_words,
    page_text,
    subscribed_words,
    volume_choices,
)
from tests.hostile import raw_texts

MOST = 4000  # characters of all texts of a message of components


@given(
    st.sampled_from(Page),
    st.lists(raw_texts, max_size=6),
    raw_texts,
    st.lists(raw_texts, max_size=60),
)
def test_a_page_fits_into_a_message(page: Page, problems: list[str], notice: str, lines: list[str]) -> None:
    text = page_text(
        page, 2**63, [problem[:30] for problem in problems], notice * 30, [line * 9 for line in lines]
    )
    assert length(text) <= MOST


def test_a_list_that_is_too_long_says_how_much_is_left_out() -> None:
    text = page_text(Page.MUTES, 1, [], "", ["x" * 100] * 40)
    assert text.endswith("… and 15 more")


def test_what_a_topic_brings_is_said_as_far_as_it_is_known() -> None:
    assert offer_words(0, None) == ""
    assert offer_words(1, None) == "1 feed"
    assert offer_words(12, 0.3) == "12 feeds · less than a story a day"
    assert offer_words(0, 1.2) == "about 1 story a day"


def test_the_present_settings_are_the_chosen_ones() -> None:
    subscription = Subscription(1, 1, 1, "AI", Mode.DIGEST)
    assert [choice.value for choice in mode_choices(subscription) if choice.chosen] == ["digest"]
    for volume in Volume:
        chosen = volume_choices(Subscription(1, 1, 1, "AI", Mode.LIVE, volume))
        assert [choice.value for choice in chosen if choice.chosen] == [volume.value]
        assert len(chosen) <= OPTIONS


def test_a_choice_of_topics_is_told_in_one_sentence_each_way() -> None:
    assert subscribed_words([], [], 1) == "Nothing changed."
    many = [f"Topic {number}" for number in range(7)]
    assert subscribed_words(many, [], 1).endswith("**Topic 4** and 2 more.")
    assert "Existing posts stay." in subscribed_words([], ["AI"], 1)


def test_a_notice_and_a_question_are_gone_after_the_next_press() -> None:
    state = PanelState(1, notice="Done.", mute=PendingMute("x", None))
    assert state.after() == PanelState(1)
    assert state.after(first=25).first == 25
    assert state.to(Page.FEEDS) == PanelState(1, Page.FEEDS)
