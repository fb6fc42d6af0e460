"""Channels wait for their turn: the urgent first, the spent not at all, and the talkative not before the others."""

from __future__ import annotations

import itertools
import random
from collections import Counter

from bot.domain.requests.line import MOST, RECENT, Urgency, WaitingLine


def taken(line: WaitingLine, now: float) -> list[int]:
    """All channels that may send now, in order."""
    channels = []
    while (channel := next_of(line, now)) is not None:
        channels.append(channel)
    return channels


def next_of(line: WaitingLine, now: float, *, only_eager: bool = False) -> int | None:
    """The channel that may send next."""
    called = line.next(now, only_eager=only_eager)
    return None if called is None else called.channel_id


def test_new_messages_come_before_edits_and_those_before_digests() -> None:
    line = WaitingLine()
    for channel, urgency in enumerate(reversed(Urgency)):
        line.join(channel, urgency, 0.0)
    line.join(9, Urgency.LIVE, 0.0)
    assert taken(line, 0.0) == [4, 9, 3, 2, 1, 0]


def test_a_channel_whose_limit_is_spent_is_passed_over_until_it_is_reset() -> None:
    line = WaitingLine()
    line.join(1, Urgency.LIVE, 5.0)
    line.join(2, Urgency.DIGEST, 0.0)
    assert line.next_ready() == 0.0
    assert taken(line, 1.0) == [2]
    assert line.next_ready() == 5.0
    assert taken(line, 5.0) == [1]
    assert (line.next_ready(), len(line)) == (None, 0)


def test_a_channel_that_left_or_changed_its_mind_is_not_called_for_the_old_reason() -> None:
    line = WaitingLine()
    line.join(1, Urgency.LIVE, 0.0)
    line.join(2, Urgency.LIVE, 3.0)
    line.leave(2)
    line.join(1, Urgency.EDIT, 2.0)
    assert (next_of(line, 1.0), line.next_ready()) == (None, 2.0)
    assert taken(line, 9.0) == [1]


def test_a_channel_in_which_much_waits_takes_what_the_others_leave() -> None:
    line, served, order = WaitingLine(), Counter[int](), []
    numbers = random.Random(3)  # noqa: S311 - a sequence to repeat, not a secret
    hot, cold = range(5), range(100, 400)
    for channel in numbers.sample([*hot, *cold], len(hot) + len(cold)):
        line.join(channel, Urgency.LIVE, 0.0)
    now = 0.0
    while served.total() < len(cold) + 100:
        now += 0.02
        channel = next_of(line, now)
        assert channel is not None, "no turn is wasted while somebody is ready"
        served[channel] += 1
        order.append(channel)
        if channel in hot:
            line.join(channel, Urgency.LIVE, now)
    assert sum(channel in hot for channel in order[: len(cold) + len(hot)]) == len(hot), "once each"
    assert max(served[channel] for channel in hot) - min(served[channel] for channel in hot) <= 1


def test_a_channel_in_which_much_waits_has_its_turn_among_the_others_in_the_end() -> None:
    line, now = WaitingLine(), 0.0
    line.join(1, Urgency.LIVE, now)
    assert next_of(line, now) == 1
    line.join(1, Urgency.LIVE, now)
    for other in itertools.count(2):
        now += 0.02
        line.join(other, Urgency.LIVE, now)
        line.join(-other, Urgency.LIVE, now)  # more than can be served
        if next_of(line, now) == 1:
            break
    assert RECENT <= now < 3 * RECENT


def test_an_urgent_message_of_a_talkative_channel_comes_before_edits_of_others() -> None:
    line = WaitingLine()
    line.join(1, Urgency.LIVE, 0.0)
    assert next_of(line, 0.0) == 1
    line.join(1, Urgency.LIVE, 0.0)
    line.join(2, Urgency.EDIT, 0.0)
    assert line.eager(0.1) == 1, "the other one"
    assert next_of(line, 0.1, only_eager=True) == 2
    line.join(3, Urgency.EDIT, 0.1)
    assert taken(line, 0.1) == [1, 3]


def test_channels_that_sent_something_long_ago_are_forgotten() -> None:
    line = WaitingLine()
    for channel in range(2 * MOST):
        line.join(channel, Urgency.LIVE, channel / 100)
        assert next_of(line, channel / 100) == channel
    assert len(line._sent_at) <= MOST


def test_urgent_messages_have_lower_ranks_and_among_equals_those_of_quiet_channels() -> None:
    line = WaitingLine()
    for urgency in Urgency:
        line.join(urgency, urgency, 0.0)
    taken(line, 0.0)  # these have sent something
    for urgency in Urgency:
        line.join(urgency, urgency, 0.0)
        line.join(100 + urgency, urgency, 0.0)
    called = [line.next(1.0) for _ in range(2 * len(Urgency))]
    assert [each.channel_id % 100 for each in called if each] == sorted([*Urgency, *Urgency])
    assert [each.rank for each in called if each] == list(range(1, 2 * len(Urgency) + 1))
