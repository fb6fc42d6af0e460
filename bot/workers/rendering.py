"""Renders messages when they are sent, from what is stored by then."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from threading import Lock

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.briefs.candidates import Sentence
from bot.domain.briefs.model_brief import NO_MODEL, Answers, BriefChoice, ModelBriefs
from bot.domain.model import Mode, Mute, PostLayout, StorySize, StoryView, Subscription, Topic
from bot.domain.posting import decisions
from bot.domain.posting.alerts import Alert, Follow
from bot.domain.posting.channel_digests import ChannelDigest
from bot.domain.posting.decisions import PostingSettings
from bot.domain.posting.escalation import PostedState, escalation, has_size, pinged_roles
from bot.domain.posting.face import Byline, Face
from bot.domain.posting.template import Template, read_template
from bot.domain.posting.volume import is_posted
from bot.domain.retry import MessageForm, Outcome, RequestKind, SendStatus
from bot.domain.stories.owners import MediaOwners
from bot.domain.stories.story import Story, muted_by, story_view
from bot.domain.topics.topics import Topics
from bot.i18n import mark, tr
from bot.messages.alerts import (
    alert_note,
    alert_rollup,
    closed_notice,
    follow_note,
    member_buttons,
    member_story,
    public_alert_note,
)
from bot.messages.digest import without_stories
from bot.messages.escalation import continued, escalation_message
from bot.messages.forum import other_names, tag_names
from bot.messages.message import Message
from bot.messages.rollup import rollup_message
from bot.messages.story import ALREADY, Said, said_in_post, story_post, withdrawn
from bot.store import (
    alerts,
    digests,
    faces,
    follows,
    member_messages,
    outbox,
    rephrasings,
    rollups,
    servers,
    stories,
    story_threads,
    subscriptions,
    templates,
    votes,
)
from bot.store.outbox import Claimed, RepliedPost
from bot.store.rollups import Listing
from bot.store.servers import ServerLanguage
from bot.store.story_threads import StoryThread
from bot.store.topic_cache import TopicCache
from bot.workers import notices

STALE = timedelta(days=1)  # what a digest calls today, and what a notice says of a feed, is over by then


@dataclass(frozen=True, slots=True)
class RenderContext:
    """What rendering a batch of claims needs, read in one go.

    `stories` are those of the claims and those that they were `merged_into`; `digests` are those of the claims by their
    ids, `turned_off` are the channels whose digests are; `outdated` says by a notice's id why it is not true any more.
    `answers` is what `model` made of briefs, by the name of their content; `choices` says what the channels want of it.
    `listings` say by its row what a roll-up lists, and `languages` by server what its messages are in. `voting` are the
    servers with buttons to vote. `alerts` by id, and `follows` by server, member and story, are those for which messages
    go to members. `faces` say by channel under which name and picture messages appear there. `replied` are the
    posts that claims reply to, by their rows, and `templates` those of the claims' servers.
    `threaded` are the channels whose posts get threads, and `threads` those of the posts, by the post's row.

    Most channels of a story see the same of it, so that is computed once: `views` by story, server (0 where all see the
    same) and mutes, and what is `said` of a view by how many of its members came after the post. Messages are rendered in
    several threads, so both are computed by the one that is `computing`, while others wait for it.
    """

    stories: Mapping[int, Story]
    merged_into: Mapping[int, int]
    subscriptions: Mapping[int, tuple[Subscription, ...]]
    mutes: tuple[Mute, ...]
    topics: Topics
    digests: Mapping[int, ChannelDigest]
    turned_off: frozenset[int]
    outdated: Mapping[int, str]
    rules: PostingSettings
    model: str = ""
    answers: Answers = field(default_factory=dict)
    choices: Mapping[int, BriefChoice] = field(default_factory=dict)
    listings: Mapping[int, Listing] = field(default_factory=dict)
    faces: Mapping[int, Face] = field(default_factory=dict)
    languages: Mapping[int, ServerLanguage] = field(default_factory=dict)
    voting: frozenset[int] = frozenset()
    alerts: Mapping[int, Alert] = field(default_factory=dict)
    follows: Mapping[follows.Key, Follow] = field(default_factory=dict)
    replied: Mapping[int, RepliedPost] = field(default_factory=dict)
    templates: Mapping[int, Template] = field(default_factory=dict)
    threaded: frozenset[int] = frozenset()
    threads: Mapping[int, StoryThread] = field(default_factory=dict)
    views: dict[tuple[int, int, frozenset[str]], StoryView | None] = field(default_factory=dict)
    said: dict[tuple[int, int], Said] = field(default_factory=dict)
    computing: Lock = field(default_factory=Lock, repr=False, compare=False)

    def language(self, claim: Claimed) -> str:
        """The code of the language that a message is in: the member's for whom it is, or else the server's."""
        if claim.user_id is not None:
            return str((claim.payload or {}).get(member_messages.LANGUAGE, ""))
        return self.languages.get(claim.guild_id, ServerLanguage()).code

    def follow_of(self, claim: Claimed) -> Follow | None:
        """The follow that a direct message serves."""
        if claim.user_id is None or claim.story is None or not claim.is_direct:
            return None
        return self.follows.get((claim.guild_id, claim.user_id, claim.story))

    def model_briefs(self, channel_id: int) -> ModelBriefs:
        """What a channel shows of the model's answers."""
        choice = self.choices.get(channel_id)
        return ModelBriefs(self.model, self.answers, choice) if choice else NO_MODEL


