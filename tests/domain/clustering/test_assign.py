"""Which records report the same event."""

from __future__ import annotations

import json
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.cli.corpus import Corpus, arrange, read_corpus
from bot.cli.eval_stories import read_events
from bot.domain.clustering.agreement import b_cubed
from bot.domain.clustering.assign import StoryWindow
from bot.domain.clustering.batch import Clustering
from bot.domain.clustering.story_cluster import Report, day_of, extract_terms
from bot.domain.model import Outlet, Record
from bot.domain.text.language import with_language
from tests.form import sized
from tests.make import at
from tests.shared_data import SHARED, needs_shared, site_records

CRANE = "Harbour bridge closed after crane collapses onto railway line"


@dataclass(frozen=True)
class Item:
    """A report before its words are cut into terms."""

    id: int
    title: str
    excerpt: str
    published: datetime
    outlet: str
    language: str
    declares: frozenset[int]
    partial: bool
    story: int | None

    def report(self) -> Report:
        """As clustering sees it."""
        terms = extract_terms(self.title, self.excerpt, self.language)
        day = day_of(self.published)
        return Report(self.id, terms, day, self.outlet, 0, self.declares, self.partial, self.story)


def report(
    number: int,
    title: str,
    *,
    hours: float = 0,
    outlet: str = "",
    declares: Sequence[int] = (),
    partial: bool = False,
    story: int | None = None,
    language: str = "",
    excerpt: str = "",
) -> Item:
    """A report, by an outlet of its own where none is named."""
    name = outlet or f"outlet{number}.example"
    return Item(number, title, excerpt, at(hours), name, language, frozenset(declares), partial, story)


def cluster(arrivals: Sequence[Item], known: Sequence[Item], next_number: int) -> Clustering:
    """Have arrivals placed where those are known."""
    related = {item.id: item.report() for item in known}
    window = StoryWindow(r for r in related.values() if r.story is not None and not r.partial)
    return window.place([item.report() for item in arrivals], related, next_number)


def same(one: Item, other: Item) -> bool:
    """Whether two reports that arrive one after the other form one story."""
    found = cluster([one, other], [], 1).stories
    return found[one.id] == found[other.id]


def stories(found: Clustering) -> int:
    """How many stories there are."""
    return len(set(found.stories.values()))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (CRANE, "Crane collapses onto railway line, closing harbour bridge"),
        (
            "City council halts facial recognition trial in metro after audit",
            "Facial recognition trial in the metro halted after damning audit",
        ),
    ],
)
def test_reports_of_one_event_in_other_words_are_one_story(one: str, other: str) -> None:
    assert same(report(1, one), report(2, other, hours=5))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Brewery opens new cellar in Lisbon", "Brewery opens new plant in Ohio"),
        ("Night train reaches the coast", "An old train is sold"),
        ("Council votes on school meals", "Volcano erupts in the south"),
        ("2026", "2026"),
        ("", ""),
    ],
)
def test_reports_of_different_events_are_not(one: str, other: str) -> None:
    assert not same(report(1, one), report(2, other, hours=1))


@pytest.mark.parametrize("days", [7, 30, 3 * 365])
def test_the_same_title_long_after_is_another_event(days: int) -> None:
    assert not same(report(1, CRANE), report(2, CRANE, hours=24 * days))


def test_the_later_a_report_the_more_it_must_agree() -> None:
    other = "Harbour bridge reopens to trains after crane accident"
    assert same(report(1, CRANE), report(2, other, hours=2))
    assert not same(report(1, CRANE), report(2, other, hours=24 * 5))


def test_a_story_ends_two_weeks_after_it_began() -> None:
    days = [report(n, CRANE, hours=24 * 3 * n) for n in range(8)]
    found = cluster(days, [], 1).stories
    assert [found[n] for n in range(8)] == [1, 1, 1, 1, 1, 2, 2, 2]


