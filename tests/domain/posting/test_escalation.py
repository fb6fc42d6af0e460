"""From the digest to a post to a ping, each from a size of its own on."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.model import Mode, StorySize, StoryView, Subscription, Volume
from bot.domain.posting.decisions import Channel, Escalate, Post, PostingSettings, decide_escalation
from bot.domain.posting.escalation import (
    Escalation,
    PostedState,
    escalation,
    pinged_roles,
    size_to_ping,
)
from bot.domain.posting.volume import is_in_digest, is_posted
from bot.domain.stories.story import Story, story_view
from bot.domain.topics.topics import Topics
from tests.make import at, record, stored, story

ROLE, OTHER = 91, 92


def subscription(
    ping_from: StorySize = StorySize.ANY,
    *,
    volume: Volume = Volume.EVERYTHING,
    mode: Mode = Mode.LIVE,
    role: int | None = ROLE,
    announces: bool = False,
) -> Subscription:
    """A subscription to AI."""
    return Subscription(
        1, 5, 7, "AI", mode, volume, role, ping_from=ping_from, announces_major=announces
    )  # fmt: skip


def of_heat(heat: int) -> Story:
    """A story with that heat."""
    return story(stored(record("Lighthouse relit", heat=heat)), number=3)


def view(heat: int) -> StoryView:
    """The same, as everybody sees it."""
    seen = story_view(of_heat(heat))
    assert seen is not None
    return seen


@pytest.mark.parametrize(
    ("heat", "digest", "posted", "pinged"),
    [
        (10, True, False, False),
        (69, True, False, False),
        (70, True, True, False),
        (149, True, True, False),
        (150, True, True, True),
    ],
)
def test_a_story_goes_from_the_digest_to_a_post_to_a_ping(
    heat: int, *, digest: bool, posted: bool, pinged: bool
) -> None:
    follows = subscription(StorySize.MAJOR, volume=Volume.NOTABLE, mode=Mode.BOTH)
    story_seen = view(heat)
    assert is_in_digest(story_seen, follows) is digest
    assert is_posted(story_seen, follows) is posted
    assert (pinged_roles(story_seen, [follows]) == (ROLE,)) is pinged


@pytest.mark.parametrize(
    ("follows", "heat_then", "heat_now", "announced"),
    [
        (subscription(), 60, 200, None),
        (subscription(StorySize.MAJOR), 60, 149, None),
        (subscription(StorySize.MAJOR), 60, 150, Escalation(StorySize.MAJOR, (ROLE,))),
        (subscription(StorySize.MAJOR), 150, 300, None),
        (subscription(StorySize.NOTABLE), 60, 80, Escalation(StorySize.NOTABLE, (ROLE,))),
        (subscription(StorySize.NOTABLE), 60, 200, Escalation(StorySize.MAJOR, (ROLE,))),
        (subscription(StorySize.NOTABLE), 80, 200, None),
        (subscription(StorySize.MAJOR, role=None), 60, 200, None),
        (subscription(role=None, announces=True), 60, 200, Escalation(StorySize.MAJOR, ())),
        (subscription(role=None, announces=True), 60, 120, None),
        (subscription(StorySize.MAJOR, volume=Volume.MAJOR), 60, 150, Escalation(StorySize.MAJOR, (ROLE,))),
    ],
)
def test_a_story_is_announced_that_reaches_the_size_after_its_post(
    follows: Subscription, heat_then: int, heat_now: int, announced: Escalation | None
) -> None:
    assert escalation(view(heat_now), [follows], PostedState(heat_then)) == announced


def test_a_role_that_the_post_named_is_not_pinged_again() -> None:
    every_post, from_major = subscription(announces=True), subscription(StorySize.MAJOR, role=OTHER)
    announced = escalation(view(200), [every_post, from_major], PostedState(60, (ROLE,)))
    assert announced == Escalation(StorySize.MAJOR, (OTHER,))


def test_a_subscription_that_announces_nothing_pings_nobody_with_the_reply_of_another() -> None:
    silent, announcing = subscription(role=OTHER), subscription(StorySize.MAJOR)
    announced = escalation(view(200), [silent, announcing], PostedState(60))
    assert announced == Escalation(StorySize.MAJOR, (ROLE,))


@pytest.mark.parametrize(
    ("ping_from", "heat", "size"),
    [
        (StorySize.ANY, 10, None),
        (StorySize.NOTABLE, 10, StorySize.NOTABLE),
        (StorySize.NOTABLE, 70, None),
        (StorySize.MAJOR, 70, StorySize.MAJOR),
        (StorySize.MAJOR, 150, None),
    ],
)
def test_the_size_that_is_missing_for_a_ping(ping_from: StorySize, heat: int, size: StorySize | None) -> None:
    assert size_to_ping(view(heat), [subscription(ping_from)]) is size
    assert size_to_ping(view(heat), [subscription(ping_from, role=None)]) is None


def decided(
    heat: int, follows: Subscription, *, hours: float = 1, post: Post | None = None
) -> Escalate | None:
    """What is decided about a story that was posted with a heat of 60."""
    standing = post or Post(4, 3, 7, at(0), message_id=1000, guild_id=5, posted=PostedState(60))
    channel = Channel(7, 5, (follows,))
    return decide_escalation(of_heat(heat), channel, standing, Topics(), at(hours), PostingSettings())


def test_only_a_post_that_stands_and_is_recent_is_replied_to_once() -> None:
    follows = subscription(StorySize.MAJOR)
    reply = Escalate(4, 3, 7, 5, 200, StorySize.MAJOR, PostedState(60))
    assert decided(200, follows) == reply
    standing = Post(4, 3, 7, at(0), message_id=1000, guild_id=5, posted=PostedState(60))
    assert decided(200, follows, post=replace(standing, is_escalated=True)) is None
    assert decided(200, follows, post=replace(standing, message_id=None)) is None
    assert decided(200, follows, hours=48) == reply
    assert decided(200, follows, hours=49) is None
    assert decided(200, replace(follows, mode=Mode.DIGEST)) is None
    assert decided(200, replace(follows, topic="Space")) is None


SUBSCRIPTIONS = st.builds(
    subscription,
    st.sampled_from(StorySize),
    volume=st.sampled_from([Volume.EVERYTHING, Volume.NOTABLE, Volume.MAJOR]),
    role=st.sampled_from([None, ROLE, OTHER]),
    announces=st.booleans(),
)


@given(st.lists(SUBSCRIPTIONS, max_size=4), st.integers(0, 300), st.integers(0, 300))
def test_no_role_is_pinged_twice_and_none_below_its_size(
    follows: list[Subscription], heat_then: int, heat_now: int
) -> None:
    with_post = pinged_roles(view(heat_then), follows)
    announced = escalation(view(heat_now), follows, PostedState(heat_then, with_post))
    with_reply = announced.roles if announced else ()
    assert not set(with_post) & set(with_reply)
    bars = {StorySize.ANY: 0, StorySize.NOTABLE: 70, StorySize.MAJOR: 150}
    for heat, roles in ((heat_then, with_post), (heat_now, with_reply)):
        for role in roles:
            assert any(bars[s.ping_from] <= heat for s in follows if s.mention_role_id == role)
    if heat_now <= heat_then:
        assert announced is None