async def load(
    connection: AsyncConnection,
    cache: TopicCache,
    claimed: Sequence[Claimed],
    rules: PostingSettings,
    now: datetime,
    model: str = "",
) -> RenderContext:
    """Read everything that rendering these claims needs. `model` is what puts briefs in other words; empty: there is none."""
    numbers = {claim.story for claim in claimed if claim.story is not None}
    digested = (claim.payload for claim in claimed if claim.kind == outbox.DIGEST and claim.payload)
    numbers.update(number for payload in digested for number in Message.from_json(payload).stories)
    lists = (outbox.ROLLUP, outbox.MEMBER_ROLLUP)
    listings = await rollups.listings(connection, [c.id for c in claimed if c.kind in lists])
    numbers |= {number for listing in listings.values() for number in listing.stories}
    channel_ids = {claim.channel_id for claim in claimed}
    by_channel: dict[int, list[Subscription]] = {}
    for subscription in await subscriptions.subscriptions(connection, channel_ids=channel_ids):
        by_channel.setdefault(subscription.channel_id, []).append(subscription)
    merged_into = await stories.survivors(connection, numbers)
    digest_ids = {claim.digest_id for claim in claimed if claim.digest_id is not None}
    its_digests = await digests.stored(connection, ids=digest_ids) if digest_ids else ()
    with_digests = {claim.channel_id for claim in claimed if claim.kind == outbox.DIGEST}
    states = [await subscriptions.channel(connection, channel_id) for channel_id in with_digests]
    numbers |= set(merged_into.values())
    chosen = (
        await rephrasings.choices(connection, {(c.guild_id, c.channel_id) for c in claimed}) if model else {}
    )
    for_members = [claim for claim in claimed if claim.kind in outbox.FOR_MEMBERS]
    of_alerts = {(claim.payload or {}).get(member_messages.ALERT) for claim in for_members}
    return RenderContext(
        stories=await stories.load(connection, numbers),
        merged_into=merged_into,
        subscriptions={channel_id: tuple(subs) for channel_id, subs in by_channel.items()},
        mutes=await subscriptions.mutes(connection, *{claim.guild_id for claim in claimed}),
        topics=await cache.load(connection),
        digests={digest.id: digest for digest in its_digests},
        turned_off=frozenset(state.channel_id for state in states if state is not None and state.off),
        outdated=await notices.outdated(connection, cache, claimed, now),
        rules=rules,
        model=model,
        answers=await rephrasings.of_stories(connection, numbers) if chosen else {},
        choices=chosen,
        listings=listings,
        faces=await faces.in_channels(connection, channel_ids),
        alerts=await alerts.by_id(connection, [number for number in of_alerts if number is not None]),
        follows=await follows.of_stories(connection, numbers) if for_members else {},
        languages=await servers.languages(connection, {claim.guild_id for claim in claimed}),
        voting=await votes.voting(connection, {claim.guild_id for claim in claimed}),
        replied=await outbox.replied_posts(connection, claimed),
        templates=await _templates(connection, {claim.guild_id for claim in claimed}),
        threaded=await story_threads.channels_with(connection, channel_ids),
        threads=await story_threads.of_posts(connection, set(map(post_of, claimed))),
    )


