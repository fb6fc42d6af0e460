"""The limits of the Discord on the loopback: what passes them, and what their headers say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.loopback.limits import (
    BUCKETS,
    DISCORD,
    EXECUTE,
    UNLIMITED,
    Asked,
    Bucket,
    Limit,
    Limits,
    RateLimiter,
    Sublimit,
    Verdict,
)

SEND, EDIT, READ = "POST /channels/*/messages", "PATCH /channels/*/messages/*", "GET /channels/*/messages"
EPOCH = 1_800_000_000.0
SMALL = Limits(
    per_token=Limit(7, 1),
    per_address=None,
    invalid=None,
    buckets=(Bucket("send", Limit(3, 2), (SEND,)), Bucket("rest", Limit(4, 1.5), (EDIT, READ))),
    sublimits=(),
)


class Clients:
    """Somebody who sends requests at times that a test chooses."""

    def __init__(self, limits: Limits) -> None:
        self.now = 0.0
        self.limiter = RateLimiter(limits, lambda: self.now, EPOCH)

    def ask(self, route: str = SEND, channel: int = 1, bot: str = "t", address: str = "a") -> Verdict:
        """Send one request now."""
        return self.limiter.admit(Asked(route, f"channels/{channel}", channel, address, bot))


def fullest(times: Sequence[float], seconds: float) -> int:
    """The most requests in a window, if each window begins with the first request after the one before."""
    most, start, count = 0, float("-inf"), 0
    for moment in times:
        if moment >= start + seconds:
            start, count = moment, 0
        count += 1
        most = max(most, count)
    return most


STEPS = st.lists(
    st.tuples(st.integers(0, 12), st.sampled_from((SEND, EDIT, READ)), st.integers(1, 2)), max_size=120
)


@given(STEPS)
def test_no_window_of_a_bucket_or_of_a_token_lets_more_pass_than_its_limit(
    steps: list[tuple[int, str, int]],
) -> None:
    clients = Clients(SMALL)
    passed: dict[object, list[float]] = defaultdict(list)
    for gap, route, channel in steps:
        clients.now += gap / 16  # seconds that a float has exactly
        verdict = clients.ask(route, channel)
        if verdict.refusal is None or verdict.refusal.scope == "user":
            passed["token"].append(clients.now)
        if verdict.refusal is None:
            passed["send" if route == SEND else "rest", channel].append(clients.now)
    for key, times in passed.items():
        limit = Limit(7, 1) if key == "token" else Limit(3, 2) if "send" in str(key) else Limit(4, 1.5)
        assert fullest(times, limit.seconds) <= limit.requests


@given(STEPS)
def test_the_headers_say_how_many_more_pass_and_when_all_do_again(steps: list[tuple[int, str, int]]) -> None:
    clients = Clients(Limits(None, None, None, buckets=SMALL.buckets, sublimits=()))
    promised: dict[object, tuple[int, float]] = {}  # what a client expects, which reads the headers alone
    for gap, route, channel in steps:
        clients.now += gap / 16
        key = (route == SEND, channel)
        left, until = promised.get(key, (1, 0.0))
        verdict = clients.ask(route, channel)
        if clients.now >= until:
            assert verdict.refusal is None
            assert int(verdict.headers["X-RateLimit-Remaining"]) == (2 if route == SEND else 3)
        else:
            assert (verdict.refusal is None) == (left > 0)
        if verdict.refusal is not None:
            assert verdict.refusal.wait == pytest.approx(until - clients.now, abs=0.001)
        after = float(verdict.headers["X-RateLimit-Reset-After"])
        assert float(verdict.headers["X-RateLimit-Reset"]) == pytest.approx(
            EPOCH + clients.now + after, abs=0.002
        )
        promised[key] = int(verdict.headers["X-RateLimit-Remaining"]), clients.now + after


def test_routes_of_one_bucket_share_it_and_channels_do_not() -> None:
    clients = Clients(SMALL)
    first = [clients.ask(route) for route in (EDIT, READ, EDIT, READ)]
    assert len({verdict.headers["X-RateLimit-Bucket"] for verdict in first}) == 1
    assert [verdict.headers["X-RateLimit-Remaining"] for verdict in first] == ["3", "2", "1", "0"]
    assert clients.ask(EDIT).refusal is not None
    assert clients.ask(EDIT, channel=2).refusal is None
    assert clients.limiter.refused == {"user": 1}


def test_interactions_and_webhooks_do_not_count_towards_the_limit_of_the_token() -> None:
    clients = Clients(Limits(per_address=None))
    assert all(clients.ask(SEND, channel).refusal is None for channel in range(50))
    refusal = clients.ask(SEND, 51).refusal
    assert refusal is not None
    assert (refusal.scope, refusal.wait) == ("global", 1)
    assert clients.ask("POST /interactions/*/*/callback").refusal is None
    assert clients.ask(EXECUTE, 52, bot="").refusal is None
    assert clients.ask(SEND, 51, bot="other").refusal is None
    clients.now = 1.0
    assert clients.ask(SEND, 51).refusal is None


def test_requests_without_a_token_count_by_their_address() -> None:
    clients = Clients(DISCORD)
    for address in ("127.0.0.1", "127.0.0.2"):
        refused = [clients.ask(EXECUTE, channel, bot="", address=address).refusal for channel in range(51)]
        assert [refusal.scope for refusal in refused if refusal] == ["global"]


def test_a_limit_that_no_header_shows_refuses_although_its_bucket_has_requests_left() -> None:
    clients = Clients(
        Limits(buckets=BUCKETS, sublimits=(Sublimit("hidden", Limit(2, 60), (EXECUTE,)),), per_address=None)
    )
    verdicts = [clients.ask(EXECUTE, bot="") for _ in range(3)]
    assert [verdict.refusal is None for verdict in verdicts] == [True, True, False]
    assert verdicts[2].headers["X-RateLimit-Remaining"] == "3"
    assert verdicts[2].refusal is not None
    assert (verdicts[2].refusal.scope, verdicts[2].refusal.wait) == ("shared", 60)


def test_too_many_invalid_requests_block_the_address() -> None:
    clients = Clients(Limits(None, None, invalid=Limit(3, 600), sublimits=()))
    for status in (403, 401, 200, 404):
        clients.limiter.note("a", status)
    clients.limiter.note("a", 429, shared=True)
    assert clients.ask().refusal is None
    clients.limiter.note("a", 429)
    refusal = clients.ask().refusal
    assert refusal is not None
    assert refusal.by_network
    assert clients.ask(address="b").refusal is None
    clients.now = 600
    assert clients.ask().refusal is None


def test_shards_identify_one_after_the_other_for_each_concurrency_key() -> None:
    clients = Clients(DISCORD)
    allowed = [clients.limiter.allows_identify("t", key) for key in (0, 1, 0)]
    assert allowed == [True, True, False]
    clients.now = 5
    assert clients.limiter.allows_identify("t", 0)


def test_without_limits_everything_passes() -> None:
    clients = Clients(UNLIMITED)
    assert all(clients.ask() == Verdict({}) for _ in range(1000))
