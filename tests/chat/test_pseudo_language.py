"""In a language of brackets, no word that a reader sees stands outside of them, but for data: a walk through the whole bot."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import discord
import pytest
from simcord.actors import MemberActor
from simcord.backend.errors import BackendError, SetupError
from simcord.types import HttpLogEntry

from bot.chat.limits import CommandLimits
from tests.chat.world import METRO, World, buttons, labels, message_of, unrelated
from tests.languages import bracketed, outside, prefers, speaking_as
from tests.make import record

LANGUAGE = "ja"  # CLDR's dates and lists have no Latin letters in it
# What a reader sees of a message, wherever in its JSON.
SHOWN = {"content", "label", "placeholder", "description", "title", "text", "name", "value", "hover"}
# Names that are the same in every language.
NAMES = re.compile(
    r"\b(?:Topicwire|Alpha|Beta|Gamma|Outlet\d*|Space|AI|Computer Vision|Artificial Intelligence|CV|Rockets|UTC|Europe|Berlin|"
    r"news|yuki|readers|verbatim|Demo|English|Deutsch|Français|Español|Português|Brasil)\b"
)
MARKUP = re.compile(
    r"\]\([^)]*\)|</?[^<>\s][^<>]*>|`[^`]*`|```[\s\S]*?```|https?://\S+|\b[\w.-]+\.example\b|\b\d{1,2}:\d{2}\b"
)
WORD = re.compile(r"[A-Za-z]{2,}")


def bodies(requests: list[HttpLogEntry]) -> Iterator[tuple[str, Any]]:
    """What was sent for readers: messages, answers, forms and threads."""
    for request in requests:
        if request.method in ("POST", "PATCH") and "/commands" not in request.path:
            yield request.path, request.json


def texts(part: Any, key: str = "") -> Iterator[str]:
    """What of it is read."""
    if isinstance(part, dict):
        for name, inner in part.items():
            # The value of an option is an id, that of a text field is read.
            if name != "value" or part.get("type") == 4:
                yield from texts(inner, name)
    elif isinstance(part, list):
        for inner in part:
            yield from texts(inner, key)
    elif isinstance(part, str) and key in SHOWN:
        yield part


def words_outside(text: str, data: set[str]) -> list[str]:
    """Words that are neither in brackets nor data."""
    left = outside(text.replace("**", ""))
    for title in sorted(data, key=len, reverse=True):
        left = left.replace(title, " ")
    return WORD.findall(NAMES.sub(" ", MARKUP.sub(" ", left)))


def test_words_outside_are_seen() -> None:
    """Or the walk below would pass for any text."""
    assert words_outside("⟦ja|{x} of ⟦ja|two⟧ topics⟧ · Space · `/why` · <t:1:R>", set()) == []
    assert words_outside("⟦ja|Topics⟧: three more", set()) == ["three", "more"]
    assert list(texts({"components": [{"label": "a"}, {"content": "b", "custom_id": "c"}]})) == ["a", "b"]


def fields_of(form: Any) -> Iterator[str]:
    """The ids of a form's text fields."""
    if isinstance(form, dict):
        if form.get("type") == 4:
            yield form["custom_id"]
        for inner in form.values():
            yield from fields_of(inner)
    elif isinstance(form, list):
        for inner in form:
            yield from fields_of(inner)


Use = tuple[str, dict[str, Any]]
# Before there is anything.
AT_FIRST: list[Use] = [
    ("subscriptions", {}),
    ("latest", {}),
    ("topics", {}),
    ("source list", {}),
    ("status", {}),
    ("help", {}),
    ("appearance preview", {}),
    ("digest preview", {}),
    ("mute", {}),
    ("subscribe", {"topic": "Nothing of that name"}),
    ("unsubscribe", {"topic": "Nothing of that name"}),
    ("related", {"story": "999"}),
]
# With stories and posts.
LATER: list[Use] = [
    ("subscriptions", {}),
    ("subscribe", {"topic": "AI"}),
    ("latest", {}),
    ("latest", {"topic": "Space", "sort": "hot"}),
    ("search", {"query": "metro OR rocket"}),
    ("search", {"query": "(metro"}),
    ("why", {"story": "1"}),
    ("related", {"story": "1"}),
    ("appearance preview", {}),
    ("appearance set", {"layout": "compact"}),
    ("appearance set", {"colour": "nothing"}),
    ("appearance language", {"language": "server"}),
    ("briefs", {"style": "rephrased"}),
    ("briefs", {}),
    ("digest set", {"time": "9 pm", "timezone": "Berlin", "days": "weekdays"}),
    ("digest set", {"time": "9 pm", "timezone": "EST", "days": "mon, thu"}),
    ("digest set", {"time": "soon", "timezone": "Berlin"}),
    ("digest set", {"time": "9 pm", "timezone": "Nowhere"}),
    ("digest set", {"time": "9 pm", "timezone": "UTC", "days": "sun", "style": "headlines"}),
    ("digest set", {"time": "9 pm", "timezone": "UTC", "topic": "Space", "name": "Nothing of that name"}),
    ("digest list", {}),
    ("digest preview", {}),
    ("digest now", {}),
    ("digest remove", {}),
    ("digest remove", {"name": "wind farm"}),
    ("quiet-hours set", {"start": "22:00", "end": "07:00", "timezone": "Berlin"}),
    ("quiet-hours off", {}),
    ("quiet-hours off", {}),
    ("threads", {"switch": "on"}),
    ("threads", {"switch": "off"}),
    ("mute", {"what": "wind farm"}),
    ("mute", {"what": "alpha.example"}),
    ("mute", {}),
    ("unmute", {"what": "wind farm"}),
    ("unmute", {"what": "Nothing of that name"}),
    ("topics", {}),
    ("topic show", {"topic": "Space"}),
    ("topic test", {"topic": "metro"}),
    ("topic backtest", {"topic": "metro"}),
    ("topic create", {"name": "Rockets", "query": "rocket"}),
    ("topic edit", {"topic": "Rockets", "query": "rocket* OR ("}),
    ("topic delete", {"topic": "Rockets"}),
    ("source add", {"url": "ftp://x.example/"}),
    ("source remove", {"source": "Nothing of that name"}),
    ("status", {}),
]
MENUS = ("Related", "Why is this here?", "Mute this outlet", "Not the same story")


