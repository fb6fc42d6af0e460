"""The command `topicwire status`."""

from __future__ import annotations

from pathlib import Path

from bot.cli.common import format_time, load_settings, print_json, print_line, with_context
from bot.domain.processes import ONE_AT_A_TIME, ProcessState
from bot.services.context import Context
from bot.store import leases


def show_status(db_url: str | None, as_json: bool, path: Path) -> None:
    """`topicwire status`: the processes that share a database, the oldest first."""
    processes = with_context(db_url, load_settings(path), _processes)
    for process in processes:
        if as_json:
            print_json(
                {
                    "process": process.identity,
                    "roles": sorted(process.roles),
                    "leads": sorted(process.leads),
                    "since": format_time(process.since),
                    "silent_seconds": round(process.silence.total_seconds(), 1),
                }
            )
        else:
            print_line(_line(process))
    if not processes and not as_json:
        print_line(
            "No running process is recorded. Only PostgreSQL has such records; SQLite serves a single process."
        )


async def _processes(context: Context) -> list[ProcessState]:
    async with context.db.read() as connection:
        return await leases.processes(connection)


def _line(process: ProcessState) -> str:
    """Host and process id, what it does, since when, and its last sign of life."""
    host, number = process.identity.split(" ")[-3:-1]
    life = f"last sign of life {process.silence.total_seconds():.0f} s ago"
    warning = "  <- does nothing" if process.is_silent else ""
    return f"{host} {number}: {_work(process)}; since {format_time(process.since)}; {life}{warning}"


def _work(process: ProcessState) -> str:
    """The roles, and of those that one process at a time has, whether it is this one."""
    standing = {True: " (leads)", False: " (stands by)"}
    return ", ".join(
        role + (standing[role in process.leads] if role in ONE_AT_A_TIME else "")
        for role in sorted(process.roles)
    )
