"""What a message is made of: what counts towards its limits, and what goes where there is too much."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from bot.messages import layout
from bot.messages.layout import (
    COMPONENTS,
    OPTIONS,
    TEXT,
    Beside,
    Button,
    Buttons,
    Container,
    Divider,
    Download,
    Gallery,
    Illustration,
    Layout,
    Markdown,
    Menu,
    Option,
    Part,
    Ranked,
    Room,
    component_count,
    fit,
    text_size,
)
from bot.messages.message import Message
from tests.discord_rules import payload, problems

PICTURE = Illustration("https://a.example/i.png", "A lamp")
PARTS: tuple[Part, ...] = (
    Markdown(("a", "b"), (1, 2)),
    Gallery((PICTURE, Illustration("https://a.example/j.png"))),
    Beside(Markdown(("c",)), PICTURE),
    Beside(Markdown(("d",)), Button("Coverage", action="related:1")),
    Divider(),
    Divider(line=False),
    Download("report.json"),
    Buttons((Button("Read", url="https://a.example/"), Button("Related", action="related:2"))),
    Menu("open", (Option("One", "1", "the first"), Option("Two", "2")), "Choose"),
)
WHOLE: Layout = (Markdown(("above",)), Container(PARTS, 5), Container((Divider(),)))


def test_every_part_is_what_discord_takes_and_survives_the_outbox() -> None:
    assert problems(payload(Message(layout=WHOLE))) == []
    message = Message(layout=WHOLE, roles=(1, 2), name="name", tags=("tag",), other_tags=("other",))
    assert Message.from_json(json.loads(json.dumps(message.to_json()))) == message
    assert layout.from_json(json.loads(json.dumps(layout.to_json(WHOLE)))) == WHOLE


def test_what_counts_is_what_discord_counts() -> None:
    components = list(_walk(payload(Message(layout=WHOLE))["components"]))
    assert component_count(WHOLE) == len(components)
    texts = [str(part["content"]) for part in components if part["type"] == 10]
    assert text_size(WHOLE) == sum(map(len, texts))


def _walk(components: list[dict[str, object]]) -> list[dict[str, object]]:
    found = []
    for part in components:
        nested = part.get("components", [])
        assert isinstance(nested, list)
        found += [part, *_walk(nested)]
        if isinstance(beside := part.get("accessory"), dict):
            found.append(beside)
    return found


def test_those_of_a_lower_rank_choose_first_and_all_keep_their_order() -> None:
    parts = [
        Ranked(2, Markdown(("topics",))),
        Ranked(0, Markdown(("headline",))),
        Ranked(1, Markdown(("first paragraph", "second paragraph"))),
        Ranked(0, Buttons((Button("Read", url="https://a.example/"),))),
    ]
    assert fit(parts, Room()) == tuple(entry.part for entry in parts)
    assert fit(parts, Room(text=30)) == (
        Markdown(("topics",)),
        Markdown(("headline",)),
        Markdown(("first paragraph",)),
        parts[3].part,
    )
    assert fit(parts, Room(text=9, components=3)) == (parts[1].part, parts[3].part)


def test_an_entry_is_shown_as_a_whole_with_its_story_or_not_at_all() -> None:
    told = Markdown(("one", "two", "three"), (1, 2, 3))
    assert Room(text=7).take(told) == Markdown(("one", "two"), (1, 2))
    assert Room(text=6).take(told) == Markdown(("one",), (1,))
    assert Room(text=2).take(told) is None
    beside = Beside(Markdown(("one", "two")), PICTURE)
    assert Room(text=5).take(beside) == Beside(Markdown(("one",)), PICTURE)


def test_what_shows_nothing_takes_no_room() -> None:
    room = Room()
    for part in (Markdown(()), Markdown(("  ",)), Gallery(()), Buttons(()), Menu("open", ())):
        assert room.take(part) is None
    assert room == Room()


_TEXTS = st.lists(st.text("ab \n", min_size=1, max_size=900), max_size=6)
_PARTS = st.one_of(
    _TEXTS.map(lambda entries: Markdown(tuple(entries))),
    st.just(Gallery((PICTURE,))),
    _TEXTS.map(lambda entries: Beside(Markdown(tuple(entries)), PICTURE)),
    st.integers(0, 5).map(lambda n: Buttons(tuple(Button("B", action=f"b{i}") for i in range(n)))),
    st.integers(0, OPTIONS).map(lambda n: Menu("open", tuple(Option("O", str(i)) for i in range(n)))),
)


@given(st.lists(st.tuples(st.integers(0, 3), _PARTS), max_size=60))
def test_whatever_is_fitted_is_within_the_limits(ranked: list[tuple[int, Part]]) -> None:
    kept = fit([Ranked(rank, part) for rank, part in ranked], Room(components=COMPONENTS - 1))
    assert text_size(kept) <= TEXT
    assert component_count((Container(kept),)) <= COMPONENTS
