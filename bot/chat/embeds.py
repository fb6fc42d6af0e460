"""Converts answers to discord.py's embeds."""

from __future__ import annotations

from datetime import datetime

import discord

from bot.messages.message import Embed


def to_embed(embed: Embed) -> discord.Embed:
    """An embed as a discord.py embed."""
    converted = discord.Embed(
        title=embed.title or None,
        url=embed.url or None,
        description=embed.description or None,
        colour=embed.colour,
        timestamp=datetime.fromisoformat(embed.timestamp) if embed.timestamp else None,
    )
    if embed.author:
        converted.set_author(name=embed.author)
    if embed.image:
        converted.set_image(url=embed.image)
    if embed.footer:
        converted.set_footer(text=embed.footer)
    for field in embed.fields:
        converted.add_field(name=field.name, value=field.value, inline=False)
    return converted
