"""What stands in excerpts and is never a sentence of a report, in any language. Pure.

Rules of structure come first; what only its words give away is in a table of phrases.
"""

from __future__ import annotations

import re

import regex

from bot.domain.text.words import fold, words

_SEPARATORS = re.compile(r"\s[|·•»›>/\\]+\s|(?<!\|)\|(?!\|)|[•›]")
_SEPARATING = frozenset("|•·»›>/\\")  # characters: looking for these first is cheaper
_CAPITALISED = regex.compile(r"[\p{P}\p{S}]*(?:\p{Lu}|\p{Nd}|\P{L})")
_BRACKETS = {")": "(", "]": "[", "}": "{", "）": "（", "】": "【"}
_BRACKET = re.compile(r"[()\[\]{}（）【】]")
_QUOTES = re.compile('["“”„‟«»「」『』]')
_QUOTING = frozenset('"“”„‟«»「」『』')
_LETTERS = re.compile(r"[^\W\d_].*[^\W\d_]")
_DIGIT = re.compile(r"\d")
_NAMES = 7  # words: so many may the names of authors or the entries of a menu be
_DIGITS = 0.3  # share of a text from which it is a date, a score or a telephone number
_LONGEST_NAMES = 100  # characters of them, and of the beginning of a text that its phrases are looked for in
_AND = 3  # letters
_SHOUTED = 5  # letters from which a text in capitals is none that has a few initials
_MENU = 2  # separators

# A place, an agency or a date before the text: `BERLIN (dpa) – `, `(Courier) – `, `PARIS, 3 mars (AFP) - `,
# `Madrid, 3 mar (EFE).- `, `東京（共同）－`, `【北京】`. Each ends in a dash, or in a bracket. Several may follow one another.
_WORD = r"[\p{Lu}\p{Lo}][\p{L}\p{M}.'’-]{0,30}"
_NAME = rf"{_WORD}(?: (?:(?:am|an|de|del|der|di|do|du|la|las|le|los|of|sur) )?{_WORD}){{0,3}}"
_DATE = (
    r"(?:le )?\p{N}{1,2}\.?(?:(?: de)? [\p{L}\p{M}]+\.?){0,2}(?:(?: de)? \p{N}{4})?|\p{N}{1,2}\.\p{N}{1,2}\.\p{N}{4}"
    r"|[\p{L}\p{M}]+\.? \p{N}{1,2}(?:, \p{N}{4})?"
)
_DAY = r"\p{N}{1,2}\.?(?: de)? [\p{L}\p{M}]{3,}\.?"
_PLACE = rf"{_NAME}(?:/{_NAME})?(?:, {_NAME})?"
_AGENCY = r"[(（](?:[\p{Lu}\p{Lo}][^()（）]{1,30}|[\p{L}\p{M}/-]{2,12}(?: \p{Lu}[\p{L}\p{M}]+)?)[)）]"
_DASH = r"[-–—―－]{1,2}"
_BRACKETED = (
    r"[(（\[［][^()（）\[\]［］]{1,30}[)）\]］]"  # before a script that has no capitals and no spaces
)
_DATELINE = regex.compile(
    rf"(?:{_PLACE}(?:,? (?:{_DATE}))?,?\s*|(?:{_DATE})\s*)?{_AGENCY}\s?\.?\s*(?:{_DASH}|:)\s*"
    rf"|{_PLACE}(?:, (?:{_DATE}))?\s?\.\s?{_DASH}\s+"
    rf"|{_NAME}, (?:{_DAY})\s+{_DASH}\s+"
    rf"|\p{{Lu}}[\p{{Lu}}\p{{M}}.'’ -]{{2,30}}(?:, {_NAME})?(?:, (?:{_DATE}))?(?:\s+{_DASH}\s+|—(?=\p{{Lu}}))"
    rf"|{_NAME}\. (?:{_DATE})\. [^-–—.]{{2,20}}(?:\.\p{{Lu}}+)?\s+{_DASH}\s+"
    rf"|(?:{_WORD}(?: {_WORD})? ?)?\(CNN\)\s*|\([^()]{{2,30}}\)\s+(?=\p{{Lu}})"
    r"|【[^【】]{1,30}】\s*"
    rf"|{_BRACKETED}\s*(?:(?:{_DASH}|[:：])\s*)?(?=[\p{{Han}}\p{{Hiragana}}\p{{Katakana}}])"
    r"|\p{Han}{2,12}\d{1,2}月\d{1,2}日[电電讯訊]\s*"
)
_ENDED = regex.compile(r"\p{Sentence_Terminal}[\p{Pf}\p{Pe}\"']*$")
_DATELINES = 3  # that one text begins with
_OPEN, _CLOSE = frozenset("([（［【"), frozenset(")]）］")
_DATELINE_ENDS = frozenset("-–—―－)）】]］:電电讯訊")
_COLONS = frozenset(":：=")
# `Photo: Ann Lee`, `写真：…`; `© 2026 The Courier`; a text that is all in brackets, as `(Reporting by Ann Lee)`.
_LABEL = regex.compile(r"\s*([^\s:：=]{1,20})\s?[:：=]")
_COPYRIGHT = regex.compile(r"©|(?:\(c\)|copyright)\s*(?:©|\(c\)|\p{Nd}{4})", regex.IGNORECASE)
_CREDIT = regex.compile(
    r"(?<=\p{Sentence_Terminal}[\p{Pf}\p{Pe}\"']?)\s*(?:[(（\[][^()（）\[\]\s]{1,20}(?: [^()（）\[\]\s]{1,20})?[)）\]]|©.*)\p{Sentence_Terminal}?$"
)
_ASIDE = regex.compile(r"[(\[（［【][^()\[\]（）［］【】]{0,80}[)\]）］】]\p{Sentence_Terminal}?")

