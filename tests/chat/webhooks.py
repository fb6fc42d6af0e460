"""Webhooks as Discord has them: of the application that made them, with buttons, and with errors of their own.

simcord knows only webhooks of people, which cannot send buttons, and one error for a webhook that is gone and for a wrong token.
https://discord.com/developers/docs/resources/webhook
"""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

import discord
import pytest
from PIL import Image, UnidentifiedImageError
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
    rules = _Rules(env)
    monkeypatch.setattr(serializers, "webhook_payload", rules.webhook_payload)
    monkeypatch.setattr(serializers, "message_payload", rules.message_payload)
    monkeypatch.setattr(interactions, "_incoming_webhook", rules.webhook_of)
    monkeypatch.setattr(interactions, "_incoming_webhook_body", rules.body_of)
    monkeypatch.setattr(env.backend.cdn, "store_attachment", rules.store_attachment)
    handlers = {channels.create_webhook: rules.create, channels.edit_webhook: rules.edit}
    routes = {
        method: [(template, handlers.get(handler, handler)) for template, handler in entries]
        for method, entries in router._ROUTES.items()
    }
    monkeypatch.setattr(router, "_ROUTES", routes)


class _Rules:
    """What Discord does and simcord does not."""

    def __init__(self, env: Env) -> None:
        self._backend = env.backend
        self._webhook_payload: Callable[..., dict[str, Any]] = serializers.webhook_payload
        self._message_payload: Callable[..., Any] = serializers.message_payload
        self._body_of = interactions._incoming_webhook_body
        self._store_attachment: Callable[..., dict[str, Any]] = env.backend.cdn.store_attachment
        self._own_messages: set[int] = set()  # also after their webhook was deleted

    def _is_own(self, webhook_id: int | None) -> bool:
        webhook = self._backend.webhooks.get(webhook_id or 0)
        return webhook is not None and webhook.creator_id == self._backend.bot_user.id

    def webhook_payload(self, state: Any, webhook: Webhook, **more: Any) -> dict[str, Any]:
        """A webhook belongs to the application whose bot made it."""
        own = str(self._backend.application_id) if self._is_own(webhook.id) else None
        return self._webhook_payload(state, webhook, **more) | {"application_id": own}

    def message_payload(self, state: Any, message: Message, **more: Any) -> dict[str, Any]:
        """So do its messages."""
        if self._is_own(message.webhook_id):
            self._own_messages.add(message.id)
        own = (
            {"application_id": str(self._backend.application_id)} if message.id in self._own_messages else {}
        )
        return dict(self._message_payload(state, message, **more)) | own

    def webhook_of(self, ctx: router.RequestContext) -> Webhook:
        """A wrong token is another error than a webhook that is gone."""
        webhook = self._backend.webhooks.get(ctx.int_arg("webhook_id"))
        if webhook is None:
            raise unknown_webhook()
        if webhook.token != ctx.args["token"]:
            raise BackendError(401, 50027, "Invalid Webhook Token")
        return webhook

    def body_of(self, ctx: router.RequestContext) -> tuple[dict[str, Any], bool]:
        """Webhooks of the application send buttons. Some names are forbidden."""
        name = str(ctx.body().get("username", "x"))
        if _is_forbidden(name) or not 0 < len(name) <= 80:
            error = {"code": "USERNAME_INVALID", "message": "Username cannot be that"}
            raise BackendError(400, 50035, "Invalid Form Body", errors={"username": {"_errors": [error]}})
        return (dict(ctx.body()), True) if self._is_own(ctx.int_arg("webhook_id")) else self._body_of(ctx)

    def create(self, ctx: router.RequestContext) -> Any:
        """A channel has a limited number of them."""
        there = [w for w in self._backend.webhooks.values() if w.channel_id == ctx.int_arg("channel_id")]
        if len(there) >= MOST_WEBHOOKS:
            raise BackendError(400, 30007, "Maximum number of webhooks reached (15)")
        if _is_forbidden(ctx.body()["name"]):
            raise invalid_form_body("name")
        return channels.create_webhook(ctx)

    def edit(self, ctx: router.RequestContext) -> Any:
        """The picture can be changed."""
        assert set(ctx.body()) == {"avatar"}
        webhook = self._backend.get_webhook(ctx.int_arg("webhook_id"))
        ctx.require_channel_permissions(webhook.channel_id, "manage_webhooks")
        return serializers.webhook_payload(self._backend, webhook)

    def store_attachment(self, *upload: Any) -> dict[str, Any]:
        """A picture has a width and a height."""
        stored = self._store_attachment(*upload)
        try:
            width, height = Image.open(BytesIO(upload[3])).size
        except UnidentifiedImageError:
            return stored
        return stored | {"width": width, "height": height}


def _is_forbidden(name: str) -> bool:
    return any(word in name.lower() for word in ("discord", "clyde"))