def test_excerpts_tell_what_titles_do_not() -> None:
    excerpt = "A crane on a construction site at the harbour bridge fell onto the railway line at noon."
    other = (
        "The construction crane fell onto the railway line beside the harbour bridge; trains stopped at noon."
    )
    one = report(1, "Crane accident in the harbour")
    two = report(2, "Trains stop after harbour accident", hours=1)
    assert not same(one, two)
    assert same(replace(one, excerpt=excerpt), replace(two, excerpt=other))


@pytest.mark.parametrize(
    ("language", "one", "other"),
    [
        (
            "de",
            "Erdbeben erschüttert die Küste der Insel Brannö",
            "Heftige Erdbeben erschüttern die Küsten der Insel Brannö",
        ),
        (
            "pt-BR",
            "Terremoto atinge a ilha de São Brandão e destrói porto",
            "Terremotos atingem ilha de Sao Brandao, porto destruído",
        ),
        (
            "ru",
            "Землетрясение разрушило порт на острове Брандан",
            "Порт острова Брандан разрушен землетрясением",
        ),
        ("ja", "首都の大橋がクレーン事故で通行止め", "クレーン事故、首都の大橋が通行止めに"),
        ("xx", "Qoyllur harbour zzumbi collapse", "zzumbi collapse at Qoyllur harbour"),
    ],
)
def test_every_language_is_compared_by_its_own_stems(language: str, one: str, other: str) -> None:
    assert same(report(1, one, language=language), report(2, other, language=language, hours=1))


# ------------------------------------------------------------------------------------ declarations


def test_a_declaration_lowers_the_bar_but_is_no_proof() -> None:
    lead = report(1, "Harbour bridge closed after crane collapse", declares=[2, 3, 4])
    agrees = report(2, "Trains diverted as crane blocks harbour crossing", hours=2, partial=True)
    far = report(3, "Harbour bridge closed after crane collapse", hours=-24 * 60, partial=True)
    unlike = report(4, "Whale seen in the bay", hours=1, partial=True)
    assert cluster([lead, agrees, far, unlike], [], 1).stories == {1: 1, 2: 1}
    assert not same(replace(lead, declares=frozenset()), replace(agrees, partial=False))
    assert same(lead, replace(agrees, partial=False))


def test_whoever_declares_and_whoever_comes_first() -> None:
    lead = report(1, "Harbour bridge closed after crane collapse")
    other = report(2, "Trains diverted as crane blocks harbour crossing", hours=2)
    for first, second in ((lead, other), (other, lead)):
        assert same(replace(first, declares=frozenset({second.id})), second)
        found = cluster([first, replace(second, declares=frozenset({first.id}))], [], 1)
        assert stories(found) == 1
        assert found.why[second.id].declares == first.id
        assert found.why[second.id].shares


def test_a_partial_record_never_opens_a_story() -> None:
    alone = [report(1, CRANE, partial=True), report(2, CRANE, partial=True)]
    assert cluster(alone, [], 1) == Clustering({}, {}, {})


def test_a_partial_record_joins_only_what_declares_it() -> None:
    known = report(1, CRANE, story=4)
    assert cluster([report(2, CRANE, hours=1, partial=True)], [known], 5).stories == {}
    declaring = replace(known, declares=frozenset({2}))
    found = cluster([report(2, CRANE, hours=1, partial=True)], [declaring], 5)
    assert found.stories == {2: 4}
    assert found.why[2].declared_by == 1
    assert found.why[2].shares


def test_a_partial_record_of_the_window_joins_the_newcomer_that_declares_it() -> None:
    waiting = report(1, CRANE, partial=True)
    newcomer = report(2, "Crane collapses onto railway line at harbour bridge", hours=1, declares=[1])
    assert cluster([newcomer], [waiting], 5).stories == {1: 5, 2: 5}


def test_what_partial_records_say_draws_nobody_in() -> None:
    lead = report(1, CRANE, declares=[2])
    partial = report(
        2, "Crane collapses: harbour tower tenants evacuated, school shut", hours=1, partial=True
    )
    later = report(3, "Harbour tower tenants evacuated and school shut", hours=2)
    found = cluster([lead, partial, later], [], 1).stories
    assert found[1] == found[2] != found[3]


