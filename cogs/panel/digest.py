"""The page that sets when a channel's digest is sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from discord import ui

from bot.chat.panel import button, field
from bot.domain.posting.schedule import MOST_SIZE, Schedule, describe_days
from bot.domain.posting.zones import shown
from bot.domain.text.cleaning import plural
from bot.errors import InvalidInputError
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
    when = session.ask("The digest of this channel", _fields(default), actions.set_time)
    buttons = [button("Set time and zone…", when, main=now.schedule is None)]
    if now.schedule is not None:
        buttons.append(button("Turn off", session.on(actions.turn_off), danger=True))
    if now.subscriptions:
        buttons.append(button("Send now", session.on(actions.send_now)))
    if now.subscriptions and not now.has_digest_topics:
        buttons.append(button("Put all topics in the digest", session.on(actions.fill)))
    lines = digest_lines(now.schedule, now.next_digest, now.digest_off, now.has_digest_topics)
    return PageParts(lines, [ui.ActionRow(*buttons)])


def _fields(schedule: Schedule) -> Callable[[], Mapping[str, ui.TextInput[Any]]]:
    def fields() -> Mapping[str, ui.TextInput[Any]]:
        return {
            "Time of day": field("time", default=f"{schedule.at:%H:%M}", example="09:00 or 9 pm"),
            "Time zone": field(
                "zone", default=shown(schedule.zone), example="Berlin, Europe/Berlin or UTC+2"
            ),
            "Days": field(
                "days", default=describe_days(schedule.days), example="daily, weekdays or mon, thu"
            ),
            f"Maximum number of stories (1 to {MOST_SIZE})": field("size", default=str(schedule.size)),
        }

    return fields


def _size(text: str) -> int:
    if text.isascii() and text.isdigit() and 1 <= int(text) <= MOST_SIZE:
        return int(text)
    raise InvalidInputError(f"Enter a number from 1 to {MOST_SIZE} for the maximum number of stories.")


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
        notice = f"✅ {channel.mention} gets a digest {schedule_words(schedule)}."
        if reading.note:
            notice += f"\n⚠️ {escape(reading.note)}"
        return self._session.state.after(notice=notice)

    async def turn_off(self, interaction: Interaction, _values: Sequence[Any]) -> PanelState:
        """No more digests."""
        channel = self._session.managed(interaction)
        await digests.switch_off(self._session.context, channel.id)
        return self._session.state.after(
            notice=f"{channel.mention} no longer gets a digest. Its topics stay."
        )

    async def send_now(self, interaction: Interaction, _values: Sequence[Any]) -> PanelState:
        """Send the digest now."""
        channel = self._session.managed(interaction)
        require_postable(channel)
        count = await digests.send_now(
            self._session.context, guild_of(interaction).id, channel.id, digest_payload
        )
        stories = plural(count, "story", "stories")
        sent = (
            f"✅ Sending a digest with {stories}."
            if count
            else "There are no new stories, so no digest is sent."
        )
        return self._session.state.after(notice=sent)

    async def fill(self, interaction: Interaction, _values: Sequence[Any]) -> PanelState:
        """Put the channel's topics in its digest."""
        channel = self._session.managed(interaction)
        require_postable(channel)
        count = await setup.fill_digest(self._session.context, guild_of(interaction).id, channel.id)
        return self._session.state.after(notice=f"✅ {plural(count, 'topic')} added to the digest.")
