"""A server's rules about words, what they did of late, and what they say of a prompt."""

from collections.abc import Iterator, Sequence

from bot.i18n import Words
from bot.markdown import plain
from bot.rules.verdicts import Finding, Verdict
from store.tables.moderation import PromptRule

SHOWN = 900
"""Of a prompt; the whole answer is one message."""


def rules(
    words: Words, rows: Sequence[PromptRule], counts: Sequence[tuple[str, str, int]]
) -> Iterator[str]:
    """Yield what was done in the last days, then a line for each rule."""
    yield words("rules_card.title", count=len(rows))
    for kind, action, times in counts:
        told = {"kind": _kind(words, kind), "action": words(f"rule_actions.{action}")}
        yield words("rules_card.count", **told, count=times)
    if not rows:
        yield words("rules_card.none")
    for row in rows:
        said = words(f"rule_actions.{row.action}")
        if row.replacement:
            said = words("rules_card.replaced", action=said, replacement=plain(row.replacement))
        key = "rules_card.rule_adult" if row.adult_only else "rules_card.rule"
        yield words(key, words=plain(row.words), action=said)


def verdict(words: Words, verdict: Verdict) -> Iterator[str]:
    """Yield what would become of a prompt here."""
    for found, action in ((verdict.blocked, "block"), (verdict.asked, "ask")):
        if found is not None:
            yield _found(words, found, action)
    if verdict.blocked is not None:
        return
    if verdict.is_spoiler:
        yield words("rules_card.hidden")
    if verdict.replaced:
        yield words("rules_card.reworded", prompt=plain(verdict.prompt, SHOWN))
    if not verdict.done:
        yield words("rules_card.free")


def _found(words: Words, found: Finding, action: str) -> str:
    told = {"kind": _kind(words, found.rule.kind), "words": plain(found.words)}
    return words("rules_card.found", **told, action=words(f"rule_actions.{action}"))


def _kind(words: Words, kind: str) -> str:
    return words.name(f"rule_kinds.{kind}", plain(kind))
