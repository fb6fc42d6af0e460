"""Messages in other languages: nothing of them stays English but what was reported."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import discord
import pytest

from bot.chat.permissions import NAMES, permission_name
from bot.domain.model import Coverage, PostLayout, Relation, StoryView, TopicMatch
from bot.domain.posting.channel_digests import digest_title
from bot.domain.posting.digest import Digest, DigestEntry, Section
from bot.domain.posting.fate import PostFate, PostState
from bot.domain.posting.plan import FIRST, LINKED_FROM, SHARED_WORDS, TRANSLATED, reason_sentence
from bot.domain.posting.schedule import EVERY_DAY, Schedule, parse_time
from bot.domain.posting.volume import VolumePlace
from bot.domain.retry import CODES
from bot.domain.stories import story as stories
from bot.domain.stories.ranking import Spike
from bot.domain.stories.story import Story
from bot.i18n import LANGUAGES, comma_list, in_every_language, list_and_more, speaking, tr_stored
from bot.messages.digest import digest_message, growth_words, schedule_words, without_stories
from bot.messages.message import Embed, Message, panel
from bot.messages.rollup import rollup_message
from bot.messages.setup import HINTS, TITLES, Page, page_text
from bot.messages.story import forwarded, related_pages, spike_words, story_label, story_post, withdrawn
from bot.messages.volume import ordinal, place_words
from bot.messages.why import fate_line, why_pages
from tests.languages import bracketed, outside
from tests.make import at, record, stored
from tests.shown import plain, shown

# What a report brings: it stands in a message as it is.
REPORTED = {
    "Zeppelin",
    "Gazette",
    "Bulletin",
    "gazette",
    "bulletin",
    "example",
    "https",
    "Airships",
    "latest",
}


@pytest.fixture(autouse=True)
def brackets(monkeypatch: pytest.MonkeyPatch) -> None:
    bracketed(monkeypatch)


def view() -> StoryView:
    """A story of two outlets, one of which reports in another language, with a background and a video."""
    members = (
        stored(record("Zeppelin", "gazette.example", hours=1, topics=["Airships"], quality=90), id=1),
        stored(replace(record("Zeppelin", "bulletin.example", hours=2), type="video", language="fi"), id=2),
        stored(record("Zeppelin", "background.example", hours=3), id=3),
    )
    made = stories.story_view(Story(1, members[:2], {}, {1: (TopicMatch("Airships", True),)}))
    assert made is not None
    return replace(made, coverage=(*made.coverage, Coverage(members[2], Relation.BACKGROUND)))


def words(text: str) -> set[str]:
    """The words of a text that stand in no brackets and come of no report."""
    plain = re.sub(r"<t:\d+:\w>|<[#@&]+\d+>|\]\([^)]*\)", " ", outside(text))
    return set(re.findall(r"[A-Za-z]{4,}", plain)) - REPORTED - {"background", "Background"}


def whole(message: Message) -> str:
    """All that is read of a message, its buttons and its name as a forum's post too."""
    seen = shown(message)
    return "\n".join((seen.text, *(button[0] for button in seen.buttons), message.name))


def answer(*pages: Embed) -> str:
    """All that is read of the pages of an answer."""
    return "\n".join(whole(Message(layout=(panel(page),))) for page in pages)


def everything() -> Iterator[str]:
    """Messages and answers of all sorts."""
    story = view()
    for layout in PostLayout:
        yield whole(story_post(story, topics=["Airships"], layout=layout, since=at(1.5)))
    yield whole(withdrawn(4))
    yield whole(forwarded(4, 5, "https://gazette.example"))
    yield answer(*related_pages(story, topics=["Airships"], before=[story], after=[story]))
    yield answer(*why_pages(story, (), ["Airships"], {1: (TopicMatch("Airships", True),)}, {}))
    yield answer(*why_pages(replace(story, evidence=()), (), [], {}, {1: reason_sentence([FIRST])}))
    yield whole(rollup_message([story], 3, is_quiet=True))
    yield whole(rollup_message([], 0, is_quiet=False))
    yield from (page_text(page, 7, [permission_name("embed_links")], "", []) for page in Page)
    yield from (spike_words(Spike(5, usual)) for usual in (0, 0.2, 3))
    for days in (EVERY_DAY, frozenset(range(5)), frozenset((5, 6))):
        yield schedule_words(Schedule(parse_time("9:00"), "UTC", days)) + digest_title("", days)


