"""Words in dates: months and weekdays in the languages of many feeds."""

from __future__ import annotations

import unicodedata


def folded(word: str) -> str:
    """The word in lower case, without accents."""
    if word.isascii():
        return word.lower()
    return "".join(
        mark for mark in unicodedata.normalize("NFKD", word.casefold()) if not unicodedata.combining(mark)
    )


_ENGLISH = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
# A name that means different months in different languages stands at the one with more feeds: `listopada` is November
# in Polish and October in Croatian, whose other months are left out.
_MONTHS = (
    "jan january januar jänner januari janvier janv enero ene janeiro gennaio gen ocak oca stycznia styczeń sty ledna leden"
    " led január januára ianuarie ian tammikuu tammikuuta tammi ιανουαρίου ιανουάριος ιαν января январь янв"
    " січня січень січ януари яну",
    "feb february februar februari février févr fév febrero fevereiro fev febbraio şubat şub lutego luty lut února únor úno"
    " február februára helmikuu helmikuuta helmi februarie φεβρουαρίου φεβρουάριος φεβ февраля февраль фев"
    " лютого лютий лют февруари",
    "mar march märz mrz maart mrt mars marts marzo março mart marca marzec března březen bře március marec maaliskuu"
    " maaliskuuta maalis martie μαρτίου μάρτιος μαρ марта март мар березня березень бер",
    "apr april avril avr abril abr aprile nisan nis kwietnia kwiecień kwi dubna duben dub április apríl apríla huhtikuu"
    " huhtikuuta huhti aprilie απριλίου απρίλιος απρ апреля апрель апр квітня квітень кві април",
    "may mai mei maj mayo maio maggio mag mayıs may maja května květen kvě május mája máj toukokuu toukokuuta touko mei"
    " μαΐου μάιος μαι мая май травня травень тра",
    "jun june juni juin junio junho giugno giu haziran haz czerwca czerwiec cze června červen čvn június júna jún kesäkuu"
    " kesäkuuta kesä iunie iun ιουνίου ιούνιος ιουν июня июнь июн червня червень чер юни",
    "jul july juli juillet juil julio julho luglio lug temmuz tem lipca lipiec lip července červenec čvc július júla júl"
    " heinäkuu heinäkuuta heinä iulie iul ιουλίου ιούλιος ιουλ июля июль июл липня липень лип юли",
    "aug august augustus août aout agosto ago ağustos ağu sierpnia sierpień sie srpna srpen srp augusztus augusta elokuu"
    " elokuuta elo agustus agu αυγούστου αύγουστος αυγ августа август авг серпня серпень сер",
    "sep sept september septembre septiembre setembro set settembre eylül eyl września wrzesień wrz září zář szeptember"
    " szept syyskuu syyskuuta syys septembrie σεπτεμβρίου σεπτέμβριος σεπ σεπτ сентября сентябрь сен сент вересня вересень"
    " вер септември",
    "oct october oktober okt octobre octubre outubro out ottobre ott ekim eki października październik paź října říjen říj"
    " október októbra lokakuu lokakuuta loka octombrie οκτωβρίου οκτώβριος οκτ октября октябрь окт жовтня жовтень жов"
    " октомври",
    "nov november novembre noviembre novembro kasım kas listopada listopad listopadu lis novembra marraskuu marraskuuta"
    " marras noiembrie νοεμβρίου νοέμβριος νοε ноября ноябрь ноя листопада листопад лис ноември",
    "dec december dezember dez décembre déc diciembre dic dezembro dicembre aralık ara grudnia grudzień gru prosince"
    " prosinec pro joulukuu joulukuuta joulu decembrie desember des δεκεμβρίου δεκέμβριος δεκ декабря декабрь дек грудня"
    " грудень гру декември",
)
_MONTH_OF = {folded(name): number for number, names in enumerate(_MONTHS, 1) for name in names.split()}
_ABBREVIATED = {name: number for number, name in enumerate(_ENGLISH, 1)}
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
# Weekdays that begin like an English month.
_NO_MONTHS = frozenset({"mardi", "martes", "martedi", "marti", "decl"})
# Words between the parts of a date without a meaning of their own.
_FILLERS = frozenset({
    *(folded(word) for word in ("年", "月", "日", "년", "월", "일", "года", "року", "год", "г", "р", "ő", "ого", "го")),
    "st", "nd", "rd", "th", "er", "eme", "e", "o", "a", "de", "del", "den", "der", "do", "d", "le", "el", "of", "the", "at",
    "on", "um", "am", "om", "kl", "klo", "uhr", "в", "о", "y", "og", "och", "and", "ad", "t",
})  # fmt: skip


def month_of(word: str) -> int | None:
    """The number of the month that a folded word names."""
    number = _MONTH_OF.get(word)
    if number is None and len(word) > 3 and word not in _NO_MONTHS:
        number = _ABBREVIATED.get(word[:3])  # `Septmber`
    return number


def weekday_of(word: str) -> int | None:
    """The day of the week that a folded English word names; Monday is 0."""
    return _DAYS.index(word[:3]) if word[:3] in _DAYS else None


def is_filler(word: str) -> bool:
    """Whether a folded word between the parts of a date has no meaning."""
    return word in _FILLERS
