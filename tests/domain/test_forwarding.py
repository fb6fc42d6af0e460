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
from hypothesis import given
from hypothesis import strategies as st

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
    new_deliveries,
    payload,
    settle_delivery,
    signed_headers,
    takes,
)
from bot.domain.model import Calibration, Mute, Topic, Volume
from bot.domain.posting.decisions import PostingSettings
from bot.domain.posting.recipients import topic_keys
from bot.domain.stories.ranking import size
from bot.domain.stories.story import Story, story_view
from bot.domain.text.words import name_key
from bot.domain.topics.topics import Topics
from tests.make import at, examples, record, stored, story
from tests.store.test_fan_outs import MUTABLE, NOW, SERVERS, TREE, stories

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


# Which forwards take a story.

RULES = PostingSettings()


@st.composite
def many_forwards(draw: st.DrawFn) -> list[Forward]:
    """Forwards of several servers, of topics that these see, with all volumes."""
    made = []
    for number in range(1, 1 + draw(st.integers(0, 12))):
        guild_id = draw(st.sampled_from(SERVERS))
        topic = draw(st.sampled_from([topic for topic in TREE if topic.guild_id in (0, guild_id)]))
        threshold = draw(st.sampled_from((None, 0, size(60, 1, 1, 0), size(90, 3, 3, 0))))
        calibration = None if threshold is None else Calibration(threshold, 1.0, 1.0)
        volume = draw(st.sampled_from(Volume))
        made.append(
            replace(
                FORWARD,
                id=number,
                guild_id=guild_id,
                topic=topic.name,
                volume=volume,
                calibration=calibration,
            )
        )
    return made


MUTED = st.dictionaries(
    st.sampled_from(SERVERS), st.sampled_from(MUTABLE).map(lambda what: (Mute(1, 0, None, what),)), max_size=2
)


@examples(1)
@given(
    changed=st.tuples(stories(1), stories(2)).map(lambda pair: {one.number: one for one in pair}),
    forwards=many_forwards(),
    mutes=MUTED,
)
def test_forwards_that_are_alike_get_what_each_of_them_would(
    changed: dict[int, Story], forwards: list[Forward], mutes: dict[int, tuple[Mute, ...]]
) -> None:
    topics = Topics(TREE)
    expected = {
        (forward.id, story.number)
        for story in changed.values()
        for forward in forwards
        # A topic above one of that name in a server's own tree alone brings nothing, to channels neither.
        if name_key(forward.topic) in topic_keys(story, topics)
        and takes(
            forward,
            story.visible_to(forward.guild_id),
            topics.visible_to(forward.guild_id),
            mutes.get(forward.guild_id, ()),
            NOW,
            RULES,
        )
    }
    pairs = new_deliveries(changed, forwards, topics, mutes, NOW, RULES)
    assert set(pairs) == expected
    assert len(pairs) == len(expected)


def test_the_decisions_about_a_story_do_not_grow_with_the_forwards_that_are_alike(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    decisions: list[int] = []

    def counting(forward: Forward, *others: Any) -> bool:
        decisions.append(forward.guild_id)
        return takes(forward, *others)

    monkeypatch.setattr("bot.domain.forwarding.takes", counting)
    one = story(stored(record("Storm over the bay", "alpha.example")))
    topics = Topics([Topic("AI")])
    for count in (1, 500):
        forwards = [
            replace(FORWARD, id=10 * n + k, guild_id=n, volume=volume)
            for n in range(1, 1 + count)
            for k, volume in enumerate((Volume.EVERYTHING, Volume.NOTABLE))
        ]
        mutes = {1: (Mute(1, 1, None, "beta.example"),)}
        pairs = new_deliveries({one.number: one}, forwards, topics, mutes, at(), RULES)
        assert len(pairs) >= count
    assert decisions == [1] * 4, "one by one where a server mutes something, and nowhere else"
