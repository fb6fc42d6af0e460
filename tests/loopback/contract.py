"""Discord's own description of its API, an OpenAPI document, and what of a request it does not allow.

https://github.com/discord/discord-api-spec
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from jsonschema_rs import Draft202012Validator

from tests.shared_data import SHARED

OPENAPI = SHARED / "discord" / "openapi.json"
# https://discord.com/developers/docs/reference#user-agent
USER_AGENT = re.compile(r"DiscordBot \(https?://[^)]+\).*")
OF_DISCORD_PY = {"use_nested_fields"}  # a parameter that it sends, which the document does not have
LONGEST = 200  # characters of a violation
_URI = re.compile(r"[a-z][a-z0-9+.-]*://[^\s<>\"{}|\\^`]+")

Json = dict[str, Any]


class Operation(NamedTuple):
    """A path of the document, split at its slashes, and what it says of a method there."""

    pieces: tuple[str, ...]
    parameters: tuple[Json, ...]
    description: Json


class Contract:
    """The operations of a document."""

    def __init__(self, document: Json) -> None:
        self._components = _as_discord_reads(document["components"])
        self._operations: dict[tuple[str, int], list[Operation]] = defaultdict(list)
        for path, item in document["paths"].items():
            pieces = tuple(path.strip("/").split("/"))
            for method, description in item.items():
                if method != "parameters":
                    both = (*item.get("parameters", ()), *description.get("parameters", ()))
                    operation = Operation(pieces, both, description)
                    self._operations[method.upper(), len(pieces)].append(operation)
        self._validators: dict[str, Any] = {}

    def violations(
        self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: Any
    ) -> list[str]:
        """What is wrong with a request, by parts; `body` is None if there is none. Empty if all is right."""
        pieces = tuple(path.strip("/").split("/"))
        operation = self._operation(method, pieces)
        if operation is None:
            return [f"{method} /{path}: there is no such operation"]
        wrong = [*self._of_parameters(operation, pieces, query), *self._of_body(operation, body)]
        is_of_interaction = pieces[0] in (
            "interactions",
            "webhooks",
        )  # in which discord.py does not name itself
        if not is_of_interaction and not USER_AGENT.fullmatch(headers.get("User-Agent", "")):
            wrong.append(f"User-Agent: {headers.get('User-Agent')}")
        needs_token = {} not in operation.description.get("security", [{}])
        if needs_token and not headers.get("Authorization", "").startswith("Bot "):
            wrong.append("Authorization: missing")
        return [f"{method} /{'/'.join(operation.pieces)}: {problem}"[: LONGEST * 2] for problem in wrong]

    def response_violations(self, method: str, path: str, status: int, body: Any) -> list[str]:
        """What is wrong with the body of a response."""
        operation = self._operation(method, tuple(path.strip("/").split("/")))
        assert operation is not None
        responses = operation.description["responses"]
        response = responses.get(str(status)) or responses[f"{status // 100}XX"]
        while "$ref" in response:
            response = self._components[response["$ref"].split("/")[2]][response["$ref"].split("/")[3]]
        return list(self._problems(response["content"]["application/json"]["schema"], body))

    def _operation(self, method: str, pieces: tuple[str, ...]) -> Operation | None:
        fitting = [
            operation
            for operation in self._operations[method, len(pieces)]
            if all(
                piece == given or piece.startswith("{")
                for piece, given in zip(operation.pieces, pieces, strict=True)
            )
        ]
        return min(fitting, key=lambda operation: "/".join(operation.pieces).count("{"), default=None)

    def _of_parameters(
        self, operation: Operation, pieces: tuple[str, ...], query: Mapping[str, str]
    ) -> Iterator[str]:
        in_path = {
            piece[1:-1]: given
            for piece, given in zip(operation.pieces, pieces, strict=True)
            if piece.startswith("{")
        }
        in_query = {each["name"]: each for each in operation.parameters if each["in"] == "query"}
        for name in query.keys() - in_query.keys() - OF_DISCORD_PY:
            yield f"query {name}: there is no such parameter"
        for parameter in operation.parameters:
            values: Mapping[str, str] = in_path if parameter["in"] == "path" else query
            if parameter["name"] in values:
                value = values[parameter["name"]]
                # What stands in an address is text; a number or a truth value may be meant.
                readings = [value, *_as_json(value)]
                problems = [list(self._problems(parameter["schema"], reading)) for reading in readings]
                if all(problems):
                    yield f"{parameter['name']}: {problems[0][0]}"
            elif parameter.get("required"):
                yield f"{parameter['name']}: missing"

    def _of_body(self, operation: Operation, body: Any) -> Iterator[str]:
        description = operation.description.get("requestBody")
        if description is None:
            if body is not None:
                yield "a body, where none is read"
            return
        content = description["content"]
        if body is not None and "application/json" in content:
            yield from self._problems(content["application/json"]["schema"], body)
        elif description.get("required"):
            yield "the body is missing"

    def _problems(self, schema: Json, value: Any) -> Iterator[str]:
        key = json.dumps(schema, sort_keys=True)
        if key not in self._validators:
            whole = {"components": self._components, "allOf": [schema]}
            self._validators[key] = Draft202012Validator(whole, formats=_FORMATS, validate_formats=True)
        for error in self._validators[key].iter_errors(value):
            cause = _cause(error)
            place = "".join(
                f"[{part}]" if isinstance(part, int) else f".{part}" for part in cause.instance_path
            )
            yield f"${place}: {cause.message[:LONGEST]}"


def _cause(error: Any) -> Any:
    """The error in the alternative that was meant: the one whose `type` fits, or else the one that goes deepest."""
    while alternatives := getattr(error.kind, "context", None):
        depth = len(error.instance_path)
        meant = [
            inners
            for inners in alternatives
            if not any(list(inner.instance_path[depth:]) == ["type"] for inner in inners)
        ]
        fitting = meant or alternatives
        error = max((inner for inners in fitting for inner in inners), key=lambda e: len(e.instance_path))
    return error


@cache
def discords() -> Contract | None:
    """The contract of Discord's API; None where its document is absent."""
    return Contract(json.loads(OPENAPI.read_bytes())) if OPENAPI.exists() else None


def _as_discord_reads(components: Json) -> Json:
    """The components with what Discord's documentation allows beyond them.

    Ids may be numbers, which is how discord.py writes some of them:
    https://discord.com/developers/docs/reference#snowflakes
    There are media channels: https://discord.com/developers/docs/resources/channel#channel-object-channel-types
    """
    schemas = components["schemas"]
    number = {"type": "integer", "minimum": 0, "maximum": (1 << 64) - 1}
    kinds = schemas["ChannelTypes"]
    return components | {
        "schemas": schemas
        | {
            "SnowflakeType": {"anyOf": [schemas["SnowflakeType"], number]},
            "ChannelTypes": kinds | {"oneOf": [*kinds["oneOf"], {"const": 16}]},
        }
    }


def _as_json(value: str) -> Iterator[Any]:
    with suppress(ValueError):
        yield json.loads(value.lower())
    if value in ("0", "1"):
        yield value == "1"


def _is_time(value: str) -> bool:
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


_FORMATS = {"uri": lambda value: bool(_URI.fullmatch(value)), "date-time": _is_time}
