"""What a message is made of, as values: texts, pictures, buttons and menus, in containers.

They are Discord's components (https://discord.com/developers/docs/components/reference). The limits are those of that
page and of Discord's OpenAPI document. Lengths are counted in UTF-16 units, which is never less than Discord's count.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

from bot.domain.text.cleaning import length

COMPONENTS = 40  # in a message, nested ones included
TEXT = 4000  # characters of all texts of a message together
PICTURES = 10  # in a gallery
ALT = 1024  # characters that describe a picture
MEDIA_URL = 2048
BUTTON_URL = 512
BUTTON_LABEL = 80
ROW = 5  # buttons
ACTION = 100  # characters of the custom id of a button or menu
OPTIONS = 25  # of a menu
CHOICE = 100  # characters of an option of a menu or of autocomplete: its label, its description, its value
PLACEHOLDER = 150


@dataclass(frozen=True, slots=True)
class Markdown:
    """Markdown in entries, one below another. An entry is shown as a whole or not at all.

    `stories` are the numbers of the stories that the entries tell of, one each, where they tell of any.
    """

    entries: tuple[str, ...]
    stories: tuple[int, ...] = ()

    @classmethod
    def of(cls, *entries: str) -> Markdown:
        """A text of these entries without the empty ones."""
        return cls(tuple(filter(None, entries)))

    @property
    def text(self) -> str:
        """The whole text."""
        return "\n".join(self.entries).rstrip("\n")


@dataclass(frozen=True, slots=True)
class Illustration:
    """A picture by its address, with words for those who do not see it."""

    url: str
    alt: str = ""


@dataclass(frozen=True, slots=True)
class Gallery:
    """Pictures, the first the largest."""

    pictures: tuple[Illustration, ...]


@dataclass(frozen=True, slots=True)
class Button:
    """A link (`url`) or a press that the bot answers (`action`, its custom id)."""

    label: str
    url: str = ""
    action: str = ""


@dataclass(frozen=True, slots=True)
class Beside:
    """A text with a small picture or a button beside it."""

    text: Markdown
    accessory: Illustration | Button


@dataclass(frozen=True, slots=True)
class Divider:
    """Some room between two parts, with a line in it or without."""

    line: bool = True


@dataclass(frozen=True, slots=True)
class Download:
    """A file that is sent with the message: its name, or empty. One that no part shows stays invisible.

    https://discord.com/developers/docs/components/reference#file
    """

    name: str


@dataclass(frozen=True, slots=True)
class Buttons:
    """A row of buttons."""

    buttons: tuple[Button, ...]


@dataclass(frozen=True, slots=True)
class Option:
    """One choice of a menu; `value` is what the bot is told."""

    label: str
    value: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Menu:
    """A menu of which one option can be chosen; `action` is its custom id."""

    action: str
    options: tuple[Option, ...]
    placeholder: str = ""


Part = Markdown | Gallery | Beside | Divider | Download | Buttons | Menu


@dataclass(frozen=True, slots=True)
class Container:
    """Parts in a box with a coloured edge (`accent`: RGB; None: no colour)."""

    parts: tuple[Part, ...]
    accent: int | None = None


Layout = tuple[Container | Part, ...]


def walk(layout: Iterable[Container | Part]) -> Iterator[Part]:
    """All parts in order, those in containers too."""
    for part in layout:
        if isinstance(part, Container):
            yield from part.parts
        else:
            yield part


def texts(layout: Iterable[Container | Part]) -> Iterator[Markdown]:
    """All texts in order."""
    for part in walk(layout):
        if isinstance(part, Markdown):
            yield part
        elif isinstance(part, Beside):
            yield part.text


def without_buttons(layout: Layout) -> Layout:
    """The layout without its rows of buttons."""
    return tuple(
        replace(part, parts=tuple(inner for inner in part.parts if not isinstance(inner, Buttons)))
        if isinstance(part, Container)
        else part
        for part in layout
        if not isinstance(part, Buttons)
    )


def text_size(layout: Iterable[Container | Part]) -> int:
    """What counts towards `TEXT`."""
    return sum(length(part.text) for part in texts(layout))


def component_count(layout: Iterable[Container | Part]) -> int:
    """What counts towards `COMPONENTS`."""
    return sum(map(_components, layout))


def _components(part: Container | Part) -> int:
    match part:
        case Container(parts=parts):
            return 1 + sum(map(_components, parts))
        case Beside():
            return 3
        case Buttons(buttons=buttons):
            return 1 + len(buttons)
        case Menu():
            return 2
        case _:
            return 1


@dataclass(slots=True)
class Room:
    """How much of a message is still free; `take` uses some of it."""

    text: int = TEXT
    components: int = COMPONENTS

    def take(self, part: Part) -> Part | None:
        """As much of a part as fits: of a text the first entries that do. None where nothing does."""
        fitting: Part | None = part
        match part:
            case Markdown():
                fitting = _fitting(part, self.text)
            case Beside(text=inner):
                shortened = _fitting(inner, self.text)
                fitting = None if shortened is None else replace(part, text=shortened)
            case Gallery(()) | Download("") | Buttons(()) | Menu(options=()):
                return None
        if fitting is None or _components(fitting) > self.components:
            return None
        self.components -= _components(fitting)
        self.text -= text_size((fitting,))
        return fitting

    def has_all(self, parts: Iterable[Part]) -> bool:
        """Whether there are parts that say something, and room for all of them together."""
        every = [part for part in parts if not isinstance(part, Markdown) or part.text.strip()]
        said = any(part.text.strip() for part in texts(every))
        return said and text_size(every) <= self.text and component_count(every) <= self.components


def _fitting(part: Markdown, room: int) -> Markdown | None:
    used = count = 0
    for entry in part.entries:
        used += length(entry) + (1 if count else 0)
        if used > room:
            break
        count += 1
    return Markdown(part.entries[:count], part.stories[:count]) if part.text.strip() and count else None


@dataclass(frozen=True, slots=True)
class Ranked:
    """A part and its rank: 0 is what a message needs most, and a part of a higher rank goes first."""

    rank: int
    part: Part


def fit(parts: Sequence[Ranked], room: Room) -> tuple[Part, ...]:
    """The parts in their order, without what has no room. Those of a lower rank choose first, then the earlier ones."""
    kept: dict[int, Part] = {}
    for place in sorted(range(len(parts)), key=lambda place: parts[place].rank):
        if (fitting := room.take(parts[place].part)) is not None:
            kept[place] = fitting
    return tuple(kept[place] for place in sorted(kept))


_KINDS: Mapping[str, type[Any]] = {
    kind.__name__.lower(): kind
    for kind in (
        Markdown,
        Illustration,
        Gallery,
        Button,
        Beside,
        Divider,
        Download,
        Buttons,
        Option,
        Menu,
        Container,
    )
}


def to_json(value: Any) -> Any:
    """A layout, or a part of one, as plain values; each part says its kind."""
    if isinstance(value, tuple):
        return [to_json(entry) for entry in value]
    if not is_dataclass(value):
        return value
    plain = {field.name: to_json(getattr(value, field.name)) for field in fields(value)}
    return {"kind": type(value).__name__.lower()} | plain


def from_json(value: Any) -> Any:
    """The inverse of `to_json`. Raises KeyError or TypeError for what it did not write."""
    if isinstance(value, list):
        return tuple(from_json(entry) for entry in value)
    if not isinstance(value, dict):
        return value
    plain = {name: from_json(entry) for name, entry in value.items() if name != "kind"}
    return _KINDS[value["kind"]](**plain)
