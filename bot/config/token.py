"""The file with the bot's token, which `topicwire setup` creates beside the configuration."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from pydantic import SecretStr

from bot.config.models import Config
from bot.errors import ConfigError, TopicwireError

TOKEN_FILE = "discord.token"  # named like the setting  # noqa: S105 - it is a file's name
# A token is letters, digits, `.`, `-` and `_`; anything else was copied by mistake.
_TOKEN = re.compile(r"[A-Za-z0-9._-]{1,200}")
_MOST_BYTES = 1_000


def token_file(config_path: Path) -> Path:
    """Where the token of a configuration is kept if neither the environment nor the configuration has it."""
    return config_path.with_name(TOKEN_FILE)


def clean_token(text: str) -> str:
    """The token without what is often copied with it: space, quotes, `Bot`. Empty if it cannot be a token."""
    token = text.strip().strip("\"'").removeprefix("Bot ").strip()
    return token if _TOKEN.fullmatch(token) else ""


def with_token(config: Config, config_path: Path) -> Config:
    """The settings with the token of the file, if they have none. Raises ConfigError if the file cannot be used."""
    path = token_file(config_path)
    if config.discord.token.get_secret_value():
        return config
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_BYTES).decode("ascii", errors="replace")
    except FileNotFoundError:
        return config
    except OSError as error:
        raise ConfigError(str(path), [f"cannot be read: {error.strerror}"]) from None
    if not (token := clean_token(text)):
        raise ConfigError(str(path), ["must contain the bot's token and nothing else"])
    with_it = config.discord.model_copy(update={"token": SecretStr(token)})
    return config.model_copy(update={"discord": with_it})


@contextlib.contextmanager
def new_token_file(path: Path) -> Iterator[Callable[[str], None]]:
    """A function that creates the file with a token, whole or not at all, readable by its owner alone.

    An existing file is never replaced. Raises TopicwireError if the file exists or its directory cannot be written to,
    on entry already, so that nobody types a token for nothing.
    """
    try:
        _require_absent(path)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)  # with mode 0600
    except OSError as error:
        raise _unwritable(path, error) from None
    with contextlib.ExitStack() as stack:
        stack.callback(lambda: Path(name).unlink(missing_ok=True))
        file = stack.enter_context(os.fdopen(handle, "w", encoding="ascii"))

        def save(token: str) -> None:
            try:
                file.write(f"{token}\n")
                file.flush()
                os.fsync(file.fileno())
                os.link(name, path)  # fails if the file exists
            except FileExistsError:
                _require_absent(path)
                raise
            except OSError as error:
                raise _unwritable(path, error) from None

        yield save


def _require_absent(path: Path) -> None:
    if os.path.lexists(path):
        raise TopicwireError(
            f"{path} exists already and was not changed. Start the bot with `topicwire run`, or delete the file to enter "
            "another token."
        )


def _unwritable(path: Path, error: OSError) -> TopicwireError:
    return TopicwireError(
        f"The token cannot be saved in {path} ({error.strerror}). Change to a directory in which you may create files, or "
        "set the environment variable TOPICWIRE_DISCORD__TOKEN instead."
    )
