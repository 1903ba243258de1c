"""A wish whose prompt a language model writes out, where the member asked for that."""

from dataclasses import replace
from typing import TYPE_CHECKING

from bot.services import Services

if TYPE_CHECKING:
    from bot.orders.placing import Wish

OWN_SHOWN = 300
"""Characters of a member's own words, beside the prompt that was made of them."""
COMMA = ", "
"""Between the triggers of LoRAs in a prompt, and in the remark that names them."""
UNREAD = ("reading", "writing")
"""What was remarked on the member's own words, and is not so of the ones that are drawn."""


async def written(services: Services, wished: "Wish") -> "Wish":
    """Return the wish with its prompt written out, or as it is where that fails; both are told."""
    asked = wished.request
    variant = services.catalog[asked.variant]
    triggers = str(wished.remarks.get("triggers", {}).get("triggers", ""))
    prompt = None
    if services.writer is not None:
        limit = variant.prompt_limit - len(triggers) - len(COMMA)
        prompt = await services.writer.written(asked.prompt, variant.languages, limit)
    if prompt is None:
        return replace(wished, polish=False, remarks={**wished.remarks, "unpolished": {}})
    said = {"polished": {"prompt": asked.prompt[:OWN_SHOWN]}}
    # Without its triggers a LoRA shows little, and a writer takes them for nonsense.
    lost = [one for one in triggers.split(COMMA) if one and one.casefold() not in prompt.casefold()]
    request = replace(asked, prompt=COMMA.join([prompt, *lost]))
    kept = {code: one for code, one in wished.remarks.items() if code not in UNREAD}
    return replace(wished, polish=False, request=request, remarks={**kept, **said})
