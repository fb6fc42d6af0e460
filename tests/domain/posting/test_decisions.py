"""One decision per story and channel, with its reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.model import Mode, Mute, Subscription, Topic, Volume
from bot.domain.posting.decisions import (
    EXPLAIN,
    Channel,
    Edit,
    Grow,
    Hold,
    Post,
    PostingSettings,
    Reason,
    Send,
    channels_of,
    decide,
)
from bot.domain.stories.story import Story
from bot.domain.topics.topics import Topics
from tests.domain.world import CHANNEL, GUILD, follow
from tests.make import at, record, stored, story

RULES = PostingSettings()
TOPICS = Topics([Topic("AI"), Topic("Vision", parent="AI"), Topic("Faces", parent="Vision")])


def told(
    what: Story,
    *subscriptions: Subscription,
    mute: str = "",
    post: Post | None = None,
    hours: float = 1,
    reshaped: bool = False,
) -> Send | Edit | Hold | Grow | None:
    """The decision in a channel with these subscriptions, at a time given in hours."""
    mutes = (Mute(1, GUILD, None, mute),) if mute else ()
    channel = Channel(CHANNEL, GUILD, subscriptions, mutes)
    return decide(what, channel, post, TOPICS, at(hours), RULES, reshaped=reshaped)


def news(quality: int = 60, *, topics: tuple[str, ...] = ("AI",), notable: bool = False) -> Story:
    """A story of one fresh report."""
    return story(stored(record("A", quality=quality, notable=notable)), number=3, topics=topics)


def held(reason: Reason) -> Hold:
    return Hold(3, CHANNEL, GUILD, reason)


# A story that the channel was not told of.


def test_news_of_a_followed_topic_is_posted_the_bigger_the_earlier() -> None:
    assert told(news(quality=85), follow()) == Send(3, CHANNEL, GUILD, 85)


@pytest.mark.parametrize(
    ("of", "followed", "posted"),
    [
        ("AI", "AI", True),
        ("AI", "ai", True),
        ("Vision", "AI", True),
        ("Faces", "AI", True),
        ("AI", "Vision", False),
        ("Space", "AI", False),
        ("Space", "Space", True),  # known from records alone
    ],
)
def test_a_topic_brings_the_stories_of_those_below_it(of: str, followed: str, *, posted: bool) -> None:
    assert (told(news(topics=(of,)), follow(followed)) is not None) is posted


def test_a_story_of_several_followed_topics_is_posted_once() -> None:
    decision = told(news(topics=("Vision", "AI")), follow("AI"), follow("Vision"), follow("Faces"))
    assert decision == Send(3, CHANNEL, GUILD, 60)


def test_a_channel_without_a_live_subscription_is_told_nothing_and_needs_no_reason() -> None:
    assert told(news()) is None
    assert told(news(), follow(mode=Mode.DIGEST)) is None
    assert told(news(), follow(mode=Mode.BOTH)) == Send(3, CHANNEL, GUILD, 60)


@pytest.mark.parametrize(
    ("volume", "quality", "notable", "posted"),
    [
        (Volume.EVERYTHING, 0, False, True),
        (Volume.NOTABLE, 69, False, False),
        (Volume.NOTABLE, 70, False, True),
        (Volume.NOTABLE, 0, True, True),
        (Volume.MAJOR, 149, True, False),
        (Volume.MAJOR, 150, False, True),
        (None, 69, False, False),  # live posts are of notable stories where nothing else is said
        (None, 70, False, True),
    ],
)
def test_a_story_too_small_for_the_volume_that_was_asked_for_is_held_back(
    volume: Volume | None, quality: int, *, notable: bool, posted: bool
) -> None:
    decision = told(news(quality, notable=notable), follow(volume=volume))
    assert decision == (Send(3, CHANNEL, GUILD, quality) if posted else held(Reason.TOO_SMALL))


def test_the_lowest_bar_of_a_channel_counts_and_only_that_of_topics_the_story_has() -> None:
    bars = (follow("AI", volume=Volume.MAJOR), follow("Vision", volume=Volume.EVERYTHING))
    assert isinstance(told(news(10, topics=("Vision",)), *bars), Send)
    assert told(news(10, topics=("AI",)), *bars) == held(Reason.TOO_SMALL)


def test_what_came_with_the_first_intake_is_not_news() -> None:
    silent = story(stored(record("A"), news=False), number=3)
    assert told(silent, follow()) == held(Reason.FIRST_INTAKE)


@pytest.mark.parametrize(("hours", "reason"), [(7 * 24, None), (7 * 24 + 1, Reason.TOO_OLD)])
def test_news_is_news_for_a_week_after_it_came_in(hours: float, reason: Reason | None) -> None:
    decision = told(news(), follow(), hours=hours)
    assert decision == (held(reason) if reason else Send(3, CHANNEL, GUILD, 60))


def test_what_was_published_long_before_it_came_in_is_too_old() -> None:
    late = story(stored(record("A", hours=-24 * 8), seen=0, news=False), number=3)
    assert told(late, follow()) == held(Reason.TOO_OLD)


def test_one_fresh_report_makes_an_old_story_news() -> None:
    old = stored(record("A", hours=-24 * 30), news=False)
    fresh = stored(record("A", "b.example"))
    assert isinstance(told(story(old, fresh, number=3), follow()), Send)


def test_a_report_that_is_known_through_a_declaration_alone_makes_no_news() -> None:
    own = stored(record("A"), news=False)
    declared = stored(record("A", "b.example"), partial=True)
    assert told(story(own, declared, number=3), follow()) == held(Reason.FIRST_INTAKE)


def test_a_story_of_muted_records_alone_is_held_back() -> None:
    assert told(news(), follow(), mute="alpha.example") == held(Reason.MUTED)
    assert isinstance(told(news(), follow(), mute="beta.example"), Send)


def test_only_what_is_not_muted_has_to_be_news_and_to_reach_the_bar() -> None:
    big = stored(record("A", "big.example", quality=90), id=1)
    small = stored(record("A", "small.example", quality=10), id=2)
    old = replace(small, news=False)
    assert told(story(big, small, number=3), follow(), mute="big.example") == Send(3, CHANNEL, GUILD, 10)
    notable = follow(volume=Volume.NOTABLE)
    assert told(story(big, small, number=3), notable, mute="big.example") == held(Reason.TOO_SMALL)
    assert told(story(big, old, number=3), follow(), mute="big.example") == held(Reason.FIRST_INTAKE)


def test_a_story_that_is_gone_before_it_was_told_needs_no_word() -> None:
    assert told(Story(3, (), {}, {}), follow()) is None


# A story that the channel was told of.

SENT = Post(9, 3, CHANNEL, sent_at=at(1), message_id=100)


def test_a_post_that_is_still_to_go_out_needs_no_edit_but_is_as_urgent_as_the_story_is_big_now() -> None:
    waiting = Post(9, 3, CHANNEL)
    assert told(news(quality=85), follow(), post=waiting) == Grow(9, 85)
    assert told(news(quality=85), follow(volume=Volume.MAJOR), post=waiting) is None
    assert told(news(quality=85), post=waiting) is None


@pytest.mark.parametrize(
    ("edited", "now", "due"),
    [
        (None, 60.5, 61),  # a minute after it was sent
        (None, 61, 61),
        (None, 500, 500),
        (300, 310, 360),  # or edited, in minutes
        (300, 400, 400),
    ],
)
def test_a_post_is_edited_at_most_once_a_minute(edited: float | None, now: float, due: float) -> None:
    interval = PostingSettings(edit_interval=timedelta(minutes=60)) if edited else RULES
    post = replace(SENT, edited_at=None if edited is None else at(edited / 60))
    decision = decide(news(), Channel(CHANNEL, GUILD, (follow(),)), post, TOPICS, at(now / 60), interval)
    assert decision == Edit(9, 3, at(due / 60))


@pytest.mark.parametrize(("hours", "open_"), [(2, True), (49, True), (49.1, False), (1000, False)])
def test_a_post_is_edited_for_two_days(hours: float, *, open_: bool) -> None:
    decision = told(news(), follow(), post=SENT, hours=hours)
    assert decision == (Edit(9, 3, at(hours)) if open_ else held(Reason.ALREADY_TOLD))


def test_a_post_of_a_story_that_is_gone_is_edited_at_any_age() -> None:
    assert told(Story(3, (), {}, {}), follow(), post=SENT, hours=5000) == Edit(9, 3, at(5000))


def test_a_post_of_which_a_report_was_removed_or_came_back_is_edited_at_any_age() -> None:
    assert told(news(), follow(), post=SENT, hours=5000, reshaped=True) == Edit(9, 3, at(5000))
    closed = replace(SENT, closed=True)
    assert told(news(), follow(), post=closed, hours=5000, reshaped=True) == held(Reason.ALREADY_TOLD)
    assert told(news(), follow(), post=Post(9, 3, CHANNEL), reshaped=True) == Grow(9, 60)


def test_a_post_is_kept_up_to_date_whatever_became_of_the_subscription() -> None:
    for decision in (
        told(news(), post=SENT, hours=2),
        told(news(), follow(), mute="alpha.example", post=SENT, hours=2),
    ):
        assert decision == Edit(9, 3, at(2))


@pytest.mark.parametrize("sent", [None, at(1)])
def test_a_post_that_was_given_up_is_left_alone(sent: None) -> None:
    post = replace(SENT, sent_at=sent, closed=True)
    assert told(news(), follow(), post=post) == held(Reason.ALREADY_TOLD)
    assert told(Story(3, (), {}, {}), follow(), post=post) == held(Reason.ALREADY_TOLD)


@pytest.mark.parametrize(("sent", "hours"), [(None, 1), (at(1), 2), (at(1), 1000)])
def test_the_post_of_a_merged_story_goes_over_to_the_one_that_goes_on(sent: None, hours: float) -> None:
    post = Post(9, 5, CHANNEL, sent_at=sent)
    assert told(news(), follow(), post=post, hours=hours) == Edit(9, 3, at(hours))


# Channels.


def test_mutes_hold_in_their_channel_or_in_the_whole_server() -> None:
    here, there = follow(channel=7), follow(channel=8)
    elsewhere = replace(follow(channel=9), guild_id=2)
    mutes = [
        Mute(1, GUILD, None, "all of the server"),
        Mute(2, GUILD, 7, "here"),
        Mute(3, 2, None, "another server"),
    ]
    found = channels_of([here, there, elsewhere, follow("Vision", channel=7)], mutes)
    assert [
        (c.id, c.guild_id, [s.topic for s in c.subscriptions], [m.id for m in c.mutes]) for c in found
    ] == [
        (7, GUILD, ["AI", "Vision"], [1, 2]),
        (8, GUILD, ["AI"], [1]),
        (9, 2, ["AI"], [3]),
    ]


def test_every_reason_is_explained() -> None:
    assert EXPLAIN.keys() == set(Reason)
    assert len(set(EXPLAIN.values())) == len(Reason)


@given(
    st.integers(0, 200),
    st.booleans(),
    st.sampled_from(Mode),
    st.none() | st.sampled_from(Volume),
    st.booleans(),
    st.none()
    | st.builds(
        Post, st.just(9), st.just(3), st.just(CHANNEL), st.none() | st.just(at(1)), closed=st.booleans()
    ),
    st.integers(1, 400),
)
def test_a_channel_is_told_edited_or_given_a_reason_unless_nobody_asked(
    quality: int,
    is_news: bool,
    mode: Mode,
    volume: Volume | None,
    muted: bool,
    post: Post | None,
    hours: int,
) -> None:
    what = story(stored(record("A", quality=quality), news=is_news), number=3)
    decision = told(
        what, follow(mode=mode, volume=volume), mute="alpha.example" * muted, post=post, hours=hours
    )
    match decision:
        case Send():
            assert is_news and not muted and mode is not Mode.DIGEST and post is None  # noqa: PT018
        case Edit(due=due):
            assert post is not None
            assert post.sent_at is not None
            assert due >= max(at(hours), post.sent_at + RULES.edit_interval)
        case Hold():
            assert post is not None or mode is not Mode.DIGEST
        case None:
            assert mode is Mode.DIGEST if post is None else not post.closed and post.sent_at is None
