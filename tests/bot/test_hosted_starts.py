"""What the bot makes of a member's pictures is what the vendor's endpoints take."""

from dataclasses import replace
from typing import Any

import pytest
from PIL import Image

from bot.wishes import starts
from bot.wishes.canvases import Margins
from engine.pictures.inputs import opened
from engine.pictures.uploads import Upload
from engine.request import GenerationRequest
from engine.variants.catalog import Catalog
from engine.vendor.body import body
from tests.engine.vendor.fake_vendor import broken_rules, drawn_size


@pytest.mark.parametrize("size", [(128, 128), (1000, 333), (333, 1000), (3000, 2000)])
@pytest.mark.parametrize(
    "margins",
    [
        Margins(left=0.5),
        Margins(top=0.25, bottom=0.25),
        Margins(left=0.1, top=0.2, right=0.3, bottom=0.4),
        Margins(right=1 / 3),
    ],
)
@pytest.mark.parametrize("name", ["bfl-flux1-expand", "bfl-flux1-fill"])
def test_what_is_to_be_expanded_can_be_sent(
    name: str, margins: Margins, size: tuple[int, int]
) -> None:
    variant = Catalog.load([name]).default
    assert variant.vendor
    picture = Upload(Image.linear_gradient("L").resize(size).convert("RGB"), None)
    start = starts.expand(variant, picture, margins)
    values: dict[str, Any] = {
        "variant": name,
        "prompt": "more of it",
        "negative": "",
        "width": start.size[0],
        "height": start.size[1],
        "steps": variant.steps.default,
        "guidance": variant.guidance.default,
        "seeds": (7,),
    }
    wish = GenerationRequest(
        **values, canvas=start.canvas, mask=start.mask, strength=start.strength
    )
    variant.check(wish)
    inputs = opened(wish, start.files)
    sent = dict(body(variant, variant.vendor, wish.image(0), inputs))
    assert broken_rules(variant.weights.source, sent) == []
    assert drawn_size(sent) == start.size
    # The same order in another size, as a remix asks for it.
    other = replace(wish, width=832, height=1248)
    sent = dict(body(variant, variant.vendor, other.image(0), opened(other, start.files)))
    assert drawn_size(sent) == (832, 1248)