class Reader:
    """Somebody who uses everything, and keeps on where a command is refused: refusals are read as well."""

    def __init__(self, world: World, member: MemberActor) -> None:
        self.world, self.member = world, member

    def rest(self) -> None:
        """As if minutes lay between what came before and what follows."""
        self.world.app.client.tree.limits = CommandLimits()  # type: ignore[attr-defined] # known to its own class

    async def uses(self, command: str, **options: Any) -> Any:
        """Use a command. Its answer is returned."""
        self.rest()
        result = await self.member.slash(self.world.news, command, **options)
        self.world.errors = len(self.world.env.errors)
        answers = [*([result.response] if result.response else []), *result.followups]
        return answers[-1] if answers else None

    async def presses_everything(self, answer: Any, most: int = 12) -> None:
        """Press each button of an answer once, and submit the forms that open."""
        for label in labels(answer)[:most]:
            if label not in labels(answer):
                continue
            self.rest()
            try:
                shown = await self.member.click(message_of(answer), label=label)
            except (BackendError, SetupError):  # a link, or a view that has ended
                continue
            self.world.errors = len(self.world.env.errors)
            if shown.modal is not None:
                await self.member.submit_modal(shown, dict.fromkeys(fields_of(shown.modal), "x"))
                self.world.errors = len(self.world.env.errors)


@pytest.fixture
async def reader(world: World, monkeypatch: pytest.MonkeyPatch) -> Reader:
    """A manager in a server of that language."""
    bracketed(monkeypatch)
    rights = discord.Permissions(manage_messages=True, manage_channels=True, manage_guild=True)
    role = world.guild.create_role("everything", permissions=rights)
    member = world.guild.add_member(world.env.create_user("yuki"), roles=[role])
    speaking_as(monkeypatch, {member.id: LANGUAGE})
    await prefers(world, LANGUAGE)
    return Reader(world, member)


async def use_posts(world: World, reader: Reader) -> None:
    """Press what stands below the first post, and use its menus."""
    [post, *_] = world.posts()
    for button in buttons(post):
        if button.custom_id:
            await reader.presses_everything(world.answer(await reader.member.click(post, label=button.label)))
    for menu in MENUS:
        result = await reader.member.context_menu(world.news, menu, post)
        world.errors = len(world.env.errors)
        for answer in (result.response, *result.followups):
            if answer is not None:
                await reader.presses_everything(answer)


async def use_panel(reader: Reader) -> None:
    """Open each page of the panel, and press everything on it."""
    panel = await reader.uses("setup")
    for label in labels(panel):
        if label in labels(panel):
            await reader.member.click(message_of(panel), label=label)
            await reader.presses_everything(panel)


async def test_no_word_that_a_reader_sees_is_outside_of_the_catalogue(world: World, reader: Reader) -> None:
    stories = [
        record(METRO[0], "alpha.example", quality=80, topics=["Space"], excerpt="It was decided on Monday."),
        record(METRO[1], "beta.example", hours=0.5, quality=70, topics=["Space"]),
        *unrelated(4),
    ]
    grown = record(METRO[2], "gamma.example", hours=1, quality=75, topics=["Space"])
    data = {story.title for story in (*stories, grown)}
    data |= {"It was decided on Monday.", "wind farm", "Nothing of that name", "satellite", "rocket"}
    data |= {
        "example.com",
        "https://example.com/feed",
        "#2D9CDB",
        "Monday, Thursday",
        "Sunday",
        "every day",
    }  # what is typed there, in every language
    begun = len(world.env.http_requests)
    for command, options in AT_FIRST:
        await reader.uses(command, **options)
    await reader.uses(
        "subscribe", topic="Space", mode="both", volume="everything", mention=world.role("readers")
    )
    await reader.uses("post-limit", per_hour=3)
    await world.report(*stories)
    await use_posts(world, reader)
    for command, options in LATER:
        await reader.presses_everything(await reader.uses(command, **options))
        await world.deliver()
    await use_panel(reader)
    await reader.uses("digest off")
    await reader.uses("unsubscribe", topic="Space")
    world.clock.forward(hours=1)
    await world.report(grown)
    wrong = {
        (" ".join(words), text)
        for _, body in bodies(world.env.http_requests[begun:])
        for text in texts(body)
        if (words := words_outside(text, data))
    }
    assert not wrong, "\n".join(f"{words}: {text!r}" for words, text in sorted(wrong))
