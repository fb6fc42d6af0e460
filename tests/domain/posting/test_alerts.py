"""Which alerts a record matches, and how many messages a member has room for."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.model import Mute, Topic
from bot.domain.posting.alerts import DAY, HOUR, Alert, AlertIndex, AlertLimits, room_for_alerts
from bot.domain.topics.query.language import matches, parse
from bot.domain.topics.topics import Topics
from tests.make import at, record, stored

ONE, OTHER = 1, 2
TOPICS = Topics([Topic("Birds", keywords=("kestrel",))])
QUERIES = ("kestrel", "bridge -kestrel", "topic:birds", "domain:k.example", '"old bridge"', "kest*")
TITLES = ("Kestrel nests on the old bridge", "Bridge opens", "Council votes on tram line", "Kestrel seen")
WORDS = st.sampled_from(QUERIES)


@given(
    st.lists(st.tuples(st.sampled_from((ONE, OTHER)), st.integers(1, 3), WORDS), unique=True, max_size=12),
    st.lists(st.tuples(st.sampled_from(TITLES), st.sampled_from((0, ONE, OTHER))), max_size=4),
)
def test_it_is_what_each_query_says_of_what_its_server_sees(
    chosen: list[tuple[int, int, str]], titles: list[tuple[str, int]]
) -> None:
    alerts = [Alert(n, guild, user, str(parse(query))) for n, (guild, user, query) in enumerate(chosen)]
    records = [
        replace(stored(record(title, "k.example"), id=n), guild_id=guild)
        for n, (title, guild) in enumerate(titles, 1)
    ]
    expected = {
        (alert.id, of.id)
        for alert in alerts
        for of in records
        if of.guild_id in (0, alert.guild_id)
        and matches(parse(alert.query), TOPICS.matcher.document(of.record))
    }
    result = AlertIndex(alerts).match(TOPICS, records, ())
    assert sorted((match.alert.id, match.record_id) for match in result) == sorted(expected)


def test_a_mute_hides_from_its_server_and_its_channel_alone() -> None:
    alerts = [
        Alert(1, ONE, 7, "kestrel"),
        Alert(2, ONE, 7, "kest*", channel_id=5),
        Alert(3, OTHER, 7, "kestrel"),
    ]
    one = stored(record("Kestrel seen", "k.example"), id=1)

    def alerted(*mutes: Mute) -> list[int]:
        return sorted(match.alert.id for match in AlertIndex(alerts).match(TOPICS, [one], mutes))

    assert alerted() == [1, 2, 3]
    assert alerted(Mute(1, ONE, None, "k.example")) == [3]
    assert alerted(Mute(1, ONE, 5, "k.example")) == [1, 3]
    assert alerted(Mute(1, OTHER, 5, "k.example")) == [1, 2, 3]


def test_a_suspended_alert_matches_nothing_and_an_unreadable_one_is_reported() -> None:
    index = AlertIndex([Alert(1, ONE, 7, "kestrel", suspended="too dear"), Alert(2, ONE, 7, "kestrel AND (")])
    assert [alert.id for alert, _ in index.refused] == [2]
    assert index.match(TOPICS, [stored(record("Kestrel seen"), id=1)], ()) == []


@given(st.lists(st.integers(0, 3000), max_size=300), st.integers(1, 9), st.integers(1, 30))
def test_no_hour_and_no_day_has_more_than_its_limit(minutes: list[int], per_hour: int, per_day: int) -> None:
    limits = AlertLimits(per_hour=per_hour, per_day=per_day)
    sent: list[datetime] = []
    for minute in sorted(minutes):
        now = at() + timedelta(minutes=minute)
        if room_for_alerts(sent, now, limits):
            sent.append(now)
    for time in sent:
        assert sum(time - HOUR < other <= time for other in sent) <= per_hour
        assert sum(time - DAY < other <= time for other in sent) <= per_day
