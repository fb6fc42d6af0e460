"""The page of a channel's digests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from discord import ui

from bot.chat.panel import button, field, menu
from bot.domain.posting.channel_digests import PlannedDigest
from bot.domain.posting.schedule import MOST_SIZE, DigestStyle, Schedule, describe_days
from bot.domain.posting.zones import shown
from bot.errors import InvalidInputError
from bot.i18n import tr, tr_plural
from bot.messages.digest import digest_payload, sent_words
from bot.messages.message import escape
from bot.messages.setup import PanelState, digest_choices, digest_lines
from bot.services import digests, setup
from cogs.common import Interaction, guild_of, require_postable
from cogs.digest_setting import digest_set_text
from cogs.panel.session import PageParts, Row, Session

SUNDAY = 6


async def digest_page(session: Session, interaction: Interaction) -> PageParts:
    """The present state, a menu of the digests if there are several, and buttons that change them."""
    now = await setup.channel_setup(session.context, guild_of(interaction).id, session.state.channel_id)
    chosen = next((one for one in now.digests if one.digest.id == session.state.digest), None)
    chosen = chosen or next(iter(now.digests), None)
    actions = _DigestActions(session, chosen)
    default = chosen.schedule if chosen else session.context.digest_default
    when = session.ask(
        tr("The digest of this channel"), _fields(default, chosen.digest.name if chosen else ""), actions.set
    )
    rows: list[Row] = []
    if chosen is not None and len(now.digests) > 1:
        choices = digest_choices(now.digests, chosen.digest.id)
        rows.append(menu("digest", tr("Choose a digest to change"), choices, session.on(actions.choose)))
    of_one = [button(tr("Set time and zone…"), when, name="set", main=chosen is None)]
    of_all = []
    if now.subscriptions or chosen is not None:
        of_one.append(button(tr("Send now"), session.on(actions.send_now), name="send"))
    if chosen is not None:
        if len(now.digests) > 1:
            of_one.append(button(tr("Remove"), session.on(actions.remove), name="remove", danger=True))
        adding = session.ask(tr("Another digest of this channel"), _fields_of_new(default), actions.add)
        of_all.append(button(tr("Add a digest…"), adding, name="add"))
        of_all.append(button(tr("Turn off"), session.on(actions.turn_off), name="off", danger=True))
    if now.subscriptions and not now.has_digest_topics:
        of_all.append(button(tr("Put all topics in the digest"), session.on(actions.fill), name="fill"))
    rows += [ui.ActionRow(*buttons) for buttons in (of_one, of_all) if buttons]
    return PageParts(digest_lines(now.digests, now.digest_off, now.has_digest_topics), rows)


def _fields(schedule: Schedule, name: str) -> Callable[[], Mapping[str, ui.TextInput[Any]]]:
    def fields() -> Mapping[str, ui.TextInput[Any]]:
        most = tr("Maximum number of stories (1 to {most})", most=MOST_SIZE)
        return {
            **_times(schedule),
            most: field("size", default=str(schedule.size)),
            tr("Name"): field("name", default=name, required=False),
        }

    return fields


def _fields_of_new(schedule: Schedule) -> Callable[[], Mapping[str, ui.TextInput[Any]]]:
    def fields() -> Mapping[str, ui.TextInput[Any]]:
        weekly = replace(schedule, days=frozenset((SUNDAY,)))  # the usual one beside a daily one
        all_topics = tr("empty: all topics that are in the digest")
        return {
            **_times(weekly),
            tr("Topic"): field("topic", example=all_topics, required=False),
            tr("Name"): field("name", example=tr("empty: Daily digest or Weekly digest"), required=False),
        }

    return fields


def _times(schedule: Schedule) -> dict[str, ui.TextInput[Any]]:
    return {
        tr("Time of day"): field("time", default=f"{schedule.at:%H:%M}", example=tr("09:00 or 9 pm")),
        tr("Time zone"): field(
            "zone", default=shown(schedule.zone), example=tr("Berlin, Europe/Berlin or UTC+2")
        ),
        # The days are read back by `parse_days`, which knows their English names.
        tr("Days"): field(
            "days", default=describe_days(schedule.days), example=tr("daily, weekdays or mon, thu")
        ),
    }


def _size(text: str) -> int:
    if text.isascii() and text.isdigit() and 1 <= int(text) <= MOST_SIZE:
        return int(text)
    raise InvalidInputError(
        tr("Enter a number from 1 to {most} for the maximum number of stories.", most=MOST_SIZE)
    )


class _DigestActions:
    """What the page's menu and buttons do, to the `chosen` digest if the channel has one."""

    def __init__(self, session: Session, chosen: PlannedDigest | None) -> None:
        self._session = session
        self._chosen = chosen

    @property
    def _id(self) -> int:
        return self._chosen.digest.id if self._chosen else 0

    async def choose(self, _interaction: Interaction, values: Sequence[Any]) -> PanelState:
        """Another digest is shown and changed."""
        return self._session.state.after(digest=int(values[0]))

    async def set(self, interaction: Interaction, values: Sequence[Any]) -> PanelState:
        """Set the schedule and the name that were typed."""
        at, zone, days, size, name = values
        style = (self._chosen.schedule if self._chosen else self._session.context.digest_default).style
        return await self._set(
            interaction, (at, zone, days), _size(size), style, name=name, digest_id=self._id
        )

    async def add(self, interaction: Interaction, values: Sequence[Any]) -> PanelState:
        """Add a digest with the schedule, the topic and the name that were typed."""
        at, zone, days, topic, name = values
        default = self._session.context.digest_default
        return await self._set(
            interaction, (at, zone, days), default.size, default.style, topic=topic, name=name
        )

    async def _set(
        self,
        interaction: Interaction,
        typed: tuple[str, str, str],
        size: int,
        style: DigestStyle,
        **what: Any,
    ) -> PanelState:
        channel = self._session.managed(interaction)
        require_postable(channel)
        at, zone, days = typed
        reading = digests.zone(zone)
        schedule = digests.schedule(at, reading.zone, days, size, style)
        context = self._session.context
        done = await digests.set_schedule(context, guild_of(interaction).id, channel.id, schedule, **what)
        notice = f"✅ {digest_set_text(done, channel.mention)}"
        if reading.note:
            notice += f"\n⚠️ {escape(reading.note)}"
        return self._session.state.after(notice=notice, digest=done.digest.id)

    async def remove(self, interaction: Interaction, _values: Sequence[Any]) -> PanelState:
        """Remove the digest."""
        channel = self._session.managed(interaction)
        removed = await digests.remove(
            self._session.context, guild_of(interaction).id, channel.id, digest_id=self._id
        )
        notice = tr(
            "{channel} no longer gets the digest **{title}**.",
            channel=channel.mention,
            title=escape(removed.title),
        )
        return self._session.state.after(notice=notice)

    async def turn_off(self, interaction: Interaction, _values: Sequence[Any]) -> PanelState:
        """No more digests."""
        channel = self._session.managed(interaction)
        await digests.switch_off(self._session.context, channel.id)
        return self._session.state.after(
            notice=tr("{channel} no longer gets a digest. Its topics stay.", channel=channel.mention)
        )

    async def send_now(self, interaction: Interaction, _values: Sequence[Any]) -> PanelState:
        """Send the digest now."""
        channel = self._session.managed(interaction)
        require_postable(channel)
        count = await digests.send_now(
            self._session.context,
            guild_of(interaction).id,
            channel.id,
            digest_payload,
            digest_id=self._id,
        )
        return self._session.state.after(notice=("✅ " if count else "") + sent_words(count))

    async def fill(self, interaction: Interaction, _values: Sequence[Any]) -> PanelState:
        """Put the channel's topics in its digest."""
        channel = self._session.managed(interaction)
        require_postable(channel)
        count = await setup.fill_digest(self._session.context, guild_of(interaction).id, channel.id)
        added = tr_plural("{count} topic added to the digest.", "{count} topics added to the digest.", count)
        return self._session.state.after(notice=f"✅ {added}")
