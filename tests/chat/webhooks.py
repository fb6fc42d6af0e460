"""Webhooks as Discord has them: of the application that made them, with buttons, and with errors of their own.

simcord knows only webhooks of people, which cannot send buttons, and one error for a webhook that is gone and for a wrong token.
https://discord.com/developers/docs/resources/webhook
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import discord
import pytest
from simcord.backend import serializers
from simcord.backend.errors import BackendError, invalid_form_body, unknown_webhook
from simcord.backend.models import Message, Webhook
from simcord.env import Env
from simcord.http import router
from simcord.http.routes import channels, interactions

from bot.chat.application import PERMISSIONS
from tests.chat.world import World

MOST_WEBHOOKS = 15  # in a channel


class Webhooks:
    """The webhooks of a world: what stands of them, and what people do to them."""

    def __init__(self, world: World) -> None:
        self.world = world

    @property
    def made(self) -> list[Webhook]:
        """All that there are."""
        return list(self.world.env.backend.webhooks.values())

    @property
    def only(self) -> Webhook:
        """The one that there is."""
        (webhook,) = self.made
        return webhook

    def delete(self) -> None:
        """Somebody deletes the webhook in the settings of the channel."""
        self.world.env.backend.delete_webhook(self.only.id)

    def spoil(self) -> None:
        """The token is no longer the one that the bot knows."""
        backend, webhook = self.world.env.backend, self.only
        backend.webhook_tokens[f"{webhook.token}-new"] = backend.webhook_tokens.pop(webhook.token)
        webhook.token += "-new"

    def allow_bot(self, **more: bool) -> None:
        """Give the bot Manage Webhooks in the server, and `more`."""
        guild = self.world.env.backend.get_guild(self.world.guild.id)
        role = next(role for role in guild.roles.values() if role.managed)
        permissions = PERMISSIONS | discord.Permissions(manage_webhooks=True, **more)
        self.world.env.backend.edit_role(guild.id, role.id, {"permissions": permissions.value})

    def forbid_bot(self) -> None:
        """Take Manage Webhooks from the bot again."""
        guild = self.world.env.backend.get_guild(self.world.guild.id)
        role = next(role for role in guild.roles.values() if role.managed)
        self.world.env.backend.edit_role(guild.id, role.id, {"permissions": PERMISSIONS.value})

    def sends(self) -> list[Any]:
        """The requests to post a message through a webhook of the bot."""
        return [r for r in self.world.requests("POST", "/webhooks/*") if self._is_own(r.path)]

    def edits(self) -> list[Any]:
        """The requests to edit a message through one."""
        return [r for r in self.world.requests("PATCH", "/webhooks/*/messages/*") if self._is_own(r.path)]

    def _is_own(self, path: str) -> bool:
        return int(path.split("/")[2]) != self.world.env.backend.application_id


def as_on_discord(env: Env, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let simcord's webhooks be like Discord's."""
    backend = env.backend

    def is_own(webhook_id: int | None) -> bool:
        webhook = backend.webhooks.get(webhook_id or 0)
        return webhook is not None and webhook.creator_id == backend.bot_user.id

    plain_webhook: Callable[..., dict[str, Any]] = serializers.webhook_payload
    plain_message: Callable[..., dict[str, Any]] = serializers.message_payload
    plain_body = interactions._incoming_webhook_body
    own_messages: set[int] = set()  # they stay those of the application when their webhook is deleted

    def webhook_payload(state: Any, webhook: Webhook, **more: Any) -> dict[str, Any]:
        own = str(backend.application_id) if is_own(webhook.id) else None
        return plain_webhook(state, webhook, **more) | {"application_id": own}

    def message_payload(state: Any, message: Message, **more: Any) -> dict[str, Any]:
        payload = plain_message(state, message, **more)
        if is_own(message.webhook_id):
            own_messages.add(message.id)
        return payload | ({"application_id": str(backend.application_id)} if message.id in own_messages else {})

    def incoming_webhook(ctx: router.RequestContext) -> Webhook:
        webhook = backend.webhooks.get(ctx.int_arg("webhook_id"))
        if webhook is None:
            raise unknown_webhook()
        if webhook.token != ctx.args["token"]:
            raise BackendError(401, 50027, "Invalid Webhook Token")
        return webhook

    def incoming_webhook_body(ctx: router.RequestContext) -> tuple[dict[str, Any], bool]:
        body = dict(ctx.body())
        name = str(body.get("username", "x"))
        if any(word in name.lower() for word in ("discord", "clyde")) or not 0 < len(name) <= 80:
            error = {"code": "USERNAME_INVALID", "message": "Username cannot be that"}
            raise BackendError(400, 50035, "Invalid Form Body", errors={"username": {"_errors": [error]}})
        return (body, True) if is_own(ctx.int_arg("webhook_id")) else plain_body(ctx)

    def create(ctx: router.RequestContext) -> Any:
        there = [w for w in backend.webhooks.values() if w.channel_id == ctx.int_arg("channel_id")]
        if len(there) >= MOST_WEBHOOKS:
            raise BackendError(400, 30007, "Maximum number of webhooks reached (15)")
        if any(word in ctx.body()["name"].lower() for word in ("discord", "clyde")):
            raise invalid_form_body("name")
        return channels.create_webhook(ctx)

    def edit(ctx: router.RequestContext) -> Any:
        assert set(ctx.body()) == {"avatar"}
        return serializers.webhook_payload(backend, incoming_webhook(ctx), include_token=False)

    monkeypatch.setattr(serializers, "webhook_payload", webhook_payload)
    monkeypatch.setattr(serializers, "message_payload", message_payload)
    monkeypatch.setattr(interactions, "_incoming_webhook", incoming_webhook)
    monkeypatch.setattr(interactions, "_incoming_webhook_body", incoming_webhook_body)
    handlers = {channels.create_webhook: create, channels.edit_webhook_with_token: edit}
    routes = {
        method: [(template, handlers.get(handler, handler)) for template, handler in entries]
        for method, entries in router._ROUTES.items()
    }
    monkeypatch.setattr(router, "_ROUTES", routes)
