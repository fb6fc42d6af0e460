"""Files that members upload with a command."""

from __future__ import annotations

import aiohttp
import discord

from bot.errors import InvalidInputError
from bot.i18n import number, tr


async def content_of(attachment: discord.Attachment, most: int) -> bytes:
    """The bytes of an uploaded file. InvalidInputError if there are more than `most`, or Discord does not give them."""
    if attachment.size > most:
        raise InvalidInputError(tr("The file is larger than {most} bytes.", most=number(most)))
    try:
        return await attachment.read()
    except (discord.HTTPException, aiohttp.ClientError, OSError, TimeoutError) as error:
        raise InvalidInputError(tr("Discord did not give the file to the bot. Upload it again.")) from error
