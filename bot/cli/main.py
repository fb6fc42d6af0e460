"""The command line: `topicwire` and `python -m bot`. Each command imports what it needs when it runs."""

from __future__ import annotations

import signal
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from bot.cli import CONFIG
from bot.cli.exit_codes import ExitCode, exit_code
from bot.domain.posting.schedule import DigestStyle
from bot.domain.stories.order import Order
from bot.domain.stories.ranking import Sort
from bot.domain.text.terminal import lines, one_line
from bot.errors import QueryRefusedError, TopicwireError
from bot.runtime import process

TIMES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S%z"]

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Topicwire follows topics on Discord. It keeps one message per story up to date and sends daily digests.",
)

ConfigPath = Annotated[Path, typer.Option("--config", "-c", help="The configuration file.")]
Db = Annotated[
    str | None,
    typer.Option(
        "--db",
        help="The database: a SQLite file or a postgresql:// URL; the default is the one in the configuration.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
TopicsDir = Annotated[Path | None, typer.Option("--topics", help="A directory of topic files.", exists=True)]
Places = Annotated[
    list[str],
    typer.Argument(
        help="Record files (.md .yaml .json .jsonl), directories of them, or feeds (a file or an address).",
        show_default=False,
    ),
]
PrivateNetworks = Annotated[
    bool,
    typer.Option("--private-networks", help="Also fetch from this machine and private networks."),
]


def _print_version(requested: bool) -> None:
    if requested:
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
def run(
    config: ConfigPath = CONFIG,
    role: Annotated[
        list[str] | None,
        typer.Option(
            "--role",
            help="What this process does, if several share a PostgreSQL: gateway, poller, intake, sender or all. Repeat it, "
            "or use commas, for several.",
            show_default="all",
        ),
    ] = None,
) -> None:
    """Run the bot."""
    from bot.cli.run import run

    run(config, role or ())


@app.command()
def setup(config: ConfigPath = CONFIG) -> None:
    """Ask for the bot's token, show the link that invites the bot, and run it."""
    from bot.cli.setup import setup

    setup(config)


@app.command()
def check(
    config: ConfigPath = CONFIG,
    sources: Annotated[
        bool,
        typer.Option(
            "--sources", help="Also fetch every feed and repository, including the feeds of the catalogue."
        ),
    ] = False,
) -> None:
    """Check the configuration and list every problem with its key."""
    from bot.cli.run import check

    problems, settings = check(config)
    if sources and settings is not None:
        from bot.cli.sources import check_sources

        problems += check_sources(settings)
    raise typer.Exit(ExitCode.SOME_REFUSED if problems else 0)


@app.command()
def demo(
    records: Annotated[
        Path | None, typer.Option(help="Records to replay instead of the sample.", exists=True)
    ] = None,
    topics: TopicsDir = None,
    topic: Annotated[str, typer.Option(help="The topic to subscribe to.")] = "Computer Vision",
    once: Annotated[
        bool, typer.Option("--once", help="Exit after the replay instead of opening the page.")
    ] = False,
    new_server: Annotated[
        bool,
        typer.Option(
            "--new-server", help="Begin in an empty server that the bot joins, and set it up by clicking."
        ),
    ] = False,
    port: Annotated[
        int, typer.Option(help="The port of the page; 0 picks a free port.", min=0, max=65535)
    ] = 0,
) -> None:
    """Show the real bot at work on a simulated Discord, without an account."""
    from bot.demo.main import show

    show(records=records, topics=topics, topic=topic, once=once, new_server=new_server, port=port)


@app.command()
def ingest(
    places: Places,
    topics: TopicsDir = None,
    config: ConfigPath = CONFIG,
    db: Db = None,
    json: Json = False,
    as_of: Annotated[
        datetime | None,
        typer.Option(
            formats=TIMES,
            help="Replay as of this time: each record counts as first seen when it was published.",
        ),
    ] = None,
    private_networks: PrivateNetworks = False,
) -> None:
    """Store records without posting them. The last line is a summary. Exit code 1 means that some were rejected."""
    from bot.cli.records import ingest

    refused = ingest(places, topics, db, json, as_of, private_networks, config)
    raise typer.Exit(ExitCode.SOME_REFUSED if refused else 0)


@app.command()
def match(
    places: Places,
    topics: Annotated[Path, typer.Option("--topics", help="A directory of topic files.", exists=True)],
    json: Json = False,
    private_networks: PrivateNetworks = False,
) -> None:
    """Show which topics the records match, and by which keywords. Nothing is stored."""
    from bot.cli.records import match

    raise typer.Exit(ExitCode.SOME_REFUSED if match(places, topics, json, private_networks) else 0)


@app.command()
def stories(
    config: ConfigPath = CONFIG,
    db: Db = None,
    json: Json = False,
    limit: Annotated[int, typer.Option(help="The most stories to list; 0 lists all.", min=0)] = 0,
    sort: Annotated[
        Sort, typer.Option(help="Newest first, or hot: the biggest stories for their age first.")
    ] = Sort.NEWEST,
) -> None:
    """List the stories, one per line."""
    from bot.cli.stories import list_stories

    list_stories(db, json, limit, sort, config)


@app.command()
def search(
    query: Annotated[
        str,
        typer.Argument(help="A query such as '(offshore OR sea) \"wind farm\" -golf'.", show_default=False),
    ],
    sort: Annotated[Order, typer.Option(help="Newest first, or the best matches first.")] = Order.NEWEST,
    limit: Annotated[int, typer.Option(help="The most stories to list.", min=1, max=1000)] = 50,
    config: ConfigPath = CONFIG,
    db: Db = None,
    json: Json = False,
) -> None:
    """Search all stored articles. The query language is that of topics."""
    from bot.cli.stories import search_stories

    search_stories(query, sort, limit, db, json, config)


@app.command()
def related(
    story: Annotated[
        str, typer.Argument(help="The story's number (12 or '#12'), a link, or words of its title.")
    ],
    config: ConfigPath = CONFIG,
    db: Db = None,
    json: Json = False,
) -> None:
    """Show all coverage of a story, best first."""
    from bot.cli.stories import show_related

    show_related(story, db, json, config)


@app.command()
def digest(
    topic: Annotated[str, typer.Option(help="The topic; its subtopics are included.")],
    since: Annotated[datetime, typer.Option(formats=TIMES, help="Start of the period (UTC).")],
    until: Annotated[
        datetime | None, typer.Option(formats=TIMES, help="End of the period (UTC); the default is now.")
    ] = None,
    size: Annotated[int, typer.Option(help="The most stories to include.", min=1, max=25)] = 10,
    style: Annotated[
        DigestStyle, typer.Option(help="Headlines only, or a sentence below each headline.")
    ] = DigestStyle.BRIEF,
    config: ConfigPath = CONFIG,
    db: Db = None,
    json: Json = False,
) -> None:
    """Show the digest of a topic for any period."""
    from bot.cli.stories import show_digest

    show_digest(topic, since, until, size, style, db, json, config)


source = typer.Typer(no_args_is_help=True, help="Manage the feeds that all servers share.")
opml = typer.Typer(no_args_is_help=True, help="Import and export lists of feeds as OPML.")
app.add_typer(source, name="source")
app.add_typer(opml, name="opml")

Url = Annotated[
    str, typer.Argument(help="The address of a feed, or of a web page that links to one.", show_default=False)
]
About = Annotated[
    str | None, typer.Option("--topic", help="The topic of the whole feed. By default, keywords decide.")
]


@source.command("add")
def source_add(
    url: Url,
    topic: About = None,
    config: ConfigPath = CONFIG,
    db: Db = None,
    private_networks: PrivateNetworks = False,
) -> None:
    """Follow a feed for all servers. A running bot starts to poll it at once."""
    from bot.cli.sources import add

    add(url, topic, db, private_networks, config)


@source.command("list")
def source_list(config: ConfigPath = CONFIG, db: Db = None, json: Json = False) -> None:
    """List all feeds, including those of single servers, with their state."""
    from bot.cli.sources import list_feeds

    list_feeds(db, json, config)


@source.command("test")
def source_test(
    url: Url,
    topic: About = None,
    config: ConfigPath = CONFIG,
    db: Db = None,
    json: Json = False,
    private_networks: PrivateNetworks = False,
) -> None:
    """Show the articles in a feed and the topics they match. Nothing is stored."""
    from bot.cli.sources import test

    test(url, topic, db, json, private_networks, config)


@source.command("remove")
def source_remove(
    name: Annotated[str, typer.Argument(help="The feed's address or name.", show_default=False)],
    config: ConfigPath = CONFIG,
    db: Db = None,
) -> None:
    """Stop following a feed. Its articles stay."""
    from bot.cli.sources import remove

    remove(name, db, config)


@opml.command("import")
def opml_import(
    file: Annotated[
        Path, typer.Argument(help="An OPML file.", exists=True, dir_okay=False, show_default=False)
    ],
    topic: About = None,
    config: ConfigPath = CONFIG,
    db: Db = None,
) -> None:
    """Follow all feeds in an OPML file. Their folders become their topics, unless --topic is given."""
    from bot.cli.sources import import_opml

    raise typer.Exit(ExitCode.SOME_REFUSED if import_opml(file, topic, db, config) else 0)


@opml.command("export")
def opml_export(
    config: ConfigPath = CONFIG,
    db: Db = None,
    catalogue: Annotated[
        bool, typer.Option("--catalogue", help="Include the feeds of the catalogue.")
    ] = False,
) -> None:
    """Print the feeds as OPML, grouped by topic."""
    from bot.cli.sources import export_opml

    export_opml(db, catalogue, config)


@app.command()
def status(config: ConfigPath = CONFIG, db: Db = None, json: Json = False) -> None:
    """Show the processes that share the database: their roles, who leads, since when, and their last sign of life."""
    from bot.cli.status import show_status

    show_status(db, json, config)


database = typer.Typer(no_args_is_help=True, help="Back up, restore, copy and check the database.")
app.add_typer(database, name="db")


@database.command("backup")
def db_backup(
    file: Annotated[Path, typer.Argument(help="The file to write. It must not exist.", show_default=False)],
    config: ConfigPath = CONFIG,
    db: Db = None,
) -> None:
    """Write a SQLite database to a file that only you can read. The bot can run meanwhile."""
    from bot.cli.database import back_up

    back_up(file, db, config)


@database.command("restore")
def db_restore(
    file: Annotated[Path, typer.Argument(help="A file that `db backup` wrote.", show_default=False)],
    config: ConfigPath = CONFIG,
    db: Db = None,
    replace: Annotated[
        bool,
        typer.Option(
            "--replace", help="Replace an existing database, which is kept under a name with the date."
        ),
    ] = False,
) -> None:
    """Make a backup the SQLite database. Stop the bot first."""
    from bot.cli.database import restore

    restore(file, replace, db, config)


@database.command("copy")
def db_copy(
    source: Annotated[str, typer.Argument(help="The database to copy: a file or a URL.", show_default=False)],
    target: Annotated[
        str,
        typer.Argument(help="An empty database, or a file that does not exist yet.", show_default=False),
    ],
) -> None:
    """Copy a whole installation from SQLite to PostgreSQL, or back. Stop the bot first."""
    from bot.cli.database import copy

    copy(source, target)


@database.command("check")
def db_check(config: ConfigPath = CONFIG, db: Db = None, json: Json = False) -> None:
    """Check that the database is whole. Nothing is changed. Exit code 1 means that there are problems."""
    from bot.cli.database import check

    raise typer.Exit(ExitCode.SOME_REFUSED if check(db, json, config) else 0)


Semantic = Annotated[
    bool,
    typer.Option("--semantic/--no-semantic", help="Join stories in different languages. Needs the extra."),
]
Orders = Annotated[
    int,
    typer.Option(
        help="How many orders of arrival to average. Each moves the time of every record by up to six hours either way.",
        min=1,
    ),
]

evaluate = typer.Typer(no_args_is_help=True, help="Measure stories and topics against human judgements.")
app.add_typer(evaluate, name="eval")


@evaluate.command("stories")
def evaluate_stories(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="Records (a file or a directory), then a .tsv file whose lines are an address, a tab and the name of "
            "its event. Repeat both for more sets.",
            exists=True,
            show_default=False,
        ),
    ],
    pairs: Annotated[
        Path | None,
        typer.Option(
            help="A file whose lines are two addresses and 1 or 0, with tabs between: whether they are one event.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    orders: Orders = 6,
    errors: Annotated[int, typer.Option(help="How many of the worst errors to show.", min=0)] = 0,
    semantic: Semantic = False,
    json: Json = False,
) -> None:
    """Group records in several orders of arrival and compare the stories with known events."""
    from bot.cli.eval_stories import stories

    refused = stories(files, pairs, orders=orders, errors=errors, semantic=semantic, as_json=json)
    raise typer.Exit(ExitCode.SOME_REFUSED if refused else 0)


@evaluate.command("topics")
def evaluate_topics(
    records: Annotated[
        Path, typer.Argument(help="Records: a file or a directory.", exists=True, show_default=False)
    ],
    topics: Annotated[
        Path | None,
        typer.Option(
            "--topics", help="A directory of topic files. The default is the catalogue.", exists=True
        ),
    ] = None,
    stories: Annotated[
        Path | None,
        typer.Option(
            "--stories", help="Compare with events: lines of an address, a tab and an event.", exists=True
        ),
    ] = None,
    categories: Annotated[
        Path | None,
        typer.Option(
            "--categories",
            help="Compare root topics with categories: lines of an address, a tab and a category named as topics are.",
            exists=True,
        ),
    ] = None,
    learned: Annotated[
        bool,
        typer.Option("--learned", help="Guess topics where no keyword occurs, learned from these records."),
    ] = False,
    json: Json = False,
) -> None:
    """Compare the topics that match with the topics that the records declare, with events, or with categories."""
    from bot.cli import eval_topics

    refused = eval_topics.topics([str(records)], topics, stories, categories, learned=learned, as_json=json)
    raise typer.Exit(ExitCode.SOME_REFUSED if refused else 0)


@evaluate.command("pairs")
def evaluate_pairs(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="A .tsv file with the columns label (SAME or DIFFERENT), and published, title and lede for _a and _b. "
            "Or records, then a .tsv file whose lines are two of their addresses and 1 or 0, with tabs between. "
            "Repeat either for more.",
            exists=True,
            show_default=False,
        ),
    ],
    orders: Orders = 6,
    semantic: Semantic = False,
    json: Json = False,
) -> None:
    """Decide for each pair of reports whether it is one event, and compare that with human labels."""
    from bot.cli.eval_pairs import pairs

    refused = pairs(files, orders=orders, semantic=semantic, as_json=json)
    raise typer.Exit(ExitCode.SOME_REFUSED if refused else 0)


