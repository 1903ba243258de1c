"""A deed of the audit log as a line in the reader's words: who did what to whom, and with what.

The log keeps the act, as in `settings.rules.add`, and the options under their English names.
"""

from collections.abc import Callable, Iterator, Mapping

from bot.i18n import Words
from bot.markdown import plain
from store.moderation import audit
from store.tables.moderation import AuditEntry

SHOWN = 60
NO_PLAN = "-"
"""The choice that takes a role's plan away; no table of plans.toml is named so."""
MENTIONS = {"channel": "<#{}>", "role": "<@&{}>"}
"""What Discord shows a name for."""
NAMES = {
    "action": "settings_rules_add.action",
    "allowed": "settings_channel_use.said",
    "broadcast": "recipe.id",
    "channel": "settings_channel.channel",
    "credits": "gift.credits",
    "days": "settings_retention.days",
    "dollars": "settings_budget.dollars",
    "everywhere": "settings_channel.everywhere",
    "hearts": "settings_showcase.votes",
    "hours": "audit.hours",
    "length": "audit.length",
    "member": "gift.member",
    "name": "presets.called",
    "not-where-adult": "settings_rules_add.adult_only",
    "number": "settings_plan.number",
    "on": "settings_slow_lane.on",
    "picture": "audit.picture",
    "plan": "settings_role.plan",
    "replacement": "settings_rules_add.replacement",
    "role": "settings_role.role",
    "seconds": "settings_channel_slow.seconds",
    "server": "audit.server",
    "size": "imagine.size",
    "text": "settings_reports_appeals.text",
    "value": "settings_plan.value",
    "variant": "imagine.variant",
    "what": "admin_requeue.what",
    "words": "settings_rules_add.words",
    "zone": "settings_zone.zone",
}
"""The word for each detail that a deed may have."""
CHOICES = {
    "action": "rule_actions.",
    "allowed": "settings_channel.said_",
    "number": "plan_numbers.",
    "on": "settings_channel.said_",
    "plan": "plans.",
    "size": "sizes.",
    "variant": "variants.",
}
"""Where the choices of a detail have their names."""


Called = Callable[[int], str]
"""What a server is called, by its id."""


def line(words: Words, entry: AuditEntry, called: Called = str) -> str:
    """Return an entry of the log as one line."""
    return f"- {' · '.join(_parts(words, entry, called))}"


def done(words: Words, entry: AuditEntry, called: Called = str) -> str:
    """Return an entry as the answer to whoever has just done it."""
    return f"✅ {' · '.join(_deed(words, entry, called))}"


def _parts(words: Words, entry: AuditEntry, called: Called) -> Iterator[str]:
    yield f"<t:{entry.created_at // 1000}:f>"
    yield f"<@{entry.actor_id}>" if entry.actor_id != audit.HOST else words("audit.bot")
    yield from _deed(words, entry, called)


def _deed(words: Words, entry: AuditEntry, called: Called) -> Iterator[str]:
    # One that another version wrote has no words here.
    act = words.name(f"audit_acts.{entry.action}", f"`{plain(entry.action)}`")
    yield f"{act} → <@{entry.target_id}>" if entry.target_id else act
    if entry.generation_id:
        yield f"`{entry.generation_id}`"
    if told := _details(words, entry.details or {}, called):
        yield told


def _details(words: Words, told: Mapping[str, object], called: Called) -> str:
    said = (
        words("recipe.line", name=_name(words, name), value=_value(words, name, value, called))
        for name, value in told.items()
    )
    return words("list.comma").join(said)


def _name(words: Words, name: str) -> str:
    return words(NAMES[name]) if name in NAMES else plain(name, SHOWN)


def _value(words: Words, name: str, value: object, called: Called) -> str:
    if isinstance(value, bool):
        return words("kept.yes" if value else "kept.no")
    if isinstance(value, float):
        return f"{value:.10g}"
    if name in MENTIONS and str(value).isdecimal():
        return MENTIONS[name].format(value)
    if name == "server" and str(value).isdecimal():
        return plain(called(int(str(value))), SHOWN)
    if (name, value) == ("plan", NO_PLAN):
        return words("settings.no_plan")
    shown = words.name(f"{CHOICES[name]}{value}", "") if name in CHOICES else ""
    # What follows the dot describes the variant.
    return plain(shown.partition(" · ")[0] or str(value), SHOWN)
