"""The living post of a story: how it looks, that there is one, and that it keeps up."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from bot.domain.model import Image
from bot.store import outbox
from tests.chat.world import METRO, ROCKET, WHALES, World, body, buttons, mentions_in, seen, unrelated
from tests.discord_markdown import kinds, links
from tests.make import at, record
from tests.shown import plain, shown

HOSTILE = (
    "**Bold** @everyone <@&7> [free](https://evil.example) `code` ||x|| https://evil.example # <#1> a rocket"
)


async def test_a_post_tells_the_story(world: World) -> None:
    await world.ask("subscribe", topic="AI")
    lead = record(
        METRO[0],
        quality=80,
        url="https://alpha.example/metro",
        excerpt="The council of the city voted " * 40,
        image="https://img.example/metro.png",
        related=[record("The law on cameras", "law.example", hours=-900, quality=20)],
    )
    await world.report(lead, record(METRO[1], "beta.example", hours=0.5, quality=60))
    (post,) = world.posts()
    page = shown(post)
    assert (page.title, page.url) == (METRO[0], "https://alpha.example/metro")
    excerpt = page.body.removesuffix("…")
    assert 350 < len(excerpt) < 400
    assert lead.excerpt.startswith(f"{excerpt} ")
    assert page.pictures == (("https://img.example/metro.png", f"Alpha: {METRO[0]}"),)
    assert page.colours == (0x112233,)
    assert page.small == [
        "Computer Vision",
        "Alpha (alpha.example) · Beta (beta.example)",
        f"Story #1 · 2 outlets · first report <t:{int(at().timestamp())}:R>"
        f" · last update <t:{int(at(0.5).timestamp())}:R>",
    ]
    assert page.buttons == (
        ("Read", page.url),
        ("Related coverage", "related:1"),
        ("Follow this story", "follow:1"),
    )
    assert (post.content, post.embeds) == ("", [])
    assert post.flags.components_v2


async def test_there_is_one_message_per_story_and_channel(world: World) -> None:
    other = world.guild.create_text_channel("other")
    for channel in (world.news, other):
        for topic in ("AI", "Computer Vision", "Space"):
            await world.ask("subscribe", topic=topic, channel=channel)
    story = record(METRO[0], "a.example", quality=80, topics=["Space"])
    for _ in range(2):
        await world.report(story, record(METRO[1], "b.example", quality=70))
    world.clock.forward(hours=1)
    await world.report(replace(story, quality=90), record(METRO[2], "c.example", quality=85))
    assert len(world.posts()) == len(world.posts(other)) == 1
    assert len(world.sends()) == len(world.sends(other)) == 1


async def test_a_post_grows_with_its_story_but_not_more_than_once_a_minute(world: World) -> None:
    await world.ask("subscribe", topic="AI")
    await world.report(record(METRO[0], "a.example", quality=80))
    outlets = []
    for second in range(0, 180, 20):
        world.clock.forward(seconds=20)
        if second < 80:
            await world.take_in(record(METRO[second // 20], f"o{second}.example", quality=50))
        await world.deliver()
        (number,) = re.findall(r"Story #1 · (\d+) outlet", seen(world.posts()[0]))
        outlets.append(int(number))
    assert len(world.edits()) == 2
    assert outlets == [1, 1, 4, 4, 4, 5, 5, 5, 5]
    assert len(world.posts()) == 1


async def test_a_better_record_takes_the_lead(world: World) -> None:
    role = world.role("readers")
    await world.ask("subscribe", topic="AI", mention=role)
    await world.report(record(METRO[0], "a.example", quality=80))
    world.clock.forward(minutes=5)
    await world.report(record(METRO[1], "b.example", quality=95, url="https://b.example/x"))
    (post,) = world.posts()
    assert shown(post).title == METRO[1]
    assert buttons(post)[0].url == "https://b.example/x"
    assert [text for text, _ in shown(post).links] == [METRO[1], "B", "A"]
    # The ping was at the first sending; the edit still names the role and pings nobody again.
    assert shown(post).lines[0] == role.mention
    (edit,) = world.edits()
    assert mentions_in(body(edit)) == ([], [])
    assert not {"content", "embeds"} & set(body(edit))


async def test_what_changes_nothing_that_is_shown_is_not_sent(world: World) -> None:
    await world.ask("subscribe", topic="AI")
    story = record(METRO[0], quality=80)
    await world.report(story)
    world.clock.forward(minutes=5)
    await world.report(replace(story, quality=81))
    assert world.edits() == []


async def test_a_corrected_title_is_shown(world: World) -> None:
    await world.ask("subscribe", topic="AI")
    story = record(METRO[0], quality=80)
    await world.report(story)
    world.clock.forward(minutes=5)
    await world.report(replace(story, title=f"Correction: {METRO[0]}"))
    assert shown(world.posts()[0]).title == f"Correction: {METRO[0]}"


@pytest.mark.parametrize(("hours", "edits"), [(47.9, 1), (48.1, 0)])
async def test_a_post_is_kept_up_for_two_days(world: World, hours: float, edits: int) -> None:
    await world.ask("subscribe", topic="AI")
    await world.report(record(METRO[0], "a.example", quality=80))
    world.clock.forward(hours=hours)
    await world.report(record(METRO[0], "b.example", hours=40, quality=50))
    assert len(world.edits()) == edits
    assert len(world.posts()) == 1
    assert "2 outlets" in seen(await world.ask("related", story="1"))


async def test_a_story_that_everybody_removed_is_withdrawn_at_any_age(world: World) -> None:
    await world.ask("subscribe", topic="AI")
    one, two = (record(METRO[n], f"{n}.example", quality=80) for n in range(2))
    await world.report(one, two)
    world.clock.forward(days=30)
    await world.report(replace(one, removed=True))
    assert len(world.edits()) == 1
    assert METRO[0] not in seen(world.posts()[0])
    world.clock.forward(minutes=5)
    await world.report(replace(two, removed=True))
    (post,) = world.posts()
    assert plain(seen(post)) == "Story withdrawn\nThe outlets removed all articles of this story.\nStory #1"
    assert buttons(post) == []


async def test_a_story_that_turns_out_to_be_another_points_to_it(world: World) -> None:
    await world.ask("subscribe", topic="Space", volume="everything")
    await world.merge()
    world.clock.forward(minutes=2)
    await world.deliver()
    first, second = world.posts()
    assert "3 outlets" in seen(first)
    assert shown(second).title == "This story continues in #1"
    assert shown(second).url == first.jump_url
    assert buttons(second) == []
    assert len(world.sends()) == 2


async def test_only_the_role_of_a_subscription_that_asks_for_the_story_is_pinged(world: World) -> None:
    everyone, few, others = (world.role(name) for name in ("everyone", "few", "others"))
    await world.ask("subscribe", topic="AI", volume="everything", mention=everyone)
    await world.ask("subscribe", topic="Computer Vision", volume="major", mention=few)
    await world.ask("subscribe", topic="Space", mention=others)
    await world.report(record(METRO[0], quality=80), record(WHALES[0], "w.example", heat=200))
    pinged = {shown(post).title: [role.id for role in post.role_mentions] for post in world.posts()}
    assert pinged == {METRO[0]: [everyone.id], WHALES[0]: [everyone.id, few.id]}


async def test_the_biggest_stories_go_out_first(world: World) -> None:
    await world.ask("subscribe", topic="Space")
    small, big, middle = unrelated(3)
    await world.report(replace(small, quality=71), replace(big, quality=99), replace(middle, quality=85))
    assert [shown(post).title for post in world.posts()] == [big.title, middle.title, small.title]


async def test_titles_from_outside_show_as_text_and_ping_nobody(world: World) -> None:
    await world.ask("subscribe", topic="Space", mode="both")
    hostile = record(HOSTILE, quality=80, excerpt=HOSTILE, topics=["Space"])
    await world.report(replace(hostile, related=(record(HOSTILE, "evil2.example", quality=10, hours=-500),)))
    (post,) = world.posts()
    assert kinds(shown(post).body) == {"text"}
    assert plain(shown(post).body) == HOSTILE
    for text, href in [
        *(link for link in links(seen(post)) if link[0] != "Alpha"),
        *links(seen(await world.ask("latest"))),
    ]:
        assert "evil.example" not in href
        assert "Bold" in text
    assert post.content == ""
    assert not post.mentions
    assert not post.role_mentions
    assert not post.mention_everyone
    world.clock.forward(hours=21)
    await world.digest()
    digest = world.posts()[1]
    assert not digest.mention_everyone
    assert [href for _, href in shown(digest).links] == [hostile.url]
    for request in world.sends():
        assert mentions_in(body(request)) == ([], [])


async def test_every_answer_allows_no_pings(world: World) -> None:
    await world.ask("subscribe", topic="Space", mode="both")
    await world.take_in(record(HOSTILE, quality=80, topics=["Space"]))
    await world.ask("latest")
    await world.ask("related", story="1")
    await world.ask("digest preview")
    await world.ask("mute", what="@everyone")
    await world.ask("topics", search="@everyone")
    await world.ask("subscriptions")
    answers = world.requests("PATCH", "/webhooks/*/messages/@original")
    assert len(answers) == 7
    for request in answers:
        allowed = body(request)["allowed_mentions"]
        assert allowed == {"parse": []} or not any(allowed.values())


async def test_a_picture_is_shown_only_where_there_is_a_safe_one(world: World) -> None:
    await world.ask("subscribe", topic="AI")
    story = record(METRO[0], quality=80)
    await world.report(story)
    assert shown(world.posts()[0]).picture == ""
    world.clock.forward(minutes=5)
    await world.report(replace(story, image=Image("https://img.example/ä b.png")))
    assert shown(world.posts()[0]).picture == "https://img.example/%C3%A4%20b.png"


async def test_a_video_is_watched(world: World) -> None:
    await world.ask("subscribe", topic="AI")
    await world.report(replace(record(METRO[0], quality=80), type="video"))
    (post,) = world.posts()
    assert shown(post).small[0] == "Computer Vision · video"
    assert buttons(post)[0].label == "Watch"


async def test_a_story_that_reaches_the_bar_later_is_posted_then(world: World) -> None:
    await world.ask("subscribe", topic="AI")
    await world.report(record(METRO[0], "a.example", quality=40))
    assert world.posts() == []
    world.clock.forward(hours=2)
    await world.report(record(METRO[1], "b.example", quality=50))
    (post,) = world.posts()
    assert "2 outlets" in seen(post)


async def test_what_is_too_old_when_it_comes_in_is_not_posted(world: World) -> None:
    await world.ask("subscribe", topic="AI")
    await world.report(record(METRO[0], quality=80, hours=-24 * 7 - 1))
    await world.report(record(WHALES[0], quality=80, hours=-24 * 7 + 1))
    assert [shown(post).title for post in world.posts()] == [WHALES[0]]


async def test_the_first_intake_of_a_source_is_silent_but_for_its_backfill(world: World) -> None:
    await world.ask("subscribe", topic="Space")
    stories = [replace(story, published=at(n - 10)) for n, story in enumerate(unrelated(6))]
    world.new_source()
    await world.app.ingest.step(world.source.add(*stories), backfill=2)
    await world.deliver()
    assert {shown(post).title for post in world.posts()} == {stories[5].title, stories[4].title}


async def test_posts_go_on_after_a_restart(world: World) -> None:
    await world.ask("subscribe", topic="AI")
    await world.report(record(METRO[0], "a.example", quality=80))
    await world.take_in(record(WHALES[0], "w.example", quality=80))
    await world.restart()
    world.clock.forward(minutes=5)
    await world.report(record(METRO[1], "b.example", quality=90))
    assert [shown(post).title for post in world.posts()] == [METRO[1], WHALES[0]]


async def test_two_processes_post_a_story_once(world: World) -> None:
    await world.ask("subscribe", topic="Space")
    await world.ask("post-limit", per_hour=20)
    await world.take_in(*unrelated(20))
    await world.deliver_twice_at_once()
    assert len(world.posts()) == 20
    assert len({shown(post).title for post in world.posts()}) == 20


async def test_a_worker_that_died_is_replaced_after_its_lease(world: World) -> None:
    await world.ask("subscribe", topic="Space")
    await world.take_in(record(ROCKET[0], quality=80))
    async with world.app.context.db.write() as connection:
        await outbox.claim(connection, world.clock(), 10)
    await world.restart()
    assert await world.deliver() == 0
    world.clock.forward(minutes=2)
    await world.deliver()
    assert len(world.posts()) == 1
