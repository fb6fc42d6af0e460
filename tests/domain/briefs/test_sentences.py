"""What of an excerpt is a whole sentence of its outlet, and what publishers only put around it."""

from __future__ import annotations

import pytest
from hypothesis import given

from bot.domain.briefs.boilerplate import is_boilerplate
from bot.domain.briefs.sentences import LONGEST, excerpt, pieces, sentences
from tests.discord_rules import units
from tests.hostile import texts

SAID = "The council of Alderby banned drones on Monday."

# Language, what stands in an excerpt, and the sentences of it.
CUT = [
    ("en", f"{SAID} Mayor J. R. Okafor of the U.K. town agreed.", [SAID, "Mayor J. R. Okafor of the U.K. town agreed."]),
    ("en", "Money ran out, Gov. Ann Lee said on Friday night.", ["Money ran out, Gov. Ann Lee said on Friday night."]),
    ("de", "Am 3. Januar stieg die Zahl auf 1,5 Mio. Euro. Das sagte Dr. Meier am Abend.", 2),
    ("fr", "Le maire a démissionné lundi soir. « Je pars », a-t-il déclaré à la presse.", 2),
    ("es", "El alcalde dimitió el lunes por la noche. «Me voy», dijo a la prensa local.", 2),
    ("ru", "Мэр города подал в отставку в понедельник. Об этом сообщила пресс-служба города.", 2),
    ("ja", "市長は月曜日に辞任を表明した。後任はまだ決まっていない。", 2),
    ("zh", "市长周一宣布辞职并离开市政厅。接任者尚未确定。", 2),
    ("hi", "महापौर ने सोमवार को इस्तीफा दे दिया। नए महापौर का चुनाव अगले महीने होगा।", 2),
    ("ar", "أعلن رئيس البلدية استقالته يوم الاثنين. سيتم انتخاب خلف له الشهر المقبل.", 2),
]  # fmt: skip

# What a text begins with before its first sentence.
DATELINES = (
    "ALDERBY (AP) — ",
    "ALDERBY, Monday 3 (Courier) - ",
    "ALDERBY, 3 mars (AFP) - ",
    "ALDERBY — ",
    "ALDERBY, Norland (AP) — ",
    "(Harbour Courier) – ",
    "Alderby (dpa) - ",
    "【アルダビー共同】",
    "アルダビー（共同）－",
    "МОСКВА, 5 марта (ТАСС) - ",
    "القاهرة (رويترز) - ",
    "(CNN)",
    "Alderby (CNN) ",
    "(Courier) ",
    "ALDERBY (AP) -- ",
    "3 March (UPI) -- ",
    "March 3, 2026 (AFP) - ",
    "ALDERBY/QUILLPORT (Reuters) - ",
    "NEW ALDERBY, Mar 3 (PTI): ",
    "WEST ALDERBY, Norl.—",
    "Alderby/Quill (dpa) – ",
    "Alderby am See (AFP) - ",
    "Alderby (dpa/lnw) - ",
    "(dts Nachrichtenagentur) – ",
    "Alderby, le 3 mars 2026 (AFP) – ",
    "Ciudad de Alderby (AP) — ",
    "Alderby, 3 mar (EFE).- ",
    "(EFE).- ",
    "Alderby.- ",
    "(ANSA) - ALDERBY, 03 MAR - ",
    "Alderby, 3 mar. - ",
    "Alderby, 03 mar 2026 (Lusa) - ",
    "Alderby, 03.03.2026 (PAP) - ",
    "АЛДЕРБИ, 3 мар — Курьер. ",
    "القاهرة 3 مارس آذار (رويترز) - ",
)
# The same before a script that has neither capitals nor spaces.
DATELINES_OF_HAN = (
    "［東京　３日　ロイター］ - ",
    "[東京 3日 ロイター] - ",
    "（CNN）　",
    "（時事）",
    "（中央社台北3日電）",
    "（路透社北京3日电）",
    "中新社北京3月3日电 （记者 王明）",
    "北京3月3日讯（记者王明）",
)
# What only looks like one.
NO_DATELINES = (
    "Ann Lee – the mayor's sister – left the town on Monday.",
    "Alderby – Quillport ended without a goal on Monday evening.",
    "Alderby 3 – Quillport 1 was the result on Monday evening.",
    "NATO: the drones over the harbour were no threat.",
    "Quillsoft (QLS) said on Monday that it would leave the town.",
    "An A.B.-based court ruled on Monday that drones are legal.",
    "Ann Lee (the mayor) said on Monday that drones are legal.",
    "Der Trainer – seit Montag im Amt – verlor auch das zweite Spiel.",
)

