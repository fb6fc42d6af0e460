"""What digests of a channel are called, which one somebody means, and what each covers."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.model import Mode, Subscription
from bot.domain.posting.channel_digests import (
    ChannelDigest,
    changed,
    digest_title,
    digest_to_set,
    named,
    titles_of,
    with_same_title,
)
from bot.domain.posting.schedule import EVERY_DAY, Schedule

DAYS = st.frozensets(st.integers(0, 6), min_size=1)
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/Santiago", "Australia/Lord_Howe", "Asia/Beirut"])
MOMENTS = st.datetimes(datetime(2023, 1, 1), datetime(2032, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
DAILY = Schedule(time(9), "UTC")
WEEKLY = replace(DAILY, days=frozenset((6,)))
TWICE = replace(DAILY, days=frozenset((0, 3)))


def digest(
    number: int = 0, schedule: Schedule | None = DAILY, name: str = "", topic: str | None = None
) -> ChannelDigest:
    """A digest of a channel."""
    return ChannelDigest(number, 1, 2, name, topic, schedule)


@given(DAYS, st.times(), ZONES, MOMENTS)
def test_what_a_digest_covers_reaches_back_to_the_one_before_through_changes_of_the_clock(
    days: frozenset[int], at: time, zone: str, moment: datetime
) -> None:
    schedule = Schedule(at, zone, days)
    due = schedule.after(moment)
    following = schedule.after(due)
    length = (following.astimezone(ZoneInfo(zone)).date() - due.astimezone(ZoneInfo(zone)).date()).days
    assert timedelta(days=length) <= schedule.period <= timedelta(days=7)
    assert (schedule.period == timedelta(days=7)) is (len(days) == 1)
    assert (schedule.period == timedelta(days=1)) is (days == EVERY_DAY)


@pytest.mark.parametrize(
    ("days", "topic", "title"),
    [
        (EVERY_DAY, None, "Daily digest"),
        (frozenset((6,)), None, "Weekly digest"),
        (frozenset(range(5)), None, "Digest"),
        (EVERY_DAY, "Computer Vision", "Daily digest: Computer Vision"),
        (frozenset((0,)), "Computer Vision", "Weekly digest: Computer Vision"),
        (frozenset((0, 3)), "Computer Vision", "Digest: Computer Vision"),
    ],
)
def test_a_digest_without_a_name_is_called_what_it_is(
    days: frozenset[int], topic: str | None, title: str
) -> None:
    assert digest_title("", days, topic) == title
    assert digest_title("Morning news", days, topic) == "Morning news"


@given(DAYS, st.text(max_size=300))
def test_a_title_by_topic_has_room_on_a_button(days: frozenset[int], topic: str) -> None:
    assert len(digest_title("", days, topic)) <= 80


# What is stored, what somebody sets, and which one that changes (0: none, a new one is added).
DEFAULT = digest(1, None)
MEANT = [
    ("the first one", (), digest(), 0),
    ("one at the default time gives way", (DEFAULT,), digest(schedule=WEEKLY), 1),
    ("also to one with a name", (DEFAULT,), digest(name="Sky"), 1),
    ("but not to one of a topic", (DEFAULT,), digest(topic="Space"), 0),
    ("nor to one of a topic with a name", (DEFAULT,), digest(name="Sky", topic="Space"), 0),
    ("a daily one", (digest(1),), digest(schedule=replace(DAILY, at=time(7))), 1),
    ("on other days of the week", (digest(1),), digest(schedule=TWICE), 1),
    ("a weekly one beside it", (digest(1),), digest(schedule=WEEKLY), 0),
    ("a weekly one on another day", (digest(1), digest(2, WEEKLY)), digest(schedule=replace(WEEKLY, days=frozenset((2,)))), 2),
    ("of a topic", (digest(1), digest(2, topic="Space")), digest(topic="SPACE"), 2),
    ("of another topic", (digest(1), digest(2, topic="Space")), digest(topic="Sea"), 0),
    ("by its name", (digest(1), digest(2, name="Sky")), digest(schedule=WEEKLY, name="sky"), 2),
    ("by what it is", (digest(1), digest(2, WEEKLY)), digest(name="weekly digest"), 2),
    ("a new name", (digest(1), digest(2, WEEKLY)), digest(name="Sky"), 0),
    ("one that has a name is not meant without it", (digest(1, name="Sky"),), digest(), 0),
]  # fmt: skip


@pytest.mark.parametrize(
    ("stored", "wish", "number"), [case[1:] for case in MEANT], ids=[case[0] for case in MEANT]
)
def test_which_digest_somebody_means(
    stored: tuple[ChannelDigest, ...], wish: ChannelDigest, number: int
) -> None:
    before = digest_to_set(stored, wish)
    assert (before.id if before else 0) == number
    after = changed(before, wish)
    assert (after.id, after.schedule) == (number, wish.schedule)
    assert after.topic == (wish.topic if before is None else wish.topic or before.topic)


WISHES = st.builds(
    digest,
    schedule=st.builds(Schedule, st.just(time(9)), st.just("UTC"), DAYS),
    name=st.sampled_from(["", "", "Sky", "SKY", "Daily digest", "Weekly digest", "Digest: Space", "x"]),
    topic=st.sampled_from([None, None, "Space", "space"]),
)


@given(st.lists(WISHES, max_size=12))
def test_whatever_is_set_digests_of_a_channel_never_share_a_title(wishes: list[ChannelDigest]) -> None:
    """And what was set last is what its title means."""
    stored: dict[int, ChannelDigest] = {1: DEFAULT}
    for wish in wishes:
        after = changed(digest_to_set(tuple(stored.values()), wish), wish)
        if with_same_title(stored.values(), after) is not None:
            continue  # refused
        after = replace(after, id=after.id or max(stored) + 1)
        stored[after.id] = after
        assert named(stored.values(), after.title) == after
    titles = [title for one in stored.values() for title in titles_of(one)]
    assert len(titles) == len(set(titles))


def test_a_name_that_says_what_a_digest_is_anyway_is_none() -> None:
    assert changed(None, digest(schedule=WEEKLY, name="weekly DIGEST")).name == ""
    assert changed(digest(1, WEEKLY), digest(name="Weekly digest")) == digest(1)
    assert changed(digest(1), digest(name="Weekly digest")).name == "Weekly digest"
    assert changed(digest(1, name="Sky"), digest(name="sky")).name == "Sky"


def test_a_digest_serves_what_is_for_digests_and_one_of_a_topic_that_topic() -> None:
    live, both, only = (
        Subscription(number, 1, 2, topic, mode)
        for number, (topic, mode) in enumerate(
            (("AI", Mode.LIVE), ("Sea", Mode.BOTH), ("Space", Mode.DIGEST))
        )
    )
    followed = (live, both, only)
    assert digest().served(followed) == (both, only)
    assert digest(topic="SPACE").served(followed) == (only,)
    for topic in ("AI", "Trees"):  # there is no subscription for digests, so everything of it counts
        assert digest(topic=topic).served(followed) == (Subscription(0, 1, 2, topic, Mode.DIGEST),)
    assert digest().served((live,)) == ()
