"""An order drawn again: with its own seeds, or with new ones."""

from sqlalchemy.orm import Session

from bot.answers import Press
from bot.loras import wearing
from bot.orders import placing
from bot.orders.placing import Wish
from bot.servers import sight
from bot.services import Services
from engine.request import GenerationRequest


async def again(services: Services, interaction: Press, generation_id: str, nth: int = 0) -> None:
    """Order the same with the same seeds; where a variant knows none, with new ones.

    Of one picture, `nth` from 1, or of all.
    """

    def wish(session: Session) -> Wish:
        parent = sight.read(session, interaction, generation_id)
        asked = services.reader.alone(GenerationRequest.from_json(parent.request), nth)
        request = services.reader.repeated(asked)
        digest = services.catalog[request.variant].digest
        drawn_by = {(image.recipe or {}).get("variant_digest", digest) for image in parent.images}
        notes = () if drawn_by == {digest} else ("waiting.model_changed",)
        said = wearing.carried(parent)
        return Wish(request=request, parent=parent, notes=notes, remarks=said)

    await placing.submit(services, interaction, lambda: services.database.run(wish))


async def new(services: Services, interaction: Press, generation_id: str, nth: int = 0) -> None:
    """Order the same with new seeds: as many pictures, or one for picture `nth`."""

    def wish(session: Session) -> Wish:
        parent = sight.read(session, interaction, generation_id)
        asked = services.reader.alone(GenerationRequest.from_json(parent.request), nth)
        request = services.reader.rerolled(asked)
        return Wish(request=request, parent=parent, remarks=wearing.carried(parent))

    await placing.submit(services, interaction, lambda: services.database.run(wish))
