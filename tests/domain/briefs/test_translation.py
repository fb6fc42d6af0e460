"""A translation is shown only where its numbers, names, quotations and negations are those of the sentence."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.briefs.answers import AcceptedAnswer, RejectedAnswer, Rejection
from bot.domain.briefs.candidates import Sentence
from bot.domain.briefs.lexicon import LEXICONS
from bot.domain.briefs.model_brief import BriefChoice, ModelBriefs, ModelTask, task_of
from bot.domain.briefs.proper_names import unsupported_name
from bot.domain.briefs.translation import LONGEST_TRANSLATION, check_translation, instruction
from bot.domain.text.cleaning import length
from tests.make import record, stored

FIRST = "The council of Alderby banned drones over the harbour on Monday after 1,400 complaints."
SECOND = (
    'Mayor Ines Quill told Norland Radio that 3.5 million crowns are "gone for good" because of Karl Voss.'
)
GERMAN = (
    "Der Stadtrat von Alderby hat am Montag nach 1.400 Beschwerden Drohnen über dem Hafen verboten.",
    "Bürgermeisterin Ines Quill sagte Norland Radio, dass 3,5 Millionen Kronen wegen Karl Voss „endgültig weg“ seien.",
)
TRANSLATIONS = {
    "de": GERMAN,
    "es": (
        "El consejo de Alderby prohibió el lunes los drones sobre el puerto tras 1.400 quejas.",
        "La alcaldesa Ines Quill dijo a Norland Radio que 3,5 millones de coronas están «perdidos para siempre» por Karl Voss.",
    ),
    "fr": (
        "Le conseil d’Alderby a interdit lundi les drones au-dessus du port après 1 400 plaintes.",
        "La maire Ines Quill a dit à Norland Radio que 3,5 millions de couronnes sont « perdues » à cause de Karl Voss.",
    ),
    "it": (
        "Il consiglio di Alderby ha vietato lunedì i droni sopra il porto dopo 1.400 reclami.",
        "La sindaca Ines Quill ha detto a Norland Radio che 3,5 milioni di corone sono «andati» per colpa di Karl Voss.",
    ),
    "nl": (
        "De raad van Alderby verbood maandag drones boven de haven na 1.400 klachten.",
        "Burgemeester Ines Quill zei tegen Norland Radio dat 3,5 miljoen kronen “voorgoed weg” zijn door Karl Voss.",
    ),
    "pl": (
        "Rada Alderby zakazała w poniedziałek lotów dronów nad portem po 1400 skargach.",
        "Burmistrz Ines Quill powiedziała Norland Radio, że 3,5 miliona koron „przepadło na dobre” z powodu Karla Vossa.",
    ),
    "pt": (
        "O conselho de Alderby proibiu na segunda-feira os drones sobre o porto após 1.400 queixas.",
        "A prefeita Ines Quill disse à Norland Radio que 3,5 milhões de coroas estão “perdidos” por causa de Karl Voss.",
    ),
    "ru": (
        "Городской совет Олдерби запретил в понедельник дроны над гаванью после 1400 жалоб.",
        "Мэр Инес Квилл сказала Norland Radio, что 3,5 миллиона крон «пропали навсегда» из-за Карла Фосса.",
    ),
    "sv": (
        "Rådet i Alderby förbjöd i måndags drönare över hamnen efter 1 400 klagomål.",
        "Borgmästaren Ines Quill sade till Norland Radio att 3,5 miljoner kronor är ”borta för gott” på grund av Karl Voss.",
    ),
}  # fmt: skip


def answer(*texts: str) -> str:
    """An answer in the form that is asked for."""
    return json.dumps({"sentences": [{"text": text, "sources": [n]} for n, text in enumerate(texts, 1)]})


@pytest.mark.parametrize("language", TRANSLATIONS)
def test_a_faithful_translation_is_accepted_into_and_from_every_language(language: str) -> None:
    texts = TRANSLATIONS[language]
    there = check_translation((FIRST, SECOND), answer(*texts), "en", language)
    back = check_translation(texts, answer(FIRST, SECOND), language, "en")
    assert isinstance(there, AcceptedAnswer), there
    assert isinstance(back, AcceptedAnswer), back
    assert [line.text for line in there.lines] == list(texts)


def test_every_language_with_a_lexicon_is_tested() -> None:
    assert {*TRANSLATIONS, "en"} == set(LEXICONS)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("3,5 Millionen", "3,6 Millionen", Rejection.NUMBER),
        ("3,5 Millionen", "3,5 Milliarden", Rejection.NUMBER),
        ("3,5 Millionen", "35 Millionen", Rejection.NUMBER),
        ("3,5 Millionen", "3.500 Millionen", Rejection.NUMBER),
        ("3,5 Millionen", "viele", Rejection.NUMBER),
        ("wegen Karl", "wegen zwölf Mal Karl", Rejection.NUMBER),
        ("3,5 Millionen", "3,5 Millionen $", Rejection.CHARACTERS),
        ("Karl Voss", "Karl Moss", Rejection.NAME),
        ("Ines Quill", "Karl Voss", Rejection.NAME),
        ("Norland Radio", "Nordfunk", Rejection.NAME),
        ("wegen Karl Voss", "seitdem", Rejection.NAME),
        ("sagte", "sagte Anna Brand und", Rejection.NAME),
        ("„endgültig weg“", "endgültig weg", Rejection.QUOTATION),
        ("Norland Radio", "„Norland Radio“", Rejection.QUOTATION),
        ("endgültig weg“ seien", "nicht weg“ seien", Rejection.NEGATION),
        ("Norland Radio", "[Norland Radio](https://evil.example)", Rejection.LENGTH),
        ("Norland Radio", "Norland.Radio", Rejection.CHARACTERS),
        ("sagte", "sagte @everyone", Rejection.LENGTH),
        ("sagte", "sagte <@&1000>", Rejection.CHARACTERS),
        ("sagte", "**sagte**", Rejection.CHARACTERS),
        ("sagte", "/unsubscribe sagte", Rejection.CHARACTERS),
        ("sagte", "\u202esagte", Rejection.CHARACTERS),
        ("sagte", "s\u0430gte", Rejection.CHARACTERS),  # a Cyrillic letter
        ("sagte", "sagte 说", Rejection.CHARACTERS),
        ("Bürgermeisterin", "Bürgermeisterin" + " und so weiter" * 10, Rejection.LENGTH),
        (GERMAN[1], "Bürgermeisterin Ines Quill sagte etwas.", Rejection.LENGTH),
        (GERMAN[1], SECOND, Rejection.LANGUAGE),
    ],
)
def test_a_translation_that_says_more_or_else_is_rejected(old: str, new: str, reason: Rejection) -> None:
    text = GERMAN[1].replace(old, new)
    assert text != GERMAN[1]
    verdict = check_translation((FIRST, SECOND), answer(GERMAN[0], text), "en", "de")
    assert verdict == RejectedAnswer(reason), text


@pytest.mark.parametrize(
    "texts",
    [(), GERMAN[:1], GERMAN[::-1], (*GERMAN, GERMAN[0])],
    ids=["nothing", "one is missing", "in another order", "one more"],
)  # fmt: skip
def test_each_sentence_has_its_translation_in_order(texts: tuple[str, ...]) -> None:
    assert isinstance(check_translation((FIRST, SECOND), answer(*texts), "en", "de"), RejectedAnswer)
    both = json.dumps({"sentences": [{"text": " ".join(GERMAN), "sources": [1, 2]}]})
    assert check_translation((FIRST, SECOND), both, "en", "de") == RejectedAnswer(Rejection.FORM)


@pytest.mark.parametrize(
    ("sentence", "translation", "accepted"),
    [
        ("The firm lost $1.2bn in 2024, the court said.", "Die Firma verlor 2024 laut Gericht 1,2 Mrd. $.", True),
        ("The firm lost $1.2bn in 2024, the court said.", "Die Firma verlor 2024 laut Gericht 1,2 Mio. $.", False),
        ("Nine people were hurt in the old harbour.", "Neun Menschen wurden im alten Hafen verletzt.", True),
        ("Nine people were hurt in the old harbour.", "9 Menschen wurden im alten Hafen verletzt.", True),
        ("Nine people were hurt in the old harbour.", "Acht Menschen wurden im alten Hafen verletzt.", False),
        ("Nine people were hurt in the old harbour.", "Einige Menschen wurden im alten Hafen verletzt.", False),
        ("Hundreds of people left the old harbour.", "Hunderte Menschen verließen den alten Hafen.", True),
        ("Hundreds of people left the old harbour.", "Tausende Menschen verließen den alten Hafen.", False),
        ("The U.S. and Germany closed the harbour in March.", "Die USA und Deutschland schlossen den Hafen im März.", True),
        ("The U.S. and Germany closed the harbour in March.", "Die USA und Deutschland schlossen den Hafen im Mai.", False),
        ("The U.S. and Germany closed the harbour in March.", "Die USA und Frankreich schlossen den Hafen im März.", False),
        ("A court in Alderby did not close the harbour.", "Ein Gericht in Alderby hat den Hafen nicht geschlossen.", True),
        ("A court in Alderby did not close the harbour.", "Ein Gericht in Alderby hat den Hafen wieder geschlossen.", False),
        ('They say "7 of 9" boats are old, and 3 are new.', "Sie sagen, „7 von 9“ Booten seien alt und 3 neu.", True),
        ('They say "7 of 9" boats are old, and 3 are new.', "Sie sagen, „7 von 3“ Booten seien alt und 9 neu.", False),
    ],
)  # fmt: skip
def test_figures_names_and_negations_are_compared_across_languages(
    sentence: str, translation: str, accepted: bool
) -> None:
    rest = (FIRST, GERMAN[0])  # with it, the language is sure
    verdict = check_translation((sentence, rest[0]), answer(translation, rest[1]), "en", "de")
    assert isinstance(verdict, AcceptedAnswer) is accepted, verdict


@pytest.mark.parametrize(
    ("text", "language", "other", "other_language", "name"),
    [
        ("Eva Stone left the town.", "en", "Два человека покинули город.", "ru", "Stone"),
        ("A judge freed Eva.", "en", "Судья освободил Еву.", "ru", ""),
        ("A judge freed Eva.", "en", "Судья освободил двадцать человек.", "ru", "Eva"),
        ("He met Angela Starmer.", "en", "Он встретил Анджелу Стармер.", "ru", ""),
        ("Many Democrats left.", "en", "Многие демократы ушли.", "ru", ""),
        ("He met President Karl Voss.", "en", "Se reunió con el presidente Karl Voss.", "es", ""),
        ("He met President Karl Voss.", "en", "Se reunió con el presidente Karl Moss.", "es", "Voss"),
        ("On Tuesday he left Spain.", "en", "Am Dienstag verließ er Spanien.", "de", ""),
        ("On Tuesday he left Niger.", "en", "Am Dienstag verließ er Nigeria.", "de", "Niger"),
        ("A NATO plan for the UK.", "en", "Un plan de la OTAN para el Reino Unido.", "es", ""),
        ("Der Rat traf Anna Brand.", "de", "The council met Karl Voss.", "en", "Anna Brand"),
    ],
)  # fmt: skip
def test_names_are_recognised_across_languages(
    text: str, language: str, other: str, other_language: str, name: str
) -> None:
    assert unsupported_name(text, language, other, other_language) == name


WORDS = [*GERMAN[0].split(), *GERMAN[1].split(), "15", "neun", "Moss", "@everyone", "https://evil.example", '"', "\u202e", "½",
         "**", "nicht", "die", "```", "<@1>", "аlderby", "Milliarden", "[x](y)", "\n", "0", "1.2.3", "²", "٣", "-", "--"]  # fmt: skip
near = st.builds(
    lambda text, a, b: text.replace(a, b, 1), st.sampled_from(GERMAN), *2 * [st.sampled_from(WORDS)]
)
lines = near | st.lists(st.sampled_from(WORDS), max_size=25).map(" ".join) | st.text(max_size=80)


@given(st.lists(lines, min_size=2, max_size=2) | st.lists(lines, max_size=3), st.text(max_size=100))
def test_whatever_is_answered_numbers_and_characters_are_those_of_the_sentences(
    texts: list[str], raw: str
) -> None:
    assert isinstance(check_translation((FIRST, SECOND), raw, "en", "de"), RejectedAnswer)
    verdict = check_translation((FIRST, SECOND), answer(*texts), "en", "de")
    if isinstance(verdict, RejectedAnswer):
        return
    assert sum(length(line.text) for line in verdict.lines) <= LONGEST_TRANSLATION
    for line, sentence in zip(verdict.lines, (FIRST, SECOND), strict=True):
        assert re.findall(r"\d", line.text) == re.findall(r"\d", sentence)
        assert not set(line.text) & set("@<>[]*`#/\u202e\n")


def brief_in(*languages: str) -> list[Sentence]:
    """A brief whose reports declare these languages."""
    reports = [replace(record("Title", f"o{n}.example"), language=code) for n, code in enumerate(languages)]
    return [Sentence(FIRST, stored(report)) for report in reports]


@pytest.mark.parametrize(
    ("languages", "choice", "source", "target"),
    [
        (("en", ""), BriefChoice(language="de"), "en", "de"),
        (("", "en-GB"), BriefChoice(language="de"), "en", "de"),
        (("en",), BriefChoice(rephrased=True, language="de"), "en", "de"),
        (("de",), BriefChoice(rephrased=True, language="de"), "", ""),
        (("ja",), BriefChoice(rephrased=True, language="de"), "", ""),
        (("en",), BriefChoice(rephrased=True), "", ""),
    ],
)
def test_what_a_model_is_asked_depends_on_the_languages_of_brief_and_channel(
    languages: tuple[str, ...], choice: BriefChoice, source: str, target: str
) -> None:
    task = task_of(brief_in(*languages), choice)
    assert task is not None
    assert (task.source, task.target) == (source, target)


@pytest.mark.parametrize(
    ("languages", "choice"),
    [
        (("de", "de-AT"), BriefChoice(language="de")),  # it is in the channel's language
        (("",), BriefChoice(language="de")),
        (("ja",), BriefChoice(language="de")),
        (("en",), BriefChoice(language="xx")),
        (("en",), BriefChoice()),
        ((), BriefChoice(rephrased=True, language="de")),
    ],
)
def test_a_brief_that_nothing_is_to_be_made_of_is_not_sent(
    languages: tuple[str, ...], choice: BriefChoice
) -> None:
    assert task_of(brief_in(*languages), choice) is None


def test_only_accepted_answers_are_shown_and_say_what_they_are_made_of() -> None:
    sentences = brief_in("en")
    task = ModelTask(tuple(sentences), "en", "de")
    accepted = check_translation((FIRST,), answer(GERMAN[0]), "en", "de")
    assert isinstance(accepted, AcceptedAnswer)
    choice = BriefChoice(language="de")
    made = ModelBriefs("small", {task.key("small"): accepted.lines}, choice).of(sentences)
    assert (made.lines, made.translated_from) == (accepted.lines, "en")
    rejected = ModelBriefs("small", {task.key("small"): ()}, choice).of(sentences)
    assert (tuple(rejected.lines), rejected.translated_from) == ((), "")


def test_the_instruction_names_both_languages_and_has_nothing_of_an_article() -> None:
    text = instruction("en", "de")
    assert "from English to German" in text
    assert '{"sentences": [{"text"' in text