# Beginnings and whole phrases that publishers put around texts, folded, as `words` has them. Of a short text that does not
# end like a sentence, any part may be one; another one must begin with it.
_PHRASES = """
read more|read the full|read full|continue reading|keep reading|click here|learn more|find out more|see more|view more
|more on this story|full story|related article|related stories|related topics|recommended for you|most read|you may also like
|also read|read also|watch the video|watch live|watch below|listen to this article|share this|follow us|sign up|subscribe
|subscribe to|get our|log in|sign in|create an account|all rights reserved|terms of use|terms of service
|privacy policy|we use cookies|uses cookies|accept cookies|cookie policy|cookie settings|enable javascript|advertisement|sponsored content
|photo by|photo credit|image credit|picture credit|file photo|getty images|photograph by|image source|this article was
|this story was|originally published|reporting by|editing by|leave a comment
|skip to content|minute read|min read|minutes to read|see also|photo courtesy|image courtesy|download our app|support our journalism|comments
|weiterlesen|mehr lesen|lesen sie|mehr dazu|mehr zum thema|hier klicken|jetzt abonnieren|jetzt anmelden|jetzt lesen|newsletter abonnieren
|zum artikel|zur startseite|alle rechte vorbehalten|wir verwenden cookies|wir nutzen cookies|cookies zustimmen|bild von|foto von|symbolbild
|anzeige|quelle dpa|lesedauer|das könnte sie auch interessieren|auch interessant
|folgen sie uns|artikel teilen|hören sie diesen artikel|mit material von|laden sie unsere app|bitte anmelden
|lire la suite|lire aussi|lire plus|en savoir plus|cliquez ici|abonnez vous|inscrivez vous|tous droits réservés|nous utilisons des cookies
|article réservé|il vous reste|crédit photo|à lire aussi|temps de lecture|suivez nous|lire également|voir aussi|voir également|partager cet article|écouter l article
|leer más|lee más|seguir leyendo|leer también|sigue leyendo|haga clic|haz clic|más información|suscríbete|suscríbase|todos los derechos reservados
|utilizamos cookies|política de privacidad|regístrate|te puede interesar|lea también|lea además|crédito de la foto|síguenos|lee también|ver también
|vea también|mira también|descarga nuestra|compartir en|comparte en
|leia mais|continue lendo|leia também|saiba mais|clique aqui|assine|inscreva se|todos os direitos reservados|usamos cookies|siga nos|veja também|veja mais|compartilhe no|compartilhar no|continua após a publicidade
|leggi di più|leggi tutto|continua a leggere|leggi anche|clicca qui|iscriviti|abbonati|tutti i diritti riservati|utilizziamo i cookie|riproduzione riservata|per approfondire
|seguici su|condividi su|guarda anche|vedi anche
|lees meer|lees verder|lees ook|klik hier|schrijf je in|abonneer|alle rechten voorbehouden|wij gebruiken cookies|bekijk ook|volg ons|deel dit artikel
|alleen voor abonnees|advertentie
|läs mer|läs också|läs även|klicka här|prenumerera|les mer|les også|klikk her|læs mere|læs også|klik her|abonner
|lue lisää|lue myös|tilaa|czytaj więcej|czytaj dalej|czytaj też|czytaj także|przeczytaj także|przeczytaj też|udostępnij na|dalsza część artykułu|reklama|zobacz też|zobacz także|kliknij tutaj|zapisz się|wszelkie prawa zastrzeżone
|číst dále|čtěte také|čtěte více|více zde|přečtěte si|čítajte viac|citeste mai mult|citește mai mult|citește și|olvass tovább|bővebben|további részletek
|devamını oku|devamı için|haberin devamı|abone ol|tıklayın|tüm hakları saklıdır|selengkapnya|baca juga|baca selengkapnya|xem thêm|đọc thêm
|διαβάστε περισσότερα|διαβάστε επίσης|читать далее|читать полностью|читайте также|подробнее|подписывайтесь|все права защищены|фото
|подпишитесь|смотрите также|материалы по теме|поделиться в|следите за нашими|наш канал в|реклама|комментарии
|читати далі|читайте також|підписуйтесь|прочетете още|прочитај више|pročitajte više|preberi več
|تابعونا|شاهد أيضا|شاهد ايضا|اقرأ المزيد|اقرأ أيضا|اقرأ ايضا|المزيد|اشترك|جميع الحقوق محفوظة|ادامه مطلب|بیشتر بخوانید|קרא עוד|להמשך קריאה|כל הזכויות שמורות
|और पढ़ें|यह भी पढ़ें|आगे पढ़ें|আরও পড়ুন|மேலும் படிக்க|อ่านเพิ่มเติม|อ่านต่อ
|阅读更多|閱讀更多|阅读全文|閱讀全文|点击|點擊|责任编辑|責任編輯|版权所有|版權所有|订阅|訂閱|続きを読む|関連記事|会員登録|無断転載|あわせて読みたい|メルマガ登録|登録はこちら|コメントを書く|シェアする|相关阅读|延伸阅读|相关新闻
|关注我们|微信公众号|未经授权|扫描二维码|不得转载|더보기|더 보기|관련기사|무단전재|구독
"""
# At the beginning of a text alone, as sentences have them in the middle.
_OPENINGS = """
published on|updated on|last updated|posted by|publicado el|publicado em|actualizado el|actualizado a|publié le|mis à jour le|veröffentlicht am|aktualisiert am
|ultimo aggiornamento|pubblicato il|обновлено|опубликовано|gepubliceerd op|по теме|con información de|avec afp|con informazioni di|más noticias de
"""
# Anywhere in a text, however long.
_ANYWHERE = """
appeared first on|erschien zuerst auf|erschien zuerst bei|est apparu en premier sur|se publicó primero en|apareció primero en
|apareceu primeiro em|apareceu primeiro no|proviene da|pochodzi z serwisu|появились сначала на|verscheen eerst op|dök först upp på
|all rights reserved|alle rechte vorbehalten|tous droits réservés|todos los derechos reservados|todos os direitos reservados
|tutti i diritti riservati|все права защищены|we use cookies|wir verwenden cookies|nous utilisons des cookies|utilizamos cookies
|usamos cookies|無断転載|무단전재|版权所有|有料会員限定|for subscribers only|free article left|free articles left|articles left this month
|dieser artikel ist nur für|dieser inhalt ist nur für|réservé aux abonnés|exclusivo para suscriptores|exclusivo para assinantes|riservato agli abbonati
|our newsletter|geht es zum newsletter|unseren newsletter|unserem newsletter|notre newsletter|nuestro boletín|nossa newsletter|nostra newsletter|onze nieuwsbrief|нашу рассылку
"""
# Before names: by whom a text or a picture is.
_BYLINE = frozenset(
    fold(word)
    for word in """
    by|von|par|por|di|da|de|door|av|af|od|przez|автор|από|oleh|bởi|tarafından|作者|记者|記者|文|撮影|written|text|texte|texto
    |testo|foto|photo|photos|image|images|picture|bild|bilder|imagen|immagine|zdjęcie|фото|source|quelle|fuente|fonte|źródło
    |источник|credit|video|fot|fot.|bron|crédito|crédit|crédits|fotografía|photograph|写真|画像|編集|图片来源|圖片來源|图源|图|摄影|攝影|来源|來源
    |编辑|編輯|사진|기자|출처|المصدر|تصوير|صورة
    """.replace("\n", "")
    .replace(" ", "")
    .split("|")
)
_AMBIGUOUS = frozenset(  # begin sentences as well
    (
        "anzeige",
        "advertisement",
        "фото",
        "المزيد",
        "comments",
        "advertentie",
        "reklama",
        "реклама",
        "комментарии",
    )
)
_LABELS = _BYLINE | {"related", "watch", "actualizado", "stand", "aggiornato"}  # before a colon alone
_FEW = 3  # words of a piece in which one of them is enough
_SHORT = 12  # words, or characters of a script without spaces


