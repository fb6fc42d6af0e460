"""What one member of a server gets: stories of alerts and of followed stories, lists of more, and a notice. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot.domain.model import StoryView
from bot.domain.posting.alerts import Alert, AlertLimits
from bot.domain.stories.owners import NO_OWNERS, MediaOwners
from bot.domain.text.cleaning import length
from bot.i18n import number, tr, tr_in, tr_plural
from bot.messages.layout import Button, Markdown
from bot.messages.message import DESCRIPTION, Embed, Message, escape_to, fit_lines, panel
from bot.messages.story import GREY, list_pages, story_line, story_post

MEMBER_ACTION = "member:"  # of the custom ids of buttons in messages for one member
QUERY = 150  # UTF-16 units of a query in a message
LINE = 300
MORE = 80  # room for the last line


def member_action(what: str, guild_id: int, user_id: int, story: int) -> str:
    """The custom id of a button in a message for a member: what it does, for whom, and with which story."""
    return f"{MEMBER_ACTION}{what}:{guild_id}:{user_id}:{story}"


def member_buttons(guild_id: int, user_id: int, story: int, *, follows: bool) -> tuple[Button, ...]:
    """The buttons below a story that was sent to one member."""
    label = tr_in("button", "Stop following") if follows else tr_in("button", "Follow this story")
    return (
        Button(
            tr_in("button", "Related coverage"), action=member_action("related", guild_id, user_id, story)
        ),
        Button(label, action=member_action("follow", guild_id, user_id, story)),
    )


def alert_note(query: str, home_id: int) -> str:
    """Why a direct message was sent: the alert, and the channel in which it was made. Markdown."""
    return tr("Your alert from {channel}: {query}", channel=f"<#{home_id}>", query=escape_to(query, QUERY))


def follow_note(channel_id: int) -> str:
    """Why a direct message was sent: the channel in which the member began to follow the story. Markdown."""
    return tr("You follow this story from {channel}", channel=f"<#{channel_id}>")


def public_alert_note() -> str:
    """Why a message in a channel mentions a member. The query is the member's alone."""
    return tr("An alert that you made")


def follow_text(story: int, days: int, *, is_followed: bool) -> str:
    """What a member is told who follows a story from now on, or no longer; it ends after `days` without news. Markdown."""
    if not is_followed:
        return tr("You no longer follow story #{story}.", story=story)
    return tr_plural(
        "You follow story #{story}. When more is reported, you get a direct message, which is kept up to date. "
        "This ends after {count} day without a new report. Press again to stop.",
        "You follow story #{story}. When more is reported, you get a direct message, which is kept up to date. "
        "This ends after {count} days without a new report. Press again to stop.",
        days,
        story=story,
    )


def member_story(
    view: StoryView,
    *,
    note: str,
    buttons: Sequence[Button],
    topics: Sequence[str] = (),
    colour: int | None = None,
    owners: MediaOwners = NO_OWNERS,
    since: datetime | None = None,
    mentioned: int | None = None,
) -> Message:
    """A story for one member, with a `note` that says why. `mentioned`: the member, where a channel shows it.

    `since` is when the member was told before, or began to follow: it says what changed after that.
    """
    return story_post(
        view,
        topics=topics,
        colour=colour,
        owners=owners,
        since=since,
        note=note,
        actions=buttons,
        users=() if mentioned is None else (mentioned,),
    )


def alert_rollup_title() -> str:
    """The title, by which the message is found again after a crash."""
    return tr("More stories for your alerts")


def alert_rollup(views: Sequence[StoryView], others: int, *, mentioned: int | None = None) -> Message:
    """The list of the stories for which a member's alerts had no room; `others`: how many more matches there are."""
    intro = tr("More stories matched your alerts than you get messages in an hour or a day.")
    lines = [f"• {story_line(view, LINE)}" for view in views]
    text, cut = fit_lines(lines, DESCRIPTION - length(intro) - MORE)
    left = others + cut
    if not views:
        text = tr("All of them were removed.")
    elif left:
        text += "\n" + tr_plural("… and {count} more", "… and {count} more", left)
    embed = Embed(title=alert_rollup_title(), description=f"{intro}\n{text}", colour=GREY)
    return Message(layout=(panel(embed),), users=() if mentioned is None else (mentioned,))


def closed_notice(user_id: int) -> Message:
    """What a channel shows once when direct messages to a member are refused. It says nothing of what they were about."""
    text = tr(
        "Discord does not let the bot send you direct messages, so it has ended what you get that way from this server. "
        "Allow direct messages from members of this server in its privacy settings, then start it again with `/alert create`."
    )
    return Message(layout=(Markdown((text,)),), users=(user_id,))


def alert_made(alert: Alert, limits: AlertLimits) -> Embed:
    """The answer to a new alert."""
    query = f"**{escape_to(alert.query, QUERY * 2)}**"
    text = (
        tr("A story that matches {query} comes to you by direct message.", query=query)
        if alert.channel_id is None
        else tr(
            "A story that matches {query} comes with a mention of you in {channel}.",
            query=query,
            channel=f"<#{alert.channel_id}>",
        )
    )
    cap = tr(
        "You get at most {hour} messages an hour and {day} a day; one more lists what is beyond that. "
        "`/alert delete` ends it.",
        hour=number(limits.per_hour),
        day=number(limits.per_day),
    )
    return Embed(title=tr("Alert created"), description=f"{text}\n{cap}", colour=GREY)


def alert_pages(alerts: Sequence[Alert]) -> tuple[Embed, ...]:
    """A member's alerts as pages, a line each."""
    return list_pages(
        tr("Your alerts"),
        [_alert_line(alert) for alert in alerts],
        tr("You have no alerts in this server. Create one with `/alert create`."),
    )


def _alert_line(alert: Alert) -> str:
    place = tr("direct message") if alert.channel_id is None else f"<#{alert.channel_id}>"
    line = f"• **{escape_to(alert.query, QUERY * 2)}** · {place}"
    if alert.suspended:
        line += "\n  ⚠️ " + tr(
            "Stopped, because it takes too long to compare. Delete it, and create a simpler one."
        )
    return line
