"""What a process may do, and with which database."""

from __future__ import annotations

import math
from functools import partial

import pytest

from bot.domain.processes import Role
from bot.errors import ConfigError, TopicwireError
from bot.runtime.roles import EVERY_ROLE, check_roles, parse_roles, share_of_pace


@pytest.mark.parametrize(
    ("names", "roles"),
    [
        ((), EVERY_ROLE),
        (("all",), EVERY_ROLE),
        (("gateway", "all"), EVERY_ROLE),
        (("poller",), {Role.POLLER}),
        (("gateway,sender",), {Role.GATEWAY, Role.SENDER}),
        (("gateway", " Sender "), {Role.GATEWAY, Role.SENDER}),
        (("gateway,poller,intake,sender",), EVERY_ROLE),
    ],
)
def test_roles_are_given_once_or_several_times_or_with_commas(
    names: tuple[str, ...], roles: set[Role]
) -> None:
    assert parse_roles(names) == roles


def test_a_name_that_is_no_role_is_refused_with_all_that_are() -> None:
    with pytest.raises(
        TopicwireError, match="'ingest' is no role; write all, or one or several of gateway, poller"
    ):
        parse_roles(("gateway", "ingest"))


@pytest.mark.parametrize(
    ("roles", "on_postgresql", "clusters", "problem"),
    [
        (EVERY_ROLE, False, 1, ""),
        (EVERY_ROLE, True, 1, ""),
        ({Role.INTAKE}, True, 1, ""),
        ({Role.GATEWAY, Role.SENDER}, True, 1, ""),
        ({Role.GATEWAY}, True, 4, ""),
        ({Role.SENDER}, True, 4, ""),
        ({Role.INTAKE}, False, 1, "postgresql://"),
        ({Role.GATEWAY}, False, 4, "several clusters need PostgreSQL"),
        (EVERY_ROLE, True, 4, "--role gateway and --role sender"),
        ({Role.GATEWAY, Role.SENDER}, True, 2, "--role gateway and --role sender"),
    ],
)
def test_roles_that_cannot_work_are_refused_with_what_to_do(
    roles: frozenset[Role], on_postgresql: bool, clusters: int, problem: str
) -> None:
    if not problem:
        check_roles(frozenset(roles), on_postgresql=on_postgresql, clusters=clusters)
        return
    with pytest.raises(ConfigError) as refused:
        check_roles(frozenset(roles), on_postgresql=on_postgresql, clusters=clusters)
    assert problem in str(refused.value)


@pytest.mark.parametrize("per_second", [1, 2, 10, 16, 17, 20, 50, 51, 500])
@pytest.mark.parametrize("clusters", [1, 4, 16])
def test_the_processes_of_a_token_make_no_more_requests_together_than_discord_takes(
    per_second: int, clusters: int
) -> None:
    gateway, sender = (
        share_of_pace(frozenset({role, Role.INTAKE}), per_second, clusters)
        for role in (Role.GATEWAY, Role.SENDER)
    )
    assert min(gateway, sender) >= 1
    check = partial(check_roles, on_postgresql=True, clusters=clusters, per_second=per_second)
    check(frozenset({Role.POLLER}))
    for role in (Role.GATEWAY, Role.SENDER):
        if per_second <= clusters:  # not even one a second for each
            with pytest.raises(ConfigError, match=f"discord.requests_per_second: {per_second} is too few"):
                check(frozenset({role}))
        else:
            check(frozenset({role}))
            assert gateway * clusters + sender <= per_second
    assert share_of_pace(EVERY_ROLE, per_second, 1) == per_second
    assert share_of_pace(EVERY_ROLE, math.inf, 1) == math.inf


def test_the_sender_gets_nearly_all() -> None:
    assert share_of_pace(frozenset({Role.SENDER}), 50, 1) == 45
    assert share_of_pace(frozenset({Role.GATEWAY}), 50, 1) == 5
    assert [share_of_pace(frozenset({role}), 50, 4) for role in (Role.GATEWAY, Role.SENDER)] == [1, 46]
