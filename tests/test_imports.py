"""What a process keeps in memory: libraries that most processes never use are imported where they are used."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# What the bot imports for each of its roles, and what takes megabytes and belongs to something that may never happen.
RUNNING = "import cogs, bot.cli.run, bot.runtime.app, bot.runtime.logs"
SELDOM = {
    "PIL": "somebody asks for a chart",
    "rapidfuzz": "somebody misspells a name",
    "lxml": "a feed is parsed in this process",
    "selectolax": "a page or a feed's HTML is parsed in this process",
    "bot.sources.feeds.elements": "a feed is parsed in this process",
    "structlog": "log.format is json",
    "rich": "log.format is json",
    "aiohttp.web": "http.listen is set",
    "prometheus_client": "http.listen is set",
    "limits": "http.listen is set",
    "alembic": "the database is not up to date",
    "asyncpg": "the database is PostgreSQL",
    "openai": "a language model is configured",
    "fasttext": "a title has a language to be guessed",
    "babel.messages": "a language other than English is spoken",
}
HELP = "from bot.cli.main import app"
# And what says what a command does, without doing anything.
NOT_FOR_HELP = (
    "discord",
    "sqlalchemy",
    "aiohttp",
    "pydantic",
    "yaml",
    "bot.runtime.app",
    "bot.store",
    "bot.config",
)


def _imported(statement: str) -> set[str]:
    """The modules in a new interpreter after a statement."""
    code = f"import gc; gc.disable(); {statement}; import sys; print(*sys.modules)"  # no garbage: a tenth less work
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(run.stdout.split())


@pytest.mark.parametrize(
    ("statement", "absent"), [(RUNNING, tuple(SELDOM)), (HELP, NOT_FOR_HELP)], ids=["run", "help"]
)
def test_what_is_seldom_used_is_not_imported_at_the_start(statement: str, absent: tuple[str, ...]) -> None:
    assert sorted(_imported(statement) & set(absent)) == []
