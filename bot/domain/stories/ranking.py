"""What is best now, and what is more than usual: heat that decays, and topics that spike. Pure; times are arguments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from math import exp, lgamma, log, log2

from bot.domain.model import StoryView

# A major story (150) gives way to one that is just notable (70) after about a day.
HALF_LIFE = timedelta(days=1)

USUAL_DAYS = 28  # four weeks: each day of the week counts alike
LATELY = 7
LEAST_DAYS = 7  # of which something must be known before anything is called unusual
LEAST_STORIES = 3
TIMES = 2  # the usual volume
UNUSUAL = 0.002  # chance of so many stories on a usual day


# The parts of a story's size, the most significant first, as bits of one integer that fits into 63.
_HEAT_BITS, _VOICE_BITS, _REPORT_BITS, _LOT_BITS = 20, 12, 12, 16
_LOT_STEP = 40_503  # 2^16 divided by the golden ratio: consecutive numbers are spread evenly over all lots (Knuth 6.4)


class Sort(StrEnum):
    """The order of a list of stories."""

    NEWEST = "newest"
    HOT = "hot"


def hotness(heat: int, last: datetime, now: datetime, half_life: timedelta = HALF_LIFE) -> float:
    """Heat that halves with every `half_life` since `last`, the time of the last report; its logarithm to base 2.

    `log2(heat) - age / half_life`: the logarithm, so that years do not make nothing of it. Exponential as Reddit's
    "hot" order is, in which a tenfold score outweighs 12.5 hours: two stories keep their order as time goes by.
    Hacker News's `points / (age + 2 h)^1.8` does not promise that.
    """
    age = max(now - last, timedelta())
    return log2(max(heat, 1)) - age / half_life


def size(heat: int, voices: int, reports: int, number: int) -> int:
    """The size of a story, for comparing it with others: its heat, then its voices, then its reports, then a lot.

    Many stories of a topic have one report and the same heat. The lot, which comes from the story's number and so never
    changes, puts them in an order in which any share of them can be chosen. The more reports a story gets, the
    greater it is.
    """
    parts = ((heat, _HEAT_BITS), (voices, _VOICE_BITS), (reports, _REPORT_BITS))
    packed = 0
    for value, bits in parts:
        packed = packed << bits | min(max(value, 0), (1 << bits) - 1)
    return packed << _LOT_BITS | number * _LOT_STEP % (1 << _LOT_BITS)


def size_of(view: StoryView) -> int:
    """The size of a story as one reader sees it."""
    return size(view.heat, view.voices, len(view.members), view.number)


def last_report(view: StoryView) -> datetime:
    """When the last of a story's reports came in itself; of a story of partial records alone, the last of these."""
    return max(m.first_seen for m in view.members if not m.partial or view.lead.partial)


def rank(view: StoryView, now: datetime, half_life: timedelta = HALF_LIFE) -> float:
    """How good a story is at a moment, the greater the better: the `hotness` that its heat has left."""
    return hotness(view.heat, last_report(view), now, half_life)


@dataclass(frozen=True, slots=True)
class Spike:
    """A topic far above its usual volume: `stories` in the last 24 hours, `usual` as many a day."""

    stories: int
    usual: float


def spike(days: Sequence[int]) -> Spike | None:
    """Whether a topic spikes, by its stories in the last 24 hours and in the 24 hours before these, and so on.

    It does if they are `LEAST_STORIES`, `TIMES` as many as usual, and if so many or more have a chance of less than
    `UNUSUAL` where stories come independently of each other at their usual rate: the Poisson model of Hendrickson
    et al., "Trend Detection in Social Data" (Gnip, 2015). What is usual is the mean of up to `USUAL_DAYS` days
    before, or that of the last `LATELY` where it is greater: a topic that gets more feeds is soon used to it.
    """
    today, before = days[0], days[1 : USUAL_DAYS + 1]
    if len(before) < LEAST_DAYS:
        return None
    usual = max(sum(before) / len(before), sum(before[:LATELY]) / LATELY)
    if today < LEAST_STORIES or today < TIMES * usual or at_least(today, usual) >= UNUSUAL:
        return None
    return Spike(today, usual)


def at_least(count: int, mean: float) -> float:
    """The chance of `count` events or more where `mean` are expected, by the Poisson distribution.

    The sum over k >= count of `e^-mean mean^k / k!`, from the greatest of these terms on, which is found by its
    logarithm: so none overflows, and what underflows does not count.
    """
    if count <= 0:
        return 1.0
    if mean <= 0:
        return 0.0
    peak = max(count, int(mean))
    greatest = exp(peak * log(mean) - mean - lgamma(peak + 1))
    total = term = greatest
    above = peak
    while term > total * 1e-12:
        above += 1
        term *= mean / above
        total += term
    term = greatest
    for k in range(peak, count, -1):
        term *= k / mean
        total += term
    return min(total, 1.0)