# What is never a sentence, in any language.
NEVER = (
    "Home | News | Sport | Weather",
    "Home » World » Europe",
    "By Ann Lee and Bo Ek",
    "Von Anna Schmidt",
    "Por Juan Pérez García",
    "Photo: Ann Lee/Courier",
    "Foto: Anna Schmidt/dpa",
    "BREAKING NEWS FROM ALDERBY TODAY",
    "Updated 12:04, 03.03.2026",
    "+44 20 7946 0958 — 0800 1111",
    "Read more",
    "Read more about the drones of Alderby here.",
    "Continue reading →",
    "Subscribe to our newsletter.",
    "Sign up for the Courier's morning letter.",
    "We use cookies to make the site better for you.",
    "Wir verwenden Cookies, um die Seite zu verbessern.",
    "Weiterlesen …",
    "Lire la suite sur le site",
    "Leer más noticias de hoy",
    "Leggi anche: le notizie di oggi",
    "Lees meer over dit onderwerp",
    "Czytaj więcej na naszej stronie",
    "Читайте также: новости дня",
    "اقرأ المزيد من الأخبار",
    "और पढ़ें ताज़ा खबरें",
    "続きを読むには会員登録が必要です",
    "阅读全文请点击这里",
    "この記事の無断転載を禁じます",
    "Anzeige",
    "The post Drones banned in Alderby appeared first on The Courier.",
    "Der Beitrag Drohnen verboten erschien zuerst auf Kurier.",
    "All rights reserved by the Courier of Alderby.",
    "This story is for subscribers only.",
    "You have one free article left this month.",
    "Download our app for the latest news.",
    "Copyright 2026 The Courier.",
    "© 2026 The Courier of Alderby",
    "(Reporting by Ann Lee; editing by Bo Ek)",
    "See also: a history of drones",
    "Watch: drones over the harbour",
    "Mehr zum Thema: Drohnen im Hafen",
    "Auch interessant: Drohnen im Hafen",
    "Dieser Artikel ist nur für Abonnenten.",
    "Melden Sie sich für unseren Newsletter an.",
    "Folgen Sie uns auf allen Kanälen",
    "Mit Material von dpa",
    "(dpa)",
    "À lire également : le plan du maire",
    "Voir aussi : les drones du port",
    "Cet article est réservé aux abonnés.",
    "Mis à jour le 3 mars à 12h04",
    "(avec AFP)",
    "Lee también | Los drones del puerto",
    "Contenido exclusivo para suscriptores.",
    "Publicado el 3 de marzo de 2026",
    "Con información de EFE",
    "Per approfondire: i droni del porto",
    "Contenuto riservato agli abbonati.",
    "Seguici su tutti i canali",
    "Veja também: os drones do porto",
    "Conteúdo exclusivo para assinantes.",
    "Continua após a publicidade",
    "Подпишитесь на нашу рассылку",
    "Смотрите также: дроны над гаванью",
    "Источник: пресс-служба города",
    "Реклама",
    "あわせて読みたい：ドローンの歴史",
    "写真：アンナ・リー／クーリエ",
    "この記事は有料会員限定です。",
    "（写真は共同）",
    "相关阅读：无人机的历史",
    "图片来源：新华社",
    "未经授权不得转载",
    "Przeczytaj także: drony nad portem",
    "Fot. Anna Nowak / Kurier",
    "Bekijk ook: drones boven de haven",
    "Alleen voor abonnees",
    "المصدر: رويترز",
    "شاهد أيضا: الطائرات فوق الميناء",
)

# Prose that only looks like it at first sight.
PROSE = (
    "The subscription to the service will cost more from March.",
    "A court fined the company over its cookies on Monday.",
    "By Monday the town had banned all drones.",
    "Von den Drohnen blieb nach dem Sturm nichts übrig.",
    "Readers of the Courier want more of the same.",
    "More than 3,000 of 4,000 drones were found.",
    "Foto und Film werden in der Stadt verboten.",
    "Anzeige gegen den Bürgermeister erstattete am Montag ein Anwalt.",
    "Copyright law was changed by the court on Monday.",
    "Comments by the mayor angered many people in the town.",
    "Students learn more in small groups, a study says.",
    "Fans can sign up from Monday, the club said.",
    "Related charges against the pilot were dropped on Monday.",
    "Source code of the drones was published on Monday.",
    "Video of the drones shocked the town on Monday.",
    "El informe, publicado el lunes, acusa al alcalde.",
    "Реклама дронов запрещена в городе с понедельника.",
    "Reklama dronów jest w mieście zakazana od poniedziałku.",
    "The mayor (a pilot herself) banned drones on Monday.",
    "图书馆周一宣布从下月起延长开放时间。",
    "公司周一宣布订阅服务的价格将从下个月开始上涨。",
)


