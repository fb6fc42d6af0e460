"""The command line: `topicwire` and `python -m bot`. Each command imports what it needs when it runs."""

from __future__ import annotations

import signal
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from bot.domain.order import Order
from bot.domain.ranking import Sort
from bot.domain.terminal import lines, one_line
from bot.errors import QueryRefusedError, TopicwireError

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
Db = Annotated[
    str | None,
    typer.Option(
        "--db", help="The database: a SQLite file or a postgresql:// URL; else that of the configuration."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
TopicsDir = Annotated[Path | None, typer.Option("--topics", help="A directory of topic files.", exists=True)]
Places = Annotated[
    list[str],
    typer.Argument(
        help="Record files (.md .yaml .json .jsonl), directories of them, or feeds: files or addresses.",
        show_default=False,
    ),
]
PrivateNetworks = Annotated[
    bool,
    typer.Option("--private-networks", help="Fetch from addresses of this machine and its networks too."),
]


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"topicwire {version('topicwire')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True),
    ] = False,
) -> None:
    """Options of the program itself; the callback above does the work."""
    del version


@app.command()
def run(config: ConfigPath = Path("config.yaml")) -> None:
    """Run the bot."""
    from bot.cli import serve

    serve(config)


@app.command()
def check(
    config: ConfigPath = Path("config.yaml"),
    sources: Annotated[
        bool,
        typer.Option(
            "--sources", help="Fetch every feed and repository too, those of the catalogue as well."
        ),
    ] = False,
) -> None:
    """Check the configuration; report every problem at once, with its key."""
    from bot.cli import check_config

    problems, settings = check_config(config)
    if sources and settings is not None:
        from bot.cli_sources import check_sources

        problems += check_sources(settings)
    raise typer.Exit(SOME_REFUSED if problems else 0)


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
    places: Places,
    topics: TopicsDir = None,
    config: ConfigPath = Path("config.yaml"),
    db: Db = None,
    json: Json = False,
    as_of: Annotated[
        datetime | None,
        typer.Option(
            formats=TIMES, help="Replay: take the records in as of this time, each first seen when published."
        ),
    ] = None,
    private_networks: PrivateNetworks = False,
) -> None:
    """Take records in. The last line is the summary; exit code 1 tells that some were refused."""
    from bot.cli import ingest_places

    refused = ingest_places(places, topics, db, json, as_of, private_networks, config)
    raise typer.Exit(SOME_REFUSED if refused else 0)


@app.command()
def match(
    places: Places,
    topics: Annotated[Path, typer.Option("--topics", help="A directory of topic files.", exists=True)],
    json: Json = False,
    private_networks: PrivateNetworks = False,
) -> None:
    """Show which topics records match, and why. Nothing is stored."""
    from bot.cli import match_places

    raise typer.Exit(SOME_REFUSED if match_places(places, topics, json, private_networks) else 0)


@app.command()
def stories(
    config: ConfigPath = Path("config.yaml"),
    db: Db = None,
    json: Json = False,
    limit: Annotated[int, typer.Option(help="At most so many; 0: all.", min=0)] = 0,
    sort: Annotated[
        Sort, typer.Option(help="Newest first, or hot: what is biggest for its age.")
    ] = Sort.NEWEST,
) -> None:
    """List the stories, a line each."""
    from bot.cli_stories import list_stories

    list_stories(db, json, limit, sort, config)


@app.command()
def search(
    query: Annotated[
        str, typer.Argument(help="As in '(offshore OR sea) \"wind farm\" -golf'.", show_default=False)
    ],
    sort: Annotated[Order, typer.Option(help="Newest first, or what fits best.")] = Order.NEWEST,
    limit: Annotated[int, typer.Option(help="At most so many stories.", min=1, max=1000)] = 50,
    config: ConfigPath = Path("config.yaml"),
    db: Db = None,
    json: Json = False,
) -> None:
    """Search everything that was taken in, in the language of topics' queries."""
    from bot.cli_stories import search

    search(query, sort, limit, db, json, config)


@app.command()
def related(
    story: Annotated[
        str, typer.Argument(help="Its number, as in 12 or '#12', a link, or words of its title.")
    ],
    config: ConfigPath = Path("config.yaml"),
    db: Db = None,
    json: Json = False,
) -> None:
    """Show everything that was reported on a story, best first."""
    from bot.cli_stories import show_related

    show_related(story, db, json, config)


@app.command()
def digest(
    topic: Annotated[str, typer.Option(help="The topic; those below it are included.")],
    since: Annotated[datetime, typer.Option(formats=TIMES, help="Tell what came in after this time (UTC).")],
    until: Annotated[datetime | None, typer.Option(formats=TIMES, help="And until this time; now.")] = None,
    size: Annotated[int, typer.Option(help="How many stories at most.", min=1, max=25)] = 10,
    config: ConfigPath = Path("config.yaml"),
    db: Db = None,
    json: Json = False,
) -> None:
    """Show the digest of a topic over any time."""
    from bot.cli_stories import show_digest

    show_digest(topic, since, until, size, db, json, config)


source = typer.Typer(no_args_is_help=True, help="Feeds that are polled for everybody.")
opml = typer.Typer(no_args_is_help=True, help="Lists of feeds, as other programs read and write them.")
app.add_typer(source, name="source")
app.add_typer(opml, name="opml")

