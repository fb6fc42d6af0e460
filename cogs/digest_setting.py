"""Setting a digest of a channel, with buttons for what may have been meant instead, and removing one."""

from __future__ import annotations

from dataclasses import replace

from bot.chat import views
from bot.chat.permissions import PostableChannel
from bot.domain.posting.channel_digests import ChannelDigest
from bot.domain.posting.schedule import EVERY_DAY, DigestStyle, Schedule
from bot.domain.posting.zones import Reading
from bot.domain.text.cleaning import clip
from bot.i18n import comma_list, tr, tr_plural
from bot.messages.digest import schedule_words
from bot.messages.message import Embed, escape
from bot.messages.story import GREY
from bot.services import digests
from bot.services.context import Context
from bot.services.digests import DigestSet
from cogs.common import Interaction, guild_of, managed, require_postable

MOST_BUTTONS = 5


def digest_set_text(done: DigestSet, channel: str) -> str:
    """When a channel, whose mention that is, gets a digest that was just set, and how long it is."""
    schedule = done.schedule
    values = {"channel": channel, "when": schedule_words(schedule)}
    if done.others or done.digest.name or done.digest.topic:
        values["title"] = escape(done.digest.title)
        if schedule.style is DigestStyle.HEADLINES:
            return tr_plural(
                "{channel} gets **{title}**: {when}, with at most {count} story (headlines only).",
                "{channel} gets **{title}**: {when}, with at most {count} stories (headlines only).",
                schedule.size,
                **values,
            )
        return tr_plural(
            "{channel} gets **{title}**: {when}, with at most {count} story.",
            "{channel} gets **{title}**: {when}, with at most {count} stories.",
            schedule.size,
            **values,
        )
    if schedule.style is DigestStyle.HEADLINES:
        return tr_plural(
            "{channel} gets a digest {when} with at most {count} story (headlines only).",
            "{channel} gets a digest {when} with at most {count} stories (headlines only).",
            schedule.size,
            **values,
        )
    return tr_plural(
        "{channel} gets a digest {when} with at most {count} story.",
        "{channel} gets a digest {when} with at most {count} stories.",
        schedule.size,
        **values,
    )


def _lines(done: DigestSet, channel: str, note: str) -> list[str]:
    """What a digest that was just set does; `note` is how its time zone was read."""
    lines = [
        digest_set_text(done, channel),
        tr("Next digest: {time}", time=f"<t:{int(done.next_digest.timestamp())}:F>"),
    ]
    if done.topics:
        lines.append(tr("Topics: {topics}", topics=clip(comma_list(map(escape, done.topics)), 1500)))
    else:
        lines.append(
            "⚠️ " + tr("The digest has no topics yet. Use `/subscribe` with the mode *digest* or *both*.")
        )
    if done.others:
        titles = comma_list(escape(other.title) for other in done.others)
        lines.append(tr("Other digests of the channel: {titles}", titles=titles))
    return lines + ([f"⚠️ {escape(note)}"] if note else [])


async def set_digest(
    context: Context,
    interaction: Interaction,
    target: PostableChannel,
    schedule: Schedule,
    *,
    topic: str,
    name: str,
    reading: Reading,
) -> None:
    """Set a digest and say what it does; `reading` is how the time zone was read."""
    managed(interaction, target)
    require_postable(target)
    done = await digests.set_schedule(
        context, guild_of(interaction).id, target.id, schedule, topic=topic, name=name
    )

    def with_zone(zone: str) -> views.Choice:
        async def press(pressed: Interaction) -> None:
            changed = digests.zone(zone)
            title, again = done.digest.title, replace(schedule, zone=changed.zone)
            await set_digest(context, pressed, target, again, topic=topic, name=title, reading=changed)

        return views.Choice(tr("Use {zone}", zone=zone), press)

    def without(other: ChannelDigest) -> views.Choice:
        async def press(pressed: Interaction) -> None:
            await remove_digest(context, pressed, target, digest_id=other.id)

        return views.Choice(clip(tr("Remove “{title}”", title=other.title), views.LABEL), press)

    async def add_daily(pressed: Interaction) -> None:
        daily = replace(schedule, days=EVERY_DAY)
        await set_digest(context, pressed, target, daily, topic=topic, name="", reading=reading)

    choices = [with_zone(zone) for zone in reading.others]
    # Somebody who sets a weekly digest may want it in place of the daily one, or beside the one at the default time.
    if not choices and not name:
        alike = [other for other in done.others if other.topic == done.digest.topic and not other.name]
        choices += map(without, alike if done.is_new else ())
        if done.was_default and done.digest.is_weekly:
            choices.append(views.Choice(tr("Add a daily digest"), add_daily))
    offer = views.ConfirmView(interaction, *choices[:MOST_BUTTONS]) if choices else None
    text = "\n".join(_lines(done, target.mention, reading.note))
    await views.answer(interaction, Embed(title=tr("Digest set"), description=text, colour=GREY), offer)


async def remove_digest(
    context: Context, interaction: Interaction, target: PostableChannel, *, name: str = "", digest_id: int = 0
) -> None:
    """Remove a digest by its title or id, or the only one, and say so."""
    managed(interaction, target)
    removed = await digests.remove(
        context, guild_of(interaction).id, target.id, name=name, digest_id=digest_id
    )
    text = tr(
        "{channel} no longer gets the digest **{title}**. Its subscriptions stay.",
        channel=target.mention,
        title=escape(removed.title),
    )
    await views.answer(interaction, Embed(title=tr("Digest removed"), description=text, colour=GREY))
