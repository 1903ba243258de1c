"""Holds an order to the host's and the server's rules about words, before anything is charged.

What a rule says is counted by its kind; whose words they were is told to the member alone.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from bot.errors import PromptBlocked, PromptBlockedHere, PromptDoubtful, PromptForbidden
from bot.rules.loading import MINORS
from bot.rules.verdicts import Finding, Verdict
from bot.services import Services
from engine.request import GenerationRequest
from store.choices import prompt_rules
from store.choices.channels import Place

if TYPE_CHECKING:
    from bot.orders.placing import Wish

WORDS_SHOWN = 60


async def ruled(services: Services, here: Place, wished: "Wish") -> "Wish":
    """Return the wish as the rules let it be.

    Raises PromptForbidden, PromptBlocked, PromptDoubtful or StoreUnavailable.
    """
    named = str(wished.remarks.get("loras", {}).get("named", ""))
    request = wished.request
    verdict = await verdict_on(services, here, request.prompt, request.negative, named)
    if verdict.done and not (wished.vouched or wished.confirmed):
        day = services.now().date().isoformat()
        await services.database.run(prompt_rules.count, here.guild_id, day, verdict.done)
    if verdict.blocked:
        raise _refusal(verdict.blocked)
    if verdict.asked and not wished.vouched:
        raise PromptDoubtful(**_told(verdict.asked))
    return replace(
        wished,
        request=_reworded(services, wished.request, verdict),
        remarks={**wished.remarks, **({"reworded": {}} if verdict.replaced else {})},
        spoiler=wished.spoiler or verdict.is_spoiler,
    )


async def verdict_on(
    services: Services, here: Place, prompt: str, negative: str = "", beside: str = ""
) -> Verdict:
    """Return what the rules of a place say. Raises StoreUnavailable."""
    books = [services.rules, await services.rulebooks.of(services.database, here.guild_id)]
    is_restricted = here.is_age_restricted is True
    return Verdict.of(books, prompt, negative, beside=beside, age_restricted=is_restricted)


def require_allowed(verdict: Verdict) -> None:
    """Raise PromptForbidden or PromptBlocked where a text is not drawn here."""
    if verdict.blocked:
        raise _refusal(verdict.blocked)


def _reworded(
    services: Services, request: GenerationRequest, verdict: Verdict
) -> GenerationRequest:
    if not verdict.replaced:
        return request
    reworded = replace(request, prompt=verdict.prompt, negative=verdict.negative)
    return services.reader.repeated(reworded)


def _refusal(found: Finding) -> Exception:
    if found.rule.kind == MINORS:
        return PromptForbidden(**_told(found))
    kind = PromptBlockedHere if found.rule.adult_only else PromptBlocked
    return kind(**_told(found))


def _told(found: Finding) -> Mapping[str, str]:
    return {"rule_kind": found.rule.kind, "words": found.words[:WORDS_SHOWN]}
