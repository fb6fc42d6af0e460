"""How texts and names are compared, whatever their case and form, and where in a text each word stands."""

from __future__ import annotations

import unicodedata
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.text.words import fold, name_key, plain, plain_words, token_places, tokens, word_places, words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The quick-brown  Fox, 2 foxes!", "the quick brown fox 2 foxes"),
        ("Don’t don't", "don t don t"),
        ("snake_case", "snake_case"),
        ("C# and C++ on .NET, not ASP.NET, nor C", "c# and c++ on .net not asp net nor c"),
        ("Café Cafe\u0301 Łódź Ørsted Straße İstanbul", "cafe cafe lodz orsted strasse istanbul"),
        ("ΣΊΣΥΦΟΣ Ёлка", "σισυφοσ елка"),
        ("ｗｉｄｅ ﬁne ½", "wide fine 1 2"),
        ("東京タワー", "東 京 タ ワ ー"),
        ("がか", "が か"),  # marks of kana are no accents
        ("iPhone用ケース", "iphone 用 ケ ー ス"),
        ("ไทย", "ไ ท ย"),
        ("삼성전자", "삼성전자"),
        ("हिन्दी", "हिन्दी"),
        ("שָׁלוֹם מُحَمَّد", "שלום מحمد"),
        ("می\u200cخواهم", "میخواهم"),
        ("", ""),
        ("— … !", ""),
    ],
)
def test_words_compare_without_case_and_accents(text: str, found: str) -> None:
    assert plain_words(text) == found.split()


def test_a_hamza_over_ya_is_a_part_of_its_word() -> None:
    assert len(words("رئيس الوزراء")) == len(tokens("رئيس الوزراء")) == 2


@given(st.text())
def test_every_word_stands_somewhere(text: str) -> None:
    for places, cut in ((word_places, plain_words), (token_places, tokens)):
        placed = list(places(text))
        assert [place.word for place in placed] == cut(text)
        assert all(0 <= place.start < place.end <= len(text) for place in placed)
        assert [place.start for place in placed] == sorted(place.start for place in placed)


@given(st.text(alphabet="aZ9 é’-東がc#+.NETه\u0301ไ½"))
def test_what_stands_there_is_that_word(text: str) -> None:
    for word, start, end in word_places(text):
        assert word in plain_words(text[start:end])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Model-driven apps", ["model", "driven", "apps"]),
        ("OpenAI's GPT_4 in 2024", ["openai", "s", "gpt_4", "in", "2024"]),
        ("C# and F#, C++ or c?", ["c#", "and", "f#", "c++", "or", "c"]),
        ("A+ grade, Disney+ and AI#", ["a", "grade", "disney", "and", "ai"]),
        (".NET 8 is ASP.NET... net", [".net", "8", "is", "asp", "net", "net"]),
        ("Straße CAFÉ cafe\u0301 ＡＩ", ["strasse", "café", "café", "ai"]),
        ("微软AI发布", ["微", "软", "ai", "发", "布"]),
        ("", []),
    ],
)
def test_words(text: str, found: list[str]) -> None:
    assert words(text) == found


@given(st.text())
def test_words_do_not_depend_on_case(text: str) -> None:
    assert words(text) == words(text.casefold())


# Each row is one name, as different hands and programs write it.
ONE_NAME = [
    ("İstanbul", "istanbul", "ISTANBUL", "\u0131stanbul", "I\u0307STANBUL"),
    ("Iğdır", "IĞDIR", "iğdir", "Ig\u0306d\u0131r"),
    ("Cà Mau", "CA\u0300 MAU", "ca\u0300  mau", "Cà\u00a0Mau", "\u2009Cà\u2002Mau\u3000"),
    ("Robot", "Ｒｏｂｏｔ", "ro\u00adbot", "ro\u200bbot", "\ufeffRobot", "\u202aRobot\u202c", "ro\u2060bot"),
    ("カメラ", "ｶﾒﾗ", "カメラ\ufe0e"),
    ("ドローン", "ﾄﾞﾛｰﾝ", "ト\u3099ローン"),
    ("Deep-Sea", "Deep\u2010Sea", "Deep\u2011Sea", "Deep–Sea", "Deep\u2212Sea", "Deep\uff0dSea", "Deep\ufe63Sea"),
    ("Men's Shed", "Men’s Shed", "Men\u02bcs Shed", "Men\u2018s Shed", "Men\uff07s Shed", "Men\xb4s Shed", "Men`s Shed"),
    ("Straßenbahn", "STRASSENBAHN", "STRA\u1e9eENBAHN", "strassenbahn"),
    ("Office", "o\ufb03ce", "OFFICE"),
    ("Σεισμός", "ΣΕΙΣΜΟΣ", "σεισμο\u0301ς"),
    ("ميناء", "مينـــاء", "مِينَاء", "م\u06ccناء"),
    ("کتاب", "كتاب"),
    ("שלום", "שָׁלוֹם"),
    ("2026", "２０２６", "\u0662\u0660\u0662\u0666", "\u06f2\u06f0\u06f2\u06f6", "२०२६"),
    ("ქართული", "ᲥᲐᲠᲗᲣᲚᲘ"),
    ("Ĳmuiden", "IJmuiden"),
    ("Panel 1️⃣", "panel 1"),
    ("Acme™ Phone", "acme phone"),
]  # fmt: skip


@pytest.mark.parametrize("names", ONE_NAME, ids=lambda names: str(names[0]))
def test_a_name_is_one_name_in_whatever_case_and_form(names: tuple[str, ...]) -> None:
    assert len({name_key(name) for name in names}) == 1
    assert len({tuple(tokens(name)) for name in names}) == 1
    assert len({tuple(words(name)) for name in names}) == 1
    assert len({tuple(plain_words(name)) for name in names}) == 1


@pytest.mark.parametrize(
    "names",
    [("Resume", "Résumé"), ("Deep Sea", "Deep-Sea"), ("ハ", "バ"), ("C", "C#"), ("Go", "Gö"), ("И", "Й")],
)
def test_names_that_look_different_stay_different(names: tuple[str, str]) -> None:
    assert len(set(map(name_key, names))) == 2


CASED = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="™℠")) | st.text(
    "iIİıσΣςßẞΐάΆ\u0301\u0307\u0308ǆŉﬁ", max_size=8
)


@given(CASED)
def test_what_is_folded_stays_as_it_is(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert plain(plain(text)) == plain(text)


@given(CASED, st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]))
def test_composition_makes_no_difference(text: str, form: Literal["NFC", "NFD", "NFKC", "NFKD"]) -> None:
    typed = "".join(character for character in text if character not in _SPACING)
    assert fold(unicodedata.normalize(form, typed)) == fold(typed)


# Accents that stand alone: a normal form makes two characters of them, a space and an accent of it.
_SPACING = frozenset(
    chr(code) for code in range(0x3000) if unicodedata.decomposition(chr(code)).startswith("<compat> 0020 03")
)


def test_a_place_is_where_the_word_is_written_in_its_original_form() -> None:
    title = "Zwei Stra\u00dfen in \u0130zmir \uff21\uff29 o\ufb03ce re\u0301sume\u0301"
    written = {place.word: title[place.start : place.end] for place in token_places(title)}
    assert written["strassen"] == "Stra\u00dfen"
    assert written["izmir"] == "\u0130zmir"
    assert written["ai"] == "\uff21\uff29"
    assert written["office"] == "o\ufb03ce"
    assert written["résumé"] == "re\u0301sume\u0301"
