"""Owners in the settings: what is allowed, and that they count where posts are decided."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from bot.bootstrap import build_context
from bot.config import parse
from bot.domain.model import Subscription, Topic, Volume
from bot.domain.posting import decisions
from bot.domain.posting.decisions import Hold, PostingSettings, Send
from bot.domain.topics.topics import Topics
from bot.errors import ConfigError
from bot.runtime.clock import now
from bot.store.database import Database
from tests.make import at, record, stored, story

GROUP = {"Tide Group": ["tidewatch.example", "harbourpost.example"]}


async def test_they_reach_what_decides(db: Database) -> None:
    owners = build_context(parse({"stories": {"owners": GROUP}}), db, now).rules.owners
    assert owners.of("tidewatch.example") == owners.of("harbourpost.example") == "Tide Group"
    rules = [PostingSettings(), PostingSettings(owners=owners)]
    told = story(
        *[stored(record("Title", f"{name}.example", quality=60)) for name in ("tidewatch", "harbourpost")]
    )
    channel = decisions.Channel(7, 1, (Subscription(1, 1, 7, "AI", volume=Volume.NOTABLE),))
    decided = [decisions.decide(told, channel, None, Topics([Topic("AI")]), at(1), each) for each in rules]
    assert [type(decision) for decision in decided] == [Send, Hold]


@pytest.mark.parametrize(
    ("owners", "problem"),
    [
        ({"A": ["tidewatch"]}, "stories.owners.A[0]: write the registered domain"),
        ({"A": ["a.example", "www.b.example.com"]}, "stories.owners.A[1]: write the registered domain"),
        ({"A": ["https://a.example/"]}, "stories.owners.A[0]: write the registered domain"),
        ({"A": ["a b.example"]}, "stories.owners.A[0]: its host is not valid"),
        ({"A": ["a.example"], "B": ["A.example"]}, "stories.owners: a.example is listed under A and B"),
        ({"A": ["a.example", "a.example"]}, "stories.owners: a.example is listed under A and A"),
        ({"A": "a.example"}, "stories.owners.A: "),
    ],
)
def test_what_is_wrong_is_told_with_its_key(owners: Mapping[str, object], problem: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse({"stories": {"owners": owners}})
    assert error.value.problems[0].startswith(problem)
