"""Commands in texts: as mentions that can be clicked, and named so that they can become mentions."""

from __future__ import annotations

import ast
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cogs
from bot.chat.client import Client
from bot.messages.commands import mention, mentioned, with_mentions
from bot.messages.layout import TEXT, Beside, Button, Container, Markdown, text_size
from bot.messages.message import escape
from bot.services.context import Context
from bot.store.database import Database
from scripts.syntax import nodes
from tests.make import Clock

ROOT = Path(__file__).parents[2]
IDS = {"subscribe": 101, "digest set": 102, "digest now": 102}


def test_a_name_becomes_a_mention_where_its_id_is_known() -> None:
    assert mention("digest set", IDS) == "</digest set:102>"
    assert mention("latest", IDS) == "`/latest`"
    text = "Use `/subscribe`, then `/digest set` or `/latest`; `/digest` and `/subscribe topic:AI` stay."
    assert with_mentions(text, IDS) == (
        "Use </subscribe:101>, then </digest set:102> or `/latest`; `/digest` and `/subscribe topic:AI` stay."
    )


@given(st.text(st.sampled_from("`/\\ subscribe<>:")) | st.just("`/subscribe`"))
def test_text_from_outside_makes_no_mention(text: str) -> None:
    assert with_mentions(escape(text), IDS) == escape(text)


def test_a_text_keeps_its_limit() -> None:
    text = "x" * (TEXT - 12) + "`/subscribe`"
    assert with_mentions(text, IDS) == text
    many = tuple(Markdown(("`/subscribe` " * 75,)) for _ in range(4))
    assert text_size(many) < TEXT < text_size(tuple(Markdown((with_mentions(p.text, IDS),)) for p in many))
    assert mentioned(many, IDS) == many


def test_all_texts_of_a_message_have_mentions() -> None:
    layout = (
        Markdown(("`/subscribe`", "`/latest`")),
        Container(
            (Markdown(("`/digest now`",)), Beside(Markdown(("`/subscribe`",)), Button("`/subscribe`")))
        ),
    )
    assert mentioned(layout, IDS) == (
        Markdown(("</subscribe:101>", "`/latest`")),
        Container(
            (
                Markdown(("</digest now:102>",)),
                Beside(Markdown(("</subscribe:101>",)), Button("`/subscribe`")),
            )
        ),
    )


# ---------------------------------------------------------------------------- the texts of the program


@pytest.fixture
async def names(db: Database, clock: Clock) -> AsyncIterator[set[str]]:
    """The full names of all commands."""
    context = Context(db, clock)
    client = Client(context, cogs.add_to)
    await cogs.add_to(client, context)
    yield {command.qualified_name for command in client.tree.walk_commands()}
    await client.close()


# Texts for a terminal, or where Discord shows no mention, and paths of Discord's API.
ELSEWHERE = {"bot/demo/main.py", "bot/bootstrap.py", "bot/chat/transport.py"}
# Where Discord shows no Markdown: the bot's activity, a footer, and the description of an option.
PLAIN = {"/help · /subscribe", ": /latest", "A file that /data export made in this server"}


DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def _literals(path: Path) -> Iterator[tuple[int, str]]:
    """All texts of a module but for docstrings; an f-string with `{}` in place of its expressions."""
    skipped = {
        id(node.body[0].value)
        for node in nodes(path)
        if isinstance(node, DOCUMENTED) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in nodes(path):
        if isinstance(node, ast.JoinedStr):
            skipped |= {id(part) for part in node.values}
            parts = (part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
            yield node.lineno, "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skipped:
            yield node.lineno, node.value


async def test_every_text_names_commands_so_that_they_can_be_clicked(names: set[str]) -> None:
    """By a command's full name alone in backticks. A name without them, part of one, or one with options is never a mention."""
    roots = "|".join(sorted({name.partition(" ")[0] for name in names}))
    named = re.compile(rf"(?<![\w/<.{{}}\\])/(?:{roots})\b(?!/)")
    wrong = []
    for top in ("bot", "cogs"):
        for path in sorted((ROOT / top).rglob("*.py")):
            place = str(path.relative_to(ROOT))
            if place in ELSEWHERE:
                continue
            for line, text in _literals(path):
                rest = re.sub(r"`/([a-z -]+)`", lambda m: "" if m[1] in names else m[0], text)
                if named.search(rest) and text not in PLAIN and not any(text.endswith(end) for end in PLAIN):
                    wrong.append(f"{place}:{line}: {text[:80]}")
    assert wrong == []
