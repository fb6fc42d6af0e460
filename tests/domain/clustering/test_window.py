"""A window lives on from batch to batch: what it keeps, whom it shows what, and what it forgets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hypothesis import example, given
from hypothesis import strategies as st

from bot.domain.clustering.assign import StoryWindow
from bot.domain.clustering.batch import Clustering
from bot.domain.clustering.index import SLACK
from bot.domain.clustering.story_cluster import NEAR, SPAN, Report, extract_terms

CRANE = "Harbour bridge closed after crane collapses onto railway line"
AGAIN = "Crane collapses onto railway line: harbour bridge closed"
WHALE = "Whale seen swimming in the northern bay"
WORDS = [
    "harbour",
    "bridge",
    "crane",
    "train",
    "council",
    "school",
    "volcano",
    "island",
    "metro",
    "audit",
    "whale",
    "ferry",
    "cinema",
]
ONE, TWO = 11, 12  # servers


def report(
    number: int,
    title: str,
    *,
    day: float = 100.0,
    outlet: str = "",
    guild_id: int = 0,
    story: int | None = None,
) -> Report:
    """A report, by an outlet of its own where none is named."""
    terms = extract_terms(title, "", "")
    return Report(number, terms, day, outlet or f"outlet{number}.example", guild_id, story=story)


@dataclass
class Stream:
    """A window, and where all reports are by what it said."""

    window: StoryWindow = field(default_factory=StoryWindow)
    reports: dict[int, Report] = field(default_factory=dict)
    where: dict[int, int] = field(default_factory=dict)
    used: int = 0

    def take(self, *arrivals: Report) -> Clustering:
        """Place a batch."""
        found = self.window.place(arrivals, {}, self.used + 1)
        self.reports |= {r.id: r for r in arrivals}
        self.where |= found.stories
        self.where = {i: found.merged.get(number, number) for i, number in self.where.items()}
        self.used = max(self.used, *self.where.values())
        return found

    def reopened(self) -> StoryWindow:
        """What a restart makes of it."""
        return StoryWindow(r._replace(story=self.where[i]) for i, r in self.reports.items())


def test_what_came_before_is_known() -> None:
    stream = Stream()
    stream.take(report(1, CRANE), report(2, WHALE))
    assert stream.take(report(3, AGAIN)).stories == {3: 1}
    assert stream.reopened().place([report(4, AGAIN)], {}, 9).stories == {4: 1}


def test_a_batch_or_one_by_one_is_the_same() -> None:
    titles = [
        CRANE,
        WHALE,
        AGAIN,
        "Council votes on school meals",
        f"Update: {CRANE}",
        "Whale seen again in the bay",
    ]
    reports = [report(n, title) for n, title in enumerate(titles, 1)]
    at_once, singly = Stream(), Stream()
    at_once.take(*reports)
    for one in reports:
        singly.take(one)
    assert at_once.where == singly.where


# ------------------------------------------------------------------------------------------ servers


def test_a_servers_report_joins_a_shared_story_as_a_guest() -> None:
    stream = Stream()
    stream.take(report(1, CRANE))
    stream.take(*(report(n, f"{AGAIN}, says cinema whale volcano", guild_id=ONE) for n in range(2, 6)))
    assert set(stream.where.values()) == {1}
    # What the guests say draws nobody in.
    stream.take(report(9, "Volcano cinema whale"))
    assert stream.where[9] != 1


def test_servers_see_neither_each_other_nor_are_seen() -> None:
    stream = Stream()
    stream.take(
        report(1, CRANE, guild_id=ONE), report(2, AGAIN, guild_id=TWO), report(3, AGAIN, guild_id=ONE)
    )
    assert stream.where[1] == stream.where[3] != stream.where[2]


def test_servers_stories_go_on_as_a_shared_one_when_that_comes() -> None:
    stream = Stream()
    stream.take(
        report(1, CRANE, guild_id=ONE), report(2, AGAIN, guild_id=TWO), report(3, WHALE, guild_id=TWO)
    )
    found = stream.take(report(4, CRANE))
    assert stream.where[1] == stream.where[2] == stream.where[4] == found.stories[4]
    assert found.merged == {1: found.stories[4], 2: found.stories[4]}
    assert stream.where[3] == 3


def test_what_servers_have_does_not_say_how_rare_a_word_is() -> None:
    plain, flooded = Stream(), Stream()
    flooded.take(
        *(report(n, f"{CRANE} {n} {word}", guild_id=ONE) for n in range(100, 300) for word in WORDS[:1])
    )
    for stream in (plain, flooded):
        stream.take(report(1, CRANE), report(2, WHALE), report(3, "Bridge to the harbour painted"))
    same = [[s.where[1] == s.where[i] for i in (2, 3)] for s in (plain, flooded)]
    assert same[0] == same[1]


# ------------------------------------------------------------------------------- leaving, parting, age


def test_a_withdrawn_report_says_nothing_any_more() -> None:
    stream = Stream()
    stream.take(report(1, CRANE))
    stream.window.leave(1, [1])
    assert len(stream.window) == 0
    assert stream.take(report(2, AGAIN)).stories == {2: 2}
    stream.window.leave(2, [77])  # one that it does not know
    assert len(stream.window) == 1


def test_stories_that_people_parted_stay_apart_also_when_one_goes_on_under_another_number() -> None:
    one, two, three = (report(n, title, story=n) for n, title in ((1, CRANE), (2, AGAIN), (3, WHALE)))
    window = StoryWindow([one, two, three], apart=[(1, 2)])
    found = window.place([report(4, AGAIN)], {}, 4)
    assert found.stories[4] in (1, 2)
    assert not found.merged
    merging = StoryWindow([one._replace(story=3), two, one._replace(id=9, story=5)], apart=[(5, 2)])
    found = merging.place([report(10 + n, CRANE) for n in range(4)], {}, 6)
    assert found.merged == {5: 3}
    assert 2 in merging


def test_old_stories_are_forgotten_and_memory_stays_flat_over_a_year() -> None:
    window = StoryWindow()
    for day in range(365):
        arrivals = [report(1000 * day + n, f"{word}{day}", day=day) for n, word in enumerate(WORDS)]
        window.place(arrivals, {}, 1 + len(WORDS) * day)
        window.evict(day - SPAN - NEAR)
        stories = len(window)
        assert stories <= len(WORDS) * (SPAN + NEAR + 2)
        assert window.entries <= 2 * (stories + SLACK)


def test_a_story_that_goes_on_is_not_forgotten() -> None:
    stream = Stream()
    for n in range(4):
        stream.take(report(n + 1, CRANE, day=100 + 3 * n))
    stream.window.evict(105)
    assert stream.take(report(9, CRANE, day=110)).stories == {9: 1}


TITLES = st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(" ".join)
ARRIVALS = st.lists(
    st.tuples(
        TITLES, st.floats(90, 130), st.sampled_from((0, 0, ONE, TWO)), st.sampled_from(("", "one.example"))
    ),
    min_size=1,
    max_size=25,
)


def members(where: Mapping[int, int]) -> list[set[int]]:
    """The reports of each story."""
    return sorted(({i for i in where if where[i] == story} for story in set(where.values())), key=min)


@example(
    [
        ("harbour", 90.0, ONE, ""),
        ("harbour bridge crane school metro", 120.875, 0, ""),
        ("audit harbour bridge crane council", 121.125, 0, ""),
    ]
)
@given(ARRIVALS)
def test_whatever_comes_no_server_is_seen_by_another(arrivals: Sequence[tuple[str, float, int, str]]) -> None:
    stream = Stream()
    for n, (title, day, guild_id, outlet) in enumerate(arrivals, 1):
        stream.take(report(n, title, day=day, guild_id=guild_id, outlet=outlet))
        guilds = [{stream.reports[i].guild_id for i in story} for story in members(stream.where)]
        # Two servers' reports meet only where the shared ones are.
        assert all(0 in story or len(story) == 1 for story in guilds)
    shared = Stream()
    for r in stream.reports.values():
        if not r.guild_id:
            shared.take(r)
    public = {i: number for i, number in stream.where.items() if not stream.reports[i].guild_id}
    assert members(shared.where) == members(public)


@given(ARRIVALS)
def test_what_is_known_after_a_restart_is_what_was_known_before(
    arrivals: Sequence[tuple[str, float, int, str]],
) -> None:
    stream = Stream()
    for n, (title, day, guild_id, outlet) in enumerate(arrivals, 1):
        stream.take(report(n, title, day=day, guild_id=guild_id, outlet=outlet))
    again = stream.reopened()
    assert len(again) == len(stream.window)
    assert again.entries <= stream.window.entries


DECISIONS = st.lists(
    st.tuples(st.sampled_from(("merge", "split")), st.integers(0, 24), st.integers(0, 24)), max_size=4
)


@example(
    [("harbour bridge", 100.0, 0, ""), ("harbour bridge", 101.0, ONE, "")], [("split", 0, 0)], ["harbour"]
)
@given(ARRIVALS, DECISIONS, st.lists(TITLES, min_size=1, max_size=4))
def test_a_corrected_window_behaves_like_one_that_is_loaded_anew(
    arrivals: Sequence[tuple[str, float, int, str]],
    decisions: Sequence[tuple[str, int, int]],
    probes: Sequence[str],
) -> None:
    stream = Stream()
    for n, (title, day, guild_id, outlet) in enumerate(arrivals, 1):
        stream.take(report(n, title, day=day, guild_id=guild_id, outlet=outlet))
    corrected = stream.reopened()
    apart: list[tuple[int, int]] = []
    ids = sorted(stream.where)
    for kind, first, second in decisions:
        one, two = (stream.where[ids[n % len(ids)]] for n in (first, second))
        if kind == "merge":
            stream.where = {i: one if story == two else story for i, story in stream.where.items()}
        else:
            stream.used += 1
            two = stream.where[ids[first % len(ids)]] = stream.used
            apart.append((one, two))
        stories = set(stream.where.values())
        apart = [pair for pair in apart if stories.issuperset(pair)]
        reports = [
            r._replace(story=story)
            for i, r in stream.reports.items()
            if (story := stream.where[i]) in (one, two)
        ]
        corrected.correct({one, two}, reports, apart)
    anew = StoryWindow((r._replace(story=stream.where[i]) for i, r in stream.reports.items()), apart)
    assert len(corrected) == len(anew) == len(set(stream.where.values()))
    batch = [report(1000 + n, title, day=110.0, outlet="probe.example") for n, title in enumerate(probes)]
    assert corrected.place(batch, {}, 500) == anew.place(batch, {}, 500)


@given(ARRIVALS, st.floats(99.0, 112.0), st.lists(TITLES, min_size=1, max_size=4))
def test_a_refreshed_window_behaves_like_one_that_is_loaded_anew(
    arrivals: Sequence[tuple[str, float, int, str]], cut: float, probes: Sequence[str]
) -> None:
    """Whatever it has forgotten meanwhile, and in whatever order its reports came."""
    stream = Stream()
    for n, (title, day, guild_id, outlet) in enumerate(arrivals, 1):
        stream.take(report(n, title, day=day, guild_id=guild_id, outlet=outlet))
    reports = [r._replace(story=stream.where[i]) for i, r in stream.reports.items()]
    last: dict[int, float] = {}
    for r in reports:
        last[stream.where[r.id]] = max(r.day, last.get(stream.where[r.id], 0.0))
    gone = {story for story, day in last.items() if day < cut}
    kept = stream.window
    kept.correct(gone, (), ())
    kept.refresh()
    anew = StoryWindow(r for r in reports if r.story not in gone)
    assert kept.numbers == anew.numbers
    assert kept.entries == anew.entries
    batch = [report(1000 + n, title, day=110.0, outlet="probe.example") for n, title in enumerate(probes)]
    assert kept.place(batch, {}, 500) == anew.place(batch, {}, 500)