async def _templates(connection: AsyncConnection, guild_ids: Collection[int]) -> dict[int, Template]:
    """The templates of these servers. One that a later version of the bot does not read any more is left out."""
    texts = await templates.texts_of(connection, guild_ids)
    read = {guild_id: read_template(text) for guild_id, text in texts.items()}
    return {guild_id: template for guild_id, template in read.items() if isinstance(template, Template)}


def post_of(claim: Claimed) -> int:
    """The row of the post in whose thread the claim's message belongs; for all others, its own."""
    return (claim.payload or {}).get("post", claim.id) if claim.kind == outbox.THREAD else claim.id


def request_kind(claim: Claimed, render_context: RenderContext) -> RequestKind:
    """What is asked of Discord for a claim."""
    if claim.kind == outbox.PUBLISH:
        return RequestKind.PUBLISH
    if claim.message_id is None:
        return RequestKind.SEND
    if claim.kind not in (*outbox.PACED, outbox.MEMBER):
        return RequestKind.EDIT
    pointer = claim.story in render_context.merged_into
    return RequestKind.EDIT if pointer or shows_story(claim, render_context) else RequestKind.REMOVAL


def shows_story(claim: Claimed, render_context: RenderContext) -> bool:
    """Whether a post's message shows its story: it was neither merged into another one nor withdrawn."""
    return claim.story not in render_context.merged_into and bool(_story(claim, render_context).members)


def rendered(claim: Claimed, render_context: RenderContext, now: datetime) -> Message | Outcome:
    """The message to send, or an outcome that makes sending needless. Sent pointers are rendered by the delivery."""
    match claim.kind:
        case outbox.DIGEST:
            return _digest(claim, render_context, now)
        case outbox.NOTICE:
            return _notice(claim, render_context, now)
        case outbox.ROLLUP:
            return _rollup(claim, render_context)
        case outbox.ESCALATION:
            return _escalation(claim, render_context, now)
        case kind if kind in outbox.FOR_MEMBERS:
            return _for_member(claim, render_context, now)
        case _:
            return _post(claim, render_context, now)


def _digest(claim: Claimed, render_context: RenderContext, now: datetime) -> Message | Outcome:
    payload = claim.payload or {}
    if now - claim.created_at > STALE:
        return Outcome(SendStatus.STALE, detail=mark("the digest waited for more than a day"))
    # An earlier version wrote it where there is no id.
    of_channel = ChannelDigest(0, claim.guild_id, claim.channel_id)
    digest = render_context.digests.get(claim.digest_id) if claim.digest_id is not None else of_channel
    if digest is None:
        return Outcome(SendStatus.STALE, detail=mark("the digest was removed"))
    demanded = payload.get("demanded", False)
    channel_subscriptions = render_context.subscriptions.get(claim.channel_id, ())
    served = digest.served(channel_subscriptions) or (channel_subscriptions if demanded else ())
    if not served:
        return Outcome(SendStatus.STALE, detail=mark("the channel no longer has a digest subscription"))
    if claim.channel_id in render_context.turned_off and not demanded:
        return Outcome(SendStatus.STALE, detail=mark("the channel's digest is turned off"))
    message = Message.from_json(payload)
    topics = render_context.topics.visible_to(claim.guild_id)
    hidden = set()
    for number in set(message.stories):
        view = _view(replace(claim, story=render_context.merged_into.get(number, number)), render_context)
        if view is None or not decisions.matching(view, served, topics):
            hidden.add(number)
    left = without_stories(message, hidden)
    return left or Outcome(SendStatus.STALE, detail=mark("every story of the digest was removed or muted"))


def _notice(claim: Claimed, render_context: RenderContext, now: datetime) -> Message | Outcome:
    if now - claim.created_at > STALE:
        return Outcome(SendStatus.STALE, detail=mark("the notice waited for more than a day"))
    if reason := render_context.outdated.get(claim.id):
        return Outcome(SendStatus.STALE, detail=reason)
    return Message.from_json(claim.payload or {})


