"""The words of ten languages that tell numbers and negations: what must stay the same in a rephrased or translated sentence. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.domain.text.words import fold

# The values of the numerals below, in order. One is left out: it is an article in most languages.
_VALUES = (*range(2, 21), *range(30, 100, 10))
_POWERS = (2, 3, 6, 9, 12)


@dataclass(frozen=True, slots=True)
class Lexicon:
    """What tells numbers and negations in a language; all words are folded.

    `numerals` are words with their values, `magnitudes` words with the power of ten that they multiply by. `decimal` is
    the mark before a fraction, and `spaced`: whether spaces group digits. `cyrillic` is the script, otherwise Latin.
    `nouns`: every noun begins with a capital.
    """

    name: str
    numerals: Mapping[str, int]
    magnitudes: Mapping[str, int]
    negations: frozenset[str]
    decimal: str
    spaced: bool
    cyrillic: bool
    nouns: bool


def _lexicon(
    name: str,
    numerals: str,
    magnitudes: str,
    negations: str,
    *,
    decimal: str = ",",
    spaced: bool = False,
    cyrillic: bool = False,
    nouns: bool = False,
) -> Lexicon:
    return Lexicon(
        name,
        {fold(form): value for value, forms in zip(_VALUES, numerals.split(), strict=True) for form in forms.split("/")},
        {fold(form): power for power, forms in zip(_POWERS, magnitudes.split(), strict=True) for form in forms.split("/")},
        frozenset(map(fold, negations.split())),
        decimal,
        spaced,
        cyrillic,
        nouns,
    )  # fmt: skip


# By ISO 639-1 code.
LEXICONS: Mapping[str, Lexicon] = {
    "de": _lexicon(
        "German",
        "zwei/zweier drei/dreier vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn "
        "sechzehn siebzehn achtzehn neunzehn zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig",
        "hundert/hunderte/hunderten/hunderter tausend/tausende/tausenden/tausender million/millionen/mio "
        "milliarde/milliarden/mrd billion/billionen",
        "nicht nichts kein keine keinen keinem keiner keines nie niemals ohne niemand",
        nouns=True,
    ),
    "en": _lexicon(
        "English",
        "two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
        "eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety",
        "hundred/hundreds thousand/thousands million/millions/mn billion/billions/bn trillion/trillions/tn",
        "no not never none nobody nothing neither nor without cannot t",
        decimal=".",
    ),
    "es": _lexicon(
        "Spanish",
        "dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis diecisiete "
        "dieciocho diecinueve veinte treinta cuarenta cincuenta sesenta setenta ochenta noventa",
        "cien/ciento/cientos/centenar/centenares mil/miles/millar/millares millón/millones/millon millardo/millardos billón/billones",
        "no nunca nadie ningún ningun ninguno ninguna nada sin ni",
    ),
    "fr": _lexicon(
        "French",
        "deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize dix-sept "
        "dix-huit dix-neuf vingt trente quarante cinquante soixante soixante-dix quatre-vingts quatre-vingt-dix",
        "cent/cents/centaine/centaines mille/millier/milliers million/millions milliard/milliards/md/mds billion/billions",
        "pas ne n jamais sans aucun aucune rien ni",
        spaced=True,
    ),
    "it": _lexicon(
        "Italian",
        "due tre quattro cinque sei sette otto nove dieci undici dodici tredici quattordici quindici sedici "
        "diciassette diciotto diciannove venti trenta quaranta cinquanta sessanta settanta ottanta novanta",
        "cento/centinaio/centinaia mille/mila/migliaio/migliaia milione/milioni/mln miliardo/miliardi/mld bilione/bilioni",
        "non mai senza nessun nessuno nessuna niente nulla né",
    ),
    "nl": _lexicon(
        "Dutch",
        "twee drie vier vijf zes zeven acht negen tien elf twaalf dertien veertien vijftien zestien zeventien "
        "achttien negentien twintig dertig veertig vijftig zestig zeventig tachtig negentig",
        "honderd/honderden duizend/duizenden miljoen/miljoenen/mln miljard/miljarden/mrd biljoen",
        "niet niets geen nooit zonder niemand",
    ),
    "pl": _lexicon(
        "Polish",
        "dwa/dwie/dwaj/dwóch/dwóm/dwoma/dwoje/dwojga trzy/trzej/trzech/trzem/trzema/troje/trojga cztery/czterej/czterech/czterem/czworo "
        "pięć/pięciu/pięcioro sześć/sześciu/sześcioro siedem/siedmiu osiem/ośmiu dziewięć/dziewięciu dziesięć/dziesięciu "
        "jedenaście/jedenastu dwanaście/dwunastu trzynaście/trzynastu czternaście/czternastu piętnaście/piętnastu "
        "szesnaście/szesnastu siedemnaście/siedemnastu osiemnaście/osiemnastu dziewiętnaście/dziewiętnastu dwadzieścia/dwudziestu "
        "trzydzieści/trzydziestu czterdzieści/czterdziestu pięćdziesiąt/pięćdziesięciu sześćdziesiąt/sześćdziesięciu "
        "siedemdziesiąt/siedemdziesięciu osiemdziesiąt/osiemdziesięciu dziewięćdziesiąt/dziewięćdziesięciu",
        "sto/stu/setki/setek tysiąc/tysiące/tysięcy/tysiąca/tys milion/miliona/miliony/milionów/mln miliard/miliarda/miliardy/miliardów/mld "
        "bilion/biliona/biliony/bilionów",
        "nie bez nikt nikogo nigdy nic żaden żadna żadne",
        spaced=True,
    ),
    "pt": _lexicon(
        "Portuguese",
        "dois/duas três quatro cinco seis sete oito nove dez onze doze treze quatorze/catorze quinze "
        "dezesseis/dezasseis dezessete/dezassete dezoito dezenove/dezanove vinte trinta quarenta cinquenta sessenta setenta oitenta noventa",
        "cem/cento/centena/centenas mil/milhar/milhares milhão/milhões bilhão/bilhões trilhão/trilhões/bilião/biliões",
        "não nao nunca sem nem nenhum nenhuma nada ninguém jamais",
    ),
    "ru": _lexicon(
        "Russian",
        "два/две/двух/двум/двумя/двое/двоих три/трёх/трех/трём/трем/тремя/трое/троих четыре/четырёх/четырех/четверо/четверых "
        "пять/пяти/пятью/пятеро/пятерых шесть/шести/шестеро/шестерых семь/семи/семеро/семерых восемь/восьми девять/девяти десять/десяти "
        "одиннадцать/одиннадцати двенадцать/двенадцати тринадцать/тринадцати четырнадцать/четырнадцати пятнадцать/пятнадцати "
        "шестнадцать/шестнадцати семнадцать/семнадцати восемнадцать/восемнадцати девятнадцать/девятнадцати двадцать/двадцати "
        "тридцать/тридцати сорок/сорока пятьдесят/пятидесяти шестьдесят/шестидесяти семьдесят/семидесяти восемьдесят/восьмидесяти "
        "девяносто/девяноста",
        "сто/ста/сотни/сотен тысяча/тысячи/тысяч/тысячу/тыс миллион/миллиона/миллионов/миллионы/млн "
        "миллиард/миллиарда/миллиардов/миллиарды/млрд триллион/триллиона/триллионов/трлн",
        "не ни нет без никогда нельзя никто никого ничего ничто",
        spaced=True,
        cyrillic=True,
    ),
    "sv": _lexicon(
        "Swedish",
        "två tre fyra fem sex sju åtta nio tio elva tolv tretton fjorton femton sexton sjutton arton nitton "
        "tjugo trettio fyrtio femtio sextio sjuttio åttio nittio",
        "hundra/hundratals tusen/tusentals miljon/miljoner/mn miljard/miljarder/mdr biljon/biljoner",
        "inte ej ingen inget inga aldrig utan ingenting",
        spaced=True,
    ),
}  # fmt: skip

# Of any language, where it is not known in which a text is.
SPELLED: Mapping[str, str] = {
    word: str(value) for lexicon in LEXICONS.values() for word, value in lexicon.numerals.items()
}
NEGATIONS = frozenset().union(*(lexicon.negations for lexicon in LEXICONS.values()), ("ikke", "ні", "немає"))
