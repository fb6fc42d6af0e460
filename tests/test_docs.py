"""The documents say all that there is: commands, options, settings, targets, reasons, tables, fields.

And nothing that there is not: what they show as an example is read by the code that reads a user's.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import AsyncIterator, Iterator
from functools import cache
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from typing import Annotated, Any, get_args

import pytest
import typer.main
import yaml
from discord import AppCommandType, app_commands
from pydantic import BaseModel, SecretStr, TypeAdapter
from pydantic.fields import FieldInfo

import cogs
from bot.chat.application import PERMISSIONS
from bot.chat.client import Client
from bot.cli.exit_codes import FINAL, ExitCode
from bot.cli.main import app
from bot.config import Config, load, parse
from bot.domain.model import Topic
from bot.domain.posting.decisions import EXPLAIN, Reason
from bot.domain.records.identity import canonical
from bot.domain.topics.query.document import Document
from bot.domain.topics.query.language import matches
from bot.domain.topics.query.language import parse as parse_query
from bot.domain.topics.topics import Topics
from bot.http.metrics import COUNTERS, GAUGES
from bot.services.context import Context
from bot.sources.documents import MAX_DOCUMENT, SUFFIXES, documents
from bot.sources.records import record_from_mapping
from bot.sources.topic_files import topic_from_mapping
from bot.store import schema
from bot.store.database import Database
from cogs.about import HELP
from cogs.common import required
from tests.make import Clock

ROOT = Path(__file__).parent.parent
PAGES = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "bot" / "demo" / "sample" / "README.md"]
)
EXAMPLE = ROOT / "config.example.yaml"
Command = app_commands.Command[Any, ..., Any]


def _read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


README, ARCHITECTURE, RECORDS = map(_read, ("README.md", "docs/architecture.md", "docs/records.md"))
ALL = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)


def _rows(text: str, heading: str) -> list[list[str]]:
    """The cells of all tables whose first column has that heading."""
    rows: list[list[str]] = []
    inside = False
    for line in text.splitlines():
        inside = line.startswith(f"| {heading} |") or (inside and line.startswith("|"))
        if inside and not line.startswith((f"| {heading} |", "|---")):
            rows.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
    assert rows, f"no table with the first column {heading!r}"
    return rows


def _code(cell: str) -> str:
    """What stands between the backticks of a cell that is all code."""
    assert re.fullmatch(r"`[^`]+`", cell), cell
    return cell[1:-1]


def _fenced(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


# ------------------------------------------------------------------------------------ slash commands


@pytest.fixture
async def commands(db: Database, clock: Clock) -> AsyncIterator[dict[str, Command]]:
    """The slash commands that the real client registers, those of groups by their full names."""
    context = Context(db, clock)
    client = Client(context, cogs.add_to)
    await cogs.add_to(client, context)
    walked = client.tree.walk_commands()
    yield {command.qualified_name: command for command in walked if isinstance(command, app_commands.Command)}
    await client.close()


async def test_slash_commands(commands: dict[str, Command]) -> None:
    """Each stands in the README with its options, the optional ones in brackets, and who may use it."""
    written = {_code(row[0]): row[1] for row in _rows(README, "command") if row[0].startswith("`/")}
    expected = {}
    for name, command in commands.items():
        options = [f" {p.display_name}" if p.required else f" [{p.display_name}]" for p in command.parameters]
        expected[f"/{name}{''.join(options)}"] = command
    assert sorted(written) == sorted(expected)
    for usage, command in expected.items():
        needed = [name.replace("_", " ").replace("guild", "server").title() for name in required(command)]
        assert written[usage] == (needed[0] if needed else "everyone"), usage
        declared = command.default_permissions
        assert declared is None or set(required(command)) == {name for name, has in declared if has}, usage


@pytest.fixture
async def menus(db: Database, clock: Clock) -> AsyncIterator[dict[str, app_commands.ContextMenu]]:
    """The context menus of messages that the real client registers."""
    context = Context(db, clock)
    client = Client(context, cogs.add_to)
    await cogs.add_to(client, context)
    yield {menu.name: menu for menu in client.tree.get_commands(type=AppCommandType.message)}
    await client.close()


async def test_message_menus(menus: dict[str, app_commands.ContextMenu]) -> None:
    """Each stands in the README with who may use it, and in the help."""
    written = {row[0].strip("*"): row[1] for row in _rows(README, "message menu")}
    assert set(written) == set(menus)
    for name, menu in menus.items():
        declared = menu.default_permissions
        needed = [right.replace("_", " ").title() for right, has in declared or () if has]
        assert written[name] == (needed[0] if needed else "everyone"), name
        assert f"*{name}*" in "\n".join(HELP)


async def test_help_names_the_commands(commands: dict[str, Command]) -> None:
    roots = {name.partition(" ")[0] for name in commands} - {"help"}
    assert {root for root in roots if f"`/{root}" not in "\n".join(HELP)} == set()


def test_the_invitation_asks_for_what_the_bot_asks_for() -> None:
    assert f"&permissions={PERMISSIONS.value}\n" in README
    names = {row[0].lower().replace(" ", "_") for row in _rows(README, "permission")}
    assert names == {"view_channel" if name == "read_messages" else name for name, has in PERMISSIONS if has}


# -------------------------------------------------------------------------------------- command line


@cache
def _cli() -> dict[str, Any]:
    """The commands by their words: `run`, `source add`."""
    group: Any = typer.main.get_command(app)
    found: dict[str, Any] = {}
    for name, command in group.commands.items():
        inner = getattr(command, "commands", None)
        found |= {name: command} if inner is None else {f"{name} {sub}": inner[sub] for sub in inner}
    return found


def _called(words: list[str]) -> tuple[str, list[str]]:
    """The command that a call names, and its arguments."""
    two = " ".join(words[:2])
    return (two, words[2:]) if two in _cli() else (words[0], words[1:])


def test_command_line() -> None:
    """Each command stands in the README with all its options, those that may be left out in brackets."""
    written = {}
    for row in _rows(README, "command"):
        if row[0].startswith("`topicwire "):
            written[_called(_code(row[0]).split()[1:])[0]] = _code(row[0])
    assert set(written) == set(_cli())
    for name, command in _cli().items():
        options = [param for param in command.params if param.param_type_name == "option"]
        usage = written[name]
        assert set(re.findall(r"(?<!\w)--?[a-z-]+", usage)) == {
            o for p in options for o in (*p.opts, *p.secondary_opts)
        }, name
        outside = re.findall(r"--[a-z-]+", re.sub(r"\[.*?\]", "", usage))
        assert set(outside) == {p.opts[0] for p in options if p.required}, name


def test_exit_codes() -> None:
    assert {int(_code(row[0])) for row in _rows(README, "exit code")} == set(ExitCode)


def test_what_a_supervisor_does_after_each_exit_code_of_the_bot() -> None:
    page = (ROOT / "docs" / "operations.md").read_text("utf-8")
    rows = {int(_code(code)): again for code, _, again, *_ in _rows(page, "exit code")}
    assert set(rows) == set(ExitCode) - {ExitCode.SOME_REFUSED}
    assert {code for code, again in rows.items() if again == "no"} == FINAL | {ExitCode.OK}


def _examples() -> list[str]:
    lines = [
        line
        for page in PAGES
        for block in _fenced(page.read_text("utf-8"), "sh")
        for line in block.splitlines()
    ]
    return [line for line in lines if re.match(r"(\S*/)?topicwire |python -m bot ", line)]


def test_there_are_examples() -> None:
    assert len(_examples()) > 5


@pytest.mark.parametrize("line", _examples())
def test_examples_are_calls_that_the_command_line_takes(
    line: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Parsed as they stand, in the root of a clone, where the paths that they name exist, but for what is a user's own."""
    monkeypatch.chdir(ROOT)
    words = shlex.split(line, comments=True)
    name, arguments = _called(words[words.index("bot") + 1 if words[0] == "python" else 1 :])
    if name == "opml import" or name.startswith("eval "):
        monkeypatch.chdir(tmp_path)
        for argument in arguments:
            if not argument.startswith("-"):
                (tmp_path / argument).touch()
    _cli()[name].make_context(name, arguments).close()


