"""Server topics that cost too much at run time, by what was counted over a window of articles."""

from __future__ import annotations

import pytest

from bot.domain.model import Topic
from bot.domain.topics.query.document import Document
from bot.domain.topics.query.language import parse
from bot.domain.topics.query.meter import CHEAP, MOST_A_SERVER, MOST_A_TOPIC, WINDOW, Label, Meter
from bot.domain.topics.query.percolator import Matcher
from bot.domain.topics.topics import Topics
from tests.make import record

WIND, SUN, SHARED = (7, "Wind"), (7, "Sun"), (0, "Sea")


def counted(spent: dict[Label, int], articles: int = WINDOW, guild_id: int = 0) -> Meter:
    """A meter after so many articles that all cost the same."""
    meter = Meter()
    for _ in range(articles):
        meter.count(spent, guild_id)
    return meter


def test_nothing_is_said_before_the_window_ends() -> None:
    assert counted({WIND: 10_000}, WINDOW - 1).excess() == {}


def test_a_topic_above_the_average_is_named_with_its_price() -> None:
    assert counted({WIND: MOST_A_TOPIC + 1, SUN: MOST_A_TOPIC}).excess() == {WIND: MOST_A_TOPIC + 1}


def test_a_new_window_begins_with_nothing() -> None:
    meter = counted({WIND: 10_000})
    assert meter.excess()
    for _ in range(WINDOW):
        meter.count({WIND: 1})
    assert meter.excess() == {}


def test_what_is_dear_now_and_then_is_not_dear() -> None:
    meter = counted({}, WINDOW - 10)
    for _ in range(10):
        meter.count({WIND: 5 * MOST_A_TOPIC})
    assert meter.excess() == {}


def test_of_many_topics_of_a_server_the_dearest_go_first() -> None:
    spent = {(7, f"Topic {price}"): price for price in range(60, 90)}
    gone = counted(spent | {(8, "Other"): 90}).excess()
    assert {guild_id for guild_id, _ in gone} == {7}
    kept = {label: price for label, price in spent.items() if label not in gone}
    assert MOST_A_SERVER - max(spent.values()) < sum(kept.values()) <= MOST_A_SERVER
    assert max(kept.values()) < min(gone.values())


def test_shared_topics_are_not_counted() -> None:
    assert counted({SHARED: 10_000}).excess() == {}


def test_articles_of_a_servers_own_feed_make_no_topics_of_others_dear() -> None:
    assert counted({WIND: 10_000}, guild_id=8).excess() == {}
    assert counted({WIND: 10_000}, guild_id=7).excess() == {WIND: 10_000}


def test_articles_of_another_servers_feed_make_none_cheap() -> None:
    meter = counted({WIND: 10_000}, 10)
    for _ in range(WINDOW):
        meter.count({}, 8)
    assert meter.excess() == {WIND: 10_000}


@pytest.mark.parametrize(
    ("query", "spent"),
    [
        ("ferry", 0),  # its anchor answers it
        ("ferry OR storm", 0),
        ("ferry (coast* NEAR/5 wind*) (sea* NEAR/2 gale*)", 24),
        ("absent (coast* NEAR/5 wind*)", 0),  # nothing is evaluated without an anchor
        ("ferry quality>=1 lang:en", 0),  # too cheap to count
    ],
)
def test_what_is_evaluated_is_counted(query: str, spent: int) -> None:
    matcher: Matcher[str] = Matcher({"ferry": 1, "absent": 1, "coast": 9, "wind": 9, "sea": 9, "gale": 9})
    matcher.add("it", parse(query))
    prices: dict[str, int] = {}
    matcher.match(Document("Ferry in a storm off the coast"), prices)
    assert prices == ({"it": spent} if spent else {})
    assert not spent or spent > CHEAP


def test_costs_go_on_when_the_topics_are_built_anew() -> None:
    wind = Topic("Wind", query="ferry (sea* NEAR/1 gale*) OR (fer* NEAR/9 sto*)", guild_id=7)
    before = Topics([wind])
    for _ in range(WINDOW // 2):
        before.matcher.of(record("Ferry in a storm"))
    after = Topics([wind, Topic("Another")], before.matcher.parsed, before.matcher.meter)
    for _ in range(WINDOW // 2):
        after.matcher.of(record("Ferry in a storm"))
    assert after.matcher.meter is before.matcher.meter
    assert after.matcher.meter._articles.total() == WINDOW


def test_asking_as_a_server_is_not_counted() -> None:
    topics = Topics([Topic("Wind", query="ferry (fer* NEAR/9 sto*)", guild_id=7)])
    topics.visible_to(7).matcher.of(record("Ferry in a storm"))
    assert topics.matcher.meter._articles.total() == 0
