"""A message without what Discord refuses of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.model import PostLayout
from bot.domain.stories.story import story_view
from bot.messages.layout import Beside, Button, Buttons, Container, Gallery, Illustration, Layout, Markdown
from bot.messages.message import Message
from bot.messages.refusals import refused_parts, without
from bot.messages.story import story_post
from tests.make import record, stored, story

TITLE = Markdown(("### [Lighthouse relit](https://keeper.example/relit)",))
LAMP, KEEPER = (Illustration(f"https://keeper.example/{name}.png", name) for name in ("lamp", "keeper"))
GALLERY = Gallery((LAMP, KEEPER))
BRIEF = Markdown(("After forty years.",))
ASIDE = Beside(Markdown(("By the sea",)), LAMP)
BUTTONS = Buttons(
    (Button("Read", url="https://keeper.example/relit"), Button("Related", action="related:12"))
)
CARD = (TITLE, GALLERY, BRIEF, ASIDE, BUTTONS)
MESSAGE = Message(layout=(Container(CARD, 7),), roles=(5,), name="Lighthouse relit", tags=("Coast",))


def said(*places: str) -> str:
    """What discord.py makes of Discord's answer that something is wrong in these places."""
    return "\n".join(["Invalid Form Body", *(f"In {place}: This is not right." for place in places)])


def left(*places: str, of: Message = MESSAGE) -> Message:
    """What is left of the message."""
    remaining = without(of, refused_parts(said(*places)))
    assert remaining is not None
    return remaining


def card(*parts: object) -> Layout:
    """The layout with these parts in its container."""
    return (Container(parts, 7),)  # type: ignore[arg-type] # parts of a container


def test_the_places_are_read_and_nothing_else() -> None:
    text = (
        said("components.0.items.1.media.url", "message.components.1.content", "nonce")
        + "\nin fact: no.\nIn the end, nothing"
    )
    assert refused_parts(text) == (
        ("components", "0", "items", "1", "media", "url"),
        ("components", "1", "content"),
        ("nonce",),
    )
    assert refused_parts("Invalid Form Body") == ()
    assert len(refused_parts(said(*(f"components.{n}" for n in range(5000))))) == 100


@pytest.mark.parametrize(
    ("places", "parts"),
    [
        (["0.content"], (GALLERY, BRIEF, ASIDE, BUTTONS)),
        (["1.items.0.media.url"], (TITLE, Gallery((KEEPER,)), BRIEF, ASIDE, BUTTONS)),
        (["1.items.0.media.url", "1.items.1.media"], (TITLE, BRIEF, ASIDE, BUTTONS)),
        (
            ["1.items.1.description"],
            (TITLE, Gallery((LAMP, replace(KEEPER, alt=""))), BRIEF, ASIDE, BUTTONS),
        ),
        (["1"], (TITLE, BRIEF, ASIDE, BUTTONS)),
        (["1.items"], (TITLE, BRIEF, ASIDE, BUTTONS)),
        (["3.accessory.media.url"], (TITLE, GALLERY, BRIEF, ASIDE.text, BUTTONS)),
        (["3.components.0.content"], (TITLE, GALLERY, BRIEF, BUTTONS)),
        (["4.components.0.url"], (TITLE, GALLERY, BRIEF, ASIDE, Buttons(BUTTONS.buttons[1:]))),
        (["4.components.0.url", "4.components.1.label"], (TITLE, GALLERY, BRIEF, ASIDE)),
        (["4.components"], (TITLE, GALLERY, BRIEF, ASIDE)),
        (["0.content", "2.content", "1.items.0"], (Gallery((KEEPER,)), ASIDE, BUTTONS)),
    ],
)
def test_the_named_part_goes_and_no_other(places: list[str], parts: tuple[object, ...]) -> None:
    """The roles stand above the container, which is the second component."""
    for prefix in ("", "message."):
        found = left(*(f"{prefix}components.1.components.{place}" for place in places))
        assert found == replace(MESSAGE, layout=card(*parts))
    alone = replace(MESSAGE, roles=())
    found = left(*(f"components.0.components.{place}" for place in places), of=alone)
    assert found == replace(alone, layout=card(*parts))


@pytest.mark.parametrize(
    ("place", "changed"),
    [
        ("components.1.accent_color", replace(MESSAGE, layout=(Container(CARD),))),
        ("components.0.content", replace(MESSAGE, roles=())),
        ("allowed_mentions.roles.0", replace(MESSAGE, roles=())),
        ("applied_tags.0", replace(MESSAGE, tags=())),
        ("name", replace(MESSAGE, name="Story #12")),
        ("nonce", MESSAGE),
    ],
)
def test_each_other_part_is_known_by_its_place(place: str, changed: Message) -> None:
    assert left(place) == changed


@pytest.mark.parametrize("places", [[], ["flags"], ["sticker_ids.0"]])
def test_where_the_part_is_none_that_can_be_taken_out_the_texts_are_left(places: list[str]) -> None:
    found = left(*places)
    assert found == replace(MESSAGE, layout=card(TITLE, BRIEF, ASIDE.text), tags=())


def test_a_message_of_which_nothing_is_left_is_not_sent() -> None:
    one = Message(layout=(Container((TITLE, BUTTONS)),))
    assert without(one, [("components", "0", "components", "0", "content")]) is None
    assert without(one, [("components",)]) is None
    assert without(one, [("components", "0")]) is None
    two = Message(layout=(Container((TITLE,)), Container((BRIEF,))))
    assert without(two, [("components", "0", "components", "0")]) == replace(two, layout=two.layout[1:])


@pytest.mark.parametrize("layout", PostLayout)
def test_a_forum_post_is_named_by_its_number_in_every_layout(layout: PostLayout) -> None:
    view = story_view(story(stored(record("Lighthouse relit")), number=12))
    assert view is not None
    assert left("name", of=story_post(view, layout=layout)).name == "Story #12"


def test_a_forum_post_without_a_story_gets_a_plain_name() -> None:
    assert left("name", of=Message(layout=(BRIEF,), name="x")).name == "News"
