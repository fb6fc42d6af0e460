"""A thread for each story: opened on its post, with what came later, and never in the way of the post."""

from __future__ import annotations

import fnmatch
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import discord
from discord.http import Route
from simcord.builders import ChannelHandle

from bot.chat.application import PERMISSIONS
from bot.domain.model import Record
from tests.chat.followers import follow
from tests.chat.panel_user import PanelUser
from tests.chat.world import METRO, World, body, seen
from tests.make import record


def thread_of(world: World, post: discord.Message) -> ChannelHandle | None:
    """The thread of a post."""
    channel = world.env.backend.channels.get(post.id)
    return None if channel is None else ChannelHandle(world.env, world.guild, channel)


def written(world: World, post: discord.Message) -> list[str]:
    """What the bot wrote in the thread of a post, oldest first."""
    thread = thread_of(world, post)
    assert thread is not None
    return [seen(message) for message in world.posts(thread)]


def allow_threads(world: World) -> None:
    """Let the bot open threads, which its invitation does not ask for."""
    role = next(role for role in world.env.backend.get_guild(world.guild.id).roles.values() if role.managed)
    granted = PERMISSIONS | discord.Permissions(create_public_threads=True)
    world.env.backend.edit_role(world.guild.id, role.id, {"permissions": granted.value})


def lose_answer(world: World, method: str, path: str) -> None:
    """The next such request arrives, and its answer does not."""
    http: Any = world.app.client.http
    ask = http.request

    async def request(route: Route, **more: Any) -> Any:
        answer = await ask(route, **more)
        if route.method == method and fnmatch.fnmatch(urlsplit(route.url).path, f"/api/v*{path}"):
            http.request = ask
            raise ConnectionResetError
        return answer

    http.request = request


def opened(world: World, channel: ChannelHandle | None = None) -> int:
    """How often the bot asked for a thread."""
    return len(world.requests("POST", f"/channels/{(channel or world.news).id}/messages/*/threads"))


def report(title: str, outlet: str, **more: object) -> Record:
    """A report of the story of the metro."""
    return record(title, outlet, quality=80, **more)  # type: ignore[arg-type] # as record has them


async def begin(world: World) -> discord.Message:
    """A channel with threads, and its first post."""
    allow_threads(world)
    await follow(world, "AI")
    await world.ask("threads", switch="on")
    await world.report(report(METRO[0], "a.example"))
    (post,) = world.posts()
    return post


async def update(world: World, *records: Record, minutes: int = 5) -> None:
    """Reports that come in later."""
    world.clock.forward(minutes=minutes)
    await world.report(*records)


async def test_a_post_gets_a_thread_with_its_headline_and_what_comes_later_is_written_there(
    world: World,
) -> None:
    post = await begin(world)
    thread = thread_of(world, post)
    assert thread is not None
    assert thread.name == METRO[0]
    (asked,) = world.requests("POST", f"/channels/{world.news.id}/messages/{post.id}/threads")
    assert body(asked)["auto_archive_duration"] == 1440
    assert written(world, post) == []
    await update(world, report(METRO[1], "b.example"))
    await update(world, report(METRO[2], "c.example"))
    first, second = written(world, post)
    assert "+1 outlet" in first
    assert METRO[1] in first
    assert METRO[2] in second
    assert METRO[1] not in second
    assert "3 outlets" in seen(world.posts()[0]), "the post is kept up to date as well"
    assert len(world.posts()) == 1
    assert await world.later() == 0
    assert len(written(world, post)) == 2
    assert opened(world) == 1


async def test_a_burst_of_reports_is_one_message(world: World) -> None:
    post = await begin(world)
    await update(world, report(METRO[1], "b.example"))
    burst = [report(METRO[2], f"burst{number}.example") for number in range(7)]
    for arriving in (burst[:2], burst[2:4], burst[4:]):
        await update(world, *arriving, minutes=0)
    assert len(written(world, post)) == 1
    await world.later()
    _, text = written(world, post)
    assert "+7 outlets" in text
    assert "and 1 more" in text or "and 2 more" in text, "five reports have a line"


