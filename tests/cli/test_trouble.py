"""`topicwire run` while Discord is in trouble: its API, its gateway, and the signals of the system."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from bot.cli.exit_codes import ExitCode
from bot.errors import TopicwireError
from tests.cli.test_run import TIMEOUT, arrival, prepare, running, running_here, start, write_record
from tests.loopback import WEBHOOK, Fault, Loopback, give_face
from tests.shown import shown

TITLES = ("Night train reaches the coast", "Freight trains stand still at the border")
STORIES = (
    *TITLES,
    "Express trains get a quiet carriage",
    "Museum restores two steam trains",
    "Snow keeps trains in the valley depots",
    "Sleeper trains return after ten years",
    "Students paint trains for the harvest festival",
    "Metro trains lose their drivers' cabins",
    "Battery trains pass a cold winter test",
    "Goods trains carry timber from the islands",
    "Ministers argue over trains without tickets",
    "Engineers weigh trains on an old bridge",
)
# Everything that may happen to a request, but a silence that lasts until the timeout.
FAULTS = tuple(fault for fault in Fault if fault not in (Fault.HANG, Fault.ACCEPTED_HANG))
assert len(FAULTS) == len(STORIES)


async def go_wrong_in_turn(discord: Loopback, directory: Path, faults: Sequence[Fault]) -> None:
    """One story after another, each with a first request that goes wrong."""
    for number, (fault, title) in enumerate(zip(faults, STORIES, strict=False)):
        discord.faults = [fault]
        write_record(directory, f"new{number}", title, f"o{number}.example")
        async with asyncio.timeout(TIMEOUT):
            while len(discord.messages) <= number or discord.faults:
                await discord.arrived.wait()
                discord.arrived.clear()
        assert [shown(message).title for message in discord.messages.values()] == [*STORIES[: number + 1]], (
            fault
        )


async def test_a_request_that_goes_wrong_is_made_up_for_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    config = await prepare(tmp_path)
    discord = Loopback()
    discord.wait = 0.05
    discord.nonce_life = 0  # the message itself has to be looked for
    async with discord.serving(), running_here(discord, config, monkeypatch, caplog):
        await go_wrong_in_turn(discord, tmp_path, FAULTS)


async def test_a_request_of_a_webhook_that_goes_wrong_is_made_up_for_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A webhook takes no nonce, and the bot cannot read its messages: the webhook itself reads them."""
    config = await prepare(tmp_path)
    await give_face(str(tmp_path / "x.db"))
    discord = Loopback()
    discord.wait = 0.05
    caplog.set_level(logging.DEBUG, logger="bot")
    async with discord.serving(), running_here(discord, config, monkeypatch, caplog):
        await go_wrong_in_turn(discord, tmp_path, FAULTS)
    assert {message["author"]["username"] for message in discord.messages.values()} == {"Station clock"}
    assert WEBHOOK.token not in caplog.text


async def test_a_webhooks_message_is_known_again_after_a_kill(tmp_path: Path) -> None:
    config = await prepare(tmp_path)
    await give_face(str(tmp_path / "x.db"))
    discord = Loopback()
    discord.faults = [Fault.ACCEPTED_HANG]
    async with discord.serving():
        async with running(discord, config) as process:
            write_record(tmp_path, "new", TITLES[0], "one.example")
            await arrival(discord)
            process.kill()
        (first,) = discord.messages
        async with running(discord, config) as process:
            write_record(tmp_path, "newer", TITLES[1], "two.example")
            async with asyncio.timeout(TIMEOUT):
                while len(discord.accepted) < 3:  # the second story, and an edit of the first
                    await discord.arrived.wait()
                    discord.arrived.clear()
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(TIMEOUT):
                assert await process.wait() == 0
    assert len(discord.messages) == 2
    assert [a.id for a in discord.accepted if a.method == "PATCH"] == [first]


async def test_without_its_webhook_the_bot_posts_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    config = await prepare(tmp_path)
    await give_face(str(tmp_path / "x.db"))
    discord = Loopback()
    discord.has_webhook = False
    async with discord.serving(), running_here(discord, config, monkeypatch, caplog):
        write_record(tmp_path, "new", TITLES[0], "one.example")
        await arrival(discord)
    (message,) = discord.messages.values()
    assert message["author"]["username"] == "topicwire"
    assert "has lost its webhook" in caplog.text


@pytest.mark.parametrize(
    "frame", ["{", "[]", '"text"', json.dumps({"op": 0, "s": 9, "t": "GUILD_CREATE", "d": {}})]
)
async def test_a_frame_that_makes_no_sense_leads_to_a_new_connection(
    tmp_path: Path, frame: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    config = await prepare(tmp_path)
    discord = Loopback()
    async with discord.serving(), running_here(discord, config, monkeypatch, caplog):
        discord.identified.clear()
        await discord.say(frame)
        async with asyncio.timeout(TIMEOUT):
            await discord.identified.wait()
        write_record(tmp_path, "new", TITLES[0], "one.example")
        await arrival(discord)


PEOPLES_BUSINESS = pytest.mark.parametrize(
    ("code", "sentence"), [(4004, "refused the token"), (4014, "refused the intents")]
)


@PEOPLES_BUSINESS
async def test_a_connection_that_needs_a_person_ends_the_bot(
    tmp_path: Path,
    code: int,
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    config = await prepare(tmp_path)
    discord = Loopback()
    async with discord.serving(), running_here(discord, config, monkeypatch, caplog) as bot:
        await discord.hang_up(code)
        async with asyncio.timeout(TIMEOUT):
            with pytest.raises(TopicwireError, match=sentence):
                await bot


@PEOPLES_BUSINESS
async def test_a_start_that_needs_a_person_ends_with_one_sentence(
    tmp_path: Path, code: int, sentence: str
) -> None:
    config = await prepare(tmp_path)
    discord = Loopback()
    discord.identify_closes = [code]
    async with discord.serving():
        process = await start(discord, config)
        async with asyncio.timeout(TIMEOUT):
            _, errors = await process.communicate()
    assert process.returncode == ExitCode.SETTINGS
    assert sentence in errors.decode().replace("\n", " ")
    assert "Traceback" not in errors.decode()


def _delete(database: Path) -> None:
    database.unlink()


def _replace(database: Path) -> None:
    other = database.with_name("other.db")
    other.write_bytes(database.read_bytes())
    other.replace(database)


@pytest.mark.parametrize("lose", [_delete, _replace])
async def test_a_database_that_is_lost_ends_the_bot_at_once(
    tmp_path: Path, lose: Callable[[Path], None]
) -> None:
    config = await prepare(tmp_path)
    discord = Loopback()
    async with discord.serving(), running(discord, config) as process:
        lose(tmp_path / "x.db")
        write_record(tmp_path, "new", TITLES[0], "one.example")
        async with asyncio.timeout(TIMEOUT):
            assert await process.wait() == ExitCode.DATABASE


async def test_a_stop_while_it_starts_is_a_clean_one(tmp_path: Path) -> None:
    config = await prepare(tmp_path)
    discord = Loopback()
    async with discord.serving():
        process = await start(discord, config)
        assert process.stderr is not None
        async with asyncio.timeout(TIMEOUT):
            await discord.asked.wait()
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(TIMEOUT):
            _, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    assert "Traceback" not in errors.decode()
