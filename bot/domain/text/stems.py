"""Word stems, by which texts of any language are compared."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache

from Stemmer import Stemmer

from bot.domain.text.words import words

# Snowball's names of the languages that it stems, by ISO 639-1 code.
_SNOWBALL: Mapping[str, str] = {
    "ar": "arabic", "ca": "catalan", "da": "danish", "de": "german", "el": "greek", "en": "english",
    "es": "spanish", "et": "estonian", "eu": "basque", "fi": "finnish", "fr": "french", "ga": "irish",
    "hi": "hindi", "hu": "hungarian", "hy": "armenian", "id": "indonesian", "it": "italian",
    "lt": "lithuanian", "nb": "norwegian", "ne": "nepali", "nl": "dutch", "nn": "norwegian",
    "no": "norwegian", "pt": "portuguese", "ro": "romanian", "ru": "russian", "sr": "serbian",
    "sv": "swedish", "ta": "tamil", "tr": "turkish", "yi": "yiddish",
}  # fmt: skip
# Where no language is known. Its rules leave most words of other languages alone, and what they cut
# off they cut off in both of two texts.
_UNKNOWN = "en"
_FOR_ARABIC = str.maketrans("\u06a9\u06cc", "\u0643\u064a")  # `fold` makes Persian letters of them
_FIRST_WITHOUT_SPACES = "\u0e00"  # from Thai on: scripts of which `words` gives single characters
_ACCENTS = re.compile("[\u0300-\u036f]+")


@lru_cache(maxsize=256)  # a record's are asked for when it is compared, and again when it is stored
def terms(text: str, language: str) -> Mapping[str, str]:
    """The terms of a text, in order, each once; with each how it is written where it first stands.

    A term is the stem of a word, without accents, or a pair of neighbours in a script without spaces.
    `language` is an ISO 639-1 code, with or without a region; empty where it is unknown.
    """
    code = language[:2].lower() or _UNKNOWN
    spellings: dict[str, str] = {}
    before = ""
    for word in words(text):
        if _stands_alone(word):
            spellings.setdefault(before + word, before + word)
            before = word
        else:
            spellings.setdefault(_stem(word, code), word)
            before = ""
    return spellings


def stemmed(text: str, language: str) -> list[str]:
    """The stems of all words of a text, in order. `language` as for `terms`."""
    code = language[:2].lower() or _UNKNOWN
    return [_stem(word, code) for word in words(text)]


def is_informative(term: str) -> bool:
    """Whether a term says something by itself: numbers and single letters are in titles of every kind."""
    return not term.isdigit() and (len(term) > 1 or _stands_alone(term))


def letters(term: str) -> int:
    """How long a term is; a character of a script without spaces says as much as three letters."""
    return len(term) * (3 if term >= _FIRST_WITHOUT_SPACES else 1)


def _stands_alone(word: str) -> bool:
    return len(word) == 1 and word >= _FIRST_WITHOUT_SPACES


@lru_cache(maxsize=4_096)
def _stem(word: str, language: str) -> str:
    if language in _SNOWBALL and not word.isdigit():
        # A stemmer must not be used by two threads at once. To make one takes no time, but for its own cache.
        spelled = word.translate(_FOR_ARABIC) if language == "ar" else word
        word = Stemmer(_SNOWBALL[language], 0).stemWord(spelled)
    if word.isascii():
        return word
    return unicodedata.normalize("NFC", _ACCENTS.sub("", unicodedata.normalize("NFD", word)))
