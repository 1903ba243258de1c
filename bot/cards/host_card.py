"""What the host is told: what is switched, the line, who draws, and the last deeds."""

from collections.abc import Iterator, Sequence

from bot.cards import deeds, order_card, settings_card
from bot.i18n import Words
from bot.markdown import plain
from store.host import workers
from store.host.overview import Overview
from store.tables.moderation import AuditEntry

MOST_LINES = 10
LONGEST = 1_900
REASON = 60


def status(words: Words, overview: Overview, done: str = "") -> str:
    """Return how everything goes; `done` says what the host has just done."""
    return "\n".join([*([done] if done else []), *_lines(words, overview)])[:LONGEST]


def _lines(words: Words, overview: Overview) -> Iterator[str]:
    yield words(f"flows.{overview.controls.flow.value}")
    if overview.controls.off:
        yield words("admin.off", variants=_names(words, sorted(overview.controls.off)))
    for name, line in sorted(overview.lines.items())[:MOST_LINES]:
        shown = _names(words, [name])
        yield words(
            "admin.line",
            variant=shown,
            waiting=line.waiting,
            drawing=line.drawing,
            time=order_card.about(words, line.oldest_s),
        )
    if not overview.workers:
        yield words("admin.nobody")
    for name, variants in sorted(overview.workers.items())[:MOST_LINES]:
        yield words("admin.worker", name=plain(name), variants=_tasks(words, variants))
    if overview.undelivered:
        yield words("admin.undelivered", count=overview.undelivered)
    if overview.vendor_usd:
        yield words("admin.money", dollars=f"{overview.vendor_usd:.2f}")
    for user_id, reason in overview.banned.items():
        key = "admin.banned_for" if reason else "admin.banned"
        yield words(key, user=user_id, reason=plain(reason, REASON))


def log(words: Words, entries: Sequence[AuditEntry], called: deeds.Called) -> str:
    """Return the last deeds, newest first."""
    if not entries:
        return words("admin.log_empty")
    return settings_card.fitted(deeds.line(words, entry, called) for entry in entries)


def _tasks(words: Words, names: Sequence[str]) -> str:
    """Say what a worker draws, and which bases it trains LoRAs for."""
    each = (
        words.short(f"variants.{name}", name) if workers.draws(name) else _training(words, name)
        for name in names
    )
    return words("list.comma").join(each)


def _training(words: Words, name: str) -> str:
    base = name.removeprefix(workers.TRAINS)
    return words("admin.trains", base=words.name(f"lora_bases.{base}", base))


def _names(words: Words, names: Sequence[str]) -> str:
    each = (words.short(f"variants.{name}", name) for name in names)
    return words("list.comma").join(each)
