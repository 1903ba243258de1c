"""An order drawn again: with its own seeds, or with new ones."""

from sqlalchemy.orm import Session

from bot.answers import Press
from bot.orders import placing
from bot.orders.placing import Wish
from bot.services import Services
from engine.request import GenerationRequest
from store import generations


async def again(services: Services, interaction: Press, generation_id: str) -> None:
    """Order the same with the same seeds; where a variant knows none, with new ones."""

    def wish(session: Session) -> Wish:
        parent = generations.get(session, generation_id)
        request = services.reader.repeated(GenerationRequest.from_json(parent.request))
        digest = services.catalog[request.variant].digest
        drawn_by = {(image.recipe or {}).get("variant_digest", digest) for image in parent.images}
        notes = () if drawn_by == {digest} else ("waiting.model_changed",)
        return Wish(request=request, parent=parent, notes=notes)

    await placing.submit(services, interaction, lambda: services.database.run(wish))


async def new(services: Services, interaction: Press, generation_id: str) -> None:
    """Order the same with new seeds."""

    def wish(session: Session) -> Wish:
        parent = generations.get(session, generation_id)
        request = services.reader.rerolled(GenerationRequest.from_json(parent.request))
        return Wish(request=request, parent=parent)

    await placing.submit(services, interaction, lambda: services.database.run(wish))
