"""All that a server has chosen, as lines for a phone."""

from collections.abc import Iterable, Iterator

from bot.i18n import Words
from bot.markdown import plain
from store.choices.channels import SERVER
from store.choices.servers import NUMBERS, Server
from store.money.plans import Plans, dollars
from store.tables.servers import Channel

APPEALS_SHOWN = 200
LIMIT = 2000
"""Discord's limit for a text."""


def lines(
    words: Words,
    server: Server,
    rows: Iterable[Channel],
    defaults: Plans,
    *,
    shows_money: bool,
) -> Iterator[str]:
    """Yield a line for each setting; plans only where they differ from `defaults`."""
    yield words("settings.title")
    yield words("settings.time_zone", zone=server.zone.key, time=f"{server.now:%H:%M}")
    if server.next_zone and server.zone_changes_at:
        at = server.zone_changes_at
        yield words("settings.next_zone", zone=server.next_zone.key, at=at)
    yield words("settings.slow_lane_on" if server.slow_lane else "settings.slow_lane_off")
    if server.checkin_credits:
        yield words("settings.checkin_on", credits=server.checkin_credits)
    else:
        yield words("settings.checkin_off")
    if shows_money:
        key = "settings.budget" if server.daily_micros else "settings.budget_none"
        yield words(key, dollars=dollars(server.daily_micros))
    for role, plan in server.role_plans.items():
        yield words("settings.role", role=role, plan=_plan(words, plan))
    yield from _numbers(words, server, defaults)
    if server.showcase_channel_id:
        told = {"channel": server.showcase_channel_id, "votes": server.showcase_votes}
        yield words("settings.showcase_on", **told)
    else:
        yield words("settings.showcase_off")
    yield from _care(words, server)
    yield from _places(words, rows)


def _care(words: Words, server: Server) -> Iterator[str]:
    """Yield who reads reports, how long orders are kept, and what is said of appeals."""
    if server.reports_channel_id:
        yield words("settings.reports_on", channel=server.reports_channel_id)
    else:
        yield words("settings.reports_off")
    if server.retention_days:
        yield words("settings.retention_on", days=server.retention_days)
    else:
        yield words("settings.retention_off")
    if server.appeals:
        yield words("settings.appeals", appeals=plain(server.appeals, APPEALS_SHOWN))


def places(words: Words, rows: Iterable[Channel]) -> Iterator[str]:
    """Yield a line for each channel of which something is chosen."""
    said = list(_places(words, rows))
    yield words("settings.places")
    yield from said or [words("settings.places_none")]


def fitted(said: Iterable[str], limit: int = LIMIT) -> str:
    """Return as many whole lines as Discord takes in one text, or as a card has room for."""
    text = ""
    for line in said:
        if len(text) + len(line) + len("\n…") > limit:
            return f"{text}…"
        text += f"{line}\n"
    return text.rstrip()


def _places(words: Words, rows: Iterable[Channel]) -> Iterator[str]:
    for row in rows:
        if said := list(_chosen(words, row)):
            where = f"<#{row.channel_id}>"
            if row.channel_id == SERVER:
                where = words("settings.everywhere")
            yield words("settings.place", where=where, said=" · ".join(said))


def _chosen(words: Words, row: Channel) -> Iterator[str]:
    for name in ("is_open", "quiet", "spoiler"):
        if (on := getattr(row, name)) is not None:
            yield words(f"settings.{name}_{'on' if on else 'off'}")
    for variant, may in sorted((row.variants or {}).items()):
        yield words(f"settings.variant_{'on' if may else 'off'}", variant=_variant(words, variant))
    if row.variant:
        yield words("settings.usual_variant", variant=_variant(words, row.variant))
    if row.size:
        yield words("settings.usual_size", size=plain(words.name(f"sizes.{row.size}", row.size)))
    if row.slow_s is not None:
        yield (
            words("settings.slow_on", seconds=row.slow_s)
            if row.slow_s
            else words("settings.slow_off")
        )


def _variant(words: Words, name: str) -> str:
    # A phone shows the start; what follows the dot describes the model.
    return plain(words.short(f"variants.{name}", name))


def _numbers(words: Words, server: Server, defaults: Plans) -> Iterator[str]:
    for plan in server.plans.plans:
        usual = defaults.named(plan.name)
        for name in NUMBERS:
            if (value := getattr(plan, name)) != getattr(usual, name):
                number = words(f"plan_numbers.{name}")
                said = {"plan": _plan(words, plan.name), "number": number, "value": value}
                yield words("settings.number", **said)


def _plan(words: Words, name: str) -> str:
    return plain(words.name(f"plans.{name}", name))
