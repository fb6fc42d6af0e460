"""Outages: when one begins, how long it lasts, and when it is over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bot.domain.outages import DOWN_HOSTS, FeedStreak, Health, OutageKind

NOW = datetime(2031, 4, 5, 6, 7, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


def test_an_outage_keeps_its_beginning_takes_the_newest_reason_and_ends_alone() -> None:
    health = Health().after(OutageKind.SENDING, "HTTP 502", NOW).after(OutageKind.DATABASE, "full", NOW)
    health = health.after(OutageKind.SENDING, "HTTP 503", LATER)
    sending = health.of(OutageKind.SENDING)
    assert sending is not None
    assert (sending.since, sending.reason, sending.lasts(LATER)) == (NOW, "HTTP 503", timedelta(hours=1))
    assert [outage.kind for outage in health.after(OutageKind.SENDING, None, LATER).outages] == ["database"]
    assert Health().after(OutageKind.FEEDS, None, NOW) == Health()


def test_an_outage_has_lasted_no_time_after_the_clock_was_set_back() -> None:
    outage = Health().after(OutageKind.FEEDS, "no route", LATER).of(OutageKind.FEEDS)
    assert outage is not None
    assert outage.lasts(NOW) == timedelta()


def test_feeds_are_out_of_reach_once_many_hosts_failed_and_none_answered() -> None:
    hosts = [f"h{n}.example" for n in range(DOWN_HOSTS)]
    streak = FeedStreak().after(False, hosts[:-1], NOW).after(False, hosts[:-1], LATER)
    assert not streak.is_outage  # few hosts, however often
    streak = streak.after(False, hosts[-1:], LATER)
    assert (streak.is_outage, streak.since) == (True, NOW)
    assert streak.after(True, hosts, LATER) == FeedStreak()
