"""Names in a sentence and in its translation: whether each one of the one stands in the other. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import chain

import regex

from bot.domain.briefs.lexicon import LEXICONS
from bot.domain.text.words import likeness, plain

# Chosen by hand: cognates such as `Democrats` and `Demokraten` pass, `Voss` and `Moss`, or `Quill` and `Quinn`, do not.
ROOT = 4  # letters that a name begins with in both languages
ENDING = 2  # letters after these that may be another ending, in the shorter of the two
LONGER_ENDING = 6  # the same in the longer one
COGNATE = 80  # of 100: the likeness of two words of `LONG` letters or more that are one name
LONG = 7
TRANSLITERATED = 60  # of 100: the likeness of a name in two scripts
INFORMATIVE = 4  # letters: shorter words of a country's name are articles and the like

_WORD = regex.compile(r"[\p{L}\p{M}\p{N}]+|[^\s\p{L}\p{M}\p{N}'’]")
_DOTTED = regex.compile(r"(?<=\b\p{Lu})\.(?=\p{Lu}\b)")  # `U.S.` is read as `US.`
_CAPITAL = regex.compile(r"[\p{Lu}\p{Lt}]")
_LATIN = {
    "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "е": "e", "ё": "e", "ж": "zh", "з": "z", "и": "i", "й": "i", "к": "k",
    "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r", "с": "s", "т": "t", "у": "u", "ф": "v", "х": "h", "ц": "ts",
    "ч": "ch", "ш": "sh", "щ": "sh", "ъ": "", "ы": "i", "ь": "", "э": "e", "ю": "yu", "я": "ya",
}  # fmt: skip
_SOUNDS = str.maketrans({**_LATIN, "c": "k", "q": "k", "w": "v", "f": "v", "y": "i", "j": "i"})
# Short forms that CLDR has not, by the code that it has.
_SHORT = {
    "us": "US", "usa": "US", "eeuu": "US", "eua": "US", "vs": "US", "сша": "US", "uk": "GB", "un": "UN", "onu": "UN", "оон": "UN",
    "vn": "UN", "fn": "UN", "uno": "UN", "eu": "EU", "ue": "EU", "ес": "EU", "nato": "NATO", "otan": "NATO", "нато": "NATO",
}  # fmt: skip


def unsupported_name(text: str, language: str, other: str, other_language: str) -> str:
    """The first name of a text that does not stand in the other one; empty where all do.

    A name is one word with a capital inside of a sentence, or several in a row, of which the last one must stand in the
    other text: as it is, with another ending, as a word like it, in the other script, or as a country, a language, a day
    or a month in the other language. Where nouns have capitals, only several in a row are looked at, of which any may
    stand there. The first word of a text is a name only if another capital follows in it or next to it.
    """
    others = [(word, _codes(word, other_language)) for word in _words(other)]

    def is_supported(name: str) -> bool:
        codes = _codes(name, language)
        return any(
            not codes.isdisjoint(word_codes) or (_is_like(name, word) and not (codes and word_codes))
            for word, word_codes in others
        )

    names = _names(text, language)
    return next((" ".join(name) for name in names if not any(map(is_supported, name))), "")


def _names(text: str, language: str) -> Iterator[Sequence[str]]:
    """The words of each name of which one must stand in the other text."""
    lexicon = LEXICONS[language]
    run: list[str] = []
    begins = True  # a sentence, and with it the run
    fresh = True
    for word in [*_words(text, marks=True), "."]:
        folded = word.lower()
        counts = folded in lexicon.numerals or folded in lexicon.magnitudes
        if _CAPITAL.match(word) and not counts and not (fresh and lexicon.nouns):
            begins = fresh if not run else begins
            run.append(word)
        else:
            if run and (len(run) > 1 or not (begins or lexicon.nouns) or _CAPITAL.search(run[-1][1:])):
                yield run if lexicon.nouns else run[-1:]
            run = []
        fresh = not word[0].isalnum() and word not in ",-–—/%&()"
        fresh |= lexicon.nouns and (counts or word[0].isdecimal())  # what is counted is no name


def _words(text: str, *, marks: bool = False) -> list[str]:
    found: list[str] = _WORD.findall(_DOTTED.sub("", text))
    return found if marks else [word for word in found if word[0].isalnum()]


def _sounds(word: str) -> str:
    return plain(word).translate(_SOUNDS)


def _is_like(name: str, word: str) -> bool:
    """Whether two words may be one name."""
    name_sounds, sounds = _sounds(name), _sounds(word)
    if name_sounds == sounds:
        return True
    short, long = sorted((name_sounds, sounds), key=len)
    if _is_cyrillic(name) != _is_cyrillic(word) and _CAPITAL.match(word):
        begins_alike = len(short) > ROOT or name_sounds[:1] == sounds[:1]
        return begins_alike and likeness(short, long) >= TRANSLITERATED
    if len(short) < ROOT:
        return False
    root = next((i for i, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), len(short))
    if root >= ROOT and len(short) - root <= ENDING and len(long) - root <= LONGER_ENDING:
        return True
    return len(short) >= LONG and likeness(short, long) >= COGNATE


def _is_cyrillic(word: str) -> bool:
    return "\u0400" <= word[0] <= "\u04ff"


def _codes(word: str, language: str) -> frozenset[str]:
    """The countries, languages, days and months that a word belongs to the name of."""
    folded = plain(word)
    if folded in _SHORT:
        return frozenset([_SHORT[folded]])
    terms = _terms(language)
    exact = terms.get(folded)
    return exact or frozenset().union(*(terms.get(stem, ()) for stem in _stems(folded)))


def _stems(folded: str) -> list[str]:
    """A word without up to `ENDING` letters at its end, each with a mark that tells it from a whole word."""
    return [f"{folded[:end]}-" for end in range(max(INFORMATIVE, len(folded) - ENDING), len(folded) + 1)]


@cache
def _terms(language: str) -> Mapping[str, frozenset[str]]:
    """The words of names in a language, and their stems, from CLDR: https://cldr.unicode.org."""
    from babel import Locale  # the extra

    locale = Locale(language)
    named: Iterable[tuple[str, str]] = chain(
        ((code, name) for code, name in locale.territories.items() if code.isalpha()),
        ((f"language {code.partition('_')[0]}", name) for code, name in locale.languages.items()),
        ((f"day {day}", name) for day, name in locale.days["format"]["wide"].items()),
        ((f"month {month}", name) for month, name in locale.months["format"]["wide"].items()),
    )
    found: dict[str, set[str]] = {}
    for code, name in named:
        for word in _words(name):
            if len(word) >= INFORMATIVE or len(name) == len(word):
                folded = plain(word)
                for key in (folded, *_stems(folded)):
                    found.setdefault(key, set()).add(code)
    return {stem: frozenset(codes) for stem, codes in found.items()}
