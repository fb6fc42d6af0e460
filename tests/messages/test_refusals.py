"""A message without what Discord refuses of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.messages.message import Button, Embed, Field, Message
from bot.messages.refusals import refused_parts, without

EMBED = Embed(
    title="Lighthouse relit",
    url="https://keeper.example/relit",
    description="After forty years.",
    author="The Keeper",
    footer="Story #12 · Coast · 2 outlets",
    image="https://keeper.example/lamp.png",
    colour=7,
    fields=(Field("Related coverage", "one"), Field("More", "two")),
    timestamp="2026-03-02T12:00:00+00:00",
)
MESSAGE = Message(
    content="<@&5>",
    embeds=(EMBED,),
    buttons=(Button("Read", url="https://keeper.example/relit"), Button("Related", action="related:12")),
    roles=(5,),
    name="Lighthouse relit",
    tags=("Coast",),
)


def said(*places: str) -> str:
    """What discord.py makes of Discord's answer that something is wrong in these places."""
    return "\n".join(["Invalid Form Body", *(f"In {place}: This is not right." for place in places)])


def left(*places: str) -> Message:
    """What is left of the message."""
    found = without(MESSAGE, refused_parts(said(*places)))
    assert found is not None
    return found


def test_the_places_are_read_and_nothing_else() -> None:
    text = said("embeds.0.image.url", "message.embeds.1.url", "nonce") + "\nin fact: no.\nIn the end, nothing"
    assert refused_parts(text) == (("embeds", "0", "image", "url"), ("embeds", "1", "url"), ("nonce",))
    assert refused_parts("Invalid Form Body") == ()
    assert len(refused_parts(said(*(f"embeds.{n}" for n in range(5000))))) == 100


@pytest.mark.parametrize("part", ["image", "url", "author", "footer", "timestamp", "title", "description"])
@pytest.mark.parametrize("deeper", ["", ".url", ".name", ".icon_url"])
def test_the_named_part_of_an_embed_goes_and_no_other(part: str, deeper: str) -> None:
    emptied: dict[str, Any] = {part: ""}
    without_it = replace(EMBED, **emptied)
    assert left(f"embeds.0.{part}{deeper}") == replace(MESSAGE, embeds=(without_it,))
    assert left(f"message.embeds.0.{part}{deeper}") == replace(MESSAGE, embeds=(without_it,))


@pytest.mark.parametrize(
    ("places", "change"),
    [
        (["embeds.0.thumbnail.url"], {"embeds": (replace(EMBED, image=""),)}),
        (["embeds.0.fields.1.value"], {"embeds": (replace(EMBED, fields=EMBED.fields[:1]),)}),
        (["embeds.0.fields"], {"embeds": (replace(EMBED, fields=()),)}),
        (["embeds.0.url", "embeds.0.image.url"], {"embeds": (replace(EMBED, url="", image=""),)}),
        (["components.0.components.0.url"], {"buttons": MESSAGE.buttons[1:]}),
        (["components.0.components.1.custom_id"], {"buttons": MESSAGE.buttons[:1]}),
        (["components"], {"buttons": ()}),
        (["components.3.type"], {"buttons": ()}),
        (["content"], {"content": "", "roles": ()}),
        (["allowed_mentions.roles.0"], {"roles": ()}),
        (["applied_tags.0"], {"tags": ()}),
        (["name"], {"name": "Story #12"}),
        (["nonce"], {}),
    ],
)
def test_each_part_is_known_by_its_place(places: list[str], change: dict[str, object]) -> None:
    assert left(*places) == replace(MESSAGE, **change)  # type: ignore[arg-type] # fields of a message


@pytest.mark.parametrize(
    "places", [[], ["flags"], ["sticker_ids.0"], ["embeds"], ["embeds.0"], ["embeds.0.type"]]
)
def test_where_the_part_is_none_that_can_be_taken_out_the_text_is_left(places: list[str]) -> None:
    found = left(*places)
    assert found.embeds == (Embed(title=EMBED.title, description=EMBED.description, colour=7),)
    assert (found.content, found.name) == (MESSAGE.content, MESSAGE.name)


def test_an_embed_of_which_nothing_is_left_goes_and_a_message_of_none_is_not_sent() -> None:
    two = Message(embeds=(Embed(title="One"), Embed(title="Two", url="https://two.example/")))
    found = without(two, [("embeds", "0", "title")])
    assert found == replace(two, embeds=two.embeds[1:])
    assert without(Message(embeds=(Embed(title="One"),)), [("embeds", "0", "title")]) is None
