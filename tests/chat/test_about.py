"""/status and /help."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import timedelta
from importlib.metadata import version

import pytest

from bot.domain.outages import OutageKind
from bot.domain.polling import FeedOrigin, NewFeed
from bot.domain.processes import ProcessState
from bot.errors import StoreError
from bot.services import status
from bot.sources.model import ItemBatch, Progress, Rejected
from bot.store import feeds, leases, sources
from tests.chat.world import METRO, ROCKET, World, markdown, seen, unrelated
from tests.form import sized
from tests.make import ListSource, at, record
from tests.shown import plain, shown


async def parts(world: World) -> dict[str, str]:
    """The parts of the status by name, as they read; the first without a name."""
    page = shown(await world.ask("status"))
    return {name: plain("\n".join(lines)) for name, lines in page.parts.items()} | {"footer": page.small[-1]}


async def test_the_status_of_a_fresh_bot(world: World) -> None:
    fields = await parts(world)
    assert fields[""] == "0 articles in 0 stories · 0 subscriptions in this server · 0 messages waiting"
    assert fields["footer"] == f"Topicwire {version('topicwire')}"
    assert fields["Sources"].startswith("• 1 source working: 0 articles, last read <t:")
    assert set(fields) == {"", "footer", "Sources"}


async def test_where_several_processes_share_the_work_each_is_shown(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    intake = ProcessState("m tide 1 a", frozenset({"intake"}), frozenset({"intake"}), at(-1), timedelta(0))
    sender = ProcessState("m tide 2 b", frozenset({"sender"}), frozenset({"sender"}), at(-1), timedelta(0))
    for processes, is_shown in (([intake, sender], True), ([intake], False)):

        async def found(_: object, processes: list[ProcessState] = processes) -> list[ProcessState]:
            return processes

        monkeypatch.setattr(leases, "processes", found)
        shown_parts = await parts(world)
        assert ("Processes" in shown_parts) == is_shown
        if is_shown:
            began = f"started <t:{int(at(-1).timestamp())}:R>"
            assert shown_parts["Processes"] == f"• takes in articles · {began}\n• sends messages · {began}"
            assert "tide" not in shown_parts["Processes"], "the machines are for whoever runs the bot"


async def test_what_came_in_and_what_waits(world: World) -> None:
    await world.ask("subscribe", topic="AI")
    await world.take_in(record(METRO[0], "a.example", quality=80), record(METRO[1], "b.example", quality=50))
    fields = await parts(world)
    assert fields[""] == "2 articles in 1 story · 1 subscription in this server · 1 message waiting"
    assert fields["Sources"] == f"• 1 source working: 2 articles, last read <t:{int(at().timestamp())}:R>"
    await world.deliver()
    assert "0 messages waiting" in (await parts(world))[""]


async def test_present_outages_are_shown_with_their_beginning_and_nothing_of_the_machine(
    world: World,
) -> None:
    kinds = set(OutageKind) - {OutageKind.DATABASE}  # the command itself shows that it answers
    for kind in kinds:
        world.app.context.monitor.note(kind, "/srv/x.db: disk <full>. Free some.", world.clock())
    text = (await parts(world))[""]
    since = f"<t:{int(world.clock().timestamp())}:R>"
    assert text.count(f"{since}: …: disk") == len(kinds)
    assert "srv" not in text
    for kind in kinds:
        world.app.context.monitor.note(kind, None, world.clock())
    assert since not in (await parts(world))[""]


async def test_without_the_database_the_status_shows_at_least_the_outage(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise StoreError("the database /srv/x.db cannot be used: database is locked")

    monkeypatch.setattr(status, "status", fail)
    world.app.context.monitor.note(OutageKind.DATABASE, "database is locked", world.clock())
    assert "The database stopped answering" in shown(await world.ask("status")).text


class Broken(ListSource):
    """A source that cannot be read."""

    async def fetch(self, progress: Progress) -> AsyncGenerator[ItemBatch, None]:
        """No batch."""
        async for batch in super().fetch(progress):
            raise OSError("the disk is <gone>")
            yield batch


async def test_what_was_refused_and_the_last_error_of_a_source(world: World) -> None:
    world.source.rejected.append(Rejected("x.md", 1, "no title"))
    await world.take_in(record(METRO[0]))
    assert "1 article, 1 rejected, last read" in (await parts(world))["Sources"]
    world.clock.forward(hours=1)
    with pytest.raises(OSError, match="disk"):
        await world.app.ingest.step(Broken())
    first, second = (await parts(world))["Sources"].splitlines()
    assert first == f"• list: test: 1 article, 1 rejected, last read <t:{int(at().timestamp())}:R>"
    assert second.strip() == f"⚠️ <t:{int(at(1).timestamp())}:R>: OSError: the disk is <gone>"


async def fail(world: World, name: str, error: str) -> None:
    """A feed stopped working."""
    context = world.app.context
    async with context.db.write() as connection:
        state = await sources.ensure(connection, name, name.partition(":")[0])
        await sources.failed(connection, state.id, error, context.now())


async def test_what_is_in_order_is_counted_and_at_most_ten_in_trouble_are_listed(world: World) -> None:
    async with world.app.context.db.write() as connection:
        for number in range(300):
            await sources.ensure(connection, f"list:{number}", "list")
    for number in range(14):
        world.clock.forward(minutes=1)
        await fail(world, f"folder:/srv/private/f{number}", "no")
    found = await status.status(world.app.context, world.guild.id)
    assert [source.name for source in found.sources] == [
        "301 sources working",
        *(f"folder: f{number}" for number in range(13, 3, -1)),
        "4 more failing sources",
    ]
    fields = await parts(world)
    assert fields["Sources"].startswith("• 301 sources working: 0 articles")
    assert "/srv" not in "".join(fields.values())


async def test_a_source_is_named_without_where_it_is(world: World) -> None:
    for name, told in (
        ("folder:/srv/private/records", "folder: records"),
        ("folder:C:\\private\\records", "folder: records"),
        ("git:https://me:secret@git.example/group/repo#main:private/path", "git: git.example"),
        ("git:git@git.example:group/repo.git", "git: repo.git"),
        ("push", "push"),
    ):
        await fail(world, name, "no")
        assert f"• {told}: 0 articles" in (await parts(world))["Sources"]


async def test_an_error_is_told_in_a_sentence_without_paths(world: World) -> None:
    for error, told in (
        ("OSError: [Errno 5] cannot read: '/srv/my records/x.md'", "OSError: [Errno 5] cannot read: …"),
        ("OSError: cannot read /srv/private/x.md: busy", "OSError: cannot read …: busy"),
        ("git has no branch main. Looked in /srv/private", "git has no branch main."),
        ("GET https://me:secret@a.example/x?key=1 failed\nTraceback", "GET a.example failed"),
        ("cannot read C:\\private\\x or ~/y", "cannot read … or …"),
    ):
        await fail(world, "folder:/srv/private/records", error)
        fields = (await parts(world))["Sources"]
        assert fields.splitlines()[-1].endswith(f": {told}")


async def test_another_servers_own_feeds_are_its_own(world: World) -> None:
    elsewhere = world.env.create_guild("Elsewhere")
    async with world.app.context.db.write() as connection:
        for guild_id, host in ((0, "all"), (world.guild.id, "mine"), (elsewhere.id, "theirs")):
            new = NewFeed(f"https://{host}.example/feed", FeedOrigin.SERVER, guild_id=guild_id)
            number = await feeds.add(connection, new, timedelta(minutes=30), at())
            await sources.failed(connection, number, "HTTP 404", at())
    fields = (await parts(world))["Sources"]
    assert "feed: mine.example" in fields
    assert "feed: all.example" in fields
    assert "theirs" not in fields


async def test_what_was_held_back_and_why(world: World) -> None:
    await world.ask("subscribe", topic="Space", volume="major")
    low, high, old = unrelated(3)
    await world.take_in(low, high)
    await world.take_in(record(old.title, "old.example", hours=-24 * 9, quality=80, topics=["Space"]))
    held = (await parts(world))["Stories not posted in the last day"].splitlines()
    assert held == [
        "• 2 × smaller than the stories that the subscription posts",
        "• 1 × too old when the bot read it",
    ]
    world.clock.forward(hours=25)
    assert "Stories not posted in the last day" not in await parts(world)


async def test_what_is_paused_and_what_was_given_up(world: World) -> None:
    gone, closed = (world.guild.create_text_channel(name) for name in ("gone", "closed"))
    for channel in (gone, closed, world.news):
        await world.ask("subscribe", topic="Space", channel=channel)
    world.env.inject_error("POST", f"/channels/{gone.id}/messages", status=404, code=10003)
    world.deny(closed, view_channel=True)
    world.env.inject_error(
        "POST", f"/channels/{world.news.id}/messages", status=400, code=200000, message="blocked"
    )
    await world.report(record(ROCKET[0], quality=80))
    fields = await parts(world)
    assert fields["Paused channels"].splitlines() == [
        f"• {gone.mention}: the channel was deleted, or the bot cannot see it",
        f"• {closed.mention}: the bot cannot see the channel. Give it View Channel there",
    ]
    assert (
        fields["Messages not sent in the last day"]
        == f"• {world.news.mention}: the server's AutoMod blocked the message"
    )


async def test_the_status_tells_of_one_server_only(world: World) -> None:
    await world.ask("subscribe", topic="Space")
    world.deny(world.news, send_messages=True)
    await world.report(record(ROCKET[0], quality=80))
    elsewhere = world.env.create_guild("Elsewhere")
    owner = elsewhere.add_member(elsewhere.owner)
    answer = seen(await world.ask("status", by=owner, at=elsewhere.create_text_channel("lobby")))
    assert "0 subscriptions in this server · 0 messages waiting" in answer
    assert "Paused channels" not in answer


async def test_a_status_with_very_much_in_it_fits(world: World) -> None:
    for number in range(sized(20, 40)):
        channel = world.guild.create_text_channel(f"channel-{number}")
        await world.ask("subscribe", topic="Space", channel=channel)
        world.deny(channel, send_messages=True)
    await world.report(record(ROCKET[0], quality=80))
    paused = (await parts(world))["Paused channels"]
    assert len(paused) <= 1024
    assert paused.splitlines()[-1].endswith(" more")


async def test_help_tells_what_it_does_and_the_first_three_steps(world: World) -> None:
    answer = await world.ask("help", by=world.member)
    text = seen(answer)
    assert "follows **topics** instead of single feeds" in text
    for number, command in enumerate(("/topics", "/subscribe", "/digest set"), 1):
        assert f"{number}. `{command}`" in text


async def test_help_names_every_command(world: World) -> None:
    text = seen(await world.ask("help", by=world.member))
    for command in world.manager.available_commands(world.news):
        if command != "help":
            group, _, name = command.partition(" ")
            assert f"`/{group}" in text
            assert not name or f"{name}`" in text


def clickable(world: World, name: str) -> str:
    """A command as Discord makes it clickable, with the ID that the simulated Discord gave it."""
    root = world.env.backend.find_command(name.partition(" ")[0], world.guild.id)
    assert root is not None
    return f"</{name}:{root['id']}>"


async def test_commands_in_answers_can_be_clicked(world: World) -> None:
    text = markdown(await world.ask("help"))
    assert "`/" not in text
    for name in ("subscribe", "digest set", "topic create"):
        assert clickable(world, name) in text
    text = markdown(await world.ask("subscriptions"))
    assert text.endswith(f"Start with {clickable(world, 'subscribe')}.")


async def test_commands_in_errors_can_be_clicked_and_what_users_type_cannot(world: World) -> None:
    result = await world.manager.slash(world.news, "digest preview")
    assert clickable(world, "subscribe") in markdown(world.answer(result))
    typed = markdown(
        world.answer(await world.manager.slash(world.news, "topic show", topic="</subscribe:1>"))
    )
    assert "</subscribe:1>" not in typed


async def test_commands_are_named_plainly_as_long_as_discord_has_not_taken_them(world: World) -> None:
    world.app.client.command_ids = {}
    assert "`/subscribe`" in markdown(await world.ask("help"))
