"""`python -m scripts.untranslated [PATH ...]`: texts for readers that are outside of the catalogue of translations.

Prints the file, line and text of each; exit code 1 if there is one. Looks at string literals in the code that makes what people read in
Discord: those that look like a text are arguments of `tr`, `tr_in`, `tr_plural` or `mark`, or stand in `NOT_FOR_READERS` with their reason.
The command tree is exempt: its names and descriptions are extracted from the tree itself.
"""

from __future__ import annotations

import ast
import calendar
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from scripts.syntax import nodes, tree

ROOT = Path(__file__).parent.parent
PLACES = ("bot/messages", "bot/chat", "bot/services", "bot/workers", "bot/domain/posting", "cogs")

# A file, or a directory, and the beginning of a literal in it (empty: any) -> why no reader sees it, or sees it as it is.
NOT_FOR_READERS: dict[tuple[str, str], str] = {
    ("bot/chat/application.py", ""): "for `topicwire setup`, a command line",
    ("bot/chat/connection.py", ""): "for the log",
    ("bot/chat/transport.py", ""): "for the log, and headers of HTTP",
    ("bot/chat/client.py", ""): "names of discord.py's tasks",
    ("bot/chat/pacer.py", "X-"): "a header of HTTP",
    ("bot/chat/limits.py", ""): "names of commands",
    ("bot/chat/permissions.py", "it is looked at later"): "why a channel stays paused, which is not stored",
    ("bot/chat/pacer.py", "X-RateLimit-"): "names of headers of HTTP",
    (
        "bot/chat/sender.py",
        "Discord ",
    ): "what went wrong with a message, for the log and the person who runs the bot",
    ("bot/chat/sender.py", "the member "): "why a message for a member ended, for the log",
    ("bot/chat/sender.py", "the server "): "likewise",
    ("bot/chat/chart.py", "posts a day"): "drawn in a font without letters beyond ASCII",
    (
        "bot/messages/template.py",
        "-# {topics}",
    ): "placeholders of a template, which have the same names in every language",
    ("bot/domain/posting/template.py", "C"): "categories of Unicode",
    ("bot/messages/digest.py", "Digests"): "what servers call a tag of a forum, in any language",
    ("bot/messages/digest.py", "Digest"): "likewise",
    ("bot/workers/batches.py", "{}: item {}: {}"): "for the log",
    ("bot/workers/delivery.py", ""): "what became of a message, for the log and the person who runs the bot",
    ("bot/workers/feed_limits.py", ""): "for the log, and the person who runs the bot",
    ("bot/workers/inbox.py", "feed {}"): "for the log",
    ("bot/workers/ingest.py", ""): "for the log",
    ("bot/workers/poller.py", ""): "for the log",
    ("bot/workers/rendering.py", "merged into story #"): "stored with a message",
    ("bot/domain/posting/schedule.py", "all days"): "what people may type",
    ("bot/domain/posting/schedule.py", "all week"): "what people may type",
    ("bot/domain/posting/schedule.py", "working day"): "what people may type",
    ("bot/domain/posting/schedule.py", "business day"): "what people may type",
    ("bot/domain/posting/schedule.py", "the weekend"): "what people may type",
    ("bot/domain/posting/zones.py", "Etc/"): "names of time zones",
    ("bot/domain/posting/schedule.py", "every day"): "stored, and read again by `parse_days`",
    ("bot/domain/posting/schedule.py", "Monday to Friday"): "stored, and read again by `parse_days`",
    ("bot/domain/posting/schedule.py", "on weekends"): "stored, and read again by `parse_days`",
    **dict.fromkeys(
        (("bot/domain/posting/schedule.py", name) for name in calendar.day_name),
        "names of days that people may type, and that are stored",
    ),
    ("bot/domain/posting/face.py", "News"): "the name of a webhook where Discord forbids that of the bot",
    ("bot/domain/posting/decisions.py", "first intake"): "stored; `EXPLAIN` says it to readers",
    ("bot/domain/posting/decisions.py", "too "): "stored; `EXPLAIN` says it to readers",
    ("bot/domain/posting/decisions.py", "already posted"): "stored; `EXPLAIN` says it to readers",
    ("bot/services/example.py", "Harbour Courier"): "a name",
    ("bot/services/example.py", "Coast Radio"): "a name",
    ("bot/services/example.py", "The Tidewatch"): "a name",
    ("bot/services/server_topics.py", "(offshore OR sea)"): "a query",
    ("cogs/about.py", "Topicwire"): "a name",
    ("cogs/panel/faces.py", "appearance face"): "the name of a command",
    ("cogs/panel/feeds.py", "source add"): "the name of a command",
    ("cogs/panel/server_topics.py", "topic create"): "the name of a command",
    ("cogs/panel/server_topics.py", "topic edit"): "the name of a command",
}

