"""What several outlets say of a story: whose sentences, which ones, and never a word of another's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given

from bot.domain.briefs import candidates
from bot.domain.briefs.brief import FEWEST_SENTENCES, LONGEST_BRIEF, MOST_SENTENCES, brief
from bot.domain.briefs.candidates import Sentence
from bot.domain.briefs.novelty import change
from bot.domain.briefs.sentences import sentences
from bot.domain.model import Mute, StoryView
from bot.domain.stories import story as stories
from bot.domain.stories.owners import MediaOwners
from tests.discord_rules import units
from tests.hostile import AnyStory, any_stories
from tests.make import record, stored, story

BAN = "The council of Alderby banned drones over the harbour on Monday night."
FINE = "Pilots of drones over the harbour of Alderby will pay 500 euros from June."
GULLS = "Gulls attacked eleven drones over Alderby before the council banned them."
RIVAL = "Ferry captains of Alderby had asked the council for a ban of drones."
FOOTBALL = "The football club of another town won its third match in a row."


def view(
    *excerpts: str, mutes: Sequence[Mute] = (), owners: MediaOwners | None = None, **fields: object
) -> StoryView:
    """A story of outlets `a.example`, `b.example` and so on, the first of which leads it."""
    members = [
        stored(
            replace(
                record(
                    f"Alderby {n}",
                    f"{'abcdefgh'[n]}.example",
                    excerpt=text,
                    quality=90 - n,
                ),
                **fields,  # type: ignore[arg-type]
            ),
            id=n + 1,
        )
        for n, text in enumerate(excerpts)
    ]
    seen = stories.story_view(story(*members), stories.muted_by(mutes), owners or MediaOwners())
    assert seen is not None
    return seen


def texts_of(sentences: Sequence[Sentence]) -> list[str]:
    return [sentence.text for sentence in sentences]


@given(any_stories)
def test_each_sentence_is_one_of_its_report_word_for_word_and_each_of_another_owner(
    any_story: AnyStory,
) -> None:
    any_view = any_story.view()
    found = brief(any_view)
    assert len(found) in (0, *range(FEWEST_SENTENCES, MOST_SENTENCES + 1))
    assert sum(units(sentence.text) for sentence in found) <= LONGEST_BRIEF
    for text, report in found:
        assert report in any_view.members
        assert text in report.record.excerpt or text == report.record.title
    assert len({report.record.outlet.domain for _, report in found}) == len(found)


def test_what_most_outlets_say_is_chosen_over_what_one_says() -> None:
    found = texts_of(brief(view(f"{FOOTBALL} {BAN}", FINE, GULLS)))
    assert sorted(found) == sorted([BAN, FINE, GULLS])


def test_a_sentence_that_says_the_same_again_is_left_out() -> None:
    again = BAN.replace("Monday", "late Monday")
    found = texts_of(brief(view(BAN, f"{again} {FINE}", GULLS)))
    assert (BAN in found) + (again in found) == 1


def test_outlets_of_one_owner_have_one_sentence_and_so_has_a_text_of_an_agency() -> None:
    owners = MediaOwners({"a.example": "Big Press", "b.example": "Big Press"})
    assert {s.report.record.outlet.domain for s in brief(view(BAN, FINE, GULLS), owners)} in (
        {"a.example", "c.example"},
        {"b.example", "c.example"},
    )
    assert brief(view(f"{BAN} {FINE}", f"{BAN} {FINE}")) == ()


def test_a_story_of_one_outlet_has_no_brief() -> None:
    assert brief(view(f"{BAN} {FINE}")) == ()


def test_muted_outlets_have_no_word_in_it() -> None:
    mute = Mute(1, 1, None, "b.example")
    found = brief(view(BAN, FINE, GULLS, mutes=[mute]))
    assert "b.example" not in {s.report.record.outlet.domain for s in found}


def test_sentences_are_in_the_language_of_the_lead_as_far_as_it_is_known() -> None:
    german = "Der Stadtrat von Alderby hat Drohnen über dem Hafen am Montag verboten."
    seen = view(BAN, german, FINE)
    members = tuple(
        replace(m, record=replace(m.record, language=language))
        for m, language in zip(seen.members, ("en-GB", "de", ""), strict=True)
    )
    found = brief(replace(seen, members=members, lead=members[0]))
    assert sorted(texts_of(found)) == sorted([BAN, FINE])


def test_the_title_of_the_lead_is_not_repeated() -> None:
    titles = [stored(record(BAN, "a.example"), id=1), stored(record(FINE, "b.example"), id=2)]
    seen = stories.story_view(story(*titles, stored(record(GULLS, "c.example"), id=3)))
    assert seen is not None
    found = texts_of(brief(seen))
    assert found
    assert seen.lead.record.title not in found


def test_a_brief_is_the_same_whatever_the_order_of_arrival() -> None:
    members = view(BAN, FINE, GULLS, RIVAL).members
    one, other = (stories.story_view(story(*some)) for some in (members, members[::-1]))
    assert one is not None
    assert other is not None
    assert brief(one) == brief(other)


def test_the_texts_of_a_story_are_cut_once_for_all_its_channels(monkeypatch: pytest.MonkeyPatch) -> None:
    reports = [
        stored(
            record(
                f"Pier {n} reopens",
                f"pier{n}.example",
                hours=n,
                excerpt=f"Pier {n} was painted by divers in May.",
            )
        )
        for n in range(4)
    ]
    shown = stories.story_view(story(*reports))
    assert shown is not None
    cut: list[str] = []

    def counted(text: str, language: str) -> tuple[str, ...]:
        cut.append(text)
        return sentences(text, language)

    monkeypatch.setattr(candidates, "sentences", counted)
    for _channel in range(5):
        brief(shown)
        change(shown, reports[0].first_seen)
    assert sorted(cut) == sorted(text for one in reports for text in (one.record.title, one.record.excerpt))