@pytest.mark.parametrize("language", sorted(set(LANGUAGES) - {"en"}))
def test_nothing_of_the_bots_words_stays_english(language: str) -> None:
    with speaking(language):
        for text in everything():
            assert f"⟦{language}" in text
            assert not words(text), text


@pytest.mark.parametrize("state", PostState)
def test_each_fate_of_a_story_is_translated_with_its_reason(state: PostState) -> None:
    reasons = ["muted"] if state is PostState.WITHHELD else [reason for _, reason in CODES.values()]
    with speaking("de"):
        for reason in reasons:
            line = fate_line(PostFate(state, datetime(2026, 3, 1, tzinfo=UTC), reason))
            assert not words(line), line


def test_a_stored_reason_is_translated_with_what_was_inserted() -> None:
    messages = (LINKED_FROM, SHARED_WORDS, TRANSLATED)
    with speaking("fr"):
        assert tr_stored("linked from {Gazette}", *messages) == "⟦fr|linked from {Gazette}⟧"
        assert tr_stored(TRANSLATED, *messages) == f"⟦fr|{TRANSLATED}⟧"
        assert tr_stored("", *messages) == ""


def test_why_an_article_is_in_its_story_reads_in_english_as_it_is_stored() -> None:
    stored_reason = reason_sentence(
        [LINKED_FROM.format(outlet="Gazette · Sunday"), SHARED_WORDS.format(words="zeppelin, mast")]
    )
    text = answer(*why_pages(view(), (), ["Airships"], {}, {1: stored_reason}))
    assert "Linked from Gazette · Sunday · shared words: zeppelin, mast" in plain(text)


def test_a_place_is_an_ordinal_in_english_alone() -> None:
    assert [ordinal(place) for place in (1, 2, 3, 11, 1021)] == ["1st", "2nd", "3rd", "11th", "1,021st"]
    with speaking("de"):
        assert ordinal(1021) == "1.021"
        assert "came 14⟧" in place_words(VolumePlace(8, 60, 14))


@pytest.mark.parametrize(
    ("language", "all_named", "some_named"),
    [
        ("en", "a, b, c", "a, b, c and 2 more"),
        ("de", "a, b, c", "a, b, c und ⟦de:1|2 more⟧"),
        ("ja", "a、b、c", "a、b、c、⟦ja:1|2 more⟧"),
    ],
)
def test_names_in_a_row_have_the_languages_comma(language: str, all_named: str, some_named: str) -> None:
    with speaking(language):
        assert comma_list("abc") == all_named
        assert list_and_more("abc", 0) == all_named
        assert list_and_more("abc", 2) == some_named
        assert comma_list([]) == ""


def test_growth_is_dated_in_the_language() -> None:
    with speaking("de"):
        then, now = datetime(2026, 3, 2, 9, tzinfo=UTC), datetime(2026, 3, 5, 9, tzinfo=UTC)
        assert "Montag" in growth_words(2, then, now, "UTC")
        assert "2. März" in growth_words(2, then, datetime(2026, 4, 1, tzinfo=UTC), "UTC")


def test_every_permission_that_discord_has_is_named() -> None:
    assert set(NAMES) == {flag for flag, _ in discord.Permissions.all()}
    assert permission_name("of_a_later_version") == "Of A Later Version"


def test_every_page_of_the_panel_has_a_title_and_a_hint() -> None:
    assert set(TITLES) == set(HINTS) == set(Page)


def test_a_story_is_called_by_its_number_in_every_language() -> None:
    labels = in_every_language(lambda: story_label(12))
    assert len(labels) == len(LANGUAGES)
    assert all("#12" in label for label in labels)


def test_a_digest_that_loses_a_story_counts_the_rest_whatever_language_it_was_composed_in() -> None:
    entries = tuple(DigestEntry(story, 1.0) for story in (view(), replace(view(), number=2)))
    made = Digest(at(), at(5), (Section("Airships", entries),))
    for language in LANGUAGES:
        with speaking(language):
            composed = digest_message(made, "UTC")
        assert composed is not None
        left = without_stories(composed, {2})
        assert left is not None
        assert "1 story" in shown(left).text