def test_make_targets() -> None:
    targets = set(re.findall(r"^([a-z]+):", _read("Makefile"), re.MULTILINE))
    assert len(targets) > 5
    written = set(re.findall(r"(?<![\w-])make ([a-z]+)\b(?!=)", "\n".join(re.findall(r"`[^`\n]+`", ALL))))
    written |= {
        name for block in _fenced(ALL, "sh") for name in re.findall(r"^make ([a-z]+)", block, re.MULTILINE)
    }
    assert written == targets


# ------------------------------------------------------------------------------------------ settings


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in get_args(annotation) for model in _models(inner)]


def _settings(model: type[BaseModel] = Config, place: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Every key's path and field, `sources[feed].url` for what is in a list; sections themselves are none."""
    for name, field in model.model_fields.items():
        inner = _models(field.annotation)
        listed = inner and field.annotation not in inner
        if not inner or listed:
            yield f"{place}{name}", field
        for section in inner:
            if listed:
                (kind,) = get_args(section.model_fields["kind"].annotation)
                keys = _settings(section, f"{place}{name}[{kind}].")
                yield from (found for found in keys if not found[0].endswith(".kind"))
            else:
                yield from _settings(section, f"{place}{name}.")


def _value(field: FieldInfo, value: object) -> Any:
    """The value as the settings would take it."""
    annotation: Any = Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
    return TypeAdapter(annotation).validate_python(value)


def test_settings() -> None:
    """Every key stands in the README with its real default."""
    written = {_code(row[0]): row[1] for row in _rows(README, "key")}
    settings = dict(_settings())
    assert sorted(written) == sorted(settings)
    for key, field in settings.items():
        if isinstance(field.default, SecretStr):
            assert (written[key], field.default.get_secret_value()) == ('`""`', ""), key
        elif field.is_required():
            assert written[key] == "required", key
        else:
            assert _value(field, yaml.safe_load(_code(written[key]))) == field.get_default(), key


def _keys(value: object, place: str = "") -> Iterator[tuple[str, Any]]:
    """Every key's path in plain settings, with its value; what is in `topics.inline` are topics."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _keys(inner, f"{place}.{key}" if place else key)
        return
    yield place, value
    if isinstance(value, list) and place == "sources":
        for inner in value:
            keys = dict(inner)
            yield from _keys(keys, f"{place}[{keys.pop('kind')}]")


def test_example_settings(tmp_path: Path) -> None:
    """config.example.yaml has every key, commented out and at its default; its sources are examples."""
    text = EXAMPLE.read_text("utf-8")
    assert yaml.safe_load(text) is None
    active = tmp_path / "config.yaml"
    active.write_text(re.sub(r"^#(?! \S)", "", text, flags=re.MULTILINE), "utf-8")
    assert [source.kind for source in load(active).sources] == ["folder", "feed", "git"]
    settings = dict(_settings())
    given = list(_keys(yaml.safe_load(active.read_text("utf-8"))))
    assert {key for key, _ in given} == set(settings)
    for key, value in given:
        field = settings[key]
        if key != "sources" and not field.is_required():
            assert _value(field, value) == field.get_default(), key


def test_metrics() -> None:
    """Each stands in the operator's page, and nothing that there is not."""
    written = {re.sub(r"{.*", "", _code(row[0])) for row in _rows(_read("docs/operations.md"), "metric")}
    assert written == {*GAUGES, *COUNTERS}


# ------------------------------------------------------------------------------- reasons, tables, fields


def test_reasons() -> None:
    assert {_code(row[0]): row[1] for row in _rows(ARCHITECTURE, "reason")} == {
        reason.value: EXPLAIN[reason] for reason in Reason
    }
    rules = " ".join(row[1] for row in _rows(ARCHITECTURE, "if"))
    assert {reason for reason in Reason if f"`{reason.value}`" not in rules} == set()


def test_tables() -> None:
    assert {_code(row[0]) for row in _rows(ARCHITECTURE, "table")} == set(schema.metadata.tables)


@pytest.mark.parametrize("module", ["records", "topic_files"])
def test_fields(module: str) -> None:
    """Every field that the parsers ask for is explained."""
    asked = re.findall(r'(?:\.(?:text|raw_text|raw|whole|flag|moment|inner|entries)\(|_texts\(fields, )"(\w+)"',
                       _read(f"bot/sources/{module}.py"))  # fmt: skip
    assert len(asked) > 5
    explained = " ".join(cell for row in _rows(RECORDS, "field") for cell in row)
    assert {name for name in asked if not re.search(rf"`(\w+\.)?{name}(\.\w+)?`", explained)} == set()


def test_file_names() -> None:
    endings = [name for row in _rows(RECORDS, "name ends in") for name in re.findall(r"`(\.\w+)`", row[0])]
    assert sorted(endings) == sorted(SUFFIXES)
    assert f"| a file read as a whole | {MAX_DOCUMENT // 1_000_000} MB |" in RECORDS


# ------------------------------------------------------------------------------------------ examples


@pytest.mark.parametrize("row", _rows(RECORDS, "item"), ids=lambda row: row[1][:40])
def test_errors_are_those_of_the_parser(row: list[str]) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(_code(row[1]))}$"):
        record_from_mapping(json.loads(_code(row[0])))