# ------------------------------------------------------------------------------- one outlet, series


@pytest.mark.parametrize(
    "titles",
    [
        [f"Weekly roundup number {n}: {what}" for n, what in enumerate(("bees", "ferries", "chess"))],
        [f"Weekly digest #{n}" for n in range(11, 15)],
        [f"Beekeepers' community call - {month}" for month in ("July", "August", "September")],
        [f"Cloudly {what} is now generally available" for what in ("Backup", "Private Link", "Maps")],
    ],
)
def test_a_series_of_one_outlet_stays_apart(titles: list[str]) -> None:
    reports = [report(n, title, outlet="series.example", hours=n) for n, title in enumerate(titles, 1)]
    assert stories(cluster(reports, [], 1)) == len(titles)


def test_an_update_of_the_same_outlet_joins_its_story() -> None:
    outlet = "daily.example"
    update = f"Update: {CRANE}, two hurt"
    assert same(report(1, CRANE, outlet=outlet), report(2, update, outlet=outlet, hours=2))
    assert same(report(1, CRANE, outlet=outlet), report(2, CRANE, outlet=outlet, hours=2))


# ----------------------------------------------------------------------------- the first reports of all


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Norvik Motors to build battery plant in Tarsa", "Norvik Motors names new finance chief"),
        ("Norvik Motors shares fall after weak quarter", "Norvik Motors recalls 40,000 vans over brakes"),
        ("Norvik Motors announces new plant in Tarsa", "Norvik Motors announces job cuts in Belmara"),
        ("Belmara Bank reports record profit", "Belmara Bank reports cyber attack"),
        ("Norvik Motors kündigt neues Werk in Tarsa an", "Norvik Motors kündigt Stellenabbau in Belmara an"),
        ("Belmara Bank raises rates on savings", "Belmara Bank opens three branches in the north"),
        ("President Ostrova visits flood region", "President Ostrova signs school reform into law"),
        ("Tarsa police arrest man after bank robbery", "Tarsa police find missing girl"),
        ("Norvik Motors verkauft Werk in Tarsa", "Norvik Motors streicht 300 Stellen im Osten"),
        ("Polizei Tarsa sucht Zeugen nach Unfall", "Polizei Tarsa warnt vor Betrügern am Telefon"),
        ("El presidente Ostrova viaja a Lomar", "Presidente Ostrova anuncia nuevos ministros"),
        ("La banque Belmara ferme dix agences", "La banque Belmara change de président"),
        ("Банк Белмара открыл филиал в Тарсе", "Банк Белмара назначил нового директора"),
        ("Prezydent Ostrova jedzie do Lomaru", "Prezydent Ostrova podpisał ustawę o szkołach"),
    ],
)
def test_two_first_reports_that_share_a_company_or_a_person_are_two_stories(one: str, other: str) -> None:
    assert not same(*_in_their_language(one, other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Norvik recalls 40,000 vans over brake fault", "Brake fault: Norvik recalls 40,000 vans"),
        ("Ferry sinks off Lomar island, 12 missing", "Twelve missing after ferry sinks near Lomar"),
        ("Parliament passes pension reform after night session", "Pension reform passed by parliament"),
        ("Harbour bridge closed after crane collapse", "Crane collapse: harbour bridge closed to trains"),
        ("Senator Quill resigns over land deal", "Senator Quill quits after land deal revelations"),
        ("Ostrova wins election in Tarsa", "Tarsa election: Ostrova declared winner"),
        ("Norvik to buy Ostel for 4 billion", "Ostel agrees to 4 billion takeover by Norvik"),
        ("Belmara Bank kauft Versicherer Hohenfels", "Versicherer Hohenfels geht an Belmara Bank"),
        ("Ostrova gana las elecciones de Tarsa", "Elecciones en Tarsa: victoria de Ostrova"),
        ("Incendie au marché de Lomar : trois morts", "Trois morts dans l'incendie du marché de Lomar"),
        ("Землетрясение разрушило порт на острове Брандан", "Порт острова Брандан разрушен землетрясением"),
        ("Pożar hali targowej w Lomarze, trzy ofiary", "Trzy ofiary pożaru hali targowej w Lomarze"),
    ],
)
def test_two_first_reports_that_tell_of_one_event_are_one_story(one: str, other: str) -> None:
    assert same(*_in_their_language(one, other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("A whale in the harbour", "A whale in the harbour"),
        ("A whale in the harbour", "A whale in the harbour again"),
        ("Norvik Motors shares", "Norvik Motors shares fall"),
        ("Waldbrand bei Lomar", "Waldbrand bei Lomar gelöscht"),
        ("Пожар в Тарсе", "Пожар в Тарсе"),
    ],
)
def test_two_first_reports_of_which_one_says_nothing_else_are_one_story(one: str, other: str) -> None:
    assert same(*_in_their_language(one, other))


