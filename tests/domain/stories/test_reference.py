"""How people name a story."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.stories.reference import ArticleLink, MessageIds, StoryNumber, Words, parse
from bot.i18n import LANGUAGES, speaking
from bot.messages.story import story_label


@pytest.mark.parametrize(
    "typed",
    [
        "7", "#7", " #7 ", "7.", "7)", "#7,", "(#7)", "**#7**", "`#7`", "“#7”", "<#7>", "story 7", "Story #7", "STORY  # 7",
        "story: 7", "Story #7 · Space", "Story #7 · Space, AI · 3 outlets", "#7 — Harbour Courier", "＃7", "#７", "№7", "No. 7",
        "nr 7", "n° 7", "number 7", "Story no. 7", "Story number 7", "٧",
    ],
)  # fmt: skip
def test_a_number_is_read_as_posts_and_people_write_it(typed: str) -> None:
    assert parse(typed) == StoryNumber(7)


@pytest.mark.parametrize(
    "typed", ["7 lives", "7th", "7.5", "7:30", "1,234", "no 10 downing street", "no", "story", "#", "seven"]
)
def test_a_title_that_has_a_number_in_it_stays_a_title(typed: str) -> None:
    assert parse(typed) == Words(typed)


@pytest.mark.parametrize("typed", ["#7 Ferry runs aground", "Story 7 Ferry runs aground"])
def test_a_number_before_a_title_is_meant_where_no_title_has_it_all(typed: str) -> None:
    assert parse(typed) == Words(typed, 7)


@pytest.mark.parametrize(
    "link",
    [
        "https://discord.com/channels/111111111111111111/222222222222222222/333333333333333333",
        "<https://discord.com/channels/111111111111111111/222222222222222222/333333333333333333>",
        "https://ptb.discord.com/channels/111111111111111111/222222222222222222/333333333333333333",
        "https://discordapp.com/channels/111111111111111111/222222222222222222/333333333333333333?x=1",
        "see https://discord.com/channels/@me/222222222222222222/333333333333333333",
    ],
)
def test_the_link_of_a_message_names_it_and_its_channel(link: str) -> None:
    assert parse(link) == MessageIds((222222222222222222, 333333333333333333))


def test_the_link_of_a_thread_and_a_bare_id_name_a_message_too() -> None:
    assert parse("https://discord.com/channels/111111111111111111/222222222222222222") == MessageIds(
        (222222222222222222,)
    )
    assert parse("<#222222222222222222>") == MessageIds((222222222222222222,))


@pytest.mark.parametrize(
    ("typed", "url"),
    [
        ("https://quay.example/ferry", "https://quay.example/ferry"),
        ("<https://quay.example/ferry>", "https://quay.example/ferry"),
        ("[Ferry](https://quay.example/ferry)", "https://quay.example/ferry"),
        ("read https://quay.example/ferry.", "https://quay.example/ferry"),
        ("https://quay.example/ferry_(boat)", "https://quay.example/ferry_(boat)"),
        ("quay.example/ferry", "https://quay.example/ferry"),
        ("ftp://quay.example/ferry", "ftp://quay.example/ferry"),
    ],
)
def test_an_address_is_found_in_what_was_pasted(typed: str, url: str) -> None:
    assert parse(typed) == ArticleLink(url)


@given(st.text(max_size=200))
def test_any_text_names_something(text: str) -> None:
    assert isinstance(parse(text), StoryNumber | MessageIds | ArticleLink | Words)


@given(st.integers(0, 999_999_999))
def test_every_number_is_found_again(number: int) -> None:
    assert parse(f"Story #{number} · Space · 2 outlets") == parse(f"{number}.") == StoryNumber(number)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_storys_label_is_read_in_every_language(language: str) -> None:
    """As it stands below a post, which somebody may copy into a command in another language."""
    with speaking(language):
        label = story_label(7)
    for text in (label, f"{label} · Space", label.upper(), label.replace("#", "# ")):
        assert parse(text) == StoryNumber(7), text
