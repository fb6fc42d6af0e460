"""`make messages`: bring the catalogues of bot/locales in step with the texts of the code.

Texts that are new in the code get an empty translation, and those that are gone are removed. With the code of a language
(`make messages ARGS=nl`), a catalogue for that language begins. `--check` changes nothing and says what is not in step.
"""

from __future__ import annotations

import ast
import asyncio
import io
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import discord
from babel import Locale
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po, write_po
from discord import app_commands
from discord.ext import commands

import cogs
from bot.chat.translator import CommandText, command_text
from bot.i18n import LOCALES
from scripts.syntax import nodes
from scripts.untranslated import called, files, texts_of

ROOT = Path(__file__).parent.parent
PLACES = ("bot", "cogs")
WIDTH = 110  # characters of a line
TREE = "commands"  # where the texts of the command tree come from, in the place of a file

HEADER = """\
# Topicwire in {name}. docs/translating.md says how to change this file.
msgid ""
msgstr ""
"Language: {language}\\n"
"Plural-Forms: {plural_forms}\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=UTF-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"""

Key = tuple[str, str | None]  # the English text (the singular), and its context


class _Collector(app_commands.Translator):
    """Notes what would be translated, once."""

    def __init__(self) -> None:
        self.texts: list[CommandText] = []

    async def translate(
        self,
        string: app_commands.locale_str,
        locale: discord.Locale,
        context: app_commands.TranslationContextTypes,
    ) -> str | None:
        """Note the text; nothing is translated."""
        if locale is discord.Locale.german and (text := command_text(string, context)) is not None:
            self.texts.append(text)
        return None


async def command_tree() -> commands.Bot:
    """A bot that has the commands, and is not connected."""
    bot = commands.Bot(command_prefix="", intents=discord.Intents.none())
    nothing: Any = None  # the commands are not used
    await cogs.add_to(bot, nothing)
    return bot


async def tree_texts() -> list[CommandText]:
    """The texts of the command tree, in its order."""
    bot, collector = await command_tree(), _Collector()
    for command in bot.tree.get_commands():
        await command.get_translated_payload(bot.tree, collector)
    return collector.texts


def code_texts(root: Path = ROOT) -> Iterator[tuple[str, str | None, str | tuple[str, str]]]:
    """The texts of the code in order: each with its file, its context, and what it says; of plural forms a pair."""
    for path in files(PLACES, root):
        calls = (node for node in nodes(path) if isinstance(node, ast.Call))
        for call in sorted(calls, key=lambda node: (node.lineno, node.col_offset)):
            if (texts := texts_of(call)) is None:
                continue
            name = path.relative_to(root).as_posix()
            match called(call), texts:
                case "tr_in", (context, text):
                    yield name, context, text
                case "tr_plural", (singular, plural):
                    yield name, None, (singular, plural)
                case _, (text, *_):
                    yield name, None, text


def extracted() -> Catalog:
    """All texts that are translated, without translations."""
    texts = Catalog()
    for name, context, text in code_texts():
        texts.add(text, locations=[(name, 0)], context=context)
    for command in asyncio.run(tree_texts()):
        comment = f"At most {command.limit} characters."
        texts.add(command.text, locations=[(TREE, 0)], auto_comments=[comment], context=command.context)
    return texts


def key_of(message: Message) -> Key:
    """What a text is looked up by."""
    return (message.id if isinstance(message.id, str) else message.id[0]), message.context


def catalogue_of(path: Path) -> Catalog:
    """The catalogue of a language."""
    with path.open("rb") as file:
        return read_po(file, locale=path.stem.replace("-", "_"))


def updated(language: str, texts: Iterable[Message], present: Iterable[Message]) -> str:
    """The file of a language with exactly these texts, and the translations of those that it has at present."""
    locale = Locale.parse(language, sep="-")
    catalogue = Catalog(locale=locale)
    translations = {key_of(message): message for message in present if message.id}
    for text in texts:
        if not text.id:
            continue
        old = translations.get(key_of(text))
        kept = old is not None and old.id == text.id
        message = catalogue.add(
            text.id,
            old.string if old is not None and kept else None,
            locations=text.locations,
            auto_comments=text.auto_comments,
            user_comments=old.user_comments if old is not None else (),
            context=text.context,
        )
        message.flags.clear()  # Babel's guess; the tests know which texts have placeholders
    body = io.BytesIO()
    write_po(body, catalogue, width=WIDTH, omit_header=True, include_lineno=False)
    header = HEADER.format(name=locale.english_name, language=language, plural_forms=catalogue.plural_forms)
    return f"{header}\n{body.getvalue().decode('utf-8').strip()}\n"


def missing(catalogue: Catalog) -> list[Key]:
    """The texts without a whole translation."""
    return [
        key_of(message)
        for message in catalogue
        if message.id
        and not all([message.string] if isinstance(message.string, str) else message.string or [""])
    ]


def update(languages: Sequence[str], *, check: bool = False) -> list[Path]:
    """Write the catalogues of these languages, or with `check` none. Returns those that were not in step."""
    texts = list(extracted())
    changed = []
    for language in languages:
        path = LOCALES / f"{language}.po"
        present = catalogue_of(path) if path.exists() else Catalog()
        text = updated(language, texts, present)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            changed.append(path)
            if not check:
                path.write_text(text, encoding="utf-8")
    return changed


def main() -> int:
    """Update the catalogues, and print what is to be translated."""
    arguments = sys.argv[1:]
    check = "--check" in arguments
    languages = sorted(
        {path.stem for path in LOCALES.glob("*.po")} | {word for word in arguments if word != "--check"}
    )
    changed = update(languages, check=check)
    for language in languages:
        path = LOCALES / f"{language}.po"
        state = "not in step" if path in changed and check else "updated" if path in changed else "in step"
        print(f"{path.relative_to(ROOT)}: {state}, {len(missing(catalogue_of(path)))} texts to translate")
    return 1 if check and changed else 0


if __name__ == "__main__":
    sys.exit(main())