@pytest.mark.parametrize(
    ("titles", "later"),
    [
        (["A whale in the harbour", "A whale in the harbour again"], "Another whale on the beach"),
        (
            ["A whale in the harbour", "Whale stays in the harbour", "Harbour whale swims"],
            "Whale meat for sale",
        ),
        (["Norvik recalls 40,000 vans", "Norvik: 40,000 vans recalled"], "Norvik names new finance chief"),
        (["Parlament beschließt Rente", "Rente: Parlament beschließt"], "Parlament streitet über Schulen"),
        (["Пожар в порту Тарсы", "Порт Тарсы: пожар"], "Пожар на складе в Ломаре"),
    ],
)
def test_among_the_first_reports_one_shared_word_does_not_join_a_story(titles: list[str], later: str) -> None:
    language = with_language(Record("", "", f"{'. '.join(titles)}. {later}.", Outlet("", ""))).language
    items = [report(n, title, hours=n, language=language) for n, title in enumerate((*titles, later))]
    numbers = cluster(items, [], 1).stories
    assert len({numbers[n] for n in range(len(titles))}) == 1
    assert numbers[len(titles)] not in {numbers[n] for n in range(len(titles))}


def test_among_the_first_reports_more_than_one_shared_word_joins_a_story() -> None:
    titles = (
        "Norvik recalls 40,000 vans",
        "Norvik: 40,000 vans recalled",
        "Vans of Norvik recalled over brakes",
    )
    assert stories(cluster([report(n, title, hours=n) for n, title in enumerate(titles)], [], 1)) == 1


def _in_their_language(one: str, other: str) -> list[Item]:
    language = with_language(Record("", "", f"{one}. {other}.", Outlet("", ""))).language
    return [report(n, title, hours=10 * n, language=language) for n, title in enumerate((one, other))]


NAMES = st.lists(
    st.sampled_from(("Norvik", "Motors", "Belmara", "Ostrova")), min_size=1, max_size=2, unique=True
)
SAID = (
    "shares fall after weak quarter", "opens three branches", "recalls vans over brake fault", "sues supplier",
    "names finance chief", "wird verkauft", "anuncia nuevos empleos", "ferme dix agences",
)  # fmt: skip


@given(NAMES, st.lists(st.sampled_from(SAID), min_size=2, max_size=len(SAID), unique=True), st.floats(0, 150))
def test_the_first_reports_about_one_name_are_as_many_stories(
    name: list[str], said: list[str], hours: float
) -> None:
    items = [report(n, " ".join([*name, what]), hours=hours / (n + 1)) for n, what in enumerate(said)]
    assert stories(cluster(items, [], 1)) == len(said)


# ----------------------------------------------------------------------------- chains, merges, numbers


def test_a_story_of_reports_without_words_is_compared_too() -> None:
    known = [report(n, "", story=1) for n in (1, 2)]
    found = cluster([report(3, "", hours=1, declares=[1]), report(4, CRANE, hours=1, declares=[1])], known, 2)
    assert found.stories[3] != found.stories[4] != 1