def _rollup(claim: Claimed, render_context: RenderContext) -> Message | Outcome:
    listing = render_context.listings[claim.id]
    sent = claim.message_id is not None
    numbers = dict.fromkeys(render_context.merged_into.get(n, n) for n in listing.stories)
    listed = [replace(claim, story=number) for number in numbers]
    views = [
        view
        for of_story in listed
        if (view := _view(of_story, render_context)) is not None
        and (sent or _live_subscriptions(claim, view, render_context))
    ]
    if not views and sent and all(_story(of_story, render_context).members for of_story in listed):
        return Outcome(SendStatus.UNCHANGED, shown=claim.shown)  # like a post whose story is muted
    if not views and not sent:
        return Outcome(
            SendStatus.STALE, detail=mark("every story of the list was removed, or is not followed any more")
        )
    others = listing.count - len(listing.stories)
    return rollup_message(views, others, is_quiet=listing.is_quiet)


def _escalation(claim: Claimed, render_context: RenderContext, now: datetime) -> Message | Outcome:
    """The reply that announces a story. Once it is out, it goes with its story, like the post that it replies to."""
    assert claim.story is not None
    sent = claim.message_id is not None
    into = render_context.merged_into.get(claim.story)
    post = render_context.replied.get(claim.reply_to or 0)
    if not sent and (into is not None or post is None or post.message_id is None or post.closed):
        return Outcome(SendStatus.STALE, detail=mark("the post to reply to is gone"))
    if not sent and now - claim.created_at > STALE:
        return Outcome(SendStatus.STALE, detail=mark("the reply waited for more than a day"))
    if into is not None:
        return continued(claim.story, into)
    if sent and not _story(claim, render_context).members:
        return replace(withdrawn(claim.story), name="")  # of a forum's post, the name is that of the post
    view = _view(claim, render_context)
    if view is None:
        return (
            Outcome(SendStatus.UNCHANGED, shown=claim.shown)
            if sent
            else Outcome(SendStatus.STALE, detail=mark("the story was removed or is muted here"))
        )
    payload = claim.payload or {}
    matching = _live_subscriptions(claim, view, render_context)
    announced = escalation(view, matching, PostedState(payload["heat"], tuple(payload["roles"])))
    if not sent and announced is None:
        return Outcome(SendStatus.STALE, detail=mark("no subscription of the channel announces the story"))
    roles = claim.mentioned if sent or announced is None else announced.roles
    size = StorySize.MAJOR if has_size(view, StorySize.MAJOR) else StorySize(payload["size"])
    topics = render_context.topics.visible_to(claim.guild_id)
    topic = topics.resolve(next(iter(topics.specific_first(view.topics)), ""))
    return escalation_message(view, size, roles, _accent(matching, topic))


def _for_member(claim: Claimed, render_context: RenderContext, now: datetime) -> Message | Outcome:
    assert claim.user_id is not None
    match claim.kind:
        case outbox.MEMBER:
            return _member_story(claim, claim.user_id, render_context, now)
        case outbox.MEMBER_ROLLUP:
            return _member_rollup(claim, claim.user_id, render_context)
        case _:
            return closed_notice(claim.user_id)


def _member_story(
    claim: Claimed, user_id: int, render_context: RenderContext, now: datetime
) -> Message | Outcome:
    """A story for a member whose alert it matches, or who follows it."""
    view = _shown_to_readers(claim, render_context)
    if not isinstance(view, StoryView):
        return view
    sent = claim.message_id is not None
    alert = _alert_of(claim, render_context)
    follow = render_context.follow_of(claim)
    if not sent and (
        reason := _not_for_member(claim, view, alert, follow, now - render_context.rules.max_age)
    ):
        return Outcome(SendStatus.STALE, detail=reason)
    payload = claim.payload or {}
    if not claim.is_direct:
        note = public_alert_note()
    elif follow is not None:
        note = follow_note(follow.channel_id)
    else:
        note = alert_note(alert.query, payload[member_messages.HOME]) if alert is not None else ""
    topics = render_context.topics.visible_to(claim.guild_id)
    names = topics.specific_first(view.topics)
    topic = topics.resolve(next(iter(names), ""))
    return member_story(
        view,
        note=note,
        buttons=member_buttons(claim.guild_id, user_id, view.number, follows=follow is not None),
        topics=names,
        colour=topic.colour if topic else None,
        owners=render_context.rules.owners,
        since=claim.sent_at if follow is None else follow.since,
        mentioned=None if claim.is_direct else user_id,
    )


def _not_for_member(
    claim: Claimed, view: StoryView, alert: Alert | None, follow: Follow | None, oldest: datetime
) -> str:
    """Why a member does not get a story that waits; empty if that is not so."""
    if claim.created_at < oldest:
        return mark("the message waited longer than posts.max_age allows")
    if alert is not None:
        return ""
    if follow is None:
        return mark("the alert or the follow was ended")
    if all(member.first_seen < follow.since for member in view.members):
        return mark("nothing is new that the member sees")
    return ""


