"""Languages that exist for tests alone: each text stands in brackets with the code of its language, `⟦fr|Nothing is muted.⟧`.

So a test sees which texts went through the catalogue, and in whose language, without any translation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from gettext import NullTranslations
from typing import Any

import pytest
import simcord.interactions

from bot import i18n
from tests.chat.world import World

_INNERMOST = re.compile(r"⟦[^⟦⟧]*⟧")


class Bracketed(NullTranslations):
    """English texts in brackets, with the language's code and, of plural forms, which one it is.

    `rules` says which form a number has.
    """

    def __init__(self, language: str, rule: Callable[[int], int] = lambda n: int(n != 1)) -> None:
        super().__init__()
        self._language, self._rule = language, rule

    def gettext(self, message: str) -> str:
        """The text in brackets."""
        return f"⟦{self._language}|{message}⟧"

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        """The form for a number, in brackets."""
        form = self._rule(n)
        return f"⟦{self._language}:{form}|{msgid1 if form == 0 else msgid2}⟧"

    def pgettext(self, context: str, message: str) -> str:
        """The text in brackets; its context is not shown."""
        return self.gettext(message)


def bracketed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have all languages but English in brackets."""
    languages = {
        code: NullTranslations() if code == i18n.ENGLISH else Bracketed(code) for code in i18n.LANGUAGES
    }
    languages["fr"] = Bracketed("fr", lambda n: int(n > 1))  # as in French: none is one
    monkeypatch.setattr(i18n, "catalogue", languages.__getitem__)


def outside(text: str) -> str:
    """What of a text stands in no brackets."""
    while (left := _INNERMOST.sub("", text)) != text:
        text = left
    return text


def speaking_as(monkeypatch: pytest.MonkeyPatch, locales: Mapping[int, str]) -> None:
    """Have the Discord clients of these users be in these languages; those of all others are in English."""
    payload = simcord.interactions.base_payload

    def with_locale(*args: Any, **more: Any) -> Any:
        interaction, sent = payload(*args, **more)
        return interaction, sent | {"locale": locales.get(more["user_id"], "en-US")}

    monkeypatch.setattr(simcord.interactions, "base_payload", with_locale)


async def prefers(world: World, code: str) -> None:
    """Have the server prefer a language in Discord's settings."""
    world.env.backend.edit_guild(world.guild.id, {"preferred_locale": code})
    await world.env.settle()