@evaluate.command("briefs")
def eval_briefs(
    file: Annotated[
        Path,
        typer.Argument(
            help="JSON lines: reports (each with title and excerpt) of an event, and the brief that people wrote of it.",
            exists=True,
            dir_okay=False,
            show_default=False,
        ),
    ],
    json: Json = False,
) -> None:
    """Compare the briefs of events with texts that people wrote of them."""
    from bot.cli.briefs import measure

    measure(file, json)


_command = typer.main.get_command(app)  # built once, however often a process calls `main`


def main() -> None:
    """Entry point; expected errors are one message and an exit code, never a traceback."""
    process.collect_garbage_less_often()
    if runs := sys.argv[1:2] in (["run"], ["setup"]):  # a signal during the start also stops the bot cleanly
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        _command()
    except TopicwireError as error:
        drawn = f"\n{error.drawn}" if isinstance(error, QueryRefusedError) else ""
        typer.echo(lines(f"topicwire: {error}{drawn}"), err=True)
        raise SystemExit(exit_code(error) if runs else ExitCode.FAILED) from error
    except BrokenPipeError:  # `topicwire stories | head`
        raise SystemExit(0) from None
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        typer.echo(one_line(f"topicwire: {place}{error.strerror or error}"), err=True)
        raise SystemExit(ExitCode.FAILED) from error
    except KeyboardInterrupt:
        typer.echo("topicwire: stopped", err=True)
        raise SystemExit(130) from None
