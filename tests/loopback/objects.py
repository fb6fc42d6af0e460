"""Servers, channels and accounts, as Discord sends them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.domain.posting.face import WebhookKey

GUILD, CHANNEL, FORUM, BOT = 1000, 2000, 2001, 3000
OWNER = 1  # of all servers, who may do everything
WEBHOOK = WebhookKey(3001, "made-up-token-of-a-webhook")  # the bot's own in the channel
EPOCH_MS = 1_420_070_400_000  # Discord's ids count from here
LONG_AGO = "2026-01-01T00:00:00+00:00"
# View, send, embed links, history, threads: what an invitation asks for.
SEND_ALL = 1 << 10 | 1 << 11 | 1 << 14 | 1 << 16 | 1 << 38
MANAGE_ALL = (
    SEND_ALL | 1 << 13 | 1 << 29 | 1 << 34 | 1 << 35
)  # and messages, webhooks, threads, public threads

TEXT, DIRECT, ANNOUNCEMENT, PUBLIC_THREAD, FORUM_CHANNEL = 0, 1, 5, 11, 15


@dataclass(frozen=True, slots=True)
class GuildLayout:
    """A server: its id, the kinds of its channels by their ids, and what bots may do in it."""

    id: int
    channels: Mapping[int, int]
    permissions: int = SEND_ALL


SMALL = (GuildLayout(GUILD, {CHANNEL: TEXT, FORUM: FORUM_CHANNEL}),)


def large(guilds: int, channels: int, kind: int = TEXT) -> tuple[GuildLayout, ...]:
    """So many servers with so many channels each. Shards share the servers evenly, as Discord's ids make them."""
    return tuple(
        GuildLayout(guild << 22, {guild << 22 | number: kind for number in range(1, channels + 1)})
        for guild in range(1, guilds + 1)
    )


def user(number: int = BOT) -> dict[str, Any]:
    """The account of a bot."""
    return {
        "id": str(number),
        "username": "topicwire",
        "discriminator": "0",
        "avatar": None,
        "global_name": None,
        "public_flags": 0,
        "bot": True,
    }


def person(number: int) -> dict[str, Any]:
    """The account of somebody in a server."""
    return user(number) | {"username": f"reader-{number}", "bot": False}


def member(account: Mapping[str, Any], permissions: int | None = None) -> dict[str, Any]:
    """An account as the member of a server; with permissions where an interaction sends it."""
    shown = {} if permissions is None else {"permissions": str(permissions)}
    times = {"joined_at": LONG_AGO, "premium_since": None, "communication_disabled_until": None}
    look: dict[str, Any] = {
        "nick": None,
        "avatar": None,
        "roles": [],
        "deaf": False,
        "mute": False,
        "flags": 0,
    }
    return {"user": dict(account), "pending": False} | times | look | shown


def channel(number: int = CHANNEL, kind: int = TEXT, guild_id: int = GUILD) -> dict[str, Any]:
    """A text channel, or another kind."""
    return {
        "id": str(number),
        "type": kind,
        "guild_id": str(guild_id),
        "name": f"news-{number}",
        "position": 0,
        "permission_overwrites": [],
        "nsfw": False,
        "parent_id": None,
        "flags": 0,
    } | ({"available_tags": []} if kind == FORUM_CHANNEL else {})


def thread(opener: Mapping[str, Any], owner: int = BOT) -> dict[str, Any]:
    """The thread, or the post of a forum, that a message opens."""
    return {
        "id": opener["id"],
        "guild_id": opener["guild"],
        "parent_id": opener["in"],
        "owner_id": str(owner),
        "name": opener.get("name") or "post",
        "type": PUBLIC_THREAD,
        "message_count": 0,
        "member_count": 1,
        "thread_metadata": {
            "archived": False,
            "auto_archive_duration": 1440,
            "archive_timestamp": LONG_AGO,
            "locked": False,
        },
    }


def webhook(key: WebhookKey, channel_id: int, guild_id: int, owner: int = BOT) -> dict[str, Any]:
    """A webhook, as the application that made it sees it."""
    return {
        "id": str(key.id),
        "type": 1,
        "token": key.token,
        "channel_id": str(channel_id),
        "guild_id": str(guild_id),
        "application_id": str(owner),
        "user": user(owner),
        "name": "topicwire",
        "avatar": None,
    }


def application(number: int = BOT) -> dict[str, Any]:
    """The application of a bot."""
    return {
        "id": str(number), "name": "topicwire", "description": "", "icon": None, "flags": 0, "rpc_origins": [],
        "bot_public": True, "bot_require_code_grant": False, "verify_key": "", "owner": user(number), "team": None,
    }  # fmt: skip


def guild(layout: GuildLayout, bot: int = BOT) -> dict[str, Any]:
    """A server, as the gateway sends it to a bot in it."""
    role = {
        "id": str(layout.id),
        "name": "@everyone",
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "position": 0,
        "permissions": str(layout.permissions),
        "managed": False,
        "mentionable": False,
        "flags": 0,
    }
    return {
        "id": str(layout.id),
        "name": "Loopback",
        "owner_id": str(OWNER),
        "roles": [role],
        "emojis": [],
        "stickers": [],
        "features": [],
        "channels": [channel(number, kind, layout.id) for number, kind in layout.channels.items()],
        "threads": [],
        "members": [member(user(bot))],
        "voice_states": [],
        "presences": [],
        "stage_instances": [],
        "guild_scheduled_events": [],
        "soundboard_sounds": [],
        "member_count": 1,
        "large": False,
        "verification_level": 0,
        "default_message_notifications": 1,
        "explicit_content_filter": 0,
        "mfa_level": 0,
        "nsfw_level": 0,
        "premium_tier": 0,
        "preferred_locale": "en-US",
        "afk_timeout": 300,
        "system_channel_flags": 0,
    }