def _phrases(table: str) -> frozenset[str]:
    return frozenset(_spaced(words(phrase)) for phrase in table.replace("\n", "").split("|") if phrase)


def _spaced(parts: list[str]) -> str:
    return f" {' '.join(parts)} "


_BEGINNINGS = _phrases(_PHRASES)
_FIRST_PHRASES = _phrases(_OPENINGS)
_PARTS = tuple(fold(part) for part in _ANYWHERE.replace("\n", "").split("|") if part)
_FIRST_OPENINGS = frozenset(phrase.split()[0] for phrase in _FIRST_PHRASES)
_FIRST = frozenset(phrase.split()[0] for phrase in _BEGINNINGS)
_LONGEST = max(phrase.count(" ") - 1 for phrase in _BEGINNINGS)


def without_dateline(text: str) -> str:
    """The text after the places, the agencies and the dates that it begins with."""
    for _ in range(_DATELINES):
        # Most texts have none of the characters that one ends in, and looking for those is cheaper.
        if _DATELINE_ENDS.isdisjoint(text[:_LONGEST_NAMES]):
            break
        dateline = _DATELINE.match(text)
        if dateline is None or dateline.end() == len(text):
            break
        text = text[dateline.end() :]
    return text


def without_credit(text: str) -> str:
    """The text without the agency or the owner of rights that stands after its last sentence."""
    return _CREDIT.sub("", text) if "©" in text or not _CLOSE.isdisjoint(text[-2:]) else text


