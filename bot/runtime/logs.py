"""The log: one line per event, whatever text members, feeds or Discord send."""

from __future__ import annotations

import logging
import sys
from typing import Literal

from bot.domain.text.terminal import lines, one_line

FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"

# These log what is sent to a model and answered by it, addresses of webhooks, which contain their tokens, and what is stored.
SECRETIVE = (
    "httpcore2",
    "httpx2",
    "openai",
    "discord.http",
    "discord.webhook",
    "aiosqlite",
    "sqlalchemy.engine",
)


class Formatter(logging.Formatter):
    """Escapes characters that could forge a line or control a terminal, and indents tracebacks."""

    def __init__(self) -> None:
        super().__init__(FORMAT)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """The line of an event."""
        return one_line(super().formatMessage(record))

    def formatException(self, ei: object) -> str:  # noqa: N802 - logging's name
        """A traceback, which may quote text from outside."""
        text = super().formatException(ei)  # type: ignore[arg-type]  # passed on as it came
        return "\n".join(f"    {line}" for line in lines(text).splitlines())

    def formatStack(self, stack_info: str) -> str:  # noqa: N802 - logging's name
        """A stack, likewise."""
        return "\n".join(f"    {line}" for line in lines(stack_info).splitlines())


def json_formatter() -> logging.Formatter:
    """Makes each event one JSON object: `timestamp` (UTC), `level`, `logger` and `event`, with a traceback in
    `exception`, and with `exit_code` when the bot ends because of an error."""
    import structlog  # it imports rich and a highlighter of code as well, so only where a setting asks for it

    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.ExtraAdder(["exit_code"]),
            structlog.processors.TimeStamper(fmt="iso", utc=True),
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            # Without `ensure_ascii`, a text from outside could put characters into the log that control a terminal.
            structlog.processors.JSONRenderer(sort_keys=True, ensure_ascii=True),
        ],
    )


def configure(level: str, form: Literal["text", "json"] = "text") -> None:
    """Log to standard error, as lines of text or of JSON. At `info`, messages of libraries are left out."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(json_formatter() if form == "json" else Formatter())
    logging.basicConfig(level=level.upper(), handlers=[handler])
    for secretive in SECRETIVE:
        logging.getLogger(secretive).setLevel(logging.WARNING)
    if level == "info":
        for chatty in ("alembic", "apscheduler", "discord", "watchfiles"):
            logging.getLogger(chatty).setLevel(logging.WARNING)
        # It logs a traceback for each connection that it cannot reset; the error is reported where the connection was used.
        logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)
        # It warns about missing voice support; its other warnings are reported elsewhere.
        logging.getLogger("discord.client").setLevel(logging.ERROR)
