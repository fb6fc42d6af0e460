"""Forwards and API tokens in words. Pure."""

from __future__ import annotations

from datetime import datetime

from bot.domain.forwarding import REASONS, Forward
from bot.domain.text.addresses import host_of
from bot.domain.text.cleaning import clip
from bot.i18n import tr, tr_plural, tr_stored
from bot.messages.message import THREAD_NAME, Embed, Message, escape, escape_to, panel, relative
from bot.messages.story import GREY
from bot.messages.volume import STORIES

HOST = 100  # UTF-16 units of a host name in a message
TOPIC = 80


def _host(forward: Forward) -> str:
    """The host alone: the rest of an address may be a secret."""
    return escape_to(host_of(forward.url), HOST)


def problem_words(forward: Forward) -> str:
    """What is wrong with an address. Markdown."""
    return escape(tr_stored(forward.problem, *REASONS))


def forward_line(forward: Forward, waiting: int) -> str:
    """A forward in a list. Markdown."""
    line = tr(
        "**#{number}** {topic} to {host} · {volume}",
        number=forward.id,
        topic=escape_to(forward.topic, TOPIC),
        host=_host(forward),
        volume=tr(STORIES[forward.volume]),
    )
    if waiting:
        line += " · " + tr_plural("{count} story waiting", "{count} stories waiting", waiting)
    if forward.off_at is not None:
        off = tr(
            "switched off {when}: {problem}.", when=relative(forward.off_at), problem=problem_words(forward)
        )
        return f"{line}\n  ⚠️ {off}"
    if forward.failing_since is not None:
        failing = tr(
            "first failed {when}; latest problem: {problem}.",
            when=relative(forward.failing_since),
            problem=problem_words(forward),
        )
        return f"{line}\n  ⚠️ {failing}"
    return line


def forwards_of(count: int) -> str:
    """What is said before a topic is deleted that is sent to so many addresses. Markdown."""
    if not count:
        return ""
    return " " + tr_plural(
        "The topic's stories also go to {count} address outside Discord. That forward is removed too.",
        "The topic's stories also go to {count} addresses outside Discord. Those forwards are removed too.",
        count,
    )


def forward_made(forward: Forward) -> Embed:
    """The answer to the member who made a forward. It has the secret, which nobody sees again."""
    lines = [
        tr(
            "New stories of **{topic}** are sent to {host} from now on, and again when they grow.",
            topic=escape_to(forward.topic, TOPIC),
            host=_host(forward),
        ),
        tr(
            "Each request is signed with this secret, so that the receiver can check that it comes from this bot:"
        ),
        f"```\n{forward.secret}\n```",
        tr("It is shown only once. Anyone who has it can forge such requests."),
    ]
    return Embed(title=tr("Forward added"), description="\n".join(lines), colour=GREY)


def switched_off(forward: Forward, problem: str) -> Message:
    """What a channel is told when nothing is sent to an address any more."""
    lines = [
        tr(
            "Stories of **{topic}** could not be sent to {host}: {problem}.",
            topic=escape_to(forward.topic, TOPIC),
            host=_host(forward),
            problem=escape(tr_stored(problem, *REASONS)),
        ),
        tr(
            "Topicwire has stopped trying. Use `/forward resume` to start again and send the stories that are waiting."
        ),
    ]
    embed = Embed(title=tr("A forward was switched off"), description="\n".join(lines), colour=GREY)
    name = tr("A forward was switched off: {host}", host=host_of(forward.url))
    return Message(layout=(panel(embed),), name=clip(name, THREAD_NAME))


def token_made(name: str, text: str, public_url: str, topic: str) -> Embed:
    """The answer to the member who made a token. It has the token, which nobody sees again."""
    lines = [
        tr("Programs can read this server's stories with the token **{name}**:", name=escape_to(name, TOPIC)),
        f"```\n{text}\n```",
        tr(
            "It is shown only once. Anyone who has it can read the stories that this server can see, and nothing else."
        ),
        tr("A feed reader needs this address:"),
        f"```\n{public_url}/feeds/{topic}.atom?token={text}\n```",
    ]
    if not public_url:
        lines.append(
            tr("Put the web address of this bot before it. The person who runs the bot knows that address.")
        )
    return Embed(title=tr("Token created"), description="\n".join(lines), colour=GREY)


def token_line(name: str, user_id: int, created_at: datetime) -> str:
    """A token in a list. Markdown."""
    return tr(
        "• **{name}**, created by {member} {when}",
        name=escape_to(name, TOPIC),
        member=f"<@{user_id}>",
        when=relative(created_at),
    )
