"""A secret that stands in the wrong place of the settings is never repeated, whatever the mistake."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

from bot.cli.exit_codes import ExitCode
from bot.config import Config, load
from bot.errors import ConfigError
from tests.cli.command import topicwire

CANARY = "c4nary-MTk4NjIyNDgzNDc.S3cretS3cret"
ADDRESS = f"postgresql://bot:{CANARY}@db.example/topicwire"
COMMANDS = (("check",), ("run",), ("source", "list"))


def files() -> Iterator[str]:
    """Settings with the canary under a wrong key, as a whole section, inside a value, and in broken YAML."""
    yield CANARY
    yield yaml.safe_dump({"token": CANARY})
    yield f"discord:\n\ttoken: {CANARY}\n"
    yield f"discord:\n  token: %{CANARY}\n"
    yield f"discord:\n  token: !{CANARY} x\n"
    yield f"discord: {{token: {CANARY}\n"
    yield f"discord:\n  token: &a {CANARY}\n  <<: *a\n"
    for section, field in Config.model_fields.items():
        for value in (CANARY, ADDRESS, [CANARY], {"tokn": CANARY}, {CANARY: 1}, {"tokn": {"value": ADDRESS}}):
            if value != {CANARY: 1}:  # a key is named, so that it can be found
                yield yaml.safe_dump({section: value})
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            for key in field.annotation.model_fields:
                yield yaml.safe_dump({section: {key.upper(): CANARY}})
                yield yaml.safe_dump({section: {f"{key}s": ADDRESS}})
    for kind in ("folder", "feed", "git", CANARY):
        yield yaml.safe_dump({"sources": [{"kind": kind, "adress": CANARY}]})
        yield yaml.safe_dump({"sources": [{"kind": kind, "url": f"https://{CANARY}@git.example/a b"}]})
    yield yaml.safe_dump({"http": {"token": CANARY[:10]}})
    yield yaml.safe_dump({"topics": {"inline": [{"name": "A", "parent": "B", "keyword": CANARY}]}})
    for url in (
        f"mysql://bot:{CANARY}@db.example/x",
        f"mysql://db.example/x?user=bot&sslpassword={CANARY}",
        f"postgresql://bot:{CANARY}@127.0.0.1:1/x?ssl={CANARY}",
        f"postgresql://bot:{CANARY}/@:@127.0.0.1:port/x",
        f"bot:{CANARY}@127.0.0.1/x",
    ):
        yield yaml.safe_dump({"discord": {"token": CANARY}, "database": {"url": url}})


def refusal(path: Path) -> ConfigError | None:
    """The error of the loader, if the file has one."""
    try:
        load(path)
    except ConfigError as error:
        return error
    return None


def test_no_error_repeats_a_secret_of_the_file(tmp_path: Path) -> None:
    """Every command prints the error of the loader. What the loader accepts goes through the commands."""
    path = tmp_path / "config.yaml"
    refused = []
    for text in files():
        path.write_text(text, "utf-8")
        if (error := refusal(path)) is not None:
            refused.append(error)
            assert CANARY[:10] not in str(error), text
            assert error.__cause__ is None, text
            continue
        for command in COMMANDS:
            if command == ("run",) and "postgresql://" not in text and "mysql://" not in text:
                continue  # it would start, as nothing is wrong with the settings
            done = topicwire(*command, cwd=tmp_path)
            assert CANARY[:10] not in done.stdout + done.stderr, (command, text)
            assert "Traceback" not in done.stderr
    assert len(refused) > 100


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_prints_the_error_of_the_loader(command: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"discord": {"tokn": CANARY}}))
    done = topicwire(*command, cwd=tmp_path)
    assert done.returncode != ExitCode.OK
    assert "discord.tokn" in done.stdout + done.stderr
    assert CANARY[:10] not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TOPICWIRE_TOKEN", CANARY),
        ("TOPICWIRE_DISCORD", CANARY),
        ("TOPICWIRE_DISCORD", f'{{"tokn": "{CANARY}"}}'),
        ("TOPICWIRE_DISCORD__TOKN", CANARY),
        ("TOPICWIRE_DISCORD__TOKEN__X", CANARY),
        ("TOPICWIRE_DATABASE", ADDRESS),
        ("TOPICWIRE_SOURCES", f"[{{'kind': 'git', 'url': 'https://{CANARY}@git.example/'}}]"),
        ("TOPICWIRE_SOURCES", f'[{{"kind": "{CANARY}"}}]'),
        ("TOPICWIRE_STORIES__EDITORS", f"[{CANARY}"),
        ("TOPICWIRE_STORIES__EDITORS", f'["{CANARY}"]'),
        ("TOPICWIRE_HTTP__TOKEN", CANARY[:10]),
        ("TOPICWIRE_POSTS__MAX_AGE_", CANARY),
    ],
)
def test_no_error_repeats_a_secret_of_the_environment(name: str, value: str, tmp_path: Path) -> None:
    done = topicwire("check", cwd=tmp_path, **{name: value})
    assert done.returncode == 1
    section, _, key = name.removeprefix("TOPICWIRE_").lower().partition("__")
    assert section in done.stdout.lower()
    assert key.partition("__")[0] in done.stdout.lower()
    assert CANARY[:10] not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_a_value_that_cannot_be_a_secret_is_repeated(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("posts: {max_age: soon}\ndigest: {timezone: Mars/Olympus}\n")
    done = topicwire("check", cwd=tmp_path)
    assert "(got 'soon')" in done.stdout
    assert "Mars/Olympus" in done.stdout
