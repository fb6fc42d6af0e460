"""What follows from an answer of an address that gets stories, and how deliveries are signed and told apart."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from dataclasses import replace
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from bot.domain.briefs.entry import story_entry
from bot.domain.forwarding import (
    BUSY,
    DEAD_AFTER,
    IS_GONE,
    LONGEST_RETRY,
    LONGEST_WAIT,
    MOST_REFUSALS,
    NOT_ALLOWED,
    REDIRECTS,
    REFUSES,
    Delivered,
    Forward,
    ForwardVerdict,
    GiveUp,
    Later,
    SwitchOff,
    TargetAnswer,
    payload,
    settle_delivery,
    signed_headers,
)
from bot.domain.model import Volume
from bot.domain.stories.story import story_view
from tests.make import at, record, stored, story

FORWARD = Forward(1, 2, "AI", "https://hooks.example/x", "twsec_made-up", Volume.EVERYTHING)
HALF_A_MINUTE = timedelta(seconds=30)


def failing(failures: int, **since: float) -> Forward:
    return replace(FORWARD, failures=failures, failing_since=at() - timedelta(**since))


DAY = timedelta(days=1)
CASES: list[tuple[TargetAnswer, Forward, int, ForwardVerdict]] = [
    (TargetAnswer(200), FORWARD, 1, Delivered()),
    (TargetAnswer(204), failing(90, days=9), 9, Delivered()),
    # It waits twice as long after each failure, an hour at most, and as long as it is asked to, a day at most.
    (TargetAnswer(reason="no"), FORWARD, 1, Later(at() + HALF_A_MINUTE, "no")),
    (TargetAnswer(reason="no"), failing(1, minutes=1), 2, Later(at() + 2 * HALF_A_MINUTE, "no")),
    (TargetAnswer(reason="no"), failing(500, days=2), 500, Later(at() + LONGEST_RETRY, "no")),
    (
        TargetAnswer(429, timedelta(minutes=7)),
        FORWARD,
        1,
        Later(at() + timedelta(minutes=7), BUSY.format(status=429)),
    ),
    (TargetAnswer(503, timedelta(0)), FORWARD, 1, Later(at() + HALF_A_MINUTE, BUSY.format(status=503))),
    (TargetAnswer(503, 9 * DAY), FORWARD, 1, Later(at() + LONGEST_WAIT, BUSY.format(status=503))),
    # A redirect is not followed; what is not let in may be let in later.
    (TargetAnswer(302), FORWARD, 1, Later(at() + HALF_A_MINUTE, REDIRECTS.format(status=302))),
    (TargetAnswer(404), FORWARD, 9, Later(at() + HALF_A_MINUTE, NOT_ALLOWED.format(status=404))),
    # One story that is refused again and again does not hold up the others.
    (TargetAnswer(422), FORWARD, 1, Later(at() + HALF_A_MINUTE, REFUSES.format(status=422))),
    (TargetAnswer(422), FORWARD, MOST_REFUSALS, GiveUp(at() + HALF_A_MINUTE, REFUSES.format(status=422))),
    # It is off once it is gone, or after days without a success.
    (TargetAnswer(410), FORWARD, 1, SwitchOff(IS_GONE)),
    (TargetAnswer(reason="no"), failing(80, days=3, seconds=-1), 80, Later(at() + LONGEST_RETRY, "no")),
    (TargetAnswer(reason="no"), failing(80, days=3), 80, SwitchOff("no")),
    (TargetAnswer(400), failing(80, days=3), MOST_REFUSALS, SwitchOff(REFUSES.format(status=400))),
]


@pytest.mark.parametrize(("answer", "forward", "attempt", "verdict"), CASES)
def test_what_follows_from_an_answer(
    answer: TargetAnswer, forward: Forward, attempt: int, verdict: ForwardVerdict
) -> None:
    assert settle_delivery(answer, forward, attempt, at()) == verdict


def test_whatever_an_address_answers_it_is_left_alone_for_a_while_or_has_the_story() -> None:
    for status, forward, attempt in product(
        (0, *range(100, 600)), (FORWARD, failing(3, hours=1), failing(99, days=9)), (1, MOST_REFUSALS, 99)
    ):
        match settle_delivery(TargetAnswer(status, None, "x"), forward, attempt, at()):
            case Delivered():
                assert 200 <= status < 300
            case Later(at=again) | GiveUp(at=again):
                assert HALF_A_MINUTE <= again - at() <= LONGEST_WAIT
            case SwitchOff():
                assert status == 410 or at() - (forward.failing_since or at()) >= DEAD_AFTER


def test_the_signature_is_that_of_the_time_and_the_body() -> None:
    view = story_view(story(stored(record("Harbour opens"))))
    assert view is not None
    sent = payload(7, 0, "AI", 1, story_entry(view))
    headers = signed_headers("key", sent, 3, at())
    timestamp = int(at().timestamp())
    expected = hmac.new(b"key", b"%d." % timestamp + sent.body, hashlib.sha256).hexdigest()
    assert headers["Topicwire-Signature"] == f"sha256={expected}"
    assert headers["Topicwire-Timestamp"] == str(timestamp)
    assert headers["Topicwire-Attempt"] == "3"
    assert json.loads(sent.body)["id"] == headers["Topicwire-Delivery"] == sent.id


def test_an_id_is_that_of_one_version_of_a_story_at_one_address() -> None:
    views = [story_view(story(stored(record(title), id=1))) for title in ("Harbour opens", "Harbour closes")]
    one, other = (story_entry(view) for view in views if view is not None)
    first = payload(7, 0, "AI", 1, one)
    assert payload(7, 0, "AI", 1, one) == first  # tried again
    ids = {
        first.id,
        payload(7, 0, "AI", 1, other).id,
        payload(7, 2, "AI", 1, one).id,
        payload(8, 0, "AI", 1, one).id,
    }
    assert len(ids) == 4
    assert [payload(7, sent, "AI", 1, one).event for sent in (0, 1)] == ["story.created", "story.updated"]
    assert [payload(7, 1, "AI", 1, gone).event for gone in (5, None)] == ["story.merged", "story.removed"]


def test_the_example_of_the_page_verifies_what_is_sent_and_nothing_else() -> None:
    page = (Path(__file__).parents[2] / "docs" / "howto" / "forward.md").read_text("utf-8")
    [example] = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    namespace: dict[str, Any] = {}
    exec(compile(example, "forward.md", "exec"), namespace)  # noqa: S102 (the project's own page)
    sent = payload(7, 0, "AI", 1, None)
    headers = dict(signed_headers("key", sent, 1, at()))

    def verified(
        key: str = "key", body: bytes = sent.body, late: float = 0, timestamp: str = ""
    ) -> dict[str, Any] | None:
        now = at().timestamp() + late
        shown = headers | ({"Topicwire-Timestamp": timestamp} if timestamp else {})
        result: dict[str, Any] | None = namespace["verified"](key, shown, body, now=lambda: now)
        return result

    assert verified() == json.loads(sent.body)
    assert verified(late=300) is not None
    assert verified(late=301) is None
    assert verified(late=-301) is None
    assert verified("other") is None
    assert verified(body=sent.body + b" ") is None
    assert verified(late=600, timestamp=str(int(headers["Topicwire-Timestamp"]) + 600)) is None
