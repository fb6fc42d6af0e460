"""The limits of routes, learned from the headers of answers."""

from __future__ import annotations

import pytest

from bot.domain.requests.buckets import MOST, UNSHOWN, Buckets, Route, route_of


def headers(remaining: int, after: float, name: str = "b1") -> dict[str, str]:
    """The headers of an answer."""
    return {
        "X-RateLimit-Bucket": name,
        "X-RateLimit-Limit": "5",
        "X-RateLimit-Remaining": str(remaining),
        "X-RateLimit-Reset-After": f"{after:.3f}",
    }


def send(channel: int) -> Route:
    """Sending a message to a channel."""
    return route_of("POST", f"/channels/{channel}/messages")


@pytest.mark.parametrize(
    ("method", "path", "route"),
    [
        ("POST", "/channels/12/messages", Route("POST /channels/{}/messages", "12")),
        ("PATCH", "/api/v10/channels/12/messages/34", Route("PATCH /channels/{}/messages/{}", "12")),
        ("GET", "/proxy/discord/api/guilds/12/members/34", Route("GET /guilds/{}/members/{}", "12")),
        ("POST", "/webhooks/12/to-ken", Route("POST /webhooks/{}/{}", "12/to-ken")),
        ("PATCH", "/webhooks/12/t/messages/5", Route("PATCH /webhooks/{}/{}/messages/{}", "12/t")),
        ("POST", "/interactions/12/t/callback", Route("POST /interactions/{}/{}/callback", "12/t")),
        ("POST", "/users/@me/channels", Route("POST /users/@me/channels", "")),
        ("PUT", "/applications/12/commands", Route("PUT /applications/{}/commands", "")),
        ("GET", "/gateway", Route("GET /gateway", "")),
        ("GET", "/", Route("GET /", "")),
    ],
)
def test_routes_have_their_ids_replaced_and_keep_what_has_a_limit_of_its_own(
    method: str, path: str, route: Route
) -> None:
    assert route_of(method, path) == route


def test_a_route_whose_limit_is_spent_is_ready_at_its_reset_and_others_are_ready_now() -> None:
    buckets = Buckets()
    buckets.learn(send(1), headers(0, 2.0), now=10.0)
    buckets.learn(send(2), headers(3, 2.0), now=10.0)
    assert buckets.ready_at([send(1)], 11.0) == pytest.approx(12.0, abs=0.01)
    assert buckets.ready_at([send(1)], 11.0) > 12.0
    assert buckets.ready_at([send(2), send(3)], 11.0) == 11.0
    assert buckets.ready_at([send(2), send(1)], 11.0) > 12.0, "each of them has to be ready"
    assert buckets.ready_at([send(1)], 12.5) == 12.5


def test_requests_on_their_way_are_counted_before_their_answers() -> None:
    buckets = Buckets()
    buckets.learn(send(1), headers(2, 2.0), now=10.0)
    buckets.begin(send(1), 10.1)
    buckets.begin(send(1), 10.1)
    assert buckets.ready_at([send(1)], 10.2) > 12.0
    buckets.learn(send(1), headers(1, 1.8), now=10.2)  # of the first; Discord had not seen the second
    assert buckets.ready_at([send(1)], 10.3) > 11.9


def test_after_a_reset_no_more_are_begun_at_once_than_the_bucket_holds() -> None:
    buckets = Buckets()
    buckets.learn(send(1), headers(4, 5.0), now=0.0)
    for channel, now in ((1, 10.0), (2, 10.0)):
        for _ in range(5):
            assert buckets.ready_at([send(channel)], now) == now
            buckets.begin(send(channel), now)
        assert buckets.ready_at([send(channel)], now) > now + 5.0


def test_routes_that_share_a_bucket_share_what_is_left_of_it() -> None:
    buckets = Buckets()
    edit = [route_of("PATCH", f"/channels/{channel}/messages/5") for channel in (1, 2)]
    buckets.learn(edit[0], headers(4, 1.0), now=0.0)
    buckets.learn(send(1), headers(0, 1.0), now=0.0)
    assert buckets.ready_at([edit[0]], 0.5) > 1.0
    assert buckets.ready_at([edit[1]], 0.5) == 0.5, "another channel"


def test_a_refusal_counts_even_where_the_headers_said_otherwise() -> None:
    buckets = Buckets()
    buckets.learn(send(1), headers(4, 1.0), now=0.0)
    buckets.spent(send(1), 3.0, now=0.1)
    assert buckets.ready_at([send(1)], 0.5) > 3.0


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"X-RateLimit-Remaining": "many"},
        {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset-After": "soon"},
    ],
)
def test_headers_that_cannot_be_read_change_nothing(broken: dict[str, str]) -> None:
    buckets = Buckets()
    buckets.learn(send(1), broken, now=0.0)
    assert buckets.ready_at([send(1)], 0.0) == 0.0


def test_buckets_whose_time_is_over_are_forgotten() -> None:
    buckets = Buckets()
    for channel in range(5 * MOST):
        buckets.learn(send(channel), headers(0, 1.0), now=channel / 100)
    assert len(buckets._buckets) <= MOST


def test_a_limit_that_no_header_shows_is_kept_in_every_window_for_each_webhook() -> None:
    buckets, full = Buckets(), Buckets()
    execute, other = (route_of("POST", f"/webhooks/{number}/a-token") for number in (1, 2))
    most, seconds = UNSHOWN[execute.template]
    now, starts = 0.0, list[float]()
    while len(starts) < 4 * most:
        now = max(now + 0.4, buckets.ready_at([execute], now))
        buckets.begin(execute, now)
        starts.append(now)
    assert all(later - first > seconds for first, later in zip(starts, starts[most:], strict=False))
    assert starts[-1] <= 4 * (seconds + 2), "and no slower than that"
    assert buckets.ready_at([other], now) == now
    for number in range(3 * MOST):
        full.begin(route_of("POST", f"/webhooks/{number}/a-token"), float(number))
    assert len(full._begun) <= MOST
