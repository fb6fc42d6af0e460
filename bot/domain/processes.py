"""The processes of one installation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Role(StrEnum):
    """A part of the bot that can be a process of its own, on one PostgreSQL."""

    GATEWAY = "gateway"  # answers interactions
    POLLER = "poller"  # fetches feeds
    INTAKE = "intake"  # stores articles and decides what to post
    SENDER = "sender"  # sends and edits messages


ONE_AT_A_TIME = (Role.INTAKE, Role.SENDER)  # of several such processes, one does the work
SILENT = timedelta(seconds=10)  # a process gives a sign of life every second


@dataclass(frozen=True, slots=True)
class ProcessState:
    """A process as its leases tell of it: its name, its roles, and when it began.

    `leads` are those of its roles of which one process at a time does the work, where it is this one. `silence` is the time
    since its last sign of life.
    """

    identity: str
    roles: frozenset[str]
    leads: frozenset[str]
    since: datetime
    silence: timedelta

    @property
    def is_silent(self) -> bool:
        """Whether it gives no sign of life, and so does nothing, as far as anybody can tell."""
        return self.silence > SILENT


def living(processes: Sequence[ProcessState]) -> Mapping[str, int]:
    """How many processes have each role and give signs of life. None at all: the one that asks has every role, and no leases."""
    return {
        role: sum(role in process.roles and not process.is_silent for process in processes)
        if processes
        else 1
        for role in Role
    }
