"""An order drawn again: with its own seeds, or with new ones."""

from sqlalchemy.orm import Session

from bot.answers import Press
from bot.cards import remarks
from bot.cards.remarks import Remarks
from bot.delivery import reruns
from bot.delivery.reruns import Comparison
from bot.loras import wearing
from bot.orders import placing
from bot.orders.placing import Wish
from bot.servers import sight
from bot.services import Services
from engine.request import GenerationRequest
from store.host import workers
from store.tables.orders import Generation


async def again(services: Services, interaction: Press, generation_id: str, nth: int = 0) -> None:
    """Order the same with the same seeds; where a variant knows none, with new ones.

    Of one picture, `nth` from 1, or of all.
    """

    def wish(session: Session) -> Wish:
        parent = sight.read(session, interaction, generation_id)
        asked = services.reader.alone(GenerationRequest.from_json(parent.request), nth)
        request = services.reader.repeated(asked)
        expected = _foretold(session, services, parent, asked)
        notes = ("waiting.identical",) if expected is Comparison.IDENTICAL else ()
        said = _said(parent)
        differs = expected.value if expected and not notes else ""
        return Wish(request=request, parent=parent, notes=notes, remarks=said, differs=differs)

    await placing.submit(services, interaction, lambda: services.database.read(wish))


def _said(parent: Generation) -> Remarks:
    return {**wearing.carried(parent), **remarks.repeated(parent.remarks or {})}


def _foretold(
    session: Session, services: Services, parent: Generation, asked: GenerationRequest
) -> Comparison | None:
    """Return how what is drawn again will compare with those pictures, as far as workers tell."""
    variant = services.catalog[asked.variant]
    drawn = [
        image for image in parent.images if image.pixel_sha256 and image.seed in set(asked.seeds)
    ]
    if not variant.seeds or variant.vendor:
        return None
    if any((image.recipe or {}).get("variant_digest") != variant.digest for image in drawn):
        return Comparison.MODEL
    return reruns.foretold(drawn, workers.means(session, variant.name))


async def new(services: Services, interaction: Press, generation_id: str, nth: int = 0) -> None:
    """Order the same with new seeds: as many pictures, or one for picture `nth`."""

    def wish(session: Session) -> Wish:
        parent = sight.read(session, interaction, generation_id)
        asked = services.reader.alone(GenerationRequest.from_json(parent.request), nth)
        request = services.reader.rerolled(asked)
        return Wish(request=request, parent=parent, remarks=_said(parent))

    await placing.submit(services, interaction, lambda: services.database.read(wish))