async def test_threads_are_off_until_somebody_switches_them_on_and_older_posts_get_theirs_later(
    world: World,
) -> None:
    allow_threads(world)
    await follow(world, "AI")
    await world.report(report(METRO[0], "a.example"))
    await update(world, report(METRO[1], "b.example"))
    (post,) = world.posts()
    assert thread_of(world, post) is None
    assert "Each story" in seen(await world.ask("threads", switch="on"))
    await update(world, report(METRO[2], "c.example"))
    (text,) = written(world, post)
    assert METRO[1] in text
    assert METRO[2] in text, "what came since the post"
    assert "no threads any more" in seen(await world.ask("threads", switch="off"))
    await update(world, report(METRO[3], "d.example"))
    assert written(world, post) == [text]


async def test_without_the_permission_the_post_stands_and_the_thread_comes_with_a_later_update(
    world: World,
) -> None:
    await follow(world, "AI")
    world.deny(world.news, create_public_threads=True)
    assert "Give it Create Public Threads" in seen(await world.ask("threads", switch="on"))
    await world.report(report(METRO[0], "a.example"))
    (post,) = world.posts()
    assert opened(world) == 0, "nothing is asked that would be refused"
    status = seen(await world.ask("status"))
    assert "Threads of stories missing" in status
    assert "Create Public Threads" in status
    assert "Paused" not in status
    world.mend(world.news)
    allow_threads(world)
    await update(world, report(METRO[1], "b.example"))
    (text,) = written(world, post)
    assert METRO[1] in text
    assert "Threads of stories" not in seen(await world.ask("status"))


async def test_a_server_full_of_threads_gets_the_thread_later(world: World) -> None:
    world.env.inject_error("POST", "/channels/*/messages/*/threads", status=400, code=160006)
    post = await begin(world)
    assert thread_of(world, post) is None
    assert await world.later() == 0, "nothing is tried again before the story changes"
    assert "limit of active threads" in seen(await world.ask("status"))
    await update(world, report(METRO[1], "b.example"))
    assert METRO[1] in written(world, post)[0]
    assert opened(world) == 2


async def test_a_thread_that_a_moderator_deleted_is_not_opened_again(world: World) -> None:
    post = await begin(world)
    world.env.backend.delete_channel(post.id)
    for number in range(2):
        await update(world, report(METRO[1], f"late{number}.example"))
    assert await world.later() == 0
    assert thread_of(world, post) is None
    assert opened(world) == 1
    assert "3 outlets" in seen(world.posts()[0])
    assert "Threads of stories" not in seen(await world.ask("status")), "nothing is wrong"


async def test_a_thread_that_somebody_opened_on_the_post_is_taken(world: World) -> None:
    world.env.inject_error("POST", "/channels/*/messages/*/threads", status=400, code=160004)
    allow_threads(world)
    await follow(world, "AI")
    await world.ask("threads", switch="on")
    await world.take_in(report(METRO[0], "a.example"))
    await world.app.deliver.begin()
    await world.app.deliver.finish()
    (post,) = world.posts()
    world.env.backend.create_thread(world.news.id, "talk", world.manager.id, message_id=post.id)
    await world.deliver()
    await update(world, report(METRO[1], "b.example"))
    assert METRO[1] in written(world, post)[0]
    assert opened(world) == 1


async def test_a_locked_thread_is_left_until_it_is_unlocked(world: World) -> None:
    post = await begin(world)
    for code, late in ((160005, METRO[1]), (50083, METRO[2])):
        world.env.inject_error("POST", f"/channels/{post.id}/messages", status=403, code=code)
        await update(world, report(late, f"{code}.example"))
        assert await world.later() == 0, code
        assert written(world, post) == [], code
        status = seen(await world.ask("status"))
        assert "the thread is locked" in status, code
        assert "Paused" not in status, code
    await update(world, report(METRO[3], "d.example"))
    (text,) = written(world, post)
    assert all(title in text for title in METRO[1:])


async def test_the_thread_of_a_merged_story_ends_with_a_link_to_the_other_post(world: World) -> None:
    allow_threads(world)
    await follow(world, "Space")
    await world.ask("threads", switch="on")
    await world.merge()
    await world.later()
    one, two = world.posts()
    pointer, other = (one, two) if "continues in" in seen(one) else (two, one)
    assert written(world, pointer)[-1].startswith("This story continues in [story #")
    assert f"/{world.news.id}/{other.id}" in written(world, pointer)[-1]
    count = len(written(world, pointer))
    await update(
        world, record("Harbour bridge closed after crack found, says port", "d.example", topics=["Space"])
    )
    await world.later()
    assert len(written(world, pointer)) == count, "it is left"