def test_an_odd_title_between_two_events_does_not_chain_them() -> None:
    crane = [
        report(n, f"Crane collapses onto railway line at harbour bridge{rest}", hours=n)
        for n, rest in enumerate((", trains stopped", ", two hurt", " during works"), 1)
    ]
    ferry = [
        report(n, f"Ferry strike leaves islanders stranded{rest}", hours=n)
        for n, rest in enumerate((" for days", " as talks fail", " without supplies"), 11)
    ]
    between = report(20, "Crane collapse and ferry strike: harbour bridge shut, islanders stranded", hours=20)
    found = cluster([*crane, *ferry, between], [], 1).stories
    assert len({found[r.id] for r in crane}) == len({found[r.id] for r in ferry}) == 1
    assert found[1] != found[11]


def test_what_is_known_keeps_its_number_and_gets_the_newcomer() -> None:
    known = report(1, "Crane collapses onto railway line at harbour bridge", story=7)
    found = cluster(
        [report(2, "Harbour bridge shut: crane collapses onto railway line", hours=1)], [known], 8
    )
    assert found.stories == {2: 7}
    assert set(found.why[2].shares) < {"harbour", "bridg", "crane", "collaps", "onto", "railway", "line"}


def test_two_stories_that_turn_out_to_be_one_go_on_under_the_lower_number() -> None:
    one = report(1, "Crane collapses onto railway line at harbour bridge", story=3)
    other = report(2, "Harbour bridge closed, trains diverted after crane collapse", story=5, hours=1)
    bridge = report(3, CRANE, hours=2, declares=[1, 2])
    found = cluster([bridge], [one, other], 6)
    assert found.stories == {3: 3}
    assert found.merged == {5: 3}


def test_a_rewritten_record_keeps_its_story() -> None:
    window = [report(1, CRANE, story=3), report(2, CRANE, story=3, hours=1), report(3, "Whale seen", story=4)]
    rewritten = replace(window[1], title="Something else entirely")
    found = cluster([rewritten], window, 5)
    assert found.stories == {2: 3}
    assert not found.merged


def test_what_was_opened_and_merged_at_once_was_never_a_story() -> None:
    reports = [
        report(1, "Crane collapses at railway line"),
        report(2, "Volcano erupts on southern island", hours=1),
        report(3, "Harbour bridge closed to trains", hours=1),
        *(report(n, f"{CRANE}, trains stopped", hours=2) for n in range(4, 7)),
        report(9, "Whale seen in the bay", hours=3),
    ]
    found = cluster(reports, [], 10)
    assert found.stories[1] == found.stories[3] == found.stories[4] == 10
    assert stories(found) == 3
    assert not found.merged


WORDS = (
    "harbour", "bridge", "crane", "train", "council", "school", "volcano", "island", "metro", "audit", "whale",
    "ferry", "2026", "橋", "a",
)  # fmt: skip
TITLES = st.lists(st.sampled_from(WORDS), max_size=7).map(" ".join)
IDS = st.integers(1, 30)


@st.composite
def streams(draw: st.DrawFn) -> tuple[list[Item], list[Item]]:
    """Arrivals, and a window with stories 1 to 4 and partial records."""

    def some(number: int, hours: int, story: int | None, partial: bool) -> Item:
        return report(
            number,
            draw(TITLES),
            hours=hours,
            outlet=draw(st.sampled_from(["", "one.example", "two.example"])),
            excerpt=draw(TITLES),
            declares=draw(st.lists(IDS, max_size=3)),
            partial=partial,
            story=story,
        )

    window = [
        some(n, draw(st.integers(-150, 0)), None if partial else draw(st.integers(1, 4)), partial)
        for n in range(1, draw(st.integers(1, 8)))
        for partial in (draw(st.booleans()),)
    ]
    fresh = [
        some(n, draw(st.integers(0, 150)), None, draw(st.booleans()))
        for n in range(20, 20 + draw(st.integers(0, 8)))
    ]
    again = [replace(r, title=draw(TITLES)) for r in window if r.story is not None and draw(st.booleans())]
    return draw(st.permutations(fresh + again)), window


Stream = tuple[list[Item], list[Item]]


