"""The roles of a process: which parts of the bot it runs."""

from __future__ import annotations

import math
from collections.abc import Iterable

from bot.domain.processes import Role
from bot.errors import ConfigError, TopicwireError

ALL_ROLES = "all"
EVERY_ROLE = frozenset(Role)
# Of the requests a second that Discord takes with a token: for all gateways together, if they are processes without the sender. Their
# answers to commands do not count; what else they ask for is for setting something up, for roles, and for permissions.
GATEWAYS_SHARE = 0.1


def parse_roles(names: Iterable[str]) -> frozenset[Role]:
    """The roles with these names, each of which may be several with commas between them; none, or `all`: every role.

    Raises TopicwireError for a name that is no role.
    """
    given = {name.strip().lower() for listed in names for name in listed.split(",")} - {""}
    if unknown := sorted(given - {ALL_ROLES, *Role}):
        raise TopicwireError(
            f"--role: {unknown[0]!r} is no role; write {ALL_ROLES}, or one or several of {', '.join(Role)}"
        )
    return EVERY_ROLE if not given or ALL_ROLES in given else frozenset(Role(name) for name in given)


def share_of_pace(roles: frozenset[Role], per_second: float, clusters: int) -> float:
    """How many of the `per_second` requests of a token a process makes, so that all its processes together make no more.

    At least one a second, for which there have to be enough: see `check_roles`.
    """
    if per_second == math.inf:
        return per_second
    of_gateway = max(1, math.floor(GATEWAYS_SHARE * per_second / clusters))
    match Role.GATEWAY in roles, Role.SENDER in roles:
        case True, False:
            return of_gateway
        case False, True:
            return max(1, per_second - clusters * of_gateway)
        case _:
            return per_second


def check_roles(
    roles: frozenset[Role], *, on_postgresql: bool, clusters: int, per_second: float = math.inf
) -> None:
    """Raise ConfigError if a process cannot have these roles with the given database, clusters of shards, and requests a second."""
    problems = []
    if roles != EVERY_ROLE and not on_postgresql:
        problems.append(
            "a process of some roles shares the database with others, which SQLite cannot do. Set database.url to a "
            "postgresql:// address, or leave --role out"
        )
    if clusters > 1 and not on_postgresql:
        problems.append(
            "discord.shards: several clusters need PostgreSQL. Set database.url to a postgresql:// address"
        )
    if clusters > 1 and Role.GATEWAY in roles and Role.SENDER in roles:
        problems.append(
            "discord.shards: with several clusters, a gateway sees a part of the servers, and a sender needs all. Start them "
            "apart, with --role gateway and --role sender"
        )
    are_apart = (Role.GATEWAY in roles) != (Role.SENDER in roles)
    if are_apart and per_second < clusters + 1:
        problems.append(
            f"discord.requests_per_second: {per_second:g} is too few to divide. Each gateway and the sender need at least one a "
            f"second: set it to {clusters + 1} or more, if Discord allows that, or use fewer clusters (discord.shards)"
        )
    if problems:
        raise ConfigError("--role", problems)
