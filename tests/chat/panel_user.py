"""Somebody who clicks in the setup panel."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from simcord.builders import ChannelHandle, RoleHandle
from simcord.results import InteractionResult, ResponseMessage

from tests.chat.world import Seen, World, message_of
from tests.shown import plain


def parts(message: Seen) -> Iterator[dict[str, Any]]:
    """All components of a message, those inside of others too."""

    def walk(components: Any) -> Iterator[dict[str, Any]]:
        for part in components:
            yield part
            yield from walk(part.get("components") or ())

    yield from walk([part.to_dict() for part in message_of(message).components])


def text_of(message: Seen) -> str:
    """All text of a message made of components, as people read it."""
    return plain("\n".join(part["content"] for part in parts(message) if part["type"] == 10))


class PanelUser:
    """Somebody who clicks in a panel. `panel` is the panel as it is shown now."""

    def __init__(self, world: World, panel: ResponseMessage) -> None:
        self.world = world
        self.panel = panel

    @classmethod
    async def opens(cls, world: World) -> PanelUser:
        """Use /setup."""
        return cls(world, await world.ask("setup"))

    @property
    def text(self) -> str:
        """What the panel says."""
        return text_of(self.panel)

    def labels(self) -> list[str]:
        """What stands on the buttons that can be pressed."""
        return [part["label"] for part in parts(self.panel) if part["type"] == 2 and not part.get("disabled")]

    def options(self, name: str) -> dict[str, bool]:
        """The options of a menu: whether each is chosen."""
        [menu] = [part for part in parts(self.panel) if part.get("custom_id") == f"panel:{name}"]
        return {option["value"]: option.get("default", False) for option in menu["options"]}

    async def presses(self, label: str) -> InteractionResult:
        """Press a button."""
        return self._seen(await self.world.manager.click(self.panel.message, label=label))

    async def chooses(self, name: str, *values: str | ChannelHandle | RoleHandle) -> InteractionResult:
        """Choose in a menu."""
        shown = self.panel.message
        return self._seen(await self.world.manager.select(shown, values, custom_id=f"panel:{name}"))

    async def types(self, label: str, **values: str) -> InteractionResult:
        """Press a button that opens a form, and send it."""
        form = await self.world.manager.click(self.panel.message, label=label)
        assert form.modal is not None
        return self._seen(await self.world.manager.submit_modal(form, values))

    def _seen(self, result: InteractionResult) -> InteractionResult:
        self.panel = ResponseMessage(
            self.world.env, self.world.env.backend.get_message(self.panel.channel_id, self.panel.id)
        )
        return result
