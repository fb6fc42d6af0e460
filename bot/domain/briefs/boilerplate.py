"""What stands in excerpts and is never a sentence of a report, in any language. Pure.

Rules of structure come first; what only its words give away is in a table of phrases.
"""

from __future__ import annotations

import re

import regex

from bot.domain.text.words import fold, words

_SEPARATORS = re.compile(r"\s[|·•»›>/\\]+\s|(?<!\|)\|(?!\|)|[•›]")
_CAPITALISED = regex.compile(r"[\p{P}\p{S}]*(?:\p{Lu}|\p{Nd}|\P{L})")
_BRACKETS = {")": "(", "]": "[", "}": "{", "）": "（", "】": "【"}
_BRACKET = re.compile(r"[()\[\]{}（）【】]")
_QUOTES = re.compile('["“”„‟«»「」『』]')
_LETTERS = re.compile(r"[^\W\d_].*[^\W\d_]")
_DIGIT = re.compile(r"\d")
_NAMES = 7  # words: so many may the names of authors or the entries of a menu be
_DIGITS = 0.3  # share of a text from which it is a date, a score or a telephone number
_LONGEST_NAMES = 100  # characters of them, and of the beginning of a text that its phrases are looked for in
_AND = 3  # letters
_SHOUTED = 5  # letters from which a text in capitals is none that has a few initials
_MENU = 2  # separators

# A place, an agency or a date before the text: `BERLIN (dpa) – `, `(Courier) – `, `PARIS, 3 mars (AFP) - `,
# `東京（共同）－`, `【北京】`. Each ends in a dash with space around it, or in a bracket.
_NAME = r"[\p{Lu}\p{Lo}][\p{L}\p{M}.'’-]*"
_DATE = r"\p{N}{1,2}\.?(?: [\p{L}\p{M}]+\.?)?(?: \p{N}{4})?|[\p{L}\p{M}]+\.? \p{N}{1,2}"
_PLACE = rf"{_NAME}(?: {_NAME}){{0,3}}(?:, {_NAME}(?: {_NAME})?)?(?:,? (?:{_DATE}))?,?"
_AGENCY = r"[(（](?:[\p{Lu}\p{Lo}][^()（）]{1,30}|[\p{L}\p{M}]{2,12})[)）]"
_DASH = r"(?:[-–—―－]|--)"
_DATELINE = regex.compile(
    rf"(?:{_PLACE}\s*)?{_AGENCY}\s*(?:{_DASH}|:)\s*"
    rf"|\p{{Lu}}[\p{{Lu}}\p{{M}}.'’ -]{{2,30}}(?:, {_NAME}(?: {_NAME})?)?(?:, (?:{_DATE}))?\s+{_DASH}\s+"
    rf"|{_NAME}\. (?:{_DATE})\. [^-–—.]{{2,20}}(?:\.\p{{Lu}}+)?\s+{_DASH}\s+"
    r"|【[^【】]{1,30}】\s*"
    r"|\p{Han}{2,12}\d{1,2}月\d{1,2}日[电電讯訊]\s*"
)

