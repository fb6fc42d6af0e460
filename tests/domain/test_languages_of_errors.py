"""What is wrong with something that a person typed is said in the language spoken at that moment."""

from __future__ import annotations

from collections.abc import Callable
from gettext import NullTranslations

import pytest

from bot import i18n
from bot.domain.posting import zones
from bot.domain.posting.schedule import parse_days, parse_time
from bot.domain.records.identity import canonical
from bot.domain.stories import mutes
from bot.domain.topics.query.language import QueryError, parse
from bot.i18n import speaking
from bot.sources.web.addresses import AddressError, checked

REFUSED: tuple[tuple[Callable[[str], object], str], ...] = (
    *(
        (parse, query)
        for query in (
            "",
            "ferry AND",
            "ferry OR AND coast",
            "title:)",
            "title:OR",
            "title:",
            "(ferry",
            "ferry)",
            "-ferry",
            "a NEAR/99 b",
            "-a NEAR/5 b",
            "title:(lang:en)",
            "title:(heat>5)",
            "colour:blue",
            "heat:5",
            "heat>x",
            "heat<0",
            "heat>=0",
            "heat>9999999999",
            '"ferry',
            "fe*ry",
            "*",
            "f*",
            "?!",
            "topic:?",
            "type:book",
            "lang:1",
            "domain:?",
            "ferry " * 300,
            "ferry " * 120,
            "(" * 30 + "ferry",
        )
    ),
    *((mutes.parse, text) for text in ("", "ferr*", "ferry OR coast", "me@example.org", "https://")),
    *((parse_days, text) for text in ("", "someday", "mon-tue-wed")),
    (parse_time, "teatime"),
    *(
        (canonical, url)
        for url in ("", "ftp://example.org", "https://", "https://a:b@example.org", "https://e..x")
    ),
    *(
        (checked, url)
        for url in ("ftp://example.org", "http://", "http://a:b@example.org", "http://example.org:22")
    ),
)


class _Marked(NullTranslations):
    """A language in which every text is the English one behind a mark."""

    def gettext(self, message: str) -> str:
        return f"¿{message}"


@pytest.fixture(autouse=True)
def marked(monkeypatch: pytest.MonkeyPatch) -> None:
    english = NullTranslations()
    monkeypatch.setattr(i18n, "catalogue", lambda language: english if language == "en" else _Marked())


def _refusal(read: Callable[[str], object], text: str) -> str:
    with pytest.raises((ValueError, AddressError)) as refused:
        read(text)
    return refused.value.message if isinstance(refused.value, QueryError) else str(refused.value)


@pytest.mark.parametrize(("read", "text"), REFUSED)
def test_a_refusal_is_in_the_language_spoken(read: Callable[[str], object], text: str) -> None:
    english = _refusal(read, text)
    with speaking("ja"):
        assert _refusal(read, text).startswith(f"¿{english[:10]}")
    assert _refusal(read, text) == english != ""


@pytest.mark.parametrize("typed", ["est", "ist", "utc+2", "utc+5:30", "gmt"])
def test_a_note_about_a_time_zone_is_too(typed: str) -> None:
    names = zones.index(["America/New_York", "Asia/Kolkata", "GMT"])
    english = zones.read(typed, names)
    with speaking("ja"):
        japanese = zones.read(typed, names)
    assert english is not None
    assert japanese is not None
    assert japanese.note == f"¿{english.note}"
