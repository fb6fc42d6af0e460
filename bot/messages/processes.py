"""How the processes of an installation read in `/status`, without what is only for whoever runs the bot. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from bot.domain.processes import ProcessState, Role
from bot.i18n import comma_list, mark, tr
from bot.messages.message import relative

# Role -> what a process does in it, and what if one process at a time does that and it is another one.
_WORK = {
    Role.GATEWAY: (mark("answers commands"), ""),
    Role.POLLER: (mark("fetches feeds"), ""),
    Role.INTAKE: (mark("takes in articles"), mark("takes in articles if another process fails")),
    Role.SENDER: (mark("sends messages"), mark("sends messages if another process fails")),
}


def process_lines(processes: Iterable[ProcessState], now: datetime) -> list[str]:
    """A line for each process: what it does and since when, or since when it gives no sign of life."""
    return [f"• {_line(process, now)}" for process in processes]


def _line(process: ProcessState, now: datetime) -> str:
    work = comma_list(_work(process))
    if process.is_silent:
        return tr("{work} · ⚠️ last sign of life {time}", work=work, time=relative(now - process.silence))
    return tr("{work} · started {time}", work=work, time=relative(process.since))


def _work(process: ProcessState) -> Iterator[str]:
    for role, (work, standing_by) in _WORK.items():
        if role in process.roles:
            text = work if role in process.leads or not standing_by else standing_by
            yield tr(text)
