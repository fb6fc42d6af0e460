"""The decision about a batch, over time: identity, stories, and who is told."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.model import UNKNOWN_DATE, Mode, Mute, Record, Relation, Subscription, Topic, Volume
from bot.domain.posting.decisions import Edit, Hold, Reason
from bot.domain.posting.plan import IntakePlan
from bot.domain.records.intake import Fate, all_keys, content_hash, keys_of
from bot.domain.topics.topics import Topics
from tests.domain.world import CHANNEL, GUILD, DomainHarness, follow
from tests.make import at, record

TUNNEL = "Council approves harbour tunnel after marathon vote"
SAIL = "Satellite unfurls enormous solar sail above Pacific"
BEES = "Beekeepers celebrate record honey season despite drought"
TOPICS = Topics([Topic("AI"), Topic("Vision", parent="AI", keywords=("computer vision",))])


def report(outlet: str = "alpha", title: str = TUNNEL, **more: Any) -> Record:
    """A report on AI of an outlet."""
    return replace(record(title, f"{outlet}.example", topics=["AI"]), **more)


def counts(plan: IntakePlan) -> tuple[int, int, int]:
    """Items that were new, changed and unchanged."""
    return plan.new, plan.changed, plan.unchanged


def held(plan: IntakePlan) -> set[tuple[int, str]]:
    """Channels that were not told, and why."""
    return {(hold.channel_id, hold.reason.value) for hold in plan.decisions.holds}


# Identity.


def test_an_item_is_new_then_unchanged_then_changed() -> None:
    world, one = DomainHarness(), report()
    assert counts(world.take(one)) == (1, 0, 0)
    assert counts(world.take(one)) == (0, 0, 1)
    assert counts(world.take(replace(one, excerpt="More is known."))) == (0, 1, 0)
    assert counts(world.take(one, replace(one, quality=99), replace(one, quality=99), report("b"))) == (
        1,
        2,
        1,
    )


def test_an_unchanged_item_changes_nothing() -> None:
    world, one = DomainHarness(follow()), report(related=(record("Something declared"),))
    world.take(one)
    plan = world.take(one, hours=1)
    assert plan == IntakePlan(fates=(Fate.UNCHANGED,))


def test_one_address_in_several_files_is_one_record() -> None:
    world, one = DomainHarness(), report()
    assert counts(world.take(one, one, one)) == (1, 0, 2)
    assert len(world.records) == 1


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"twins": ("amp.example/1",)}, {"key": "amp.example/1"}),
        ({"twins": ("amp.example/1",)}, {"key": "cdn.example/1", "twins": ("amp.example/1",)}),
        ({"key": "amp.example/1"}, {"twins": ("amp.example/1",)}),
    ],
)
@pytest.mark.parametrize("together", [True, False])
def test_twins_of_a_page_are_one_record(
    first: dict[str, Any], second: dict[str, Any], *, together: bool
) -> None:
    world, one = DomainHarness(), report()
    twins = replace(one, **first), replace(one, **second)
    plans = [world.take(*twins)] if together else [world.take(twin) for twin in twins]
    assert (sum(p.new for p in plans), sum(p.changed for p in plans)) == (1, 1)
    assert len(world.records) == 1
    for twin in twins:
        assert world.id_of(twin) == 1


def test_what_a_batch_needs_to_know_are_the_keys_of_all_it_names() -> None:
    other = replace(record("B"), key="b.example/1", twins=("c.example/1",))
    one = report(key="a.example/1", twins=("amp.example/1",), related=(other,))
    assert all_keys([one]) == {"a.example/1", "amp.example/1", "b.example/1", "c.example/1"}
    assert keys_of(replace(one, twins=(one.key, "x", "x"))) == (one.key, "x")


def test_a_fingerprint_sees_everything_that_a_record_says() -> None:
    one = report()
    others = [
        replace(one, key=f"{one.key}/2"), replace(one, title="B"), replace(one, excerpt="x"), replace(one, heat=0),
        replace(one, related=(report("b"),)), replace(one, removed=True), replace(one, topics=()), replace(one, published=None),
    ]  # fmt: skip
    assert len({content_hash(other) for other in (one, *others)}) == 1 + len(others)
    assert content_hash(replace(one, url=f"{one.url}?utm_source=rss")) == content_hash(one)


# Times.


def test_a_record_is_first_seen_when_it_comes_in_and_stays_so() -> None:
    world, one = DomainHarness(), report()
    world.take(one, hours=5)
    world.take(replace(one, quality=1), hours=9)
    assert (world.stored(one).first_seen, world.stored(one).published) == (at(5), at(0))


@pytest.mark.parametrize("how", ["silent", "replay"])
def test_a_first_intake_and_a_replay_see_records_when_they_were_published(how: str) -> None:
    world, old, future, undated = DomainHarness(), report(), report(published=at(99)), report(published=None)
    world.take(old, future, undated, hours=50, **{how: True})
    # What a first intake finds without a date was there before anybody looked.
    came = UNKNOWN_DATE if how == "silent" else at(50)
    assert [world.stored(one).first_seen for one in (old, future, undated)] == [at(0), at(50), came]
    assert world.stored(undated).published == at(50)
    assert [world.stored(one).news for one in (old, future, undated)] == [how == "replay"] * 3


def test_a_record_without_a_time_is_taken_for_published_when_it_came_in() -> None:
    world, one = DomainHarness(), report(published=None)
    world.take(one, hours=5)
    assert world.stored(one).published == at(5)
    world.take(replace(one, quality=1), hours=9)
    assert world.stored(one).published == at(5)
    world.take(replace(one, published=at(3)), hours=10)
    assert world.stored(one).published == at(3)


# Stories.


def test_reports_of_an_event_are_one_story_and_other_events_others() -> None:
    world = DomainHarness()
    batch = report("a"), report("b", SAIL), report("c"), report("d", BEES)
    plan = world.take(*batch)
    assert [world.stored(one).story for one in batch] == [1, 2, 1, 3]
    assert plan.stories.keys() == {1, 2, 3}


def test_a_better_record_takes_the_lead() -> None:
    world = DomainHarness()
    first, better = report("a", quality=50), report("b", quality=90)
    world.take(first)
    assert world.story_of(first).lead.record == first
    world.take(better, hours=2)
    view = world.story_of(first)
    assert (view.lead.record, view.heat, view.outlets) == (better, 110, 2)


def test_a_rewritten_record_is_seen_in_its_story() -> None:
    world, one = DomainHarness(), report()
    world.take(one, report("b", quality=10))
    related = tuple(report(name, quality=5) for name in "xyz")
    plan = world.take(replace(one, title=TUNNEL + " ends", heat=300, related=related), hours=1)
    assert counts(plan) == (0, 1, 0)
    view = world.story_of(one)
    assert (view.number, view.lead.record.title, view.heat) == (1, TUNNEL + " ends", 300)
    assert {entry.stored.record.outlet.domain for entry in view.coverage} == {
        "b.example",
        "x.example",
        "y.example",
        "z.example",
    }


def test_declared_reports_of_the_event_count_and_others_are_background() -> None:
    world = DomainHarness()
    same, other = report("b", quality=30), report("c", BEES, quality=40)
    lead = report("a", related=(other, same))
    world.take(lead)
    view = world.story_of(lead)
    assert [(entry.stored.record, entry.relation) for entry in view.coverage] == [
        (other, Relation.BACKGROUND),
        (same, Relation.SAME),
    ]
    assert (view.outlets, view.heat) == (2, 80)
    assert world.stored(same).partial
    assert world.stored(other).story is None


def test_a_declared_record_becomes_whole_when_it_comes_in_itself() -> None:
    world = DomainHarness(follow())
    same = report("b", quality=90)
    lead = report("a", quality=50, related=(same,))
    world.take(lead, silent=True)
    assert world.story_of(lead).lead.record == replace(lead, related=())
    assert counts(world.take(replace(same, excerpt="All of it."), hours=3)) == (1, 0, 0)
    now = world.stored(same)
    assert (now.partial, now.news, now.first_seen, now.record.excerpt) == (False, True, at(3), "All of it.")
    assert world.story_of(lead).lead.id == now.id
    assert len(world.records) == 2


def test_a_record_that_declares_itself_is_not_its_own_coverage() -> None:
    world = DomainHarness()
    one = report("a", twins=("amp.example/1",))
    one = replace(
        one, related=(replace(one, twins=()), replace(one, key="amp.example/1", twins=()), report("b"))
    )
    world.take(one)
    assert len(world.records) == 2
    assert [entry.stored.record.outlet.domain for entry in world.story_of(one).coverage] == ["b.example"]
    assert world.stored(one).declares == (world.id_of(one.related[2]),)


def test_a_record_that_declares_an_address_it_once_had_is_not_its_own_coverage() -> None:
    world = DomainHarness()
    one = report("a", twins=("amp.example/1",))
    world.take(one)
    world.take(replace(one, twins=(), related=(replace(one, key="amp.example/1", twins=()),)), hours=1)
    assert len(world.records) == 1
    assert world.stored(one).declares == ()


def test_a_record_stays_in_its_story_whatever_it_says_later() -> None:
    world = DomainHarness()
    own, declared = report("b"), report("c", quality=10)
    lead = report("a", related=(declared,))
    world.take(lead, own)
    assert world.stored(declared).story == 1
    world.take(replace(own, title=BEES), replace(declared, title=SAIL), hours=1)
    assert world.story_of(lead).outlets == 3


def test_a_record_that_two_others_declare_is_one() -> None:
    world = DomainHarness()
    shared = report("c")
    world.take(report("a", related=(shared,)), report("b", related=(shared, shared)))
    assert len(world.records) == 3
    assert world.story_of(shared).outlets == 3


def test_a_removed_record_is_taken_out_and_the_next_best_leads() -> None:
    world = DomainHarness()
    best, other = report("a", quality=90), report("b", quality=50)
    world.take(best, other)
    assert counts(world.take(replace(best, title="", removed=True), hours=1)) == (0, 1, 0)
    view = world.story_of(other)
    assert (view.lead.record, view.coverage) == (other, ())
    assert world.stored(best).record.title == TUNNEL
    assert counts(world.take(replace(best, title="", removed=True), hours=2)) == (0, 0, 1)


def test_a_removed_record_is_no_background_either() -> None:
    world = DomainHarness()
    other = report("b", BEES)
    lead = report("a", related=(other,))
    world.take(lead)
    assert len(world.story_of(lead).coverage) == 1
    world.take(replace(other, removed=True), hours=1)
    assert world.story_of(lead).coverage == ()
    plan = world.take(replace(lead, excerpt="More is known."), hours=2)
    (view,) = plan.stories.values()
    assert view is not None
    assert view.coverage == ()


def test_a_record_that_is_removed_before_it_was_known_opens_no_story() -> None:
    world = DomainHarness(follow())
    gone = report(removed=True)
    plan = world.take(gone)
    assert (counts(plan), plan.stories, plan.decisions.sends) == ((1, 0, 0), {}, ())
    assert counts(world.take(replace(gone, removed=False), hours=1)) == (0, 1, 0)
    assert world.story_of(gone).number == 1


def test_a_declared_record_that_is_removed_and_comes_in_after_all_is_news() -> None:
    world = DomainHarness(follow())
    other = report("b", BEES)
    world.take(report("a", related=(other,)), silent=True)
    world.take(replace(other, removed=True), hours=1)
    assert len(world.take(other, hours=2).decisions.sends) == 1


def test_a_record_that_comes_back_is_in_its_story_again() -> None:
    world = DomainHarness()
    one = report()
    world.take(one, report("b", BEES))
    assert world.take(replace(one, removed=True), hours=1).stories == {1: None}
    assert world.story(1) is None
    world.take(one, hours=2)
    assert world.story_of(one).number == 1


def test_numbers_are_never_used_again() -> None:
    world = DomainHarness()
    gone = report()
    world.take(gone)
    world.take(replace(gone, removed=True), hours=1)
    other = report("b", BEES)
    world.take(other, hours=2)
    assert world.story_of(other).number == 2


def two_stories_that_turn_out_to_be_one(world: DomainHarness) -> tuple[Record, Record, IntakePlan]:
    """The same report of two outlets, too far apart to be taken for the same event before a third is known."""
    early, late = report("a", quality=80), report("b", quality=70, published=at(24 * 7))
    world.take(early, hours=0)
    world.send(0.1)
    world.take(late, hours=24 * 7)
    assert (world.stored(early).story, world.stored(late).story) == (1, 2)
    world.send(24 * 7 + 0.1)
    plan = world.take(report("c", published=at(24 * 3.5)), hours=24 * 7 + 1)
    return early, late, plan


def test_a_merged_story_forwards_to_the_one_that_goes_on() -> None:
    world = DomainHarness()
    early, late, plan = two_stories_that_turn_out_to_be_one(world)
    assert plan.merged == {2: 1}
    assert 2 not in plan.stories
    assert world.story_of(late) == world.story_of(early)
    assert world.story_of(early).outlets == 3
    another = report("d", BEES)
    world.take(another, hours=24 * 8)
    assert world.story_of(another).number == 3


def test_two_posts_of_what_is_one_story_become_a_post_and_a_pointer() -> None:
    world = DomainHarness(follow())
    _, _, plan = two_stories_that_turn_out_to_be_one(world)
    assert [(post.story, post.sent_at) for post in world.posts.values()] == [
        (1, at(0.1)),
        (2, at(24 * 7 + 0.1)),
    ]
    # The post that is pointed to has to show the story, however old it is.
    assert plan.decisions.edits == (Edit(2, 2, at(24 * 7 + 1)), Edit(1, 1, at(24 * 7 + 1)))
    assert plan.decisions.sends == ()


@pytest.mark.parametrize("sent", [True, False])
def test_the_one_post_of_a_merged_story_goes_on_and_no_second_is_made(*, sent: bool) -> None:
    world = DomainHarness(follow(volume=Volume.NOTABLE))
    early, late = report("a", quality=10), report("b", quality=75, published=at(24 * 7))
    world.take(early)
    world.take(late, hours=24 * 7)
    if sent:
        world.send(24 * 7 + 0.1)
    world.take(report("c", published=at(24 * 3.5)), hours=24 * 20)
    (post,) = world.posts.values()
    assert (post.story, bool(post.sent_at)) == (1, sent)
    world.take(report("d", published=at(24 * 7)), hours=24 * 20 + 1)
    assert len(world.posts) == 1


def test_a_removed_record_moves_with_its_merged_story() -> None:
    world = DomainHarness()
    early, late = report("a"), report("b", published=at(24 * 7))
    other = report("x", published=at(24 * 7))
    world.take(early)
    world.take(late, other, hours=24 * 7)
    world.take(replace(other, removed=True), hours=24 * 7)
    world.take(report("c", published=at(24 * 3.5)), hours=24 * 7)
    world.take(other, hours=24 * 8)
    assert world.story_of(other).number == 1


def test_of_two_posts_of_one_story_the_one_that_is_edited_still_goes_on() -> None:
    """Where the other was given up, or its message deleted."""
    world = DomainHarness(follow())
    early, late = report("a"), report("b", published=at(24 * 7))
    world.take(early)
    world.send(0.1)
    world.posts[1] = replace(world.posts[1], closed=True)
    world.take(late, hours=24 * 7)
    world.send(24 * 7 + 0.1)
    plan = world.take(report("c", published=at(24 * 3.5)), hours=24 * 7 + 1)
    assert plan.merged == {2: 1}
    assert {(edit.post, edit.story) for edit in plan.decisions.edits} == {(1, 2), (2, 1)}


def test_of_two_posts_of_one_story_the_one_that_is_out_goes_on() -> None:
    world = DomainHarness(follow())
    early, late = report("a"), report("b", published=at(24 * 7))
    world.take(early)
    world.take(late, hours=24 * 7)
    world.posts[2] = replace(world.posts[2], sent_at=at(24 * 7), message_id=9)
    plan = world.take(report("c", published=at(24 * 3.5)), hours=24 * 7 + 1)
    assert {(edit.post, edit.story) for edit in plan.decisions.edits} == {(1, 2), (2, 1)}


def test_a_removal_is_told_however_old_the_post_is() -> None:
    world = DomainHarness(follow())
    lead, other = report("a", quality=90), report("b")
    world.take(lead, other)
    world.send(0.1)
    plan = world.take(replace(lead, removed=True), hours=24 * 30)
    assert [edit.post for edit in plan.decisions.edits] == [1]
    assert [edit.post for edit in world.take(lead, hours=24 * 40).decisions.edits] == [1]


def test_what_is_dated_in_the_future_was_published_when_it_came() -> None:
    world = DomainHarness(follow())
    one = report(published=at(24 * 400))
    world.take(one)
    assert world.stored(one).published == at(0)
    world.take(replace(one, title=f"{one.title} again"), hours=1)
    assert world.stored(one).published == at(0)
    soon = report("b", BEES, published=at(20))
    world.take(soon)
    assert world.stored(soon).published == at(20)


# A server's own sources.

MINE, THEIRS = 1, 2


def follow_at(guild_id: int, channel: int) -> Subscription:
    return replace(follow(channel=channel), guild_id=guild_id)


@pytest.mark.parametrize("first", [True, False])
def test_a_servers_own_report_joins_the_story_for_that_server_alone(*, first: bool) -> None:
    world = DomainHarness(follow_at(MINE, 7), follow_at(THEIRS, 8))
    shared, own = report("a"), report("own", quality=99)
    for record_, guild_id in ((own, MINE), (shared, 0))[:: 1 if first else -1]:
        world.take(record_, guild_id=guild_id)
    (number,) = {stored.story for stored in world.records.values()}
    assert number is not None
    assert {(post.story, post.channel_id) for post in world.posts.values()} == {(number, 7), (number, 8)}
    assert world.story(number) == world.story_of(shared)
    assert world.story_of(shared).lead.record == shared


def test_a_servers_own_report_of_a_known_page_changes_nothing_for_the_others() -> None:
    world = DomainHarness(follow_at(MINE, 7), follow_at(THEIRS, 8))
    page = report("a")
    world.take(page)
    lie = replace(page, title="Everything is different now they say", removed=False)
    world.take(lie, guild_id=MINE, hours=1)
    assert world.stored(page).record == page
    assert world.story_of(page).members[0].record == page


def test_a_servers_own_reports_do_not_join_two_shared_stories() -> None:
    world = DomainHarness(follow_at(MINE, 7), follow_at(THEIRS, 8))
    early, late = report("a"), report("b", published=at(24 * 7))
    world.take(early)
    world.take(late, hours=24 * 7)
    plan = world.take(report("c", published=at(24 * 3.5)), hours=24 * 7 + 1, guild_id=MINE)
    assert plan.merged == {}
    assert world.story_of(early).number != world.story_of(late).number


def test_what_is_left_of_a_story_in_several_servers_are_several_stories() -> None:
    world, public = DomainHarness(), report()
    own = [report(name, f"{TUNNEL} says {name}") for name in ("beta", "gamma", "delta")]
    world.take(public)
    for guild_id, one in zip((11, 12, 12), own, strict=True):
        world.take(one, guild_id=guild_id)
    stories = {world.records[i].story for i in world.records}
    assert len(stories) == 1
    world.take(replace(public, removed=True), hours=2)
    left = {stored.guild_id: stored.story for stored in world.records.values() if stored.guild_id}
    assert stories.isdisjoint(left.values())  # what everybody saw stays theirs
    assert left[11] != left[12]
    assert [stored.story for stored in world.records.values() if stored.guild_id == 12] == [left[12]] * 2


def test_servers_do_not_see_each_others_own_stories() -> None:
    world = DomainHarness(follow_at(MINE, 7), follow_at(THEIRS, 8), topics=TOPICS)
    world.take(report("a"), guild_id=MINE)
    world.take(report("a"), guild_id=THEIRS)
    assert {(post.story, post.channel_id) for post in world.posts.values()} == {(1, 7), (2, 8)}
    view = world.story(1)
    assert view is not None
    assert view.outlets == 1


# Topics.


def test_topics_are_declared_or_matched_and_those_of_the_members() -> None:
    world = DomainHarness(topics=TOPICS)
    one = record("Harbour tunnel is watched by computer vision", topics=["Harbours"])
    plan = world.take(one)
    assert [match.topic for match in plan.topics[world.id_of(one)]] == ["Harbours", "Vision"]
    assert world.story_of(one).topics == ("Harbours", "Vision")


# Who is told.


def test_news_is_posted_once_a_channel_and_only_where_it_was_asked_for() -> None:
    world = DomainHarness(
        follow("AI", 7), follow("Vision", 7), follow("AI", 8), follow("Vision", 9), follow("AI", 10, Mode.DIGEST),
        topics=TOPICS,
    )  # fmt: skip
    plan = world.take(record("Computer vision counts trees", topics=["AI"]), report("b", BEES))
    assert [(send.story, send.channel_id) for send in plan.decisions.sends] == [
        (1, 7),
        (1, 8),
        (1, 9),
        (2, 7),
        (2, 8),
    ]


def test_a_channel_on_a_parent_topic_gets_its_childrens_stories_once() -> None:
    world = DomainHarness(follow("AI"), topics=TOPICS)
    one = record("Computer vision counts trees")
    assert [(send.story, send.channel_id) for send in world.take(one).decisions.sends] == [(1, CHANNEL)]
    assert world.take(record("Computer vision counts trees", "beta.example"), hours=1).decisions.sends == ()


@pytest.mark.parametrize(
    ("reason", "item", "how"),
    [
        (Reason.FIRST_INTAKE, {}, {"silent": True}),
        (Reason.TOO_OLD, {"published": at(-24 * 7 - 1)}, {}),
        (Reason.TOO_SMALL, {"quality": 69}, {}),
        (Reason.MUTED, {"title": "Muted words in a title"}, {}),
    ],
)
def test_what_is_taken_in_and_not_posted_has_a_reason(
    reason: Reason, item: dict[str, Any], how: dict[str, bool]
) -> None:
    world = DomainHarness(follow(volume=None), mutes=[Mute(1, GUILD, None, "muted words")])
    one = replace(report(quality=90), **item)
    plan = world.take(one, **how)
    assert plan.decisions.sends == ()
    assert plan.decisions.holds == (Hold(1, CHANNEL, GUILD, reason),)
    assert world.stored(one).story == 1  # it can be asked for


def test_a_story_that_was_told_long_ago_is_held_back_as_already_told() -> None:
    world = DomainHarness(follow())
    world.take(report())
    world.send()
    plan = world.take(report("b", published=at(50)), hours=50)
    assert (plan.decisions.sends, plan.decisions.edits, held(plan)) == ((), (), {(CHANNEL, "already posted")})


def test_a_story_that_becomes_notable_is_posted_then() -> None:
    world = DomainHarness(follow(volume=Volume.NOTABLE))
    assert held(world.take(report("a", quality=60))) == {(CHANNEL, "too small")}
    plan = world.take(report("b", quality=50), hours=5)
    assert [(send.story, send.priority) for send in plan.decisions.sends] == [(1, 80)]


def test_a_story_that_is_declared_notable_later_is_posted_then() -> None:
    world = DomainHarness(follow(volume=Volume.NOTABLE))
    one = report(quality=10)
    world.take(one)
    assert len(world.take(replace(one, notable=True), hours=5).decisions.sends) == 1
    late = report("b", BEES, quality=10)
    world.take(late, hours=5)
    plan = world.take(replace(late, notable=True), hours=5 + 24 * 8)
    assert held(plan) == {(CHANNEL, "too old")}


def test_a_fresh_report_on_what_came_silently_is_news() -> None:
    world = DomainHarness(follow())
    world.take(report(), silent=True)
    assert len(world.take(report("b", published=at(2)), hours=2).decisions.sends) == 1


def test_edits_wait_a_minute_and_coalesce() -> None:
    world = DomainHarness(follow())
    world.take(report())
    world.send(1)
    second = 1 / 3600
    for name, after in (("b", 10), ("c", 20), ("d", 59)):
        plan = world.take(report(name), hours=1 + after * second)
        (edit,) = plan.decisions.edits
        assert edit == Edit(1, 1, at(1 + 60 * second))
    assert world.due == {1: at(1) + timedelta(seconds=60)}
    world.send(1 + 60 * second)
    (edit,) = world.take(report("e"), hours=1 + 90 * second).decisions.edits
    assert edit.due == at(1) + timedelta(seconds=120)
    (edit,) = world.take(report("f"), hours=3).decisions.edits
    assert edit.due == at(3)


def test_edits_end_after_two_days_but_for_what_was_removed() -> None:
    world = DomainHarness(follow())
    one = report()
    world.take(one)
    world.send()
    assert len(world.take(report("b", published=at(47)), hours=47).decisions.edits) == 1
    other = report("c", published=at(49))
    assert world.take(other, hours=49).decisions.edits == ()
    month = 24 * 30
    for gone in (one, other):
        assert len(world.take(replace(gone, removed=True), hours=month).decisions.edits) == 1
    last = next(s.record for s in world.records.values() if s.record.outlet.domain == "b.example")
    plan = world.take(replace(last, removed=True), hours=month)
    assert plan.decisions.edits == (Edit(1, 1, at(month)),)
    assert plan.stories == {1: None}


def test_a_post_is_edited_where_nobody_subscribes_any_more() -> None:
    world = DomainHarness(follow())
    world.take(report())
    world.send()
    world.subscriptions = ()
    assert [edit.post for edit in world.take(report("b"), hours=1).decisions.edits] == [1]


def test_old_records_are_told_on_their_own_clock_in_a_replay() -> None:
    world = DomainHarness(follow())
    long_ago = report(published=at(-24 * 900))
    plan = world.take(long_ago, hours=-24 * 900 + 1, replay=True)
    assert len(plan.decisions.sends) == 1
    assert world.stored(long_ago).first_seen == at(-24 * 900)


def test_backfill_posts_what_came_silently() -> None:
    world = DomainHarness(follow())
    old, other = report(published=at(-24 * 90)), report("b", BEES)
    world.take(old, other, silent=True)
    plan = world.announce([world.id_of(old)], hours=1)
    assert [send.story for send in plan.decisions.sends] == [1]
    assert counts(plan) == (0, 0, 0)
    assert (world.stored(old).news, world.stored(old).first_seen) == (True, at(1))
    assert not world.stored(other).news
    assert world.announce([world.id_of(old)], hours=2).decisions.sends == ()


def test_backfill_holds_to_what_the_channel_asked_for() -> None:
    world = DomainHarness(follow(volume=Volume.MAJOR), follow("Space", 8))
    one = report()
    world.take(one, silent=True)
    plan = world.announce([world.id_of(one)])
    assert (plan.decisions.sends, held(plan)) == ((), {(CHANNEL, "too small")})


# For all batches.

EVENTS = [TUNNEL, SAIL, BEES, "Quantum refrigerator freezes helium inside museum basement"]
ITEM = st.tuples(
    st.integers(0, 11),  # which page
    st.integers(0, 3),  # its event
    st.integers(0, 2),  # its version
    st.sampled_from([False, False, False, True]),  # removed
    st.lists(st.integers(0, 15), max_size=3),  # pages that it declares
)


def page(number: int, event: int, version: int = 0) -> Record:
    """One of a few pages, in one of a few versions."""
    return report(
        f"o{number % 5}", EVENTS[event], key=f"o.example/{number}", url=f"https://o.example/{number}",
        quality=number * 7 % 100 + version, published=at(number % 7),
    )  # fmt: skip


ITEMS = st.lists(ITEM, max_size=14).map(
    lambda items: [
        replace(page(n, event, version), removed=removed, related=tuple(page(i, i % 4) for i in declared))
        for n, event, version, removed, declared in items
    ]
)


@given(ITEMS, st.sets(st.integers(1, 13)), st.sets(st.integers(1, 13)))
def test_however_batches_are_split_counts_add_up_and_every_record_is_in_one_story(
    items: list[Record], one_way: set[int], another: set[int]
) -> None:
    seen = []
    for cuts in (one_way, another, set[int]()):
        world, total = (
            DomainHarness(follow(), follow(channel=8, volume=Volume.NOTABLE)),
            Counter[str](),
        )
        bounds = [0, *sorted(cut for cut in cuts if cut < len(items)), len(items)]
        for hours, (start, end) in enumerate(pairwise(bounds)):
            batch = items[start:end]
            plan = world.take(*batch, hours=hours)
            assert sum(counts(plan)) == len(batch)
            total += Counter(new=plan.new, changed=plan.changed, unchanged=plan.unchanged)
            world.send(hours)
            check(world)
        assert total["new"] == len({item.key for item in items})
        seen.append(+total)
    assert seen[0] == seen[1] == seen[2]


def check(world: DomainHarness) -> None:
    """What holds whatever came in."""
    members = Counter[int]()
    alive = {s.story for s in world.records.values() if s.story is not None and not s.record.removed}
    for number in alive:
        view = world.story(number)
        assert view is not None
        assert number in world.numbers
        assert number not in world.forwards
        members.update(member.id for member in view.members)
        assert view.lead in view.members
        ids = [entry.stored.id for entry in view.coverage]
        assert len(set(ids)) == len(ids)
        assert view.lead.id not in ids
    for stored in world.records.values():
        own = not stored.partial and not stored.record.removed
        assert members[stored.id] == 1 if own else members[stored.id] <= 1
        assert stored.id not in stored.declares
    posts = Counter((post.story, post.channel_id) for post in world.posts.values())
    assert max(posts.values(), default=0) <= 1
    for stored in world.records.values():
        if not stored.partial and not stored.record.removed:  # everybody who follows all was told
            assert (stored.story, CHANNEL) in posts
