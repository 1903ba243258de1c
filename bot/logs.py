"""Where the bot's log lines go, discord.py's and the libraries' included; tokens are cut out."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

WEBHOOK = re.compile(r"(/(?:webhooks|interactions)/\d+/)[\w.~%-]+")
"""An interaction's token stands in the addresses it is used with."""


def set_up(level: str) -> None:
    """Send every log line to stderr as one format."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        without_tokens,
    ]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("discord.client").addFilter(_is_about_us)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    for name in ("bot", "store", "worker"):
        logging.getLogger(name).setLevel(level.upper())


def _is_about_us(record: logging.LogRecord) -> bool:
    # discord.py warns of missing voice libraries, which a bot that draws has no use for.
    return "voice will NOT be supported" not in record.getMessage()


def without_tokens(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Cut interaction tokens out of every text of a line, stack traces included."""
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = WEBHOOK.sub(r"\1…", value)
    return event
