"""The catalogue in the languages that news comes in: made-up headlines, and the root topics that they have to get."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from bot.domain.text.language import with_language
from bot.domain.topics.topics import Topics
from bot.sources.catalogue import catalogue_topics
from tests.make import record

HEADLINES = {
    "en": {
        "Society": "Prime minister loses confidence vote after budget row",
        "Business": "Furniture maker cuts profit outlook as sales slow",
        "Sports": "Late goal sends the hosts into the semi-finals of the tournament",
        "Health": "Hospitals short of nurses as flu season begins",
        "Science": "Researchers find water below the crater of a distant planet",
        "Culture": "Museum shows the forgotten paintings of two sisters",
        "Environment": "Flash floods follow heavy rain in the valley",
        "Transport": "Two lorries collide and close the motorway for hours, drivers wait",
    },
    "de": {
        "Society": "Landesregierung streitet mit den Bürgermeistern über Kitas",
        "Business": "Möbelhersteller meldet Insolvenz an und baut Arbeitsplätze ab",
        "Sports": "Handballer gewinnen das Testspiel vor der Europameisterschaft",
        "Health": "Kinderkliniken fehlen Ärzte und Pflegekräfte",
        "Science": "Forscherinnen entdecken Fossilien in einer Tongrube",
        "Culture": "Stadttheater zeigt ein vergessenes Stück, das Orchester spielt dazu",
        "Environment": "Nach dem Hochwasser drohen im Süden neue Unwetter",
        "Transport": "Lastwagenunfall sperrt die Autobahn bis zum Abend",
    },
    "fr": {
        "Society": "Le gouvernement recule devant les maires sur la réforme des écoles",
        "Business": "Le fabricant de meubles placé en redressement judiciaire, cent emplois menacés",
        "Sports": "Les handballeurs battus en demi-finale du championnat d'Europe",
        "Health": "Les hôpitaux manquent de médecins face à la grippe",
        "Science": "Des chercheurs découvrent un fossile vieux de dix millions d'années",
        "Culture": "Le musée expose les peintures oubliées de deux sœurs",
        "Environment": "Inondations : la pluie attendue tout le week-end dans la vallée",
        "Transport": "Deux camions se percutent sur l'autoroute, la circulation coupée",
    },
    "es": {
        "Society": "El gobierno pacta con los alcaldes la reforma de las escuelas",
        "Business": "La empresa de muebles despide a cien empleados y cierra su fábrica",
        "Sports": "El delantero marca dos goles y mete a su equipo en la semifinal",
        "Health": "Los hospitales piden más médicos ante la llegada de la gripe",
        "Science": "Científicos descubren una nueva especie de rana en la selva",
        "Culture": "El museo reúne las pinturas olvidadas de dos hermanas",
        "Environment": "Las lluvias dejan inundaciones en tres pueblos del valle",
        "Transport": "Chocan dos camiones y cortan la autopista durante horas",
    },
    "pt": {
        "Society": "Governo adia votação da reforma depois de protestos de professores",
        "Business": "Empresa de móveis fecha fábrica e dispensa cem trabalhadores",
        "Sports": "Treinador deixa o clube depois da terceira derrota no campeonato",
        "Health": "Hospitais pedem mais médicos com a chegada da gripe",
        "Science": "Cientistas descobrem água debaixo da superfície de um planeta distante",
        "Culture": "Museu abre exposição com pinturas esquecidas de duas irmãs",
        "Environment": "Chuva forte provoca inundações em três bairros",
        "Transport": "Acidente com dois camiões corta a autoestrada durante horas",
    },
    "it": {
        "Society": "Il governo rinvia la riforma dopo lo scontro con i sindaci",
        "Business": "L'azienda di mobili chiude lo stabilimento, cento licenziamenti",
        "Sports": "L'allenatore lascia dopo la terza sconfitta in campionato",
        "Health": "Ospedali a corto di medici mentre arriva il virus stagionale",
        "Science": "Gli scienziati scoprono acqua sotto la crosta di un pianeta lontano",
        "Culture": "Al museo la mostra sui dipinti dimenticati di due sorelle",
        "Environment": "Alluvione nella valle, nuova allerta meteo per il fine settimana",
        "Transport": "Scontro tra due camion, autostrada chiusa per ore",
    },
    "nl": {
        "Society": "Kabinet stelt besluit over kinderopvang uit na ruzie met burgemeesters",
        "Business": "Meubelfabriek failliet, honderd werknemers op straat",
        "Sports": "Trainer vertrekt na derde nederlaag in de competitie",
        "Health": "Ziekenhuizen zoeken verpleegkundigen nu de griep begint",
        "Science": "Wetenschappers ontdekken water onder de korst van een verre planeet",
        "Culture": "Museum toont vergeten schilderijen van twee zussen",
        "Environment": "Overstromingen na noodweer, opnieuw code oranje",
        "Transport": "Snelweg uren dicht na botsing van twee vrachtwagens",
    },
    "pl": {
        "Society": "Rząd odkłada ustawę po sporze z burmistrzami",
        "Business": "Fabryka mebli ogłasza upadłość, pracę straci sto osób",
        "Sports": "Trener odchodzi po trzeciej porażce w mistrzostwach",
        "Health": "W szpitalach brakuje lekarzy, a zaczyna się sezon grypy",
        "Science": "Naukowcy odkryli wodę pod powierzchnią odległej planety",
        "Culture": "Muzeum pokazuje zapomniane obrazy dwóch sióstr",
        "Environment": "Powódź w dolinie, na weekend zapowiadają kolejne burze",
        "Transport": "Wypadek dwóch ciężarówek zablokował autostradę",
    },
    "ru": {
        "Society": "Правительство отложило закон после спора с губернаторами",
        "Business": "Мебельная компания объявила о банкротстве и закрывает завод",
        "Sports": "Тренер покинул сборную после третьего поражения на чемпионате",
        "Health": "Больницам не хватает врачей в начале сезона гриппа",
        "Science": "Ученые нашли воду под поверхностью далекой планеты",
        "Culture": "Музей показывает забытые картины двух сестер на выставке",
        "Environment": "Наводнение в долине: синоптики обещают новые ливни",
        "Transport": "Авария с двумя грузовиками перекрыла дорогу, водители ждут",
    },
    "tr": {
        "Society": "Hükümet yasa teklifini belediye başkanlarının itirazı üzerine erteledi",
        "Business": "Mobilya şirketi iflas etti, fabrikasını kapatıyor",
        "Sports": "Teknik direktör üçüncü yenilginin ardından takımdan ayrıldı, futbolcular üzgün",
        "Health": "Hastanelerde doktor sıkıntısı: grip sezonu başladı",
        "Science": "Bilim insanları uzak bir gezegende su buldu",
        "Culture": "Müze iki kız kardeşin unutulan resimlerini sergiliyor",
        "Environment": "Şiddetli yağış vadide sel felaketine yol açtı",
        "Transport": "İki kamyon çarpıştı, otoyol saatlerce kapandı",
    },
    "ar": {
        "Society": "الحكومة تؤجل مشروع القانون بعد خلاف في البرلمان",
        "Business": "شركة الأثاث تعلن إفلاسها وتغلق مصانعها",
        "Sports": "المدرب يرحل بعد الهزيمة الثالثة في الدوري",
        "Health": "المستشفيات تشكو نقص الأطباء مع بداية موسم الإنفلونزا",
        "Science": "علماء يكتشفون الماء في الفضاء البعيد على سطح المريخ",
        "Culture": "المتحف يقيم معرضا للوحات منسية",
        "Environment": "الأمطار الغزيرة تسبب فيضانات في الوادي",
        "Transport": "تأخر الرحلات الجوية في المطار بعد عطل في طائرة",
    },
    "zh": {
        "Society": "议会通过新法案 总理面临不信任投票",
        "Business": "家具公司宣布破产 关闭两家工厂",
        "Sports": "主教练在联赛三连败后离开球队",
        "Health": "流感季节来临 医院缺少护士和医生",
        "Science": "科学家在遥远行星上发现水",
        "Culture": "博物馆展出两姐妹被遗忘的油画",
        "Environment": "山谷暴雨引发洪水 气象台再发预警",
        "Transport": "两辆货车相撞 高速公路关闭数小时",
    },
    "ja": {
        "Society": "内閣不信任案を否決、首相は知事と会談へ",
        "Business": "家具メーカーが倒産、工場を閉鎖",
        "Sports": "サッカー代表が準決勝に進出、終了間際のゴールで勝利",
        "Health": "インフルエンザ流行で病院の看護師が不足",
        "Science": "研究チームが遠い惑星に水を発見、望遠鏡で観測",
        "Culture": "美術館で忘れられた姉妹の絵画展",
        "Environment": "谷で豪雨、洪水のおそれで避難指示",
        "Transport": "トラック二台が衝突し高速道路が通行止め",
    },
}

# Words of the catalogue that mean something else in another language: a headline, and a topic that it must not get.
ELSEWHERE = [
    ("Tell us how you grow your tomatoes in a small garden", "United States"),  # German "US"
    ("Doors of the village hall open at 8 PM for the quilt fair", "Law"),  # Italian "PM", a prosecutor
    ("A loon and her young cross the quiet lake at dawn", "Jobs"),  # Dutch "loon", wages
    ("He put all the eggs in one bus stop basket, and the hens left", "Law"),  # German "haft"
    ("The old uni cycle club meets again under the lime trees", "Education"),  # German "Uni"
    ("Der Hund liegt auf der Bank und schläft in der Sonne", "Banking"),
    ("Er schimpft über den Lärm der Nachbarn im Hinterhof", "Health"),  # "impf" inside of it
    ("Die Regale sind eingerichtet, ausgerichtet und frisch gestrichen", "Law"),  # "gericht" inside
    ("Ai visitatori piace il giardino delle rose antiche", "Artificial Intelligence"),
    ("J'ai trouvé la clé dans le jardin de ma grand-mère", "Artificial Intelligence"),
    ("El perro duerme once horas y luego come un poco de pan", "Jobs"),  # no English words in Spanish
    ("Kedi bütün gün uyuyor ve akşam pencereden bakıyor", "Health"),  # Turkish "hasta" is Spanish "until"
    ("Hasta luego, dijo la abuela, y cerró la puerta del jardín", "Health"),
    ("Nisan ayında bahçede çiçekler açtı", "Celebrities"),  # April; "nişan" is an engagement
    ("Im Zuge der Jahre wurde der Garten immer größer", "Rail"),  # "Züge" without its dots
    ("Поужинали вкусно, а потом долго смотрели на звезды с балкона", "Law"),
]


@cache
def topics() -> Topics:
    return Topics(catalogue_topics())


def roots(title: str, language: str = "") -> set[str]:
    """The root topics that a headline gets by keywords, as an article that declares that language."""
    matches = topics().matcher.of(with_language(replace(record(title), language=language)))
    return {topics().root(match.topic) for match in matches}


@pytest.mark.parametrize(
    ("language", "root", "title"),
    [(language, root, title) for language, of in HEADLINES.items() for root, title in of.items()],
)
def test_a_headline_gets_its_root_topic_in_every_language(language: str, root: str, title: str) -> None:
    assert root in roots(title)
    assert root in roots(title, language)


@pytest.mark.parametrize("language", sorted(HEADLINES.keys() - {"en"}))
def test_an_outlet_that_declares_the_wrong_language_gets_topics_all_the_same(language: str) -> None:
    """Sites often leave the English that their software came with."""
    assert [root for root, title in HEADLINES[language].items() if root not in roots(title, "en-US")] == []


@pytest.mark.parametrize(("title", "topic"), ELSEWHERE)
def test_a_word_that_means_something_else_in_another_language_is_no_keyword_there(
    title: str, topic: str
) -> None:
    matched = topics().matcher.of(with_language(record(title)))
    assert topic not in {match.topic for match in matched}
    assert topic not in {topics().root(match.topic) for match in matched}


def test_every_language_of_the_table_has_keywords_for_every_root_topic_in_it() -> None:
    languages = {root: set[str]() for root in HEADLINES["en"]}
    for topic in topics():
        root = topics().root(topic.name)
        if root in languages:
            languages[root] |= {language for language, _ in topic.language_keywords}
    assert {
        root: sorted(HEADLINES.keys() - of) for root, of in languages.items() if HEADLINES.keys() - of
    } == {}