@given(streams())
def test_every_record_that_came_in_is_in_a_story_and_no_number_is_lost(stream: Stream) -> None:
    arrivals, window = stream
    found = cluster(arrivals, window, 5)
    assert {r.id for r in arrivals if not r.partial} <= set(found.stories)
    assert set(found.why) == {i for i in found.stories if i not in {r.id for r in window if r.story}}
    # A story of the window goes on, under its own number or under a lower one.
    before = {r.story for r in window if r.story is not None}
    assert set(found.merged) <= before
    assert all(new < old and new not in found.merged for old, new in found.merged.items())
    assert not set(found.merged) & set(found.stories.values())
    assert all(
        found.stories[r.id] == found.merged.get(r.story, r.story) for r in arrivals if r.story is not None
    )


@given(streams())
def test_partial_records_are_only_where_they_are_declared(stream: Stream) -> None:
    arrivals, window = stream
    found = cluster(arrivals, window, 5)
    reports = {r.id: r for r in [*window, *arrivals]}
    for number, story in found.stories.items():
        if reports[number].partial:
            members = {
                other
                for other, r in reports.items()
                if not r.partial
                and found.stories.get(other, found.merged.get(r.story or 0, r.story)) == story
            }
            assert any(
                number in reports[other].declares or other in reports[number].declares for other in members
            )


@given(streams(), st.data())
def test_the_order_of_the_window_does_not_matter(stream: Stream, data: st.DataObject) -> None:
    arrivals, window = stream
    assert cluster(arrivals, window, 5) == cluster(arrivals, data.draw(st.permutations(window)), 5)


# -------------------------------------------------------------------------------------- real streams


@cache
def headlines() -> tuple[Sequence[Item], Mapping[int, str]]:
    """Headlines in the order of their times, without excerpts, and the event of each."""
    lines = (SHARED / "stories" / "headlines.jsonl").read_text(encoding="utf-8").splitlines()
    rows = sorted((json.loads(line) for line in lines), key=lambda row: row["publishedDateTime"])
    pairs = (SHARED / "stories" / "headlines.truth.tsv").read_text(encoding="utf-8").splitlines()
    events = dict(pair.split("\t") for pair in pairs)
    reports = [
        Item(
            number,
            row["title"],
            "",
            datetime.fromisoformat(row["publishedDateTime"]),
            row["provider"]["domain"],
            "",
            frozenset(),
            False,
            None,
        )
        for number, row in enumerate(rows)
    ]
    return reports, {number: events[row["webUrl"]] for number, row in enumerate(rows)}


@cache
def site(name: str) -> Sequence[Item]:
    """The records of a site as reports, in the order of their times."""
    records = site_records(name)
    numbers = {record.key: number for number, record in enumerate(records, 100_000)}
    reports = [
        Item(
            numbers[record.key],
            record.title,
            record.excerpt,
            record.published or at(),
            record.outlet.domain,
            record.language,
            frozenset(numbers[other.key] for other in record.related if other.key in numbers) - {number},
            False,
            None,
        )
        for number, record in enumerate(records, 100_000)
    ]
    return sorted(reports, key=lambda r: r.published)


@cache
def labelled_set(name: str) -> tuple[Corpus, Mapping[int, str]]:
    """A labelled set, and the event of each of its reports."""
    folder = SHARED / "stories"
    corpus = read_corpus(folder / f"{name}.jsonl")
    return corpus, read_events(folder / f"{name}.truth.tsv", corpus)


def labelled(name: str, order: int, share: float = 1.0) -> tuple[list[Report], dict[int, str]]:
    """Part of a labelled set in one order of arrival, and the event of each report."""
    corpus, events = labelled_set(name)
    rng = random.Random(order)  # noqa: S311 -- the same part each time
    moved = [report for report in arrange(corpus, order).values() if rng.random() < share]
    return sorted(moved, key=lambda report: report.day), {report.id: events[report.id] for report in moved}


