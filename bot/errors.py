"""Expected failures. The message is for the user; the log has the cause (`__cause__`)."""

from __future__ import annotations

from bot.domain.text.cleaning import plural
from bot.domain.text.terminal import one_line


class TopicwireError(Exception):
    """A failure that a user can act on; `str(error)` says how."""


class SettingsError(TopicwireError):
    """A person has to change the settings, the token or the application in Discord's portal: a new start fails alike."""


class ConfigError(SettingsError):
    """The configuration cannot be used. `problems` are `key.path: what is wrong and what is allowed`."""

    def __init__(self, place: str, problems: list[str]) -> None:
        self.place = one_line(place)
        self.problems = [one_line(problem) for problem in problems]
        count = plural(len(problems), "problem")
        super().__init__(
            "\n".join([f"{self.place}: {count}", *(f"  {problem}" for problem in self.problems)])
        )


class StoreError(TopicwireError):
    """The database cannot be opened, read or written."""


class DatabaseAddressError(StoreError, SettingsError):
    """`database.url` is not valid, or needs a driver that is not installed."""


class DatabaseLostError(StoreError):
    """The database is damaged or gone. Nothing can be stored until a person restores it."""


class DatabaseVersionError(StoreError):
    """Another version of Topicwire made the database. A person has to update the program or choose another database."""


class SourceError(TopicwireError):
    """A source cannot be read; the message says why and what to do."""


class ModelError(TopicwireError):
    """A language model gave no answer; the message says why, and nothing of what its endpoint answered."""


class NotFoundError(TopicwireError):
    """A topic, story, channel or mute that somebody named does not exist."""


class UnknownNameError(NotFoundError):
    """A name that does not exist. `typed` is the user's input, `near` are similar names."""

    def __init__(self, message: str, typed: str, near: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.typed = typed
        self.near = near


class NotAllowedError(TopicwireError):
    """The user, or the bot, lacks a permission; the message names it and where to give it."""


class InvalidInputError(TopicwireError):
    """Something that a user typed cannot be read; the message says what is allowed."""


class QueryRefusedError(InvalidInputError):
    """A query cannot be parsed.

    `drawn` is two lines: the query, and a caret below the error. `example` is a valid query.
    """

    def __init__(self, message: str, drawn: str, example: str) -> None:
        super().__init__(message)
        self.drawn = drawn
        self.example = example