Url = Annotated[str, typer.Argument(help="The feed, or a web page that has one.", show_default=False)]
About = Annotated[str | None, typer.Option("--topic", help="What all of it is about; else keywords decide.")]


@source.command("add")
def source_add(
    url: Url,
    topic: About = None,
    config: ConfigPath = Path("config.yaml"),
    db: Db = None,
    private_networks: PrivateNetworks = False,
) -> None:
    """Follow a feed for everybody from now on; a running bot begins at once."""
    from bot.cli_sources import add

    add(url, topic, db, private_networks, config)


@source.command("list")
def source_list(config: ConfigPath = Path("config.yaml"), db: Db = None, json: Json = False) -> None:
    """List the feeds, those of servers among them, and how each is doing."""
    from bot.cli_sources import list_feeds

    list_feeds(db, json, config)


@source.command("test")
def source_test(
    url: Url,
    topic: About = None,
    config: ConfigPath = Path("config.yaml"),
    db: Db = None,
    json: Json = False,
    private_networks: PrivateNetworks = False,
) -> None:
    """Show what a feed would bring, and the topics it matches. Nothing is stored."""
    from bot.cli_sources import test

    test(url, topic, db, json, private_networks, config)


@source.command("remove")
def source_remove(
    name: Annotated[str, typer.Argument(help="The feed's address or name.", show_default=False)],
    config: ConfigPath = Path("config.yaml"),
    db: Db = None,
) -> None:
    """Follow a feed no longer. What it brought stays."""
    from bot.cli_sources import remove

    remove(name, db, config)


@opml.command("import")
def opml_import(
    file: Annotated[
        Path, typer.Argument(help="An OPML file.", exists=True, dir_okay=False, show_default=False)
    ],
    topic: About = None,
    config: ConfigPath = Path("config.yaml"),
    db: Db = None,
) -> None:
    """Follow all feeds of a list. The folders that they are in are their topics, if no other is named."""
    from bot.cli_sources import import_opml

    raise typer.Exit(SOME_REFUSED if import_opml(file, topic, db, config) else 0)


@opml.command("export")
def opml_export(
    config: ConfigPath = Path("config.yaml"),
    db: Db = None,
    catalogue: Annotated[bool, typer.Option("--catalogue", help="Those of the catalogue too.")] = False,
) -> None:
    """Print the feeds as OPML, by topic."""
    from bot.cli_sources import export_opml

    export_opml(db, catalogue, config)


Semantic = Annotated[
    bool | None,
    typer.Option(
        "--semantic/--no-semantic",
        help="Whether to compare what titles mean, too; without it: where that is installed.",
        show_default=False,
    ),
]

evaluate = typer.Typer(no_args_is_help=True, help="How well stories and topics agree with what people said.")
app.add_typer(evaluate, name="eval")


@evaluate.command("stories")
def eval_stories(
    records: Annotated[
        Path, typer.Argument(help="Records: a file or a directory.", exists=True, show_default=False)
    ],
    truth: Annotated[
        Path,
        typer.Argument(
            help="Lines of an address, a tab and its event.", exists=True, dir_okay=False, show_default=False
        ),
    ],
    errors: Annotated[int, typer.Option(help="How many of the worst errors to show.", min=0)] = 0,
    semantic: Semantic = None,
    json: Json = False,
) -> None:
    """Group records in the order of their times, and compare the stories with known events."""
    from bot.cli_eval import stories

    raise typer.Exit(SOME_REFUSED if stories([str(records)], truth, errors, semantic, json) else 0)


@evaluate.command("topics")
def eval_topics(
    records: Annotated[
        Path, typer.Argument(help="Records: a file or a directory.", exists=True, show_default=False)
    ],
    topics: Annotated[Path, typer.Option("--topics", help="A directory of topic files.", exists=True)],
    json: Json = False,
) -> None:
    """Compare the topics that match with those that the records declare."""
    from bot.cli_eval import topics as compare

    raise typer.Exit(SOME_REFUSED if compare([str(records)], topics, json) else 0)


@evaluate.command("pairs")
def eval_pairs(
    file: Annotated[
        Path,
        typer.Argument(
            help="Tab-separated: label (SAME or DIFFERENT), then published, title and lede of _a and of _b.",
            exists=True,
            dir_okay=False,
            show_default=False,
        ),
    ],
    semantic: Semantic = None,
    json: Json = False,
) -> None:
    """Compare pairs of reports, each alone, with whether people found them to be one event."""
    from bot.cli_eval import pairs

    pairs(file, semantic, json)


def main() -> None:
    """Entry point; expected errors are one message and exit code 3, never a traceback."""
    if sys.argv[1:2] == ["run"]:  # a stop before the bot listens to signals itself is a clean one as well
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        app()
    except TopicwireError as error:
        drawn = f"\n{error.drawn}" if isinstance(error, QueryRefusedError) else ""
        typer.echo(lines(f"topicwire: {error}{drawn}"), err=True)
        raise SystemExit(FAILED) from error
    except BrokenPipeError:  # `topicwire stories | head`
        raise SystemExit(0) from None
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        typer.echo(one_line(f"topicwire: {place}{error.strerror or error}"), err=True)
        raise SystemExit(FAILED) from error
    except KeyboardInterrupt:
        typer.echo("topicwire: stopped", err=True)
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