# Beginnings and whole phrases that publishers put around texts, folded, as `words` has them. Of a short text any part
# may be one; a long one must begin with it.
_PHRASES = """
read more|read the full|read full|continue reading|keep reading|click here|learn more|find out more|see more|view more
|more on this story|full story|related article|related stories|related topics|recommended for you|most read|you may also like
|also read|read also|watch the video|watch live|watch below|listen to this article|share this|follow us|sign up|subscribe
|subscribe to|our newsletter|get our|log in|sign in|create an account|all rights reserved|terms of use|terms of service
|privacy policy|we use cookies|uses cookies|accept cookies|cookie policy|cookie settings|enable javascript|advertisement|sponsored content
|photo by|photo credit|image credit|picture credit|file photo|getty images|photograph by|image source|this article was
|this story was|originally published|updated on|last updated|published on|posted by|reporting by|editing by|leave a comment
|skip to content|minute read|min read|minutes to read
|weiterlesen|mehr lesen|lesen sie|mehr dazu|mehr zum thema|hier klicken|jetzt abonnieren|jetzt anmelden|jetzt lesen|newsletter abonnieren
|zum artikel|zur startseite|alle rechte vorbehalten|wir verwenden cookies|wir nutzen cookies|cookies zustimmen|bild von|foto von|symbolbild
|anzeige|quelle dpa|lesedauer|das könnte sie auch interessieren
|lire la suite|lire aussi|lire plus|en savoir plus|cliquez ici|abonnez vous|inscrivez vous|tous droits réservés|nous utilisons des cookies
|article réservé|il vous reste|crédit photo|à lire aussi|temps de lecture|suivez nous
|leer más|lee más|seguir leyendo|leer también|sigue leyendo|haga clic|haz clic|más información|suscríbete|suscríbase|todos los derechos reservados
|utilizamos cookies|política de privacidad|regístrate|te puede interesar|lea también|lea además|crédito de la foto|síguenos
|leia mais|continue lendo|leia também|saiba mais|clique aqui|assine|inscreva se|todos os direitos reservados|usamos cookies|siga nos
|leggi di più|leggi tutto|continua a leggere|leggi anche|clicca qui|iscriviti|abbonati|tutti i diritti riservati|utilizziamo i cookie|riproduzione riservata
|lees meer|lees verder|lees ook|klik hier|schrijf je in|abonneer|alle rechten voorbehouden|wij gebruiken cookies
|läs mer|läs också|läs även|klicka här|prenumerera|les mer|les også|klikk her|læs mere|læs også|klik her|abonner
|lue lisää|lue myös|tilaa|czytaj więcej|czytaj dalej|czytaj też|zobacz też|zobacz także|kliknij tutaj|zapisz się|wszelkie prawa zastrzeżone
|číst dále|čtěte také|čtěte více|více zde|přečtěte si|čítajte viac|citeste mai mult|citește mai mult|citește și|olvass tovább|bővebben|további részletek
|devamını oku|devamı için|haberin devamı|abone ol|tıklayın|tüm hakları saklıdır|selengkapnya|baca juga|baca selengkapnya|xem thêm|đọc thêm
|διαβάστε περισσότερα|διαβάστε επίσης|читать далее|читать полностью|читайте также|подробнее|подписывайтесь|все права защищены|фото
|читати далі|читайте також|підписуйтесь|прочетете още|прочитај више|pročitajte više|preberi več
|اقرأ المزيد|اقرأ أيضا|اقرأ ايضا|المزيد|اشترك|جميع الحقوق محفوظة|ادامه مطلب|بیشتر بخوانید|קרא עוד|להמשך קריאה|כל הזכויות שמורות
|और पढ़ें|यह भी पढ़ें|आगे पढ़ें|আরও পড়ুন|மேலும் படிக்க|อ่านเพิ่มเติม|อ่านต่อ
|阅读更多|閱讀更多|阅读全文|閱讀全文|点击|點擊|责任编辑|責任編輯|版权所有|版權所有|订阅|訂閱|続きを読む|関連記事|会員登録|無断転載|더보기|더 보기|관련기사|무단전재|구독
"""
# Anywhere in a text, however long.
_ANYWHERE = """
appeared first on|erschien zuerst auf|erschien zuerst bei|est apparu en premier sur|se publicó primero en|apareció primero en
|apareceu primeiro em|apareceu primeiro no|proviene da|pochodzi z serwisu|появились сначала на|verscheen eerst op|dök först upp på
|all rights reserved|alle rechte vorbehalten|tous droits réservés|todos los derechos reservados|todos os direitos reservados
|tutti i diritti riservati|все права защищены|we use cookies|wir verwenden cookies|nous utilisons des cookies|utilizamos cookies
|usamos cookies|無断転載|무단전재|版权所有
"""
# Before names: by whom a text or a picture is.
_BYLINE = frozenset(
    """
    by|von|par|por|di|da|de|door|av|af|od|przez|автор|από|oleh|bởi|tarafından|作者|记者|記者|文|撮影|written|text|texte|texto
    |testo|foto|photo|photos|image|images|picture|bild|bilder|imagen|immagine|zdjęcie|фото|source|quelle|fuente|fonte|źródło
    |источник|credit|video
    """.replace("\n", "")
    .replace(" ", "")
    .split("|")
)
_AMBIGUOUS = frozenset(("anzeige", "advertisement", "фото", "المزيد"))  # begin sentences as well
_FEW = 3  # words of a piece in which one of them is enough
_SHORT = 12  # words, or characters of a script without spaces