@pytest.mark.parametrize("row", _rows(RECORDS, "address"), ids=lambda row: row[0])
def test_addresses(row: list[str]) -> None:
    assert canonical(_code(row[0])) == _code(row[1])


@pytest.mark.parametrize("row", _rows(RECORDS, "keyword"), ids=lambda row: f"{row[0]} in {row[1]}")
def test_keywords(row: list[str]) -> None:
    found = Topics([Topic("T", keywords=(_code(row[0]),))]).matcher.match(_code(row[1]))
    assert ("yes" if found else "no") == row[2]


@pytest.mark.parametrize("row", _rows(RECORDS, "query"), ids=lambda row: f"{row[0]} in {row[1]}")
def test_queries(row: list[str]) -> None:
    found = matches(parse_query(_code(row[0])), Document(_code(row[1])))
    assert ("yes" if found else "no") == row[2]


@pytest.mark.parametrize("block", _fenced(ALL, "markdown"), ids=lambda block: block[:40])
def test_records(block: str) -> None:
    [(_, value)] = documents(BytesIO(block.encode()), "example.md")
    _, notes = record_from_mapping(value)
    assert notes == ()


@pytest.mark.parametrize("block", _fenced(ALL, "yaml"), ids=lambda block: block[:40])
def test_yaml(block: str) -> None:
    """Examples in YAML are records, topics or settings."""
    value = yaml.safe_load(block)
    if "webUrl" in value:
        record_from_mapping(value)
    elif "name" in value:
        topic = topic_from_mapping(value)
        assert topic.keywords or topic.query
    else:
        parse(value)


# --------------------------------------------------------------------------------------------- links


def _prose(page: Path) -> str:
    """A page without its code."""
    text = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"`[^`\n]*`", "", text)


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_where_the_ids_of_people_are() -> None:
    """The page about privacy names every table that has them, so that whoever runs a bot can delete a person's."""
    paragraph = _read("docs/privacy.md").rpartition("To delete what is stored about a person")[2]
    has_people = {
        table.name for table in schema.metadata.tables.values() if {"user_id", "added_by"} & {*table.c.keys()}
    }
    assert has_people == set(re.findall(r"`(\w+)`", paragraph)) - {"user_id", "added_by"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links(page: Path) -> None:
    """What a page links to is there, down to the heading; pictures say what they show."""
    for image, text, target in re.findall(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)", _prose(page)):
        assert text, f"{target} has no text"
        if target.startswith(("http://", "https://")):
            assert not image, f"{target}: pictures stand in the repository"
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.is_relative_to(ROOT), target
        assert found.exists(), target
        if anchor:
            assert anchor in _anchors(found), target


def test_changelog_has_this_version() -> None:
    assert version("topicwire") in _read("CHANGELOG.md")
