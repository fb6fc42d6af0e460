"""Which stories mean the same, by vectors made up for the purpose: no model is needed."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.clustering.assign import StoryWindow
from bot.domain.clustering.batch import Why
from bot.domain.clustering.embeddings import ENTRIES, LANGUAGE, SCALE, packed
from bot.domain.clustering.meanings import Meaning, NearestMeanings
from bot.domain.clustering.story_cluster import NEAR, Report
from tests.domain.clustering.test_window import WHALE, WORDS, report

np = pytest.importorskip("numpy")

WIDTH = 32  # entries of a subject: no single one is large, as in a real vector
CODES = ("de", "en", "es", "ru")
HARBOUR = "Harbour bridge closed after crane collapses"
HAFEN = "Kran stürzt um, Brücke gesperrt"
PUERTO = "Cae una grúa y cierran un puente"


def vector(subject: int, language: str, *, twist: float = 0.0) -> bytes:
    """A vector in the direction of a subject, turned towards another one: the cosine falls as `twist` grows."""
    direction = np.zeros((ENTRIES // WIDTH, WIDTH), np.float32)
    direction[subject] = 1.0
    direction[-1 - subject] = twist
    return b"test" + language.encode().ljust(LANGUAGE, b"\0") + packed(direction.ravel())


def saying(
    number: int,
    title: str,
    subject: int,
    language: str,
    *,
    twist: float = 0.0,
    guild_id: int = 0,
    story: int | None = None,
) -> Report:
    """A report that means something."""
    told = report(number, title, guild_id=guild_id, story=story)
    return told._replace(meaning=vector(subject, language, twist=twist))


def stories_of(*reports: Report, window: StoryWindow | None = None) -> list[int]:
    """The stories of reports that arrive one after the other, in their order."""
    placed = (window or StoryWindow()).place(reports, {}, 1).stories
    return [placed[one.id] for one in reports]


# ------------------------------------------------------------------------------------ vectors

kept = st.lists(
    st.binary(min_size=ENTRIES, max_size=ENTRIES).map(lambda entries: b"test\0\0" + entries),
    min_size=1,
    max_size=5,
)


@given(kept, kept)
def test_joining_is_taking_all_together(one: list[bytes], other: list[bytes]) -> None:
    first, second, whole = Meaning.of(one), Meaning.of(other), Meaning.of([*one, *other])
    assert first is not None
    assert second is not None
    assert whole is not None
    joined = first.joined(second)
    assert joined.reports == whole.reports
    assert joined.similarity(first) == pytest.approx(whole.similarity(first), abs=1e-4)
    assert first.similarity(second) == pytest.approx(second.similarity(first))


def test_of_nothing_there_is_no_meaning() -> None:
    assert Meaning.of([]) is None
    assert Meaning.of([b""]) is None


# ------------------------------------------------------------------------------------- search


def entries(seed: int, count: int) -> list[tuple[int, Meaning, tuple[str, ...], float]]:
    """Stories: number, meaning, languages, and day of the last report. Some are alike, some have no language."""
    rng = random.Random(seed)  # noqa: S311 -- the same stories each time
    made = []
    for number in range(1, count + 1):
        meaning = Meaning.of([vector(rng.randrange(3), "en", twist=rng.choice([0.0, 0.3, 0.9, 2.0]))])
        assert meaning is not None
        languages = tuple(rng.sample(CODES, rng.randrange(3)))
        made.append((number, meaning, languages, 100.0 + rng.randrange(12)))
    return made


def cosine(one: Meaning, other: Meaning) -> float:
    """Of two means, by their rounded directions."""
    return float(one.direction() @ other.direction()) / SCALE**2


@given(st.integers(0, 10_000), st.integers(1, 90), st.integers(1, 8))
def test_the_search_finds_what_comparing_all_finds(seed: int, count: int, limit: int) -> None:
    every = entries(seed, count)
    nearest = NearestMeanings(count)
    for number, meaning, languages, last in random.Random(seed).sample(every, count):  # noqa: S311 -- in any order
        nearest.put(number, meaning, languages, last)
    target = every[0][1]
    found = nearest.nearest(target, ["de", "en"], least=0.5, since=105.0, limit=limit)
    alike = sorted(
        (-cosine(target, meaning), number)
        for number, meaning, languages, last in every
        if cosine(target, meaning) >= 0.5 and last >= 105.0 and set(languages) - {"de", "en"}
    )
    assert found == [number for _, number in alike[:limit]]


def test_no_more_stories_are_kept_than_there_is_room_for_and_the_last_that_changed_stay() -> None:
    nearest = NearestMeanings(40)
    every = [(number, meaning, last) for number, meaning, _, last in entries(1, 100)]
    for number, meaning, last in every:
        nearest.put(number, meaning, ["es"], last)
        if number > 1:
            nearest.put(1, every[0][1], ["es"], every[0][2])
    assert len(nearest) == 40
    found = nearest.nearest(every[0][1], ["en"], least=-1.0, since=0.0, limit=100)
    assert sorted(found) == [1, *range(62, 101)]


def test_a_story_that_left_is_not_found_and_its_place_is_used_again() -> None:
    nearest = NearestMeanings(10)
    (_, one, _, _), (_, two, _, _) = entries(3, 2)
    nearest.put(1, one, ["es"], 100.0)
    nearest.remove(1)
    nearest.remove(1)
    nearest.put(2, two, ["es"], 100.0)
    nearest.put(3, two, [], 100.0)
    nearest.put(4, None, ["es"], 100.0)
    assert nearest.nearest(one, ["en"], least=-1.0, since=0.0, limit=9) == [2]
    assert nearest.nearest(one, [], least=-1.0, since=0.0, limit=9) == []


# ------------------------------------------------------------------------------------ stories


def test_one_event_in_three_languages_is_one_story() -> None:
    reports = [
        saying(1, HARBOUR, 0, "en"),
        saying(2, HAFEN, 0, "de", twist=0.5),
        saying(3, PUERTO, 0, "es", twist=0.4),
    ]
    assert len(set(stories_of(*reports))) == 1
    assert len(set(stories_of(*(one._replace(meaning=b"") for one in reports)))) == 3


def test_what_means_something_else_stays_apart() -> None:
    assert len(set(stories_of(saying(1, HARBOUR, 0, "en"), saying(2, HAFEN, 1, "de")))) == 2
    assert len(set(stories_of(saying(1, HARBOUR, 0, "en"), saying(2, HAFEN, 0, "de", twist=2.5)))) == 2


@pytest.mark.parametrize("languages", [("en", "en"), ("en", ""), ("", "de")])
def test_without_two_languages_meaning_alone_joins_nothing(languages: tuple[str, str]) -> None:
    one, two = saying(1, HARBOUR, 0, languages[0]), saying(2, WHALE, 0, languages[1], twist=0.8)
    assert len(set(stories_of(one, two))) == 2


def test_reports_in_one_language_are_placed_as_by_words_alone() -> None:
    rng = random.Random(4)  # noqa: S311 -- the same reports each time
    titles = [" ".join(rng.sample(WORDS, 4)) for _ in range(60)]
    reports = [saying(n, title, rng.randrange(4), "en") for n, title in enumerate(titles, 1)]
    assert stories_of(*reports) == stories_of(*(one._replace(meaning=b"") for one in reports))


def test_a_story_in_two_languages_takes_in_what_means_the_same_in_one_of_them() -> None:
    both = [saying(1, HARBOUR, 0, "en"), saying(2, HAFEN, 0, "de")]
    other_words = "Unfall mit Baufahrzeug: Verbindung unterbrochen"
    assert len(set(stories_of(*both, saying(3, other_words, 0, "de", twist=0.3)))) == 1
    assert len(set(stories_of(*both, saying(3, other_words, 0, "de", twist=2.0)))) == 2


def test_the_same_in_another_language_after_more_days_is_another_story() -> None:
    one, two = saying(1, HARBOUR, 0, "en"), saying(2, HAFEN, 0, "de")
    assert len(set(stories_of(one, two._replace(day=one.day + NEAR + 0.5)))) == 2


def test_what_people_keep_apart_does_not_become_one_by_meaning() -> None:
    window = StoryWindow(
        [saying(1, HARBOUR, 0, "en", story=1), saying(2, HAFEN, 0, "de", story=2)], apart=[(1, 2)]
    )
    again = saying(3, HAFEN, 0, "de")
    assert window.place([again], {}, 3).merged == {}


def test_why_says_that_a_report_is_the_same_in_another_language() -> None:
    found = StoryWindow().place([saying(1, HARBOUR, 0, "en"), saying(2, HAFEN, 0, "de")], {}, 1)
    assert found.why == {1: Why(), 2: Why(translated=True)}


def test_the_order_in_which_stories_were_read_changes_nothing() -> None:
    every = [saying(n, f"{WHALE} {n}", n % 5, CODES[n % 4], twist=n % 3 / 4, story=n) for n in range(1, 21)]
    late = [saying(100 + n, f"{HAFEN} {n}", n % 5, "ru", twist=0.2) for n in range(5)]
    outcomes = []
    for seed in range(4):
        shuffled = random.Random(seed).sample(every, len(every))  # noqa: S311 -- in any order
        outcomes.append(StoryWindow(shuffled).place(late, {}, 50).stories)
    assert all(outcome == outcomes[0] for outcome in outcomes)


def test_a_server_sees_the_same_event_in_another_language_and_shared_stories_do_not_see_it() -> None:
    own = saying(1, HARBOUR, 0, "en", guild_id=11)
    foreign, shared = saying(2, HAFEN, 0, "de", guild_id=12), saying(3, PUERTO, 0, "es")
    one, two, three = stories_of(own, foreign, shared)
    assert len({one, two, three}) == 3
    window = StoryWindow()
    window.place([shared], {}, 1)
    assert window.place([own], {}, 2).stories == {1: 1}
    mixed: Sequence[Report] = [
        saying(4, HAFEN, 3, "de", guild_id=11),
        saying(5, HARBOUR, 3, "en", guild_id=11),
    ]
    assert len(set(stories_of(*mixed))) == 1


def test_a_report_that_changed_its_meaning_is_found_by_the_new_one() -> None:
    window = StoryWindow()
    window.place([saying(1, HARBOUR, 0, "en")], {}, 1)
    window.place([saying(1, HARBOUR, 2, "en", story=1)], {}, 2)
    assert window.place([saying(2, HAFEN, 0, "de")], {}, 2).stories == {2: 2}
    assert window.place([saying(3, PUERTO, 2, "es")], {}, 3).stories == {3: 1}