CATALOGUE = {"tr": 1, "tr_in": 2, "tr_plural": 2, "mark": 1}  # how many of the first arguments are texts
GLUE = {"plural": "tr_plural", "joined": "list_of"}  # functions that make English out of pieces
TREE = {"command", "describe", "rename", "context_menu", "Group", "ContextMenu", "Choice", "choices"}
LOGGERS = {"log", "logger", "logging"}
BUGS = {"AssertionError", "RuntimeError", "TypeError", "ValueError", "KeyError", "NotImplementedError"}
PATTERNS = {"compile", "match", "fullmatch", "search", "sub", "split", "findall", "finditer", "strptime"}
TASKS = {"create_task", "ThreadPoolExecutor", "ContextVar", "TypeVar", "ParamSpec", "getattr", "hasattr"}

_CODE = re.compile(r"`[^`]*`|https?://\S+|<[^>\s]*>|\b[A-Z]\w+/[A-Z]\w+(?:/\w+)?")
_HOLE = "\x00"
_WORD = re.compile(r"[^\W\d_]{2,}")
_TWO_WORDS = re.compile(
    rf"[^\W\d_]{{2,}}[^\w\s]*\s+[^\w\s]*(?:[^\W\d_]|{_HOLE})|{_HOLE}[^\w\s]*\s+[^\w\s]*[^\W\d_]{{2,}}"
)
_CAPITALISED = re.compile(r"(?:^|[^\w#])[A-Z][a-z]+")


class Finding(NamedTuple):
    """A text outside of the catalogue, and where it stands."""

    path: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text!r}"


def is_text(literal: str) -> bool:
    """Whether a literal looks like something to read: two words, a capitalised one, or one with a space beside it.

    What stands in backticks, addresses, mentions and names of time zones do not count. `\\x00` stands for a value that is inserted.
    """
    plain = _CODE.sub("", literal)
    if _WORD.search(plain) is None:
        return False
    glued = plain != plain.strip() and plain.strip() != ""
    return bool(_TWO_WORDS.search(plain) or _CAPITALISED.search(plain) or glued)


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def called(call: ast.Call) -> str:
    """The name of the function or method that is called; empty where it has none."""
    return _name(call.func)


def texts_of(call: ast.Call) -> tuple[str, ...] | None:
    """The literals that a call puts into the catalogue; None of any other call, and of one of a value that was marked."""
    arguments = call.args[: CATALOGUE.get(called(call), 0)]
    texts = tuple(a.value for a in arguments if isinstance(a, ast.Constant) and isinstance(a.value, str))
    return texts if texts and len(texts) == CATALOGUE[called(call)] else None


def _owner(function: ast.expr) -> str:
    return getattr(function.value, "id", "") if isinstance(function, ast.Attribute) else ""


