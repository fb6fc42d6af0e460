"""The texts about names and pictures of posts. They are Markdown."""

from __future__ import annotations

from bot.domain.posting.face import Face
from bot.i18n import tr
from bot.messages.message import escape


def face_text(place: str, face: Face, *, cannot_publish: bool = False) -> str:
    """How posts of a channel appear. `place` is its mention, `cannot_publish`: publishing its posts lacks a permission."""
    lines = [_named(place, face), _pictured(face)]
    if cannot_publish:
        needs = tr(
            "Publishing such posts to followers needs the permission Manage Messages. Give it to the bot in the channel."
        )
        lines.append(f"⚠️ {needs}")
    return "\n".join(lines)


def _named(place: str, face: Face) -> str:
    if face.name:
        return tr("New posts in {channel} appear as **{name}**.", channel=place, name=escape(face.name))
    return tr("New posts in {channel} appear under the name of their topic.", channel=place)


def _pictured(face: Face) -> str:
    if face.avatar_url or face.has_picture:
        return tr("They have the picture that you chose. Older posts stay as they are.")
    return tr("They have the picture of the bot. Older posts stay as they are.")


def ended_text(place: str) -> str:
    """What follows when posts have the bot's name again."""
    return tr(
        "New posts in {channel} have the name and picture of the bot again, and its webhook is deleted. Posts that the webhook made "
        "stay as they are now, because nobody else can update them.",
        channel=place,
    )


def lost_text() -> str:
    """Why posts have the bot's name although another was chosen."""
    return tr(
        "Somebody deleted or moved the bot's webhook, so new posts have the name of the bot, and posts that the webhook made are no longer updated. "
        "`/appearance face` makes a new one."
    )