def _phrases(table: str) -> frozenset[str]:
    return frozenset(_spaced(words(phrase)) for phrase in table.replace("\n", "").split("|") if phrase)


def _spaced(parts: list[str]) -> str:
    return f" {' '.join(parts)} "


_BEGINNINGS = _phrases(_PHRASES)
_PARTS = re.compile(
    "|".join(re.escape(fold(part)) for part in _ANYWHERE.replace("\n", "").split("|") if part)
)
_FIRST = frozenset(phrase.split()[0] for phrase in _BEGINNINGS)
_LONGEST = max(phrase.count(" ") - 1 for phrase in _BEGINNINGS)


def without_dateline(text: str) -> str:
    """The text after the place, the agency or the date that it begins with."""
    found = _DATELINE.match(text)
    return text[found.end() :] if found and found.end() < len(text) else text


def is_boilerplate(text: str) -> bool:
    """Whether a piece of an excerpt is what publishers put around texts: a menu, a byline, a credit, a notice.

    >>> is_boilerplate("Home | News | Sport"), is_boilerplate("By Ann Lee"), is_boilerplate("Ann Lee won the race.")
    (True, True, False)
    """
    return _is_no_prose(text) or _is_notice(text)


def _is_no_prose(text: str) -> bool:
    if not _LETTERS.search(text) or len(_DIGIT.findall(text)) > _DIGITS * len(text):
        return True
    if len(_SEPARATORS.findall(text)) >= _MENU:
        return True
    if text.isupper() and " " in text and sum(map(str.isalpha, text)) >= _SHOUTED:
        return True
    if len(text) > _LONGEST_NAMES:
        return False
    parts = text.split(maxsplit=_NAMES)
    if not 1 < len(parts) <= _NAMES:
        return False
    credited = fold(parts[0]).strip(":.,|-–—") in _BYLINE
    if text.lower() == text.upper():  # a script without capitals
        return credited
    others = [part for part in parts[credited:] if not _CAPITALISED.match(part)]
    if credited:  # two authors have a short word between them
        return all(len(part) <= _AND for part in others) and len(others) <= 1
    return not others and text[-1] not in ".!?"


def _is_notice(text: str) -> bool:
    if _PARTS.search(fold(text)):
        return True
    parts = words(text[:_LONGEST_NAMES])
    places = range(len(parts)) if len(parts) <= _SHORT else range(1)
    for place in places:
        if parts[place] not in _FIRST:
            continue
        alone = len(parts) <= _FEW or (place == 0 and parts[0] not in _AMBIGUOUS)
        sizes = range(1 if alone else 2, _LONGEST + 1)
        if any(_spaced(parts[place : place + size]) in _BEGINNINGS for size in sizes):
            return True
    return False


def is_closed(text: str) -> bool:
    """Whether each bracket that the text opens is closed in it, none is closed that it does not open, and quotation
    marks come in pairs.
    """
    waiting: list[str] = []
    for bracket in _BRACKET.findall(text):
        if (opening := _BRACKETS.get(bracket)) is None:
            waiting.append(bracket)
        elif not waiting or waiting.pop() != opening:
            return False
    return not waiting and count_quotes(text) % 2 == 0


def count_quotes(text: str) -> int:
    """How many quotation marks there are, opening and closing ones: within a quotation, an odd number before it."""
    return len(_QUOTES.findall(text))
