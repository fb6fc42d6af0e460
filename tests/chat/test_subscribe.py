"""/subscribe and /unsubscribe, as managers use them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import discord
import pytest

from bot.domain.model import Topic
from bot.domain.polling import FeedOrigin, NewFeed
from bot.domain.text.cleaning import length
from bot.store import feeds
from bot.workers import rematch
from tests.chat.world import METRO, ROCKET, WHALES, World, body, buttons, labels, mentions_in, seen, unrelated
from tests.make import at, record
from tests.shown import plain, shown

DEFERRED = discord.InteractionResponseType.deferred_channel_message.value


async def test_a_new_subscription_says_what_comes_of_it(world: World) -> None:
    answer = await world.ask("subscribe", topic="Computer Vision")
    assert shown(answer).title == "Subscribed"
    assert (
        f"{world.news.mention} follows **Computer Vision** · live posts · some stories (about 8 posts a day)"
        in seen(answer)
    )
    assert "In the last 7 days this would have posted **0 stories**." in seen(answer)
    assert labels(answer) == []
    await world.report(record(METRO[0], quality=80))
    assert len(world.posts()) == 1


async def test_a_topic_is_found_by_any_of_its_names(world: World) -> None:
    for name in ("computer vision", "CV", "cv"):
        assert "follows **Computer Vision**" in seen(await world.ask("subscribe", topic=name)), name


async def test_a_parent_brings_the_stories_below_it_once(world: World) -> None:
    await world.ask("subscribe", topic="Artificial Intelligence")
    await world.ask("subscribe", topic="Computer Vision")
    await world.report(record(METRO[0], quality=80), record(ROCKET[0], "beta.example", quality=80))
    assert [shown(m).title for m in world.posts()] == [METRO[0]]


async def test_an_unknown_topic_gets_the_nearest_names(world: World) -> None:
    text = await world.refused("subscribe", topic="Compter Vison")
    assert "There is no topic “Compter Vison”. Did you mean: Computer Vision?" in text
    assert "There is no topic “qqqqqqqq”. See the list of topics." in await world.refused(
        "subscribe", topic="qqqqqqqq"
    )
    assert "No channel has a subscription yet" in seen(await world.ask("subscriptions"))


async def test_autocomplete_offers_topics_by_every_name_and_those_that_records_brought(world: World) -> None:
    await world.take_in(record("Tomatoes do well", topics=["Gardening"]))
    assert await world.typing("subscribe", "topic", "") == {
        name: name for name in ("AI", "Computer Vision", "Gardening", "Space")
    }
    assert list(await world.typing("subscribe", "topic", "artif")) == ["AI"]
    assert list(await world.typing("subscribe", "topic", "vision")) == ["Computer Vision"]
    assert list(await world.typing("subscribe", "topic", "spase")) == ["Space"]


async def test_an_empty_field_offers_what_is_followed_and_read_first(world: World) -> None:
    await world.take_in(record("Tomatoes do well", topics=["Gardening"]))
    async with world.app.context.db.write() as connection:
        for number, topic in enumerate(["Space", "Space", "Computer Vision"]):
            feed = NewFeed(f"https://f{number}.example/feed", FeedOrigin.CATALOGUE, topics=(topic,))
            await feeds.add(connection, feed, timedelta(hours=1), at())
    assert list(await world.typing("subscribe", "topic", "")) == [
        "Space",
        "AI",
        "Computer Vision",
        "Gardening",
    ]
    await world.ask("subscribe", topic="Computer Vision")
    assert list(await world.typing("latest", "topic", "")) == ["Computer Vision", "Space", "AI", "Gardening"]


async def test_again_changes_it_and_keeps_the_other_options(world: World) -> None:
    role = world.role("readers")
    await world.ask("subscribe", topic="AI", mode="both", volume="everything", mention=role)
    changed = await world.ask("subscribe", topic="AI", volume="major")
    assert shown(changed).title == "Subscription changed"
    how = f"live posts and digest · major stories · the rest in the digest · pings {role.mention}"
    assert how in seen(changed)
    assert how in seen(await world.ask("subscriptions"))
    changed = await world.ask("subscribe", topic="AI", mode="live")
    assert f"live posts · major stories · pings {role.mention}" in seen(changed)
    assert "digest" not in seen(changed)


async def test_what_was_set_can_be_taken_back(world: World) -> None:
    role = world.role("readers")
    wire = world.guild.create_news_channel("wire")

    async def how(**options: Any) -> str:
        answer = seen(await world.ask("subscribe", topic="AI", channel=wire, **options))
        return answer.splitlines()[1].partition("** · ")[2]

    await how(mode="both", volume="everything", mention=role, publish=True)
    assert await how(reset="mention") == "live posts and digest · all stories · publishes to followers"
    assert (
        await how(reset="volume")
        == "live posts and digest · some stories (about 8 posts a day) · the rest in the digest · publishes to followers"
    )
    rest = "the rest in the digest"
    assert await how(publish=False) == f"live posts and digest · some stories (about 8 posts a day) · {rest}"
    await how(mention=role, publish=True)
    assert await how(reset="everything") == "live posts · some stories (about 8 posts a day)"
    assert await how(mention=role, volume="major") == f"live posts · major stories · pings {role.mention}"
    assert await how(reset="everything", mode="digest") == "digest"
    await world.ask("unsubscribe", topic="AI", channel=wire)
    assert await how(reset="everything") == "live posts · some stories (about 8 posts a day)"


async def test_another_channel_can_be_named(world: World) -> None:
    other = world.guild.create_text_channel("other")
    answer = await world.ask("subscribe", topic="Space", channel=other)
    assert f"{other.mention} follows **Space**" in seen(answer)
    await world.report(record(ROCKET[0], quality=80))
    assert len(world.posts(other)) == 1
    assert world.posts() == []


async def test_the_volume_decides_which_stories_are_posted(world: World) -> None:
    expected = {"everything": 3, "notable": 2, "major": 1}
    channels = {volume: world.guild.create_text_channel(volume) for volume in expected}
    for volume, channel in channels.items():
        await world.ask("subscribe", topic="Space", volume=volume, channel=channel)
    low, high, declared = unrelated(3)
    await world.report(
        record(low.title, "low.example", quality=40, topics=["Space"]),
        record(declared.title, "declared.example", quality=40, notable=True, topics=["Space"]),
        record(high.title, "high.example", heat=200, topics=["Space"]),
    )
    assert {volume: len(world.posts(channel)) for volume, channel in channels.items()} == expected


async def test_a_digest_only_subscription_posts_nothing_live(world: World) -> None:
    answer = await world.ask("subscribe", topic="Space", mode="digest", volume="everything")
    assert "would have posted" not in seen(answer)
    assert labels(answer) == []
    await world.report(record(ROCKET[0], quality=80))
    assert world.posts() == []


async def test_a_digest_without_a_time_is_at_nine_and_the_answer_says_so(world: World) -> None:
    answer = await world.ask("subscribe", topic="Space", mode="both")
    assert "The digest is sent every day at 09:00 (UTC). Next digest: <t:1772528400:F>." in seen(
        answer
    )  # 3 March
    assert "This is the default time. Change it with `/digest set`." in seen(answer)
    await world.ask("digest set", time="18:30", timezone="Europe/Berlin", days="weekdays")
    answer = await world.ask("subscribe", topic="AI", mode="digest")
    assert (
        "The digest is sent Monday to Friday at 18:30 (Europe/Berlin). Next digest: <t:1772472600:F>."
        in seen(answer)
    )
    assert "default" not in seen(answer)


async def test_a_digest_that_was_switched_off_stays_off_and_the_answer_says_so(world: World) -> None:
    await world.ask("subscribe", topic="Space", mode="digest")
    await world.ask("digest off")
    answer = await world.ask("subscribe", topic="AI", mode="digest")
    assert "The channel's digest is turned off. Turn it on with `/digest set`." in seen(answer)
    assert "The digest is sent" not in seen(answer)


async def test_the_forecast_counts_what_the_last_seven_days_would_have_posted(world: World) -> None:
    old, low, muted, *good = unrelated(8)
    await world.take_in(old)
    world.clock.forward(days=7, hours=1)
    await world.ask("mute", what="Outlet2")
    await world.take_in(replace(low, quality=10, published=at(169)), replace(muted, published=at(169)))
    await world.take_in(*[replace(story, published=at(160 + i)) for i, story in enumerate(good)])
    answer = seen(await world.ask("subscribe", topic="Space", volume="notable"))
    assert "In the last 7 days this would have posted **5 stories**:" in answer
    shown = [line for line in answer.splitlines() if line.startswith("•")]
    assert len(shown) == 3
    for line, story in zip(shown, reversed(good), strict=False):
        assert f"[{story.title}]({story.url}) — {story.outlet.name} · <t:" in line
    assert "… and 2 more" in answer
    answer = seen(await world.ask("subscribe", topic="Space", volume="everything"))
    assert "would have posted **6 stories**:" in answer


async def test_the_newest_story_can_be_posted_now_once(world: World) -> None:
    await world.take_in(record(METRO[0], quality=80))
    world.clock.forward(hours=1)
    await world.take_in(record(WHALES[0], "beta.example", hours=1, quality=80))
    world.clock.forward(days=1, hours=1)  # or it would be one of the first posts
    offered = await world.ask("subscribe", topic="Computer Vision", volume="notable")
    again = await world.ask("subscribe", topic="Computer Vision")
    assert labels(offered) == labels(again) == ["Post the newest story now"]
    result = await world.press(offered, "Post the newest story now")
    heard = world.requests("POST", "/interactions/*/callback")[-1]
    assert body(heard)["type"] == DEFERRED, "heard at once, as it may have to wait for the database"
    pressed = world.answer(result)
    assert seen(pressed) == f"Posting story #2 in {world.news.mention}."
    assert buttons(offered) == []
    await world.deliver()
    assert [shown(m).title for m in world.posts()] == [WHALES[0]]
    pressed = world.answer(await world.press(again, "Post the newest story now"))
    assert seen(pressed) == f"Story #2 is already posted in {world.news.mention}."
    await world.deliver()
    assert len(world.posts()) == 1


async def test_the_offer_posts_also_what_is_below_the_bar_without_a_ping(world: World) -> None:
    await world.take_in(record(METRO[0], quality=20))
    world.clock.forward(days=1, hours=1)  # or it would be one of the first posts
    offered = await world.ask("subscribe", topic="AI", mention=world.role("readers"))
    await world.press(offered, "Post the newest story now")
    await world.deliver()
    assert [shown(m).title for m in world.posts()] == [METRO[0]]
    assert mentions_in(body(world.sends()[0])) == ([], [])


async def test_what_is_posted_already_is_not_offered(world: World) -> None:
    await world.ask("subscribe", topic="AI")
    await world.report(record(METRO[0], quality=80))
    assert labels(await world.ask("subscribe", topic="AI", volume="everything")) == []
    await world.report(record(WHALES[0], "beta.example", quality=10))
    assert "Post the newest" not in seen(await world.ask("subscribe", topic="Computer Vision"))


async def test_an_offer_that_does_not_hold_any_more_says_so(world: World) -> None:
    no_topic = "no longer gets live posts on the topics of story #1."
    muted = "Story #1 was removed by its outlets or is muted here."
    cases: tuple[tuple[str, dict[str, Any], str], ...] = (
        ("unsubscribe", {"topic": "AI"}, no_topic),
        ("subscribe", {"topic": "AI", "mode": "digest"}, no_topic),
        ("mute", {"what": "metro"}, muted),  # in the whole server, so it is the last one
    )
    await world.take_in(record(METRO[0], quality=80))
    world.clock.forward(days=1, hours=1)  # or it would be one of the first posts
    for command, options, told in cases:
        channel = world.guild.create_text_channel(command)
        offered = await world.ask("subscribe", topic="AI", channel=channel)
        await world.ask(command, **options if command == "mute" else options | {"channel": channel})
        pressed = await world.press(offered, "Post the newest story now")
        assert told in world.refusal(pressed), command
    assert await world.deliver() == 0


async def test_a_misspelt_topic_has_buttons_that_subscribe_to_what_was_meant(world: World) -> None:
    result = await world.manager.slash(world.news, "subscribe", topic="Computer Vison", mode="digest")
    answer = world.answer(result)
    assert "Did you mean: Computer Vision?" in world.refusal(result)
    assert labels(answer) == ["Computer Vision"]
    done = world.answer(await world.press(answer, "Computer Vision"))
    assert "follows **Computer Vision** · digest" in seen(done)
    assert buttons(answer) == []


async def test_the_offer_goes_away_when_it_could_no_longer_be_taken(world: World) -> None:
    await world.take_in(record(METRO[0], quality=80))
    offered = await world.ask("subscribe", topic="AI")
    await world.env.advance_time(14 * 60 + 1)
    assert buttons(offered) == []


async def test_a_role_is_pinged_by_new_posts_and_nobody_else(world: World) -> None:
    role = world.role("readers")
    answer = await world.ask("subscribe", topic="Space", mention=role)
    assert f"pings {role.mention}" in seen(answer)
    assert "⚠️" not in seen(answer)
    await world.report(record(ROCKET[0], quality=80))
    assert shown(world.posts()[0]).lines[0] == role.mention
    assert [r.id for r in world.posts()[0].role_mentions] == [role.id]
    assert mentions_in(body(world.sends()[0])) == ([], [str(role.id)])


async def test_a_role_that_cannot_be_pinged_is_warned_of_and_everyone_is_refused(world: World) -> None:
    text = await world.refused("subscribe", topic="Space", mention=world.guild.default_role)
    assert "The bot does not ping @everyone. Choose another role." in text
    assert "No channel has a subscription yet" in seen(await world.ask("subscriptions"))
    role = world.role("staff", mentionable=False)
    answer = seen(await world.ask("subscribe", topic="Space", mention=role))
    assert (
        f"⚠️ The bot cannot ping {role.mention}. Allow anyone to mention the role, or give the bot" in answer
    )


async def test_in_a_thread_this_channel_is_the_thread(world: World) -> None:
    thread = world.thread()
    assert f"{thread.mention} follows **Space**" in seen(
        await world.ask("subscribe", topic="Space", at=thread)
    )
    assert f"{thread.mention} no longer" in seen(await world.ask("unsubscribe", topic="Space", at=thread))


async def test_only_an_announcement_channel_can_publish(world: World) -> None:
    text = await world.refused("subscribe", topic="Space", publish=True)
    assert (
        f"{world.news.mention} is not an announcement channel, so it has no followers to publish to." in text
    )
    wire = world.guild.create_news_channel("wire")
    answer = await world.ask("subscribe", topic="Space", channel=wire, publish=True)
    assert "live posts · some stories (about 8 posts a day) · publishes to followers" in seen(answer)
    answer = await world.ask("subscribe", topic="Space", channel=wire, publish=False)
    assert "published" not in seen(answer)


async def test_a_permission_that_the_bot_lacks_is_named(world: World) -> None:
    for name in ("View Channel", "Send Messages", "Embed Links", "Read Message History"):
        world.deny(world.news, **{name.lower().replace(" ", "_"): True})
        text = await world.refused("subscribe", topic="Space")
        assert f"The bot cannot post in {world.news.mention}. Give it {name} there, then try again." in text
        world.mend(world.news)
        assert "follows **Space**" in seen(await world.ask("subscribe", topic="Space")), f"after {name}"
        await world.ask("unsubscribe", topic="Space")


async def test_in_threads_and_forums_another_permission_counts(world: World) -> None:
    thread, forum = world.thread(), world.forum()
    for channel in (world.news, forum):
        world.deny(channel, send_messages_in_threads=True)
    for channel in (thread, forum):
        text = await world.refused("subscribe", topic="Space", channel=channel)
        assert "Give it Send Messages in Threads there" in text
    assert "follows" in seen(await world.ask("subscribe", topic="Space"))


async def test_a_paused_channel_is_resumed(world: World) -> None:
    await world.ask("subscribe", topic="Space")
    world.deny(world.news, send_messages=True)
    await world.report(record(ROCKET[0], quality=80))
    assert "⚠️ This channel is paused" in seen(await world.ask("subscriptions"))
    world.mend(world.news)
    answer = await world.ask("subscribe", topic="AI")
    assert "The channel was paused. Waiting posts are sent now." in seen(answer)
    await world.deliver()
    assert [shown(m).title for m in world.posts()] == [ROCKET[0]]
    assert "paused" not in seen(await world.ask("subscriptions"))


async def test_an_archived_thread_is_asked_to_be_opened(world: World) -> None:
    thread = world.thread()
    world.close(thread)
    text = await world.refused("subscribe", topic="Space", channel=thread)
    assert f"The bot cannot see {thread.mention}. Give it View Channel there, or reopen the thread." in text


async def test_in_a_voice_channel_a_place_for_stories_has_to_be_named(world: World) -> None:
    voice = world.guild.create_voice_channel("lounge")
    text = await world.refused("subscribe", topic="Space", at=voice)
    assert (
        "The bot posts in text channels, announcement channels, threads and forums. Choose one of these."
        in text
    )
    assert "follows" in seen(await world.ask("subscribe", topic="Space", at=voice, channel=world.news))


async def test_a_server_has_no_more_subscriptions_than_it_can_overlook(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.services.subscribe.MOST_SUBSCRIPTIONS", 2)
    await world.ask("subscribe", topic="AI")
    await world.ask("subscribe", topic="Space")
    text = await world.refused("subscribe", topic="Computer Vision")
    assert "This server has reached the limit of 2 subscriptions. Remove some with /unsubscribe." in text
    assert "Subscription changed" in seen(await world.ask("subscribe", topic="AI", mode="both"))


async def test_unsubscribing_ends_it_and_leaves_what_was_posted(world: World) -> None:
    await world.ask("subscribe", topic="Space")
    await world.report(record(ROCKET[0], quality=80))
    answer = await world.ask("unsubscribe", topic="space")
    assert (
        seen(answer)
        == f"Unsubscribed\n{world.news.mention} no longer follows **Space**. Existing posts stay."
    )
    later, *_ = unrelated(1)
    await world.report(later)
    assert len(world.posts()) == 1
    assert "No channel has a subscription yet" in seen(await world.ask("subscriptions"))


async def test_what_waits_is_not_posted_after_unsubscribing(world: World) -> None:
    await world.ask("subscribe", topic="Space")
    await world.take_in(record(ROCKET[0], quality=80))
    await world.ask("unsubscribe", topic="Space")
    await world.deliver()
    assert world.posts() == []


async def test_unsubscribing_from_what_is_not_followed_says_what_is(world: World) -> None:
    other = world.guild.create_text_channel("other")
    assert "It has no subscriptions." in await world.refused("unsubscribe", topic="Space")
    await world.ask("subscribe", topic="AI")
    await world.ask("subscribe", topic="Space", channel=other)
    text = await world.refused("unsubscribe", topic="Space")
    assert "The channel is not subscribed to “Space”. Its subscriptions: AI." in text
    answer = await world.ask("unsubscribe", topic="Space", channel=other)
    assert f"{other.mention} no longer follows **Space**." in seen(answer)


async def test_autocomplete_of_unsubscribe_offers_what_the_server_follows(world: World) -> None:
    await world.ask("subscribe", topic="AI")
    await world.ask("subscribe", topic="Space")
    assert list(await world.typing("unsubscribe", "topic", "")) == ["AI", "Space"]
    assert list(await world.typing("unsubscribe", "topic", "spa")) == ["Space"]
    assert list(await world.typing("unsubscribe", "topic", "vision")) == []


async def test_a_topic_is_followed_in_whatever_form_its_name_is_typed(world: World) -> None:
    names = {
        "Zoë's Deep-Sea  Lab": "ZOE\u0308’S DEEP\u2011SEA\u00a0LAB",
        "İzmir": "izmir",
        "カメラ": "ｶﾒﾗ",
        "Straßenbahn": "STRASSENBAHN",
    }
    await rematch.configure(world.app.context, [Topic(name) for name in names])
    for name, typed in names.items():
        assert list(await world.typing("subscribe", "topic", typed[:4])) == [name]
        await world.ask("subscribe", topic=typed)
        assert list(await world.typing("unsubscribe", "topic", typed[:4])) == [name]


async def test_a_completion_fits_discords_units_and_is_understood(world: World) -> None:
    name = "🇳🇴" * 40
    await rematch.configure(world.app.context, [Topic(name), Topic("🇳🇴")])
    offered = await world.typing("subscribe", "topic", "🇳🇴🇳🇴")
    (shown,) = offered.values()
    assert length(shown) <= 100
    assert shown.removesuffix("…") == "🇳🇴" * (len(shown) // 2)
    assert "follows" in plain(seen(await world.ask("subscribe", topic=shown)))
