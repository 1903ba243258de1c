"""Where every process's log lines go, the libraries' included; Discord's tokens are cut out."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog
from structlog.typing import Processor

ADDRESS = re.compile(r"(/(?:webhooks|interactions)/\d+/)[\w.~%-]+")
"""An interaction's token stands in the addresses it is used with."""
OURS = ("bot", "worker", "store", "engine")
NEEDLESS = "voice will NOT be supported"
"""discord.py misses voice libraries, which a bot that draws has no use for."""


def configure(level: str, style: str = "text", *observers: Processor) -> None:
    """Send our lines from `level`, and libraries' warnings, to standard error, one line each.

    `style` is text, or json for machines. `observers` see each line of ours, whatever its level.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        without_tokens,
    ]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            *observers,
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(lambda record: NEEDLESS not in record.getMessage())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _renderer(style),
            ],
        )
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name in OURS:
        logging.getLogger(name).setLevel(level.upper())


def _renderer(style: str) -> Processor:
    if style == "json":
        return structlog.processors.JSONRenderer(ensure_ascii=False)
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())


def without_tokens(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Cut interaction tokens out of every text of a line, stack traces included."""
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = ADDRESS.sub(r"\1…", value)
    return event
