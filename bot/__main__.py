"""The command line: `topicwire` and `python -m bot`. Each command imports what it needs when it runs."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from bot.errors import TopicwireError

# Exit codes. 0: done. 1: done, but some items were refused, or `check` found problems. 2: a wrong call
# (typer's own). 3: could not be done; the message says what to do.
SOME_REFUSED = 1
FAILED = 3

TIMES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S%z"]

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Topicwire follows topics on Discord: one living message per story, and a daily digest.",
)

ConfigPath = Annotated[Path, typer.Option("--config", "-c", help="The configuration file.")]
Db = Annotated[str, typer.Option("--db", help="The database: a SQLite file or a postgresql:// URL.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
TopicsDir = Annotated[Path | None, typer.Option("--topics", help="A directory of topic files.", exists=True)]
Paths = Annotated[
    list[Path],
    typer.Argument(
        help="Record files (.md .yaml .json .jsonl) or directories of them.", show_default=False, exists=True
    ),
]
DEFAULT_DB = "data/topicwire.db"


@app.command()
def run(config: ConfigPath = Path("config.yaml")) -> None:
    """Run the bot."""
    from bot.cli import serve

    serve(config)


@app.command()
def check(config: ConfigPath = Path("config.yaml")) -> None:
    """Check the configuration; say every problem at once, with its key."""
    from bot.cli import check_config

    raise typer.Exit(SOME_REFUSED if check_config(config) else 0)


@app.command()
def demo(
    records: Annotated[
        Path | None, typer.Option(help="Records to replay instead of the sample.", exists=True)
    ] = None,
    topics: TopicsDir = None,
    topic: Annotated[str, typer.Option(help="The topic to subscribe to.")] = "Computer Vision",
    once: Annotated[bool, typer.Option("--once", help="End after the replay; open no page.")] = False,
    port: Annotated[int, typer.Option(help="The page's port; 0 takes a free one.", min=0, max=65535)] = 0,
) -> None:
    """Show the real bot at work on a simulated Discord, without an account."""
    from bot.demo.main import show

    show(records=records, topics=topics, topic=topic, once=once, port=port)


@app.command()
def ingest(
    paths: Paths,
    topics: TopicsDir = None,
    db: Db = DEFAULT_DB,
    json: Json = False,
    as_of: Annotated[
        datetime | None,
        typer.Option(
            formats=TIMES, help="Replay: take the records in as of this time, each first seen when published."
        ),
    ] = None,
) -> None:
    """Take records in. The last line is the summary; exit code 1 tells that some were refused."""
    from bot.cli import ingest_paths

    raise typer.Exit(SOME_REFUSED if ingest_paths(paths, topics, db, json, as_of) else 0)


@app.command()
def match(
    paths: Paths,
    topics: Annotated[Path, typer.Option("--topics", help="A directory of topic files.", exists=True)],
    json: Json = False,
) -> None:
    """Show which topics records match, and why. Nothing is stored."""
    from bot.cli import match_paths

    raise typer.Exit(SOME_REFUSED if match_paths(paths, topics, json) else 0)


@app.command()
def stories(
    db: Db = DEFAULT_DB,
    json: Json = False,
    limit: Annotated[int, typer.Option(help="At most so many, the newest; 0: all.", min=0)] = 0,
) -> None:
    """List the stories, a line each."""
    from bot.cli import list_stories

    list_stories(db, json, limit)


@app.command()
def related(
    story: Annotated[
        str, typer.Argument(help="Its number, as in 12 or '#12', a link, or words of its title.")
    ],
    db: Db = DEFAULT_DB,
    json: Json = False,
) -> None:
    """Show everything that was reported on a story, best first."""
    from bot.cli import show_related

    show_related(story, db, json)


@app.command()
def digest(
    topic: Annotated[str, typer.Option(help="The topic; those below it are included.")],
    since: Annotated[datetime, typer.Option(formats=TIMES, help="Tell what came in after this time (UTC).")],
    until: Annotated[datetime | None, typer.Option(formats=TIMES, help="And until this time; now.")] = None,
    size: Annotated[int, typer.Option(help="How many stories at most.", min=1, max=25)] = 10,
    db: Db = DEFAULT_DB,
    json: Json = False,
) -> None:
    """Show the digest of a topic over any time."""
    from bot.cli import show_digest

    show_digest(topic, since, until, size, db, json)


def main() -> None:
    """Entry point; expected errors are one message and exit code 3, never a traceback."""
    try:
        app()
    except TopicwireError as error:
        typer.echo(f"topicwire: {error}", err=True)
        raise SystemExit(FAILED) from error
    except BrokenPipeError:  # `topicwire stories | head`
        raise SystemExit(0) from None
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        typer.echo(f"topicwire: {place}{error.strerror or error}", err=True)
        raise SystemExit(FAILED) from error
    except KeyboardInterrupt:
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
