"""The digest: when it comes, what it tells, and how it reads."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, time, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.model import Mode, Mute, Subscription, Topic, Volume
from bot.domain.posting.digest import (
    MOST_SECTIONS,
    Digest,
    DigestEntry,
    DigestMention,
    Section,
    compose,
    served_by_digest,
)
from bot.domain.posting.schedule import (
    DEFAULT_SIZE,
    MOST_SIZE,
    DigestStyle,
    Schedule,
    describe_days,
    parse_days,
    parse_time,
)
from bot.domain.stories import story as stories
from bot.domain.stories.story import Story
from bot.domain.text.cleaning import plural
from bot.domain.topics.topics import Topics
from bot.i18n import speaking
from bot.messages.digest import digest_message, growth_words, without_stories
from bot.messages.message import safe_url
from tests import discord_markdown as markdown
from tests.discord_rules import payload, problems
from tests.hostile import AnyStory, any_stories, texts
from tests.make import at, record, stored, story
from tests.shown import plain, shown

NEVER = frozenset[int]()
TOPICS = Topics([Topic("AI"), Topic("Vision", parent="AI"), Topic("Space"), Topic("Climate")])


def utc(text: str) -> datetime:
    """A time as tables write it."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# When it comes.


@pytest.mark.parametrize(
    ("zone", "clock", "moment", "due"),
    [
        # nine o'clock stays nine o'clock when the clocks change
        ("Europe/Berlin", "09:00", "2026-03-28 12:00", "2026-03-29 07:00"),
        ("Europe/Berlin", "09:00", "2026-03-27 12:00", "2026-03-28 08:00"),
        ("Europe/Berlin", "09:00", "2026-10-24 12:00", "2026-10-25 08:00"),
        ("America/New_York", "09:00", "2026-03-07 15:00", "2026-03-08 13:00"),
        ("America/New_York", "09:00", "2026-10-31 15:00", "2026-11-01 14:00"),
        ("Australia/Lord_Howe", "09:00", "2026-10-02 00:00", "2026-10-02 22:30"),
        ("Australia/Lord_Howe", "09:00", "2026-10-03 00:00", "2026-10-03 22:00"),
        # a time that the change skips comes as much later as the clocks jump
        ("Europe/Berlin", "02:30", "2026-03-28 12:00", "2026-03-29 01:30"),
        ("America/New_York", "02:30", "2026-03-08 00:00", "2026-03-08 07:30"),
        ("Australia/Lord_Howe", "02:15", "2026-10-03 12:00", "2026-10-03 15:45"),
        # one that comes twice counts once, the first time
        ("Europe/Berlin", "02:30", "2026-10-25 00:00", "2026-10-25 00:30"),
        ("Europe/Berlin", "02:30", "2026-10-25 00:30", "2026-10-26 01:30"),
        ("America/New_York", "01:30", "2026-11-01 05:30", "2026-11-02 06:30"),
        ("Australia/Lord_Howe", "01:45", "2026-04-04 14:45", "2026-04-05 15:15"),
        # the day is the zone's
        ("Pacific/Auckland", "00:00", "2026-06-01 11:59", "2026-06-01 12:00"),
        ("Pacific/Auckland", "00:00", "2026-06-01 12:00", "2026-06-02 12:00"),
    ],
)
def test_a_digest_comes_by_the_wall_clock(zone: str, clock: str, moment: str, due: str) -> None:
    assert Schedule(time.fromisoformat(clock), zone).after(utc(moment)) == utc(due)


def test_a_digest_comes_on_its_days_only() -> None:
    schedule = Schedule(time(9), "UTC", parse_days("mon, thu"))
    monday = utc("2026-03-02 09:00")
    assert schedule.after(monday - timedelta(seconds=1)) == monday
    assert schedule.after(monday) == utc("2026-03-05 09:00")
    assert schedule.after(utc("2026-03-05 09:00")) == utc("2026-03-09 09:00")
    assert Schedule(time(9), "UTC", frozenset({0})).after(monday) == monday + timedelta(days=7)


def test_a_schedule_without_days_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one day"):
        Schedule(time(9), "UTC", NEVER).after(at())