@pytest.mark.parametrize(("language", "text", "expected"), CUT)
def test_a_text_is_cut_where_its_language_ends_sentences(
    language: str, text: str, expected: list[str] | int
) -> None:
    found = sentences(text, language)
    assert list(found) == expected if isinstance(expected, list) else len(found) == expected
    assert "".join(found).replace(" ", "") == text.replace(" ", "")


@pytest.mark.parametrize("dateline", DATELINES)
def test_a_dateline_is_not_part_of_the_sentence_after_it(dateline: str) -> None:
    assert sentences(dateline + SAID, "en") == (SAID,)


@pytest.mark.parametrize("dateline", DATELINES_OF_HAN)
def test_a_dateline_in_brackets_is_not_part_of_a_sentence_without_spaces(dateline: str) -> None:
    said = "市議会は月曜日にドローンの飛行を禁止した。"
    assert sentences(dateline + said, "ja") == (said,)


@pytest.mark.parametrize("text", NO_DATELINES)
def test_what_only_looks_like_a_dateline_stays(text: str) -> None:
    assert sentences(text, "") == (text,)


@pytest.mark.parametrize("credit", ["(dpa)", " (dpa)", "（完）", " © Kurier 2026", " [Courier]"])
def test_a_credit_after_the_last_sentence_is_not_part_of_it(credit: str) -> None:
    assert sentences(f"{SAID}{credit}", "en") == (SAID,)


def test_a_dash_within_a_sentence_makes_no_dateline() -> None:
    text = "Ann, Bo and Cy (the three judges) – all voted for the ban."
    assert sentences(text, "en") == (text,)


@pytest.mark.parametrize("text", NEVER)
def test_what_publishers_put_around_a_text_is_never_a_sentence(text: str) -> None:
    assert is_boilerplate(text)
    assert SAID in sentences(f"{SAID} {text}", "en")
    assert all(sentence == SAID for sentence in sentences(f"{SAID} {text}", "en"))


@pytest.mark.parametrize("text", PROSE)
def test_prose_that_has_such_words_is_kept(text: str) -> None:
    assert not is_boilerplate(text)
    assert sentences(text, "") == (text,)


@pytest.mark.parametrize(
    "text",
    [
        "The council of Alderby banned…",
        "The council of Alderby banned the [...]",
        "The council of Alderby banned the ...",
        "Will the council of Alderby ban them?",
        "The mayor said “we will not do it.",
        "Follow @alderby for all the news of the town.",
        "There is more at https://alderby.example/drones and elsewhere.",
        "The council (of Alderby banned drones.",
        "They left.",
        f"The council {'banned drones and ' * 30}kites.",
    ],
)
def test_what_is_cut_off_asks_or_says_nothing_alone_is_no_whole_sentence(text: str) -> None:
    assert sentences(text, "en") == ()


def test_a_last_piece_without_a_mark_was_cut_off_unless_it_is_all_there_is() -> None:
    assert sentences(f"{SAID} The mayor of the town said", "en") == (SAID,)
    assert sentences("The mayor of the town said no", "en") == ("The mayor of the town said no",)


def test_what_stands_within_a_longer_quotation_is_not_what_the_outlet_says() -> None:
    text = f"{SAID} “We are done here in Alderby. The town has won at last."
    assert sentences(text, "en") == (SAID,)


def test_an_opening_mark_belongs_to_the_sentence_after_it() -> None:
    text = 'The town has won at last. "We are done here," the mayor said.'
    assert sentences(text, "en") == ("The town has won at last.", '"We are done here," the mayor said.')


@given(texts(1000))
def test_each_sentence_stands_in_its_text_word_for_word_and_in_order(text: str) -> None:
    end = 0
    for sentence in sentences(text, "en"):
        end = text.index(sentence, end) + len(sentence)
        assert 0 < units(sentence) <= LONGEST
    assert all(piece.text in text for piece in pieces(text, "de"))


@given(texts(1000))
def test_an_excerpt_fits_its_limit(text: str) -> None:
    for limit in (0, 40, 400):
        assert units(excerpt(text, "en", limit)) <= limit


def test_an_excerpt_is_cut_at_a_sentence_and_without_what_is_none() -> None:
    assert excerpt(f"ALDERBY (AP) — {SAID} {SAID} {SAID}", "en", 100) == f"{SAID} {SAID}"
    assert excerpt(f"{SAID} The mayor of the town said…", "en", 400) == SAID
    assert excerpt(f"{SAID} Read more", "en", 400) == SAID
    assert excerpt("It voted.", "en", 400) == "It voted."
    assert excerpt("The council voted and…", "en", 400) == "The council voted and…"
    assert excerpt("Read more", "en", 400) == ""
