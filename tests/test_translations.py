"""The catalogues of texts are in step with the code, whole, and fit for what Discord takes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from string import Formatter
from typing import Any

import pytest
from babel.messages.catalog import Catalog, Message

from bot.chat.translator import CatalogueTranslator
from bot.i18n import CHOICE, ENGLISH, LANGUAGES, LOCALES
from scripts.messages import catalogue_of, command_tree, extracted, key_of, missing, tree_texts, update

TRANSLATED = sorted(set(LANGUAGES) - {ENGLISH})
MOST_OF_A_COMMAND = (
    8000  # characters: names, descriptions and values of a command, each in its longest language
)

# What stays the same in a translation, and how often it occurs.
_KEPT = (
    re.compile(r"`[^`]*`"),  # commands and what is typed
    re.compile(r"<[^<>\s]*>"),  # times and mentions
    re.compile(r"\]\([^)]*\)"),  # links
    re.compile(r"\*\*"),
    re.compile(r"^(?:#{1,3}|-#) ", re.MULTILINE),
    re.compile(r"\n"),
    re.compile(r"[⚠✅▲]"),
    re.compile(r"#\{\w+\}"),  # stories are recognised by their number after a hash
)


@cache
def texts(language: str) -> Catalog:
    return catalogue_of(LOCALES / f"{language}.po")


def forms(message: Message) -> tuple[list[str], list[str]]:
    """The English forms of a text, and the translated ones."""
    english = [message.id] if isinstance(message.id, str) else list(message.id)
    translated = [message.string] if isinstance(message.string, str) else list(message.string or ())
    return english, [form for form in translated if form]


def translated(language: str) -> Iterator[tuple[Message, list[str], list[str]]]:
    for message in texts(language):
        if message.id and forms(message)[1]:
            yield message, *forms(message)


def placeholders(text: str) -> frozenset[tuple[str, str, str]]:
    """Names of what is inserted, each with its format. ValueError if the braces are not in pairs."""
    return frozenset(
        (name, spec or "", conversion or "")
        for _, name, spec, conversion in Formatter().parse(text)
        if name is not None
    )


def kept(text: str) -> list[Counter[str]]:
    return [Counter(pattern.findall(text)) for pattern in _KEPT]


def test_each_language_has_a_file_and_each_file_a_language() -> None:
    assert sorted(path.stem for path in LOCALES.glob("*.po")) == TRANSLATED


def test_the_catalogues_have_exactly_the_texts_of_the_code() -> None:
    changed = [path.name for path in update(TRANSLATED, check=True)]
    assert not changed, "run `make messages`, and translate what is new"


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_text_is_translated(language: str) -> None:
    assert missing(texts(language)) == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_no_translation_is_a_guess(language: str) -> None:
    assert [key_of(message) for message in texts(language) if message.id and message.fuzzy] == []


def test_the_english_texts_can_be_filled_in() -> None:
    """Each placeholder has a name, so that languages can order them; plural forms have the same ones, but for the number."""
    for message in extracted():
        if message.id:
            english, _ = forms(message)
            names = [{name for name, _, _ in placeholders(text)} for text in english]
            assert all(name.isidentifier() for of_form in names for name in of_form), message.id
            assert len({frozenset(of_form - {"count"}) for of_form in names}) == 1, message.id


@pytest.mark.parametrize("language", TRANSLATED)
def test_translations_insert_what_the_english_text_inserts(language: str) -> None:
    wrong = []
    for _, english, others in translated(language):
        allowed = [placeholders(text) for text in english]
        wrong += [form for form in others if placeholders(form) not in allowed]
    assert wrong == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_translations_keep_commands_markup_and_lines(language: str) -> None:
    wrong = []
    for _, english, others in translated(language):
        allowed = [kept(text) for text in english]
        wrong += [form for form in others if kept(form) not in allowed]
    assert wrong == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_translations_begin_and_end_as_the_english_text(language: str) -> None:
    def ends(text: str) -> tuple[str, str]:
        return text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]

    wrong = []
    for _, english, others in translated(language):
        wrong += [form for form in others if ends(form) not in [ends(text) for text in english]]
    assert wrong == []


async def test_choices_are_words_and_no_names_of_the_code() -> None:
    """discord.py offers the members of an enum by their names."""
    choices = [text.text for text in await tree_texts() if text.context == CHOICE]
    assert [choice for choice in choices if choice.isupper()] == []


@pytest.mark.parametrize("language", TRANSLATED)
async def test_the_texts_of_commands_are_as_short_as_discord_wants_them(language: str) -> None:
    limits = {(text.text, text.context): text.limit for text in await tree_texts()}
    too_long = [
        form
        for message, _, others in translated(language)
        for form in others
        if len(form) > limits.get(key_of(message), len(form))
    ]
    assert too_long == []


def size(part: Any) -> int:
    """The characters of a command that Discord counts: of each text those of the longest language."""
    total = sum(
        max(len(text) for text in (part.get(name, ""), *(part.get(f"{name}_localizations") or {}).values()))
        for name in ("name", "description")
    )
    total += len(str(part["value"])) if "value" in part else 0
    return total + sum(size(inner) for key in ("options", "choices") for inner in part.get(key) or ())


async def test_commands_with_all_their_languages_are_within_discords_limit() -> None:
    bot = await command_tree()
    for command in bot.tree.get_commands():
        payload = await command.get_translated_payload(bot.tree, CatalogueTranslator())
        assert size(payload) <= MOST_OF_A_COMMAND, command.name


async def test_choices_of_a_parameter_stay_different_in_every_language() -> None:
    """And menus: somebody could not tell them apart."""
    bot = await command_tree()

    def lists(part: Any) -> Iterator[list[Any]]:
        yield part.get("choices") or []
        for option in part.get("options") or ():
            yield from lists(option)

    payloads = [
        await c.get_translated_payload(bot.tree, CatalogueTranslator()) for c in bot.tree.get_commands()
    ]
    for choices in (found for payload in payloads for found in lists(payload)):
        for locale in {code for choice in choices for code in choice.get("name_localizations") or {}}:
            names = [
                (choice.get("name_localizations") or {}).get(locale, choice["name"]) for choice in choices
            ]
            assert len(names) == len(set(names)), (locale, names)