def _alert_of(claim: Claimed, render_context: RenderContext) -> Alert | None:
    """The alert that a message is of, as long as it is matched."""
    alert = render_context.alerts.get((claim.payload or {}).get(member_messages.ALERT, 0))
    return alert if alert is not None and not alert.suspended else None


def _member_rollup(claim: Claimed, user_id: int, render_context: RenderContext) -> Message | Outcome:
    """The list of the stories for which a member's alerts had no room."""
    listing = render_context.listings[claim.id]
    numbers = dict.fromkeys(render_context.merged_into.get(n, n) for n in listing.stories)
    views = [view for number in numbers if (view := _view(replace(claim, story=number), render_context))]
    if claim.message_id is None and not views:
        return Outcome(SendStatus.STALE, detail=mark("every story of the list was removed or muted"))
    others = (claim.payload or {}).get(member_messages.MORE, 0)
    return alert_rollup(views, others, mentioned=None if claim.is_direct else user_id)


def _shown_to_readers(claim: Claimed, render_context: RenderContext) -> StoryView | Message | Outcome:
    """The claim's story as its channel sees it, or what becomes of a message of a story that is gone, merged or muted."""
    assert claim.story is not None
    sent = claim.message_id is not None
    if (into := render_context.merged_into.get(claim.story)) is not None:
        return Outcome(SendStatus.STALE, detail=f"merged into story #{into}")
    if not _story(claim, render_context).members:
        return (
            withdrawn(claim.story)
            if sent
            else Outcome(SendStatus.STALE, detail=mark("the story was removed"))
        )
    view = _view(claim, render_context)
    if view is not None:
        return view
    if sent:
        return Outcome(SendStatus.UNCHANGED, shown=claim.shown)
    return Outcome(SendStatus.STALE, detail=mark("the story is muted here"))


def _post(claim: Claimed, render_context: RenderContext, now: datetime) -> Message | Outcome:
    sent = claim.message_id is not None
    view = _shown_to_readers(claim, render_context)
    if not isinstance(view, StoryView):
        return view
    matching = _live_subscriptions(claim, view, render_context)
    if not sent and not matching:
        return Outcome(SendStatus.STALE, detail=mark("the channel's subscriptions no longer cover the story"))
    if not sent and now - claim.created_at > render_context.rules.max_age:
        return Outcome(SendStatus.STALE, detail=mark("the message waited longer than posts.max_age allows"))
    is_first = outbox.FIRST in (claim.payload or {})
    roles = () if is_first else pinged_roles(view, matching)
    topics = render_context.topics.visible_to(claim.guild_id)
    names = topics.specific_first(view.topics)
    topic = topics.resolve(next(iter(names), ""))
    message = story_post(
        view,
        topics=names,
        colour=_accent(matching, topic),
        mentions=claim.mentioned if sent and claim.form is MessageForm.COMPONENTS else roles,
        layout=matching[0].layout if matching else PostLayout.CARD,
        note=tr(ALREADY) if is_first else "",
        subscribed=[s.topic for s in matching],
        owners=render_context.rules.owners,
        since=claim.sent_at,
        model_briefs=render_context.model_briefs(claim.channel_id),
        said=partial(_said, render_context),
        votes=claim.guild_id in render_context.voting,
        template=render_context.templates.get(claim.guild_id),
    )
    others = other_names(message.tags, topics) if claim.thread_id is not None else ()
    return replace(message, tags=tag_names(message.tags, topics), other_tags=others)


def byline(claim: Claimed, render_context: RenderContext) -> Byline | None:
    """Under which name and picture a message appears, or by which webhook it is edited; None: as the bot's.

    A story's post is named after the subscribed topic that it is posted for, other messages after the channel's topic if it has a single one.
    """
    face = render_context.faces.get(claim.channel_id)
    if face is None or face.is_lost:
        return None
    subscribed = render_context.subscriptions.get(claim.channel_id, ())
    if claim.kind == outbox.STORY and claim.message_id is None and not face.name:
        view = None if claim.story in render_context.merged_into else _view(claim, render_context)
        subscribed = tuple(_live_subscriptions(claim, view, render_context)[:1]) if view else ()
    return face.byline(subscription.topic for subscription in subscribed)