def f1(reports: Sequence[Report], events: Mapping[int, str]) -> float:
    """How well the stories of reports agree with their events (B-cubed)."""
    return b_cubed(events, StoryWindow().place(reports, {}, 1).stories).f1


@needs_shared
@pytest.mark.parametrize(("name", "least"), [("headlines", 0.83), ("years", 0.80), ("dense-day", 0.78)])
def test_reports_of_real_events_form_their_stories(name: str, least: float) -> None:
    """On sets of large events, of few reports over years, and of many small events in a dense time."""
    reports, events = labelled(name, order=0)
    quality = b_cubed(events, StoryWindow().place(reports, {}, 1).stories)
    assert quality.precision >= 0.8
    assert quality.f1 >= least


@needs_shared
def test_a_restart_makes_next_to_no_difference() -> None:
    for name in sized(("years",), long=("years", "dense-day")):
        reports, events = labelled(name, order=1)
        at_once = b_cubed(events, StoryWindow().place(reports, {}, 1).stories)
        known: list[Report] = []
        for start in range(0, len(reports), 100):
            arrivals = reports[start : start + 100]
            window = StoryWindow(known)
            found = window.place(arrivals, {}, max([r.story or 0 for r in known], default=0) + 1)
            placed = [r._replace(story=found.stories[r.id]) for r in arrivals]
            known = [r._replace(story=found.merged.get(r.story or 0, r.story)) for r in [*known, *placed]]
        batched = b_cubed(events, {r.id: r.story for r in known})
        assert batched.f1 == pytest.approx(at_once.f1, abs=0.02)
        assert batched.groups == pytest.approx(at_once.groups, rel=0.1)


@needs_shared
def test_unrelated_records_in_between_change_little() -> None:
    others = (*site("powerapps"), *site("azure"))
    alone, mixed = [], []
    for order in range(
        sized(2, long=4)
    ):  # one merger of two large events is worth .03, so one order says little
        reports, events = labelled("headlines", order, share=0.2)
        first, last = reports[0].day, reports[-1].day
        rng = random.Random(order)  # noqa: S311 -- the same places each time
        sample = rng.sample(others, 200)
        between = [other.report()._replace(day=rng.uniform(first, last)) for other in sample]
        alone.append(f1(reports, events))
        mixed.append(f1(sorted([*reports, *between], key=lambda report: report.day), events))
    assert fmean(mixed) >= fmean(alone) - 0.02


def stories_of(reports: Iterable[Item]) -> list[list[str]]:
    """The titles of each story of more than one record."""
    arrivals = list(reports)
    found = cluster(arrivals, [], 1).stories
    titles = defaultdict(list)
    for r in arrivals:
        titles[found[r.id]].append(r.title)
    return [story for story in titles.values() if len(story) > 1]


@needs_shared
def test_a_site_of_one_subject_has_its_events_and_no_chains() -> None:
    found = stories_of(site("powerapps"))
    largest = max(found, key=len)
    assert sum("38" in title for title in largest) >= 20
    assert all(len(story) <= 6 for story in found if story is not largest)
    [model] = [story for story in found if any("GPT-3" in title for title in story)]
    assert len(model) >= 3
    assert all("GPT-3" in title or "natural language" in title for title in model)


@needs_shared
def test_the_largest_story_of_a_site_is_what_happened_in_a_week_and_no_theme() -> None:
    arrivals = list(site("azure"))
    found = cluster(arrivals, [], 1).stories
    largest, size = Counter(found.values()).most_common(1)[0]
    members = [item for item in arrivals if found[item.id] == largest]
    assert size <= 55  # a report on a contract, and what the court made of it in the same week
    assert max(item.published for item in members) - min(item.published for item in members) < timedelta(
        days=8
    )
    assert sum("JEDI" in item.title for item in members) >= 0.8 * size


@needs_shared
def test_a_partnership_that_many_outlets_report_is_one_story() -> None:
    found = [story for story in stories_of(site("azure")) if any("NBA" in title for title in story)]
    assert len(found) == 1
    assert len(found[0]) >= 12
    assert all("NBA" in title for title in found[0])