ZONES = st.sampled_from([
    "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC", "Asia/Kathmandu", "America/St_Johns",
    "America/Havana", "Asia/Beirut", "Africa/Cairo", "Atlantic/Azores", "Pacific/Chatham", "Africa/Casablanca",
    "America/Santiago", "Pacific/Kiritimati", "America/Nuuk", "Europe/Dublin", "Antarctica/Troll",
])  # fmt: skip
SCHEDULES = st.builds(Schedule, st.times(), ZONES, st.frozensets(st.integers(0, 6), min_size=1))
MOMENTS = st.datetimes(datetime(2023, 1, 1), datetime(2032, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(SCHEDULES, MOMENTS)
def test_the_next_digest_is_the_first_on_an_allowed_day_at_the_time_that_was_set(
    schedule: Schedule, moment: datetime
) -> None:
    zone = ZoneInfo(schedule.zone)
    due = schedule.after(moment)
    assert moment < due <= moment + timedelta(days=8)
    local = due.astimezone(zone)
    assert local.weekday() in schedule.days
    wanted = datetime.combine(local.date(), schedule.at, tzinfo=zone)
    skipped = wanted.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != wanted.replace(tzinfo=None)
    if skipped:
        assert timedelta() < local.replace(tzinfo=None) - wanted.replace(tzinfo=None) <= timedelta(hours=2)
    else:
        assert local.time() == schedule.at
    day = moment.astimezone(zone).date()
    while day < local.date():  # none was passed over
        before = datetime.combine(day, schedule.at, tzinfo=zone)
        assert day.weekday() not in schedule.days or before.astimezone(UTC) <= moment
        day += timedelta(days=1)


@given(SCHEDULES, MOMENTS)
def test_an_allowed_day_has_one_digest(schedule: Schedule, moment: datetime) -> None:
    days = []
    for _ in range(8):
        moment = schedule.after(moment)
        days.append(moment.astimezone(ZoneInfo(schedule.zone)).date())
    assert len(set(days)) == len(days)


@pytest.mark.parametrize(
    ("text", "clock"),
    [
        ("09:00", time(9)),
        ("9", time(9)),
        ("09.30", time(9, 30)),
        (" 21:15 ", time(21, 15)),
        ("0:00", time(0)),
        ("23:59", time(23, 59)),
        ("9 pm", time(21)),
        ("9:05PM", time(21, 5)),
        ("12 am", time(0)),
        ("12 pm", time(12)),
        ("12:30 AM", time(0, 30)),
        ("noon", time(12)),
        ("12 noon", time(12)),
        ("Midnight", time(0)),
        ("7 a.m.", time(7)),
        ("7.15 p.m.", time(19, 15)),
        ("at 8", time(8)),
        ("18h", time(18)),
        ("18h45", time(18, 45)),
        ("６：３０", time(6, 30)),
    ],
)
def test_times_are_read_as_people_write_them(text: str, clock: time) -> None:
    assert parse_time(text) == clock


@pytest.mark.parametrize(
    "text",
    ["", " ", "noonish", "24:00", "9:60", "-1", "-0:30", "+9", "1_0", "0 pm", "13 pm", "pm", "9:00:00", "09:00 UTC", "0900", "9,30"],
)  # fmt: skip
def test_what_is_no_time_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="write it like 09:00, 21:30 or 9 pm"):
        parse_time(text)


@pytest.mark.parametrize(
    ("text", "days", "said"),
    [
        ("daily", range(7), "every day"),
        ("Weekdays", range(5), "Monday to Friday"),
        (" weekends ", (5, 6), "on weekends"),
        ("mon, thu", (0, 3), "Monday, Thursday"),
        ("SUN", (6,), "Sunday"),
        ("Thursday tue", (1, 3), "Tuesday, Thursday"),
        ("tues, weds, thurs, Saturdays", (1, 2, 3, 5), "Tuesday, Wednesday, Thursday, Saturday"),
        ("mon mon", (0,), "Monday"),
        ("mon,tue,wed,thu,fri,sat,sun", range(7), "every day"),
        ("mon-fri", range(5), "Monday to Friday"),
        ("Monday to Friday", range(5), "Monday to Friday"),
        ("tue – thu", (1, 2, 3), "Tuesday, Wednesday, Thursday"),
        ("fri-mon", (0, 4, 5, 6), "Monday, Friday, Saturday, Sunday"),
        ("mon-wed, sat", (0, 1, 2, 5), "Monday, Tuesday, Wednesday, Saturday"),
        ("tue through thu & sun", (1, 2, 3, 6), "Tuesday, Wednesday, Thursday, Sunday"),
        ("mon/thu", (0, 3), "Monday, Thursday"),
        ("every Tuesday and Friday", (1, 4), "Tuesday, Friday"),
        ("every day", range(7), "every day"),
        ("on weekends", (5, 6), "on weekends"),
        ("at weekends", (5, 6), "on weekends"),
        ("workdays", range(5), "Monday to Friday"),
    ],
)
def test_days_are_read_as_people_write_them(text: str, days: range | tuple[int, ...], said: str) -> None:
    assert parse_days(text) == frozenset(days)
    assert describe_days(frozenset(days)) == said


@pytest.mark.parametrize(
    ("language", "text", "days"),
    [
        ("de", "Montag und Do", (0, 3)),
        ("de", "montags, freitags", (0, 4)),
        ("de", "Mo-Fr", range(5)),
        ("de", "Sa & So", (5, 6)),
        ("fr", "lundi et jeudi", (0, 3)),
        ("fr", "lun. - ven.", range(5)),
        ("fr", "lundi au vendredi", range(5)),
        ("es", "miércoles y viernes", (2, 4)),
        ("es", "miercoles", (2,)),
        ("es", "lunes a viernes", range(5)),
        ("es", "sábados", (5,)),
        ("pt-BR", "segunda-feira e quinta", (0, 3)),
        ("pt-BR", "segunda a sexta", range(5)),
        ("pt-BR", "sáb, dom", (5, 6)),
        ("ja", "月曜日と木曜日", (0, 3)),
        ("ja", "月、木", (0, 3)),
        ("ja", "月から金", range(5)),
    ],
)
def test_days_may_have_their_names_in_the_language_spoken(
    language: str, text: str, days: range | tuple[int, ...]
) -> None:
    with speaking(language):
        assert parse_days(text) == frozenset(days)
        assert parse_days("mon, thu") == {0, 3}, "English ones too"
        with pytest.raises(ValueError, match=r"daily.*mon-fri"):
            parse_days("monat")


@pytest.mark.parametrize(
    "text",
    ["", " , ", "mo", "s", "noday", "monkey", "mon-", "-fri", "mon-tue-wed", "daily, mon", "mon and", "1"],
)
def test_what_is_no_day_is_refused_with_what_is_allowed(text: str) -> None:
    with pytest.raises(ValueError, match="daily, weekdays, weekends, or days such as mon, thu"):
        parse_days(text)


# What it tells.


def following(*topics: str, volume: Volume | None = None) -> tuple[Subscription, ...]:
    """Subscriptions of one channel, in this order."""
    return tuple(Subscription(i, 1, 7, topic, Mode.DIGEST, volume) for i, topic in enumerate(topics, 1))


def report(
    number: int,
    *outlets: str,
    topic: str = "AI",
    hours: float = 1,
    quality: int = 60,
    heat: int | None = None,
) -> Story:
    """A story that these outlets reported, an hour apart from each other."""
    members = [
        stored(record(f"Event {number}", outlet, hours=hours + later, quality=quality - later, heat=heat))
        for later, outlet in enumerate(outlets or (f"o{number}.example",))
    ]
    return story(*members, number=number, topics=[topic])


def numbers(made: Digest) -> list[int]:
    """The stories in the order in which they are read."""
    return [entry.view.number for entry in made.entries]


def test_a_digest_tells_what_arrived_since_the_last_one_and_nothing_else() -> None:
    told_now = [report(1, hours=0.5), report(2, hours=24)]
    others = [report(3, hours=0), report(4, hours=24.5), report(5, topic="Space")]
    made = compose([*told_now, *others], following("AI"), TOPICS, {}, at(0), at(24))
    assert sorted(numbers(made)) == [1, 2]
    assert (made.since, made.until, made.left_out) == (at(0), at(24), 0)


def test_one_digest_covers_a_gap_of_several_days() -> None:
    made = compose(
        [report(day, hours=24 * day) for day in range(1, 6)], following("AI"), TOPICS, {}, at(0), at(121)
    )
    assert sorted(numbers(made)) == [1, 2, 3, 4, 5]


def test_a_story_is_seen_as_it_was_when_the_digest_was_due() -> None:
    late = report(1, "a.example", "b.example", "c.example", hours=1)
    made = compose([late], following("AI"), TOPICS, {}, at(0), at(2))
    (entry,) = made.entries
    assert (entry.view.outlets, len(entry.view.members)) == (2, 2)
    assert compose([late], following("AI"), TOPICS, {}, at(-5), at(0.5)).entries == ()


def test_what_counts_is_when_a_record_came_in_not_when_it_was_published() -> None:
    old = story(stored(record("Event", hours=-100), seen=1))
    assert numbers(compose([old], following("AI"), TOPICS, {}, at(0), at(24))) == [1]


def test_what_is_known_through_a_declaration_alone_is_no_news() -> None:
    own = stored(record("Event", hours=-50))
    declared = stored(record("Event", "b.example", hours=1), partial=True)
    assert compose([story(own, declared)], following("AI"), TOPICS, {}, at(0), at(24)).entries == ()


def test_a_story_told_before_comes_again_only_with_the_outlets_that_joined() -> None:
    told = {1: DigestMention(2, at(-10)), 2: DigestMention(2, at(-10))}
    grown = story(
        *(stored(record("Event", f"{name}.example", hours=hour)) for hour, name in enumerate("abcde", -1)),
        number=1,
    )
    same = story(
        *(stored(record("Event", f"{name}.example", hours=hour)) for hour, name in enumerate("aba", -1)),
        number=2,
    )
    made = compose([grown, same], following("AI"), TOPICS, told, at(-1), at(24))
    (entry,) = made.entries
    assert (entry.view.number, entry.grew, entry.told_at) == (1, 3, at(-10))
    assert made.left_out == 0


def test_an_empty_day_has_no_digest() -> None:
    assert digest_message(compose([], following("AI"), TOPICS, {}, at(0), at(24)), "UTC") is None


def test_a_topic_has_the_stories_of_those_below_it() -> None:
    made = compose([report(1, topic="Vision")], following("ai"), TOPICS, {}, at(0), at(24))
    assert [(section.topic, len(section.entries)) for section in made.sections] == [("ai", 1)]


def test_a_story_of_several_topics_stands_once_below_the_first_that_is_followed() -> None:
    both = story(stored(record("Event", hours=1)), number=1, topics=["Space", "Vision"])
    made = compose([both, report(2, topic="Space")], following("AI", "Space"), TOPICS, {}, at(0), at(24))
    assert {section.topic: [e.view.number for e in section.entries] for section in made.sections} == {
        "AI": [1],
        "Space": [2],
    }


def test_the_volume_that_a_subscription_asks_for_holds() -> None:
    both = [report(1, quality=60), report(2, quality=80)]
    notable = following("AI", volume=Volume.NOTABLE)
    assert numbers(compose(both, notable, TOPICS, {}, at(0), at(24))) == [2]
    assert compose(both, following("AI", volume=Volume.MAJOR), TOPICS, {}, at(0), at(24)).entries == ()
    assert len(compose(both, following("AI"), TOPICS, {}, at(0), at(24)).entries) == 2


def test_what_is_muted_neither_leads_nor_counts_nor_comes() -> None:
    muted = stories.muted_by([Mute(1, 1, None, "a.example")])
    made = compose(
        [report(1, "a.example"), report(2, "a.example", "b.example")],
        following("AI"), TOPICS, {}, at(0), at(24), muted=muted,
    )  # fmt: skip
    (entry,) = made.entries
    assert (entry.view.number, entry.view.outlets, entry.view.lead.record.outlet.domain) == (
        2,
        1,
        "b.example",
    )


def test_live_subscriptions_are_not_in_the_digest() -> None:
    modes = [Subscription(i, 1, 7, mode.value, mode) for i, mode in enumerate(Mode)]
    assert [s.topic for s in served_by_digest(modes)] == ["digest", "both"]


def test_bigger_fresher_and_more_widely_reported_stories_come_first() -> None:
    def order(*some: Story, until: float = 24) -> list[int]:
        return numbers(compose(some, following("AI"), TOPICS, {}, at(0), at(until)))

    assert order(report(1, quality=60), report(2, quality=61)) == [2, 1]
    assert order(report(1, hours=2), report(2, hours=20)) == [2, 1]
    assert order(report(1, heat=60), report(2, "a.example", "b.example", heat=60)) == [2, 1]
    # what is as old as the whole time counts half, be that time a day or a week; never less than a day
    for until in (24, 7 * 24):
        late = report(2, hours=until, quality=50)
        assert order(report(1, hours=0.1, quality=99), late, until=until) == [2, 1]
        assert order(report(1, hours=0.1, quality=100), late, until=until) == [1, 2]
    assert order(report(1, hours=0.1, quality=60), report(2, hours=6, quality=50), until=6) == [1, 2]
    small = compose(
        [report(1, quality=10), report(2, quality=90)], following("AI"), TOPICS, {}, at(0), at(24), size=1
    )
    assert (numbers(small), small.left_out) == ([2], 1)


def test_the_topic_of_the_best_story_comes_first() -> None:
    some = [report(1, quality=50), report(2, topic="Space", quality=90), report(3, quality=80)]
    made = compose(some, following("AI", "Space"), TOPICS, {}, at(0), at(24))
    assert [section.topic for section in made.sections] == ["Space", "AI"]
    assert numbers(made) == [2, 3, 1]


def test_a_third_story_of_an_outlet_waits_until_another_outlet_was_read() -> None:
    some = [report(n, "a.example", quality=90 - n) for n in range(1, 5)] + [
        report(9, "b.example", quality=10)
    ]
    made = compose(some, following("AI"), TOPICS, {}, at(0), at(24))
    assert numbers(made) == [1, 2, 9, 3, 4]


def test_room_that_one_outlet_may_not_fill_goes_to_the_next_topic() -> None:
    some = [report(n, "a.example", quality=90 - n) for n in range(1, 5)]
    some += [report(n, topic="Space", quality=40 - n) for n in range(5, 9)]
    made = compose(some, following("AI", "Space"), TOPICS, {}, at(0), at(24), size=4)
    assert numbers(made) == [1, 2, 5, 6]
    assert made.left_out == 4


PLANS = st.lists(
    st.tuples(
        st.sampled_from(["AI", "Vision", "Space", "Climate", "Cooking"]),
        st.lists(st.sampled_from("abcd"), min_size=1, max_size=4),
        st.integers(0, 90),  # quality
        st.integers(-5, 30),  # hours of arrival
        st.sampled_from([0, 0, 1, 2, 5]),  # outlets when it was told before
    ),
    max_size=30,
)


@given(PLANS, st.permutations(["AI", "Space", "Climate"]), st.integers(1, MOST_SIZE))
def test_every_digest_is_fair_complete_and_without_repetition(
    plans: list[tuple[str, list[str], int, int, int]], followed: list[str], size: int
) -> None:
    some, told, expected = [], {}, 0
    below = {name: topic for topic in followed for name in TOPICS.with_descendants(topic)}
    for number, (topic, outlets, quality, hours, before) in enumerate(plans):
        some.append(
            report(number, *(f"{o}.example" for o in outlets), topic=topic, quality=quality, hours=hours)
        )
        if before:
            told[number] = DigestMention(before, at(-24))
        arrived = {hours + later: outlet for later, outlet in enumerate(outlets) if hours + later <= 24}
        is_new = any(hour > 0 for hour in arrived)
        expected += topic in below and is_new and (not before or len(set(arrived.values())) > before)
    made = compose(some, following(*followed), TOPICS, told, at(0), at(24), size=size)

    leads = [entry.view.lead.record.outlet.domain for entry in made.entries]
    assert all(len(list(run)) <= 2 for _, run in groupby(leads))
    assert max(Counter(numbers(made)).values(), default=0) <= 1
    assert len(made.entries) <= size
    assert len(made.entries) + made.left_out == expected
    for entry in made.entries:
        last = told.get(entry.view.number)
        assert entry.grew == (entry.view.outlets - last.outlets if last else 0)
        assert last is None or entry.grew > 0
    for section in made.sections:
        assert section.entries
        assert all(below[topic] == section.topic for e in section.entries for topic in e.view.topics)


def test_a_digest_has_no_more_topics_than_a_message_has_room_for() -> None:
    names = [f"Topic {i}" for i in range(MOST_SECTIONS + 2)]
    some = [report(i, topic=name, quality=i) for i, name in enumerate(names)]
    made = compose(some, following(*names), Topics(map(Topic, names)), {}, at(0), at(24), size=MOST_SIZE)
    assert numbers(made) == list(range(MOST_SECTIONS + 1, 1, -1))
    assert made.left_out == 2


# How it reads.


@pytest.mark.parametrize(
    ("told_at", "zone", "said"),
    [
        ("2026-03-06 01:00", "UTC", "earlier today"),
        ("2026-03-05 23:00", "UTC", "yesterday"),
        ("2026-03-05 23:30", "Europe/Berlin", "earlier today"),
        ("2026-03-04 09:00", "UTC", "Wednesday"),
        ("2026-02-28 09:00", "UTC", "Saturday"),
        ("2026-02-27 09:00", "UTC", "27 February"),
        ("2026-03-07 09:00", "UTC", "earlier today"),
    ],
)
def test_when_a_story_was_last_told_is_said_by_the_channels_clock(told_at: str, zone: str, said: str) -> None:
    assert growth_words(2, utc(told_at), utc("2026-03-06 12:00"), zone) == f"+2 outlets since {said}"


def test_a_digest_reads_like_a_page() -> None:
    grown = report(4, "a.example", "b.example", "c.example", topic="Space", quality=90)
    some = [report(1, "d.example", quality=50), grown, report(3, "e.example", "f.example", quality=70)]
    told = {4: DigestMention(1, utc("2026-03-01 09:00"))}
    made = compose(some, following("AI", "Space"), TOPICS, told, at(0), at(24))
    message = digest_message(made, "Europe/Berlin", {"Space": 5}.get)
    assert message is not None
    page = shown(message)
    assert [plain(line) for line in page.lines] == [
        "Daily digest · Tuesday, 3 March",
        "3 stories",
        "Space",
        "#4 Event 4 — A · +2 outlets since Sunday",
        "AI",
        "#3 Event 3 — E · 2 outlets",
        "#1 Event 1 — D",
    ]
    assert page.colours[0] == 5
    assert (message.roles, page.buttons) == ((), ())


def told_at_length() -> Digest:
    """A new story of two outlets with a picture, one of one outlet, and one that went on since Sunday."""
    said = {
        1: (
            "The council of Alderby banned drones on Monday.",
            "Drones hurt two people in Alderby, the council said.",
        ),
        2: ("A comet passed the moon on Sunday. It was green.",),
        3: (
            "Ferries of Norland stop on Monday.",
            "Unions of Norland and the ferries agreed on higher wages.",
        ),
    }
    members = {
        number: [
            stored(
                record(f"Event {number}", f"{'abcdef'[2 * number - 2 + n]}.example", excerpt=text, topics=["AI"], quality=90 - 10 * number - n,
                       hours=1 + n, image="https://a.example/i.png" if number == 1 else ""),
                story=number,
            )
            for n, text in enumerate(texts_)
        ]
        for number, texts_ in said.items()
    }  # fmt: skip
    some = [story(*own, number=number) for number, own in members.items()]
    return compose(some, following("AI"), TOPICS, {3: DigestMention(1, at(1.5))}, at(0), at(24))


def test_a_sentence_of_an_outlet_stands_below_each_headline_and_the_first_has_its_picture() -> None:
    message = digest_message(told_at_length(), "UTC")
    assert message is not None
    page = shown(message)
    assert page.pictures == (("https://a.example/i.png", "A: Event 1"),)
    assert [plain(line.removeprefix("> ")) for line in page.parts[""] if line] == [
        "#1 Event 1 — A · 2 outlets",
        "The council of Alderby banned drones on Monday. — A",
        "#3 Event 3 — E · +1 outlet since yesterday",
        "Unions of Norland and the ferries agreed on higher wages. — F",
        "#2 Event 2 — C",
        "A comet passed the moon on Sunday. — C",
    ]
    assert message.stories == (1, 3, 2)


def test_a_digest_in_the_style_of_headlines_has_nothing_else() -> None:
    message = digest_message(told_at_length(), "UTC", style=DigestStyle.HEADLINES)
    assert message is not None
    assert len(shown(message).parts[""]) == 3
    assert shown(message).pictures == ()


def test_a_story_that_leaves_a_digest_takes_its_sentence_and_its_picture_along() -> None:
    message = digest_message(told_at_length(), "UTC")
    assert message is not None
    without_last, without_first = (without_stories(message, {number}) for number in (2, 1))
    assert without_last is not None
    assert without_first is not None
    lines = shown(message).parts[""]
    assert (shown(without_last).parts[""], shown(without_last).picture) == (lines[:5], shown(message).picture)
    assert (shown(without_first).parts[""], shown(without_first).picture) == (lines[3:], "")


def test_a_digest_says_how_many_stories_it_left_out() -> None:
    some = [report(number) for number in range(13)]
    made = compose(some, following("AI"), TOPICS, {}, at(0), at(24))
    message = digest_message(made, "UTC")
    assert message is not None
    assert len(made.entries) == DEFAULT_SIZE
    assert shown(message).small[-1] == "3 more stories: /latest"


def test_a_composed_digest_without_stories_that_are_not_wanted_any_more() -> None:
    made = compose([report(n) for n in range(1, 14)], following("AI"), TOPICS, {}, at(0), at(24))
    message = digest_message(made, "UTC")
    assert message is not None
    assert without_stories(message, set()) == message
    first, *between, last = message.stories
    fewer = without_stories(message, {first, last, 999})
    assert fewer is not None
    assert fewer.stories == tuple(between)
    assert shown(fewer).small == ["8 stories", "3 more stories: /latest"]
    assert shown(fewer).parts[""] == shown(message).parts[""][1:-1]
    assert without_stories(message, set(message.stories)) is None


def test_a_section_of_which_nothing_is_left_goes_and_what_it_said_at_the_end_stays() -> None:
    some = [report(1, topic="AI"), report(2, topic="Space"), *(report(n, topic="AI") for n in range(3, 20))]
    message = digest_message(compose(some, following("AI", "Space"), TOPICS, {}, at(0), at(24)), "UTC")
    assert message is not None
    assert sorted(shown(message).titles[1:]) == ["AI", "Space"]
    left = without_stories(message, {2})
    assert left is not None
    assert shown(left).titles[1:] == ["AI"]
    assert shown(left).small == ["9 stories", "9 more stories: /latest"]


def test_the_day_of_a_digest_is_that_of_the_channels_zone() -> None:
    made = compose([report(1)], following("AI"), TOPICS, {}, at(0), at(24))
    message = digest_message(made, "Pacific/Kiritimati")
    assert message is not None
    assert shown(message).title == "Daily digest · Wednesday, 4 March"


def filled(some: list[AnyStory], topic: str, counts: list[int], grew: int) -> Digest:
    """A digest of the same few stories again and again, in sections of so many."""
    views = [one.view() for one in some]
    entries = iter(
        DigestEntry(views[i % len(views)], 1.0, grew, at(-300) if grew else None) for i in range(sum(counts))
    )
    sections = tuple(
        Section(f"{topic} {i}", tuple(next(entries) for _ in range(n))) for i, n in enumerate(counts)
    )
    return Digest(at(0), at(24), sections)


@given(
    st.lists(any_stories, min_size=1, max_size=3),
    texts(77, empty="x"),
    st.lists(st.integers(1, MOST_SIZE), min_size=1, max_size=12),
    st.sampled_from([0, 1, 200]),
)
def test_every_digest_is_within_discords_limits_and_harmless(
    some: list[AnyStory], topic: str, counts: list[int], grew: int
) -> None:
    made = filled(some, topic, counts, grew)
    message = digest_message(made, "Europe/Berlin")
    assert message is not None
    assert problems(payload(message)) == []
    addresses = {safe_url(member.record.url) for one in some for member in one.view().members}
    page = shown(message)
    for line in page.lines:
        if line.startswith("#"):
            assert {node.kind for node in markdown.flat(markdown.parse(line))} == {"text"}
    told = 0
    for line in filter(None, page.parts[""]):
        nodes = markdown.parse(line)
        if nodes[0].kind != "code":  # a sentence below a headline
            assert line.startswith("> ")
            assert markdown.kinds(line[2:]) <= {"text", "link"}
            assert {href for _, href in markdown.links(line[2:])} <= addresses
            continue
        told += 1
        assert [n.kind for n in nodes if n.kind != "text"] in (
            ["code"] + ["link"] * linked + ["bold"] * bool(grew) for linked in (0, 1)
        )
        assert {n.href for n in nodes if n.kind == "link"} <= addresses
    assert told == len(message.stories)
    fewer = without_stories(message, set(message.stories[:1]))
    assert fewer is None or problems(payload(fewer)) == []
    left = len(made.entries) - told
    assert page.small[1:] == ([f"{plural(left, 'more story', 'more stories')}: /latest"] if left else [])
    if len(counts) <= MOST_SECTIONS and len(made.entries) <= DEFAULT_SIZE:
        assert left == 0
