"""The page that sets when a channel's digest is sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from discord import ui

from bot.chat.panel import button, field
from bot.domain.posting.schedule import MOST_SIZE, Schedule, describe_days
from bot.domain.posting.zones import shown
from bot.errors import InvalidInputError
from bot.i18n import tr, tr_plural
from bot.messages.digest import digest_payload, schedule_words
from bot.messages.message import escape
from bot.messages.setup import PanelState, digest_lines
from bot.services import digests, setup
from cogs.common import Interaction, guild_of, require_postable
from cogs.panel.session import PageParts, Session


async def digest_page(session: Session, interaction: Interaction) -> PageParts:
    """The present state, and buttons that change it."""
    now = await setup.channel_setup(session.context, guild_of(interaction).id, session.state.channel_id)
    actions = _DigestActions(session)
    default = now.schedule or session.context.digest_default
    when = session.ask(tr("The digest of this channel"), _fields(default), actions.set_time)
    buttons = [button(tr("Set time and zone…"), when, main=now.schedule is None)]
    if now.schedule is not None:
        buttons.append(button(tr("Turn off"), session.on(actions.turn_off), danger=True))
    if now.subscriptions:
        buttons.append(button(tr("Send now"), session.on(actions.send_now)))
    if now.subscriptions and not now.has_digest_topics:
        buttons.append(button(tr("Put all topics in the digest"), session.on(actions.fill)))
    lines = digest_lines(now.schedule, now.next_digest, now.digest_off, now.has_digest_topics)
    return PageParts(lines, [ui.ActionRow(*buttons)])


def _fields(schedule: Schedule) -> Callable[[], Mapping[str, ui.TextInput[Any]]]:
    def fields() -> Mapping[str, ui.TextInput[Any]]:
        return {
            tr("Time of day"): field("time", default=f"{schedule.at:%H:%M}", example=tr("09:00 or 9 pm")),
            tr("Time zone"): field(
                "zone", default=shown(schedule.zone), example=tr("Berlin, Europe/Berlin or UTC+2")
            ),
            # The days are read back by `parse_days`, which knows their English names.
            tr("Days"): field(
                "days", default=describe_days(schedule.days), example=tr("daily, weekdays or mon, thu")
            ),
            tr("Maximum number of stories (1 to {most})", most=MOST_SIZE): field(
                "size", default=str(schedule.size)
            ),
        }

    return fields


def _size(text: str) -> int:
    if text.isascii() and text.isdigit() and 1 <= int(text) <= MOST_SIZE:
        return int(text)
    raise InvalidInputError(
        tr("Enter a number from 1 to {most} for the maximum number of stories.", most=MOST_SIZE)
    )


class _DigestActions:
    """What the page's buttons do."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def set_time(self, interaction: Interaction, values: Sequence[Any]) -> PanelState:
        """Set the schedule that was typed."""
        channel = self._session.managed(interaction)
        require_postable(channel)
        at, zone, days, size = values
        context, guild_id = self._session.context, guild_of(interaction).id
        present = await setup.channel_setup(context, guild_id, channel.id)
        reading = digests.zone(zone)
        style = (present.schedule or context.digest_default).style
        schedule = digests.schedule(at, reading.zone, days, _size(size), style)
        await digests.set_schedule(context, guild_id, channel.id, schedule)
        when = schedule_words(schedule)
        notice = "✅ " + tr("{channel} gets a digest {when}.", channel=channel.mention, when=when)
        if reading.note:
            notice += f"\n⚠️ {escape(reading.note)}"
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
            self._session.context, guild_of(interaction).id, channel.id, digest_payload
        )
        sent = tr("There are no new stories, so no digest is sent.")
        if count:
            sent = "✅ " + tr_plural(
                "Sending a digest with {count} story.", "Sending a digest with {count} stories.", count
            )
        return self._session.state.after(notice=sent)

    async def fill(self, interaction: Interaction, _values: Sequence[Any]) -> PanelState:
        """Put the channel's topics in its digest."""
        channel = self._session.managed(interaction)
        require_postable(channel)
        count = await setup.fill_digest(self._session.context, guild_of(interaction).id, channel.id)
        added = tr_plural("{count} topic added to the digest.", "{count} topics added to the digest.", count)
        return self._session.state.after(notice=f"✅ {added}")