def _accent(matching: Sequence[Subscription], topic: Topic | None) -> int | None:
    """The colour of a post: that of its first subscription that has one, or else of its topic."""
    chosen = (subscription.accent for subscription in matching if subscription.accent is not None)
    return next(chosen, topic.colour if topic else None)


def brief_of(claim: Claimed, render_context: RenderContext) -> tuple[Sentence, ...]:
    """The sentences of a story's post; none where it has no brief."""
    view = None if claim.story in render_context.merged_into else _view(claim, render_context)
    return _said(render_context, view, render_context.rules.owners, claim.sent_at)[1] if view else ()


def _said(
    render_context: RenderContext, view: StoryView, owners: MediaOwners, since: datetime | None
) -> Said:
    """What changed since a post was sent, and its brief."""
    later = sum(member.first_seen > since for member in view.members) if since else 0
    key = (id(view), later)  # the context keeps the view, so no other gets its id
    with render_context.computing:
        if key not in render_context.said:
            render_context.said[key] = said_in_post(view, owners, since)
        return render_context.said[key]


def publish_obstacle(claim: Claimed, render_context: RenderContext, now: datetime) -> Outcome | None:
    """Why a message is no longer published to followers; None if it is."""
    view = None if claim.story in render_context.merged_into else _view(claim, render_context)
    if view is None:
        return Outcome(SendStatus.STALE, detail=mark("the story was removed, merged or muted here"))
    if not any(s.publish for s in _live_subscriptions(claim, view, render_context)):
        return Outcome(SendStatus.STALE, detail=mark("the channel's subscriptions no longer cover the story"))
    if now - claim.created_at > render_context.rules.max_age:
        return Outcome(SendStatus.STALE, detail=mark("the message waited longer than posts.max_age allows"))
    return None


def publishes(claim: Claimed, render_context: RenderContext) -> bool:
    """Whether a post that has just gone out is to be published to followers, where its channel has any."""
    view = _view(claim, render_context) if claim.kind == outbox.STORY else None
    return view is not None and any(
        s.publish for s in _reached(view, _live_subscriptions(claim, view, render_context))
    )


def _story(claim: Claimed, render_context: RenderContext) -> Story:
    """The claim's story as its server sees it."""
    assert claim.story is not None
    return render_context.stories[claim.story].visible_to(claim.guild_id)


def _differs(story: Story) -> bool:
    """Whether a server sees more of the story than everybody does, given what it sees."""
    matches = (match for of_member in story.topics.values() for match in of_member)
    return any(story.assigned) or any(m.guild_id for m in story.members) or any(m.guild_id for m in matches)


def _view(claim: Claimed, render_context: RenderContext) -> StoryView | None:
    """The claim's story without what its channel has muted."""
    scopes = (None, claim.channel_id)
    mutes = [m for m in render_context.mutes if m.guild_id == claim.guild_id and m.channel_id in scopes]
    story = _story(claim, render_context)
    key = (story.number, claim.guild_id if _differs(story) else 0, frozenset(mute.value for mute in mutes))
    with render_context.computing:
        if key not in render_context.views:
            render_context.views[key] = story_view(story, muted_by(mutes), render_context.rules.owners)
        return render_context.views[key]


def view_of(claim: Claimed, render_context: RenderContext) -> StoryView | None:
    """The claim's story as its channel sees it; None where it was merged or withdrawn, or is muted there."""
    return _view(claim, render_context)


def is_withdrawn(claim: Claimed, render_context: RenderContext) -> bool:
    """Whether all articles of the claim's story were removed."""
    return not _story(claim, render_context).members


def _live_subscriptions(claim: Claimed, view: StoryView, render_context: RenderContext) -> list[Subscription]:
    """The channel's live subscriptions to the story's topics."""
    channel_subscriptions, topics = (
        render_context.subscriptions.get(claim.channel_id, ()),
        render_context.topics.visible_to(claim.guild_id),
    )
    return [s for s in decisions.matching(view, channel_subscriptions, topics) if s.mode is not Mode.DIGEST]


def _reached(view: StoryView, subscriptions: Iterable[Subscription]) -> list[Subscription]:
    """Those that publish: a story that is posted for one subscription may be too small for another."""
    return [s for s in subscriptions if is_posted(view, s)]