def _literal(node: ast.AST) -> str | None:
    """The text of a string literal; that of an f-string has `\\x00` for each value."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(v.value) if isinstance(v, ast.Constant) else _HOLE for v in node.values)
    return None


def _exempt(call: ast.Call) -> bool:
    """Whether nothing that is handed to this call is for readers in the language spoken."""
    name, owner = _name(call.func), _owner(call.func)
    return (
        owner in LOGGERS
        or name in TASKS
        or name in BUGS
        or (name in PATTERNS and owner in ("re", "regex", "datetime"))
        or (name in TREE and (owner in ("app_commands", "commands", "") or name == "command"))
    )


def _children(node: ast.AST) -> Iterator[ast.AST]:
    """The parts of a node in which a text for readers may stand."""
    match node:
        case ast.Call(func=function, args=args, keywords=keywords):
            if _exempt(node):
                return
            yield function
            yield from args[CATALOGUE.get(_name(function), 0) :]
            yield from (keyword.value for keyword in keywords)
        case ast.Assert() | ast.Compare() | ast.MatchValue():
            return
        case ast.Assign(targets=[ast.Name(id="__all__" | "__slots__")]):
            return
        case ast.Subscript(value=value):
            yield value
        case ast.AnnAssign(value=value):
            if value is not None:
                yield value
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            yield from node.decorator_list
            yield from (default for default in (*node.args.defaults, *node.args.kw_defaults) if default)
            yield from _without_docstring(node.body)
        case ast.ClassDef():  # its keywords are those of a group of commands
            yield from node.decorator_list
            yield from _without_docstring(node.body)
        case ast.Module():
            yield from _without_docstring(node.body)
        case ast.JoinedStr():
            yield from (part.value for part in node.values if isinstance(part, ast.FormattedValue))
        case _:
            yield from ast.iter_child_nodes(node)


def _without_docstring(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    return (s for s in body if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant)))


def _texts(node: ast.AST) -> Iterator[tuple[int, str]]:
    literal = _literal(node)
    if literal is not None and is_text(literal):
        yield node.lineno, literal.replace(_HOLE, "{}")  # type: ignore[attr-defined]  # an expression has a line
    if isinstance(node, ast.Call) and called(node) in GLUE:
        yield node.lineno, f"{called(node)}(...), where {GLUE[called(node)]}(...) is translated"
    for child in _children(node):
        yield from _texts(child)


def _reason(path: str, text: str) -> str | None:
    return next(
        (
            reason
            for (place, beginning), reason in NOT_FOR_READERS.items()
            if (path == place or path.startswith(f"{place}/")) and text.startswith(beginning)
        ),
        None,
    )


def untranslated(path: Path, root: Path = ROOT) -> Iterator[Finding]:
    """The texts of a file that are outside of the catalogue."""
    name = path.relative_to(root).as_posix()
    for line, text in _texts(tree(path)):
        if _reason(name, text) is None:
            yield Finding(name, line, text)


def unmarked(path: Path, root: Path = ROOT) -> Iterator[Finding]:
    """Calls whose text is not to be seen in the code: extraction would miss it.

    `tr` takes a literal, or a value that was marked: the name of a constant, an attribute or an item of a table.
    """
    name = path.relative_to(root).as_posix()
    for node in nodes(path):
        if not isinstance(node, ast.Call) or called(node) not in CATALOGUE:
            continue
        function = called(node)
        for argument in node.args[: CATALOGUE[function]]:
            is_literal = isinstance(argument, ast.Constant) and isinstance(argument.value, str)
            is_value = function == "tr" and isinstance(
                argument, ast.Name | ast.Attribute | ast.Subscript | ast.Call
            )
            if not is_literal and not is_value:
                yield Finding(name, node.lineno, f"{function}({ast.unparse(argument)})")


def too_early(path: Path, root: Path = ROOT) -> Iterator[Finding]:
    """Calls that translate when a module is imported, in whatever language that is: `mark` is for constants."""
    name = path.relative_to(root).as_posix()
    for node in _at_import(tree(path)):
        if isinstance(node, ast.Call) and called(node) in ("tr", "tr_in", "tr_plural"):
            yield Finding(name, node.lineno, f"{ast.unparse(node)} at import")


def _at_import(node: ast.AST) -> Iterator[ast.AST]:
    """What is evaluated when a module is imported: all but the bodies of its functions."""
    yield node
    inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
    children = (node.args,) if inside else ast.iter_child_nodes(node)  # type: ignore[attr-defined]  # they have arguments
    for child in children:
        yield from _at_import(child)


def files(places: Sequence[str] = PLACES, root: Path = ROOT) -> list[Path]:
    """The files of these places, which may be files themselves."""
    paths = [root / place for place in places]
    return [file for path in paths for file in ([path] if path.is_file() else sorted(path.rglob("*.py")))]


def main() -> int:
    """Print what is outside of the catalogue."""
    findings = [
        finding
        for file in files(sys.argv[1:] or PLACES)
        for finding in (*untranslated(file), *unmarked(file), *too_early(file))
    ]
    for finding in findings:
        print(finding)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
