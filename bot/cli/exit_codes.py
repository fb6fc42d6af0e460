"""How `topicwire` ends: the code says whether a new start may help, or what a person has to do first."""

from __future__ import annotations

from enum import IntEnum

from bot.errors import DatabaseLostError, DatabaseVersionError, SettingsError, TopicwireError


class ExitCode(IntEnum):
    """The exit codes. Those above 3 are only those of `run` and `setup`: a supervisor acts on them."""

    OK = 0
    SOME_REFUSED = 1  # some items were rejected, or `check` found problems
    USAGE = 2  # typer's own
    FAILED = 3  # it may go well the next time; the message says what to do
    SETTINGS = 4  # a person has to change the settings, the token or the application
    DATABASE = 5  # a person has to restore the database, or update Topicwire


# After these, a new start without a person fails alike.
FINAL = frozenset((ExitCode.USAGE, ExitCode.SETTINGS, ExitCode.DATABASE))

_OF_RUN: tuple[tuple[type[Exception], ExitCode], ...] = (
    (SettingsError, ExitCode.SETTINGS),
    (DatabaseLostError, ExitCode.DATABASE),
    (DatabaseVersionError, ExitCode.DATABASE),
)


def exit_code(error: Exception) -> ExitCode:
    """The code with which the bot ends after this error."""
    return next((code for kind, code in _OF_RUN if isinstance(error, kind)), ExitCode.FAILED)


def last_words(error: TopicwireError) -> str:
    """What the last line of a log says of the end."""
    code = exit_code(error)
    return f"the bot ends with exit code {code.value} ({code.name.lower()}): {error}"