def is_boilerplate(text: str) -> bool:
    """Whether a piece of an excerpt is what publishers put around texts: a menu, a byline, a credit, a notice.

    >>> is_boilerplate("Home | News | Sport"), is_boilerplate("By Ann Lee"), is_boilerplate("Ann Lee won the race.")
    (True, True, False)
    """
    return _is_no_prose(text) or _is_notice(text)


def _is_no_prose(text: str) -> bool:
    if not _LETTERS.search(text) or len(_DIGIT.findall(text)) > _DIGITS * len(text):
        return True
    if not _SEPARATING.isdisjoint(text) and len(_SEPARATORS.findall(text)) >= _MENU:
        return True
    if text.isupper() and " " in text and sum(map(str.isalpha, text)) >= _SHOUTED:
        return True
    if (text[0] in _OPEN and _ASIDE.fullmatch(text)) or (text[0] in "©(cC" and _COPYRIGHT.match(text)):
        return True
    if len(text) > _LONGEST_NAMES:
        return False
    if not _COLONS.isdisjoint(text) and (label := _LABEL.match(text)) and fold(label[1]) in _LABELS:
        return True
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
    folded = fold(text)
    if any(part in folded for part in _PARTS):
        return True
    parts = words(text[:_LONGEST_NAMES])
    if (
        parts
        and parts[0] in _FIRST_OPENINGS
        and any(_spaced(parts[:size]) in _FIRST_PHRASES for size in range(1, _LONGEST + 1))
    ):
        return True
    anywhere = len(parts) <= _SHORT and not _ENDED.search(text)
    places = range(len(parts) if anywhere else min(1, len(parts)))
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
    return 0 if _QUOTING.isdisjoint(text) else len(_QUOTES.findall(text))
