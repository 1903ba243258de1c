"""All that a server has chosen, as lines for a phone."""

from collections.abc import Iterator

from bot.i18n import Words
from bot.markdown import plain
from store.plans import Plans, dollars
from store.servers import NUMBERS, Server

LIMIT = 2000
"""Discord's limit for a text."""


def lines(words: Words, server: Server, defaults: Plans, *, shows_money: bool) -> Iterator[str]:
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
        yield words("settings.budget", dollars=dollars(server.daily_micros))
    for role, plan in server.role_plans.items():
        yield words("settings.role", role=role, plan=_plan(words, plan))
    yield from _numbers(words, server, defaults)


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