async def test_what_an_outlet_takes_back_leaves_the_thread_too(world: World) -> None:
    post = await begin(world)
    taken_back = report(METRO[1], "b.example")
    await update(world, taken_back)
    await update(world, report(METRO[2], "c.example"))
    await update(world, replace(taken_back, removed=True))
    await world.later()
    first, second = written(world, post)
    assert METRO[1] not in first
    assert "do not belong to the story any more" in first
    assert METRO[2] in second


async def test_the_name_of_a_withdrawn_storys_thread_says_so(world: World) -> None:
    allow_threads(world)
    await follow(world, "AI")
    await world.ask("threads", switch="on")
    await world.report(story := report(METRO[0], "a.example"))
    (post,) = world.posts()
    await update(world, replace(story, removed=True))
    await world.later()
    thread = thread_of(world, post)
    assert thread is not None
    assert thread.name == "Story #1 withdrawn"
    assert len(world.requests("PATCH", f"/channels/{post.id}")) == 1


async def test_nothing_is_written_in_quiet_hours(world: World) -> None:
    post = await begin(world)
    now = world.clock()
    start, end = f"{now:%H:%M}", f"{(now.hour + 3) % 24:02}:{now:%M}"
    await world.ask("quiet-hours set", start=start, end=end, timezone="UTC")
    await update(world, report(METRO[1], "b.example"))
    assert written(world, post) == []
    world.clock.forward(hours=3)
    await world.deliver()
    assert METRO[1] in written(world, post)[0]


async def test_a_message_that_may_have_been_written_is_not_written_twice(world: World) -> None:
    world.clock.now = discord.utils.snowflake_time(
        world.news.id
    )  # as Discord has it, whose history is looked through
    post = await begin(world)
    lose_answer(world, "POST", f"/channels/{post.id}/messages")
    await update(world, report(METRO[1], "b.example"))
    assert len(written(world, post)) == 1
    await world.later()
    assert len(written(world, post)) == 1
    await update(world, report(METRO[2], "c.example"))
    await world.later()
    first, second = written(world, post)
    assert METRO[1] in first
    assert METRO[2] not in first
    assert METRO[2] in second


async def test_a_thread_that_may_have_been_opened_is_not_opened_twice(world: World) -> None:
    lose_answer(world, "POST", f"/channels/{world.news.id}/messages/*/threads")
    post = await begin(world)
    assert thread_of(world, post) is not None
    world.env.inject_error("POST", "/channels/*/messages/*/threads", status=400, code=160004)
    await world.later()
    await update(world, report(METRO[1], "b.example"))
    assert METRO[1] in written(world, post)[0]


async def test_forums_and_threads_have_no_threads_and_say_why(world: World) -> None:
    forum = world.forum()
    assert "is a forum, in which each story has a post" in await world.refused(
        "threads", at=forum, switch="on"
    )
    talk = world.thread()
    assert "no threads in threads" in await world.refused("threads", at=talk, switch="on")


async def test_a_digest_and_a_roll_up_get_no_thread(world: World) -> None:
    allow_threads(world)
    await world.ask("subscribe", topic="AI", mode="both")
    await world.ask("threads", switch="on")
    await world.ask("post-limit", per_hour=1)
    await world.report(report(METRO[0], "a.example"))
    await world.report(record("Computer vision counts herring", "z.example", quality=80, topics=["AI"]))
    await world.ask("digest now")
    await world.deliver()
    assert len(world.posts()) == 3
    assert opened(world) == 1


async def test_the_panel_switches_threads(world: World) -> None:
    allow_threads(world)
    await follow(world, "AI")
    user = await PanelUser.opens(world)
    await user.presses("Channel")
    await user.presses("Open a thread for each story")
    assert "No threads for stories" in user.labels()
    await world.report(report(METRO[0], "a.example"))
    (post,) = world.posts()
    assert thread_of(world, post) is not None
    await user.presses("No threads for stories")
    assert "get no threads any more" in user.text
