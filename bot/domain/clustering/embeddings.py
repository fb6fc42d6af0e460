"""What titles mean, as vectors. Pure; the model is that of a package which need not be installed, loaded on first use.

A vector is the mean of those of a title's pieces, which were learned from much text (wordllama, a static embedding):
words that nobody shares, "slump" and "fall", are near each other there. It knows English alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np

NEEDED = ("wordllama", "tokenizers", "safetensors", "numpy")
MISSING = "the extra is not installed; run pip install '.[semantic]' in Topicwire's directory"
LANGUAGES = ("en", "")  # a language that nobody knows is that of a short title, and mostly English
MOST = 400  # characters of a title that are read
ENTRIES = 256  # of a vector, and so bytes

_SCALE = (
    400.0  # what a vector of length 1 is kept times: rounding it to bytes moves its direction by a hundredth
)
_HIGHEST = 127
_SPELT = 2  # characters a piece, on average, up to which a text is spelt: letters and bytes mean nothing

_WEIGHTS = ("weights", "l2_supercat_256.safetensors")
_TOKENIZER = ("tokenizers", "l2_supercat_tokenizer_config.json")


@cache
def installed() -> bool:
    """Whether the model and what reads it are there."""
    return all(map(find_spec, NEEDED)) and all(_place(*parts).is_file() for parts in (_WEIGHTS, _TOKENIZER))


def basis(semantic: bool) -> str:
    """What reports are compared by, in words: with `semantic` by what their titles mean, too."""
    return "words and meanings" if semantic else "words"


def embed_title(title: str, language: str) -> bytes:
    """The vector of a title, of length 1 in signed bytes; empty where the model does not know its language or letters.

    `language` is an ISO 639-1 code, with or without a region; empty where it is unknown. Only where `installed`.
    """
    if language[:2].lower() not in LANGUAGES:
        return b""
    import numpy as np

    tokenizer, pieces, usual = _model()
    text = title[:MOST].encode(errors="ignore").decode()
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    if len(text) <= _SPELT * len(ids):
        return b""
    vector = pieces[ids].mean(axis=0, dtype=np.float32) - usual
    length = float(np.linalg.norm(vector)) or 1.0
    kept = np.rint(vector * (_SCALE / length)).clip(-_HIGHEST, _HIGHEST).astype(np.int8)
    return bytes(kept.tobytes())


class Meaning(NamedTuple):
    """What several titles mean together: how many they are, the sum of their vectors, and its length."""

    titles: int
    total: np.ndarray[Any, np.dtype[np.float32]]
    length: float

    @classmethod
    def of(cls, vectors: Sequence[bytes]) -> Meaning | None:
        """That of the titles with these vectors; None where there is none but empty ones."""
        known = [vector for vector in vectors if vector]
        if not known:
            return None
        import numpy as np

        read = np.frombuffer(b"".join(known), np.int8).reshape(-1, ENTRIES)
        return cls._made(len(known), read.sum(axis=0, dtype=np.float32))

    @classmethod
    def _made(cls, titles: int, total: np.ndarray[Any, np.dtype[np.float32]]) -> Meaning:
        return cls(titles, total, math.sqrt(float(total @ total)))

    def joined(self, other: Meaning) -> Meaning:
        """That of both."""
        return self._made(self.titles + other.titles, self.total + other.total)

    def similarity(self, other: Meaning) -> float:
        """How alike the two are, -1 to 1: half way between two cosines, the mean of all pairs and that of the sums.

        The first alone would favour small groups, the second large ones: what is common to many of a theme adds up.
        """
        pairs = self.titles * other.titles * _SCALE * _SCALE
        sums = self.length * other.length
        return float(self.total @ other.total) / math.sqrt(pairs * sums) if sums else 0.0


def _place(*parts: str) -> Path:
    """A file of the package, which is not imported: it would look for another model elsewhere."""
    package = find_spec("wordllama")
    assert package is not None
    assert package.submodule_search_locations
    return Path(package.submodule_search_locations[0], *parts)


@cache
def _model() -> tuple[Any, Any, Any]:
    """What cuts a text into pieces, the vector of each, and the mean of these, which every text has something of.

    https://github.com/dleemiller/WordLlama
    """
    import numpy as np
    from safetensors.numpy import load_file
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(_place(*_TOKENIZER)))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    (pieces,) = load_file(_place(*_WEIGHTS)).values()
    return tokenizer, pieces, pieces.mean(axis=0, dtype=np.float32)
