"""Whether a picture comes with a word about what its variant knows: once, to who asked for more.

It is a courtesy: it must never hold up or fail a delivery. It knows no card.
"""

from dataclasses import dataclass

import structlog
from sqlalchemy.orm import Session

from engine.variants.catalog import Catalog
from engine.variants.vocabulary import Vocabulary
from store.orders import searches
from store.tables.orders import Generation

LOOKS_BACK = 30
"""Orders; who has asked for known things that often since may hear it again."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Hint:
    """What `variant` knows, and the name of one here that knows more, if there is any."""

    variant: str
    vocabulary: Vocabulary
    other: str | None


def find(session: Session, generation: Generation, catalog: Catalog) -> Hint | None:
    """Return the hint for an order that says what its variant does not know, if it is the first.

    A LoRA may know it: with one there is none.
    """
    try:
        return _find(session, generation, catalog)
    except Exception as error:
        log.warning("hint left out", order=generation.id, error=repr(error), exc_info=error)
        return None


def _find(session: Session, generation: Generation, catalog: Catalog) -> Hint | None:
    if generation.status != "done" or generation.variant not in catalog.names:
        return None
    vocabulary = catalog[generation.variant].vocabulary
    request = generation.request
    if vocabulary is None or request.get("loras") or vocabulary.knows(request["prompt"]):
        return None
    # A savepoint: on PostgreSQL a failing statement spoils the transaction that delivery needs.
    with session.begin_nested():
        before = searches.prompts_before(session, generation, limit=LOOKS_BACK)
    if not all(vocabulary.knows(prompt) for prompt in before):
        return None
    return Hint(generation.variant, vocabulary, _other(catalog))


def _other(catalog: Catalog) -> str | None:
    return next((name for name in catalog.names if catalog[name].vocabulary is None), None)
