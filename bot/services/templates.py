"""The template of a server's posts: checked before it is saved, with the place of every mistake."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.model import PostLayout
from bot.domain.posting.template import (
    MOST_LENGTH,
    PLACEHOLDERS,
    Template,
    TemplateFault,
    TemplateProblem,
    read_template,
)
from bot.domain.text.cleaning import clip, length
from bot.errors import InvalidInputError, NotFoundError
from bot.i18n import number, tr
from bot.services.context import Context
from bot.store import templates
from bot.store.templates import StoredTemplate

SHOWN_NAME = 40


def checked(text: str) -> Template:
    """The template that a text is. InvalidInputError says what is wrong with it, where, and what to do."""
    read = read_template(text)
    if isinstance(read, TemplateProblem):
        raise InvalidInputError(problem_words(read, text))
    return read


def problem_words(problem: TemplateProblem, text: str) -> str:
    """What is wrong with a template, in words."""
    words = _what_is_wrong(problem, text)
    if not problem.line:
        return words
    place = tr("Line {line}, column {column}:", line=problem.line, column=problem.column)
    return f"{place} {words}"


def _what_is_wrong(problem: TemplateProblem, text: str) -> str:
    match problem.fault:
        case TemplateFault.EMPTY:
            return tr("The template is empty.")
        case TemplateFault.TOO_LONG:
            return tr(
                "The template has {count} characters. It can have {most}.",
                count=number(length(text)),
                most=number(MOST_LENGTH),
            )
        case TemplateFault.UNKNOWN_PLACEHOLDER if problem.near:
            return tr(
                "There is no placeholder {name}. Did you mean {near}?",
                name=_braced(problem.name),
                near=", ".join(map(_braced, problem.near)),
            )
        case TemplateFault.UNKNOWN_PLACEHOLDER:
            return tr(
                "There is no placeholder {name}. There are: {all}.",
                name=_braced(problem.name),
                all=", ".join(map(_braced, PLACEHOLDERS)),
            )
        case TemplateFault.BRACE_NOT_CLOSED | TemplateFault.BRACE_NOT_OPENED:
            brace = "{" if problem.fault is TemplateFault.BRACE_NOT_CLOSED else "}"
            return tr(
                "This {brace} has no partner. For the character itself, write it twice: {twice}",
                brace=brace,
                twice=brace * 2,
            )
    return _other_words(problem.fault)


def _braced(name: str) -> str:
    return "{" + clip(name, SHOWN_NAME) + "}"


def _other_words(fault: TemplateFault) -> str:
    match fault:
        case TemplateFault.PICTURE_NOT_ALONE:
            return tr("{picture} needs a line of its own.", picture="{picture}")
        case TemplateFault.PICTURE_TWICE:
            return tr("{picture} can stand in a template only once.", picture="{picture}")
        case TemplateFault.NAMES_NO_STORY:
            return tr(
                "Use {headline}, {title} or {link}, so that a post says which story it shows.",
                headline="{headline}",
                title="{title}",
                link="{link}",
            )
        case _:
            return ""


async def find(context: Context, guild_id: int) -> StoredTemplate | None:
    """The template of a server; None if it has none."""
    async with context.db.read() as connection:
        return await templates.template(connection, guild_id)


async def saved(context: Context, guild_id: int) -> StoredTemplate:
    """The template of a server. NotFoundError if it has none."""
    stored = await find(context, guild_id)
    if stored is None:
        raise NotFoundError(no_template())
    return stored


def no_template() -> str:
    """What a server without a template is told."""
    return tr("This server has no template yet. Write one with `/appearance template set`.")


async def require_template(connection: AsyncConnection, guild_id: int, layout: PostLayout | None) -> None:
    """Raise InvalidInputError if this layout is chosen in a server that has no template."""
    if layout is PostLayout.TEMPLATE and not await templates.texts_of(connection, [guild_id]):
        raise InvalidInputError(no_template())


async def save(context: Context, guild_id: int, text: str, user_id: int) -> None:
    """Save a template. InvalidInputError if it is none."""
    checked(text)
    async with context.db.write() as connection:
        await templates.save(connection, guild_id, text, user_id, context.now())


async def remove(context: Context, guild_id: int) -> None:
    """Remove the template of a server. The posts that used it are cards from then on. NotFoundError if there is none."""
    async with context.db.write() as connection:
        if not await templates.remove(connection, guild_id):
            raise NotFoundError(no_template())
