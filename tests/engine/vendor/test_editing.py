"""Pictures that start from pictures, drawn by the vendor: what is sent, kept, paid and told."""

import asyncio
import base64
import hashlib
import io
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict, replace
from decimal import Decimal
from typing import Any

import pytest
import structlog
from PIL import Image, ImageDraw

from engine import errors
from engine.drawing.picture import Step
from engine.engine import Engine
from engine.pictures.images import to_png
from engine.request import GenerationRequest, ImageRequest
from engine.variants.catalog import VARIANTS, Catalog, Variant
from engine.vendor.connection import Connection
from engine.vendor.errors import VendorRefusedPicture, VendorRejected
from tests.engine.recipes import inside
from tests.engine.vendor.conftest import FastClock, make_client
from tests.engine.vendor.fake_vendor import KEY, FakeVendor, picture, png, says

HOSTED = sorted(path.stem for path in VARIANTS.glob("bfl-*.toml"))
SIZE = (256, 320)
VENDORS = (7, 40, 90)
"""What the fake vendor draws with seed 7."""
KEPT = (64, 0, 192, 320)
"""What the mask keeps of the canvas, and the vendor's own edge in it."""


@pytest.fixture
async def hosted(vendor: FakeVendor, clock: FastClock) -> AsyncIterator[Engine]:
    connection = Connection(lambda: make_client(vendor, clock), tick_s=0.02)
    yield Engine(device="cpu", vendor=connection)
    await asyncio.to_thread(connection.close)


class Order:
    """A variant, a request that starts from pictures, and their files."""

    def __init__(self, name: str, size: tuple[int, int] | None = None, **pictures: Any) -> None:
        self.variant: Variant = Catalog.load([name]).default
        width, height = size or self.variant.sizes.default
        self.files: dict[str, bytes] = {}
        named = {
            role: tuple(map(self._keep, given)) if role == "references" else self._keep(given)
            for role, given in pictures.items()
        }
        self.request = ImageRequest(
            variant=name,
            prompt="a 熊猫",
            negative="",
            width=width,
            height=height,
            steps=self.variant.steps.default,
            guidance=self.variant.guidance.default,
            seed=7,
            **named,
        )

    def _keep(self, image: Image.Image) -> str:
        content = to_png(image)
        digest = hashlib.sha256(content).hexdigest()
        self.files[digest] = content
        return digest

    async def draw(self, engine: Engine, **changes: Any) -> Any:
        request = replace(self.request, **changes)
        return await asyncio.to_thread(engine.draw, self.variant, request, files=self.files)


def canvas() -> Image.Image:
    return Image.linear_gradient("L").resize(SIZE).convert("RGB")


def mask() -> Image.Image:
    drawn = Image.new("L", SIZE, 255)
    ImageDraw.Draw(drawn).rectangle((KEPT[0], KEPT[1], KEPT[2] - 1, KEPT[3] - 1), fill=0)
    return drawn


def pixels(drawn: Any) -> Image.Image:
    return Image.open(io.BytesIO(drawn.png)).convert("RGB")


TWO = (Image.new("RGB", (100, 80), "red"), Image.new("RGB", (640, 70), "blue"))
EDITS: Mapping[str, Mapping[str, Any]] = {
    **{
        f"bfl-{name}": {"references": TWO}
        for name in ("flux2-klein-4b", "flux2-klein-9b", "flux2-pro", "flux2-max", "flux2-flex")
    },
    "bfl-flux1-kontext-pro": {"references": TWO},
    "bfl-flux1-kontext-max": {"references": TWO},
    "bfl-flux1-fill": {"size": SIZE, "canvas": canvas(), "mask": mask()},
    "bfl-flux1-expand": {"size": SIZE, "canvas": canvas(), "mask": mask()},
}


def test_every_variant_that_starts_from_pictures_is_driven_here() -> None:
    hosted = {name: Catalog.load([name]).default.vendor for name in HOSTED}
    assert set(EDITS) == {name for name, one in hosted.items() if one and one.pictures}


@pytest.mark.parametrize("name", EDITS)
async def test_a_picture_comes_of_pictures(vendor: FakeVendor, hosted: Engine, name: str) -> None:
    order = Order(name, **EDITS[name])
    order.variant.check(generation(order))
    steps: list[Step] = []
    drawn = await asyncio.to_thread(
        hosted.draw, order.variant, order.request, steps.append, order.files
    )

    assert (drawn.width, drawn.height) == (order.request.width, order.request.height)
    assert pixels(drawn).getpixel((0, 0)) == VENDORS
    assert drawn.charge
    assert (drawn.charge.credits, drawn.charge.is_estimate) == (Decimal("3.5"), False)
    assert steps[-1].charge == drawn.charge
    recipe = inside(drawn.png)
    assert recipe.request == order.request
    assert recipe.weights_digest == f"bfl/v1/{order.variant.weights.source}"
    (body,) = vendor.bodies
    assert body["seed"] == 7
    assert body.get("prompt_upsampling", False) is False
    again = await order.draw(hosted)
    assert again.pixel_sha256 == drawn.pixel_sha256
    assert vendor.bodies == [body, body]


async def test_references_are_sent_in_their_order(vendor: FakeVendor, hosted: Engine) -> None:
    order = Order("bfl-flux2-klein-4b", references=TWO)
    await order.draw(hosted)
    await order.draw(hosted, references=order.request.references[::-1])
    colours = [
        [picture(body[name]).getpixel((0, 0)) for name in ("input_image", "input_image_2")]
        for body in vendor.bodies
    ]
    assert colours == [[(255, 0, 0), (0, 0, 255)], [(0, 0, 255), (255, 0, 0)]]


@pytest.mark.parametrize("name", ["bfl-flux1-fill", "bfl-flux1-expand"])
async def test_what_the_mask_keeps_comes_back_pixel_for_pixel(hosted: Engine, name: str) -> None:
    drawn = pixels(await Order(name, **EDITS[name]).draw(hosted))
    within = (KEPT[0] + 1, KEPT[1], KEPT[2] - 1, KEPT[3])
    assert drawn.crop(within).tobytes() == canvas().crop(within).tobytes()
    for corner in ((0, 0), (255, 319), (20, 160)):
        assert drawn.getpixel(corner) == VENDORS


async def test_expanding_sends_what_is_kept_and_asks_for_the_rest(
    vendor: FakeVendor, hosted: Engine
) -> None:
    await Order("bfl-flux1-expand", **EDITS["bfl-flux1-expand"]).draw(hosted)
    (body,) = vendor.bodies
    assert {name: body[name] for name in ("left", "right", "top", "bottom")} == {
        "left": 64,
        "right": 64,
        "top": 0,
        "bottom": 0,
    }
    assert picture(body["image"]).tobytes() == canvas().crop(KEPT).tobytes()
    assert "mask" not in body


@pytest.mark.parametrize("name", ["bfl-flux1-fill", "bfl-flux1-expand"])
async def test_an_answer_of_another_size_is_fitted_to_the_canvas(
    vendor: FakeVendor, hosted: Engine, name: str
) -> None:
    vendor.downloads = [says(200, png((128, 160), seed=7), content_type="image/png")]
    drawn = await Order(name, **EDITS[name]).draw(hosted)
    assert (drawn.width, drawn.height) == SIZE
    within = (KEPT[0] + 1, KEPT[1], KEPT[2] - 1, KEPT[3])
    assert pixels(drawn).crop(within).tobytes() == canvas().crop(within).tobytes()


async def test_an_answer_of_another_size_without_a_canvas_stays_as_it_is(
    vendor: FakeVendor, hosted: Engine
) -> None:
    vendor.downloads = [says(200, png((992, 1056), seed=7), content_type="image/png")]
    drawn = await Order("bfl-flux1-kontext-pro", references=TWO).draw(hosted)
    assert (drawn.width, drawn.height) == (992, 1056)


async def test_a_mask_that_is_no_border_is_refused_before_anything_is_sent(
    vendor: FakeVendor, hosted: Engine
) -> None:
    hole = Image.new("L", SIZE)
    ImageDraw.Draw(hole).ellipse((50, 50, 150, 150), fill=255)
    order = Order("bfl-flux1-expand", SIZE, canvas=canvas(), mask=hole)
    with pytest.raises(VendorRejected) as refused:
        await order.draw(hosted)
    # The worker refunds an EngineFailed for good; anything else it would try again.
    assert isinstance(refused.value, errors.EngineFailed)
    assert vendor.seen == []


async def test_a_file_that_is_gone_is_told_before_anything_is_sent(
    vendor: FakeVendor, hosted: Engine
) -> None:
    order = Order("bfl-flux2-pro", references=TWO)
    order.files.popitem()
    with pytest.raises(errors.InputLost):
        await order.draw(hosted)
    assert vendor.seen == []


async def test_without_a_price_from_the_vendor_references_are_in_the_estimate(
    vendor: FakeVendor, hosted: Engine
) -> None:
    url = f"{vendor.polling_host}/v1/get_result?id=x"
    vendor.tasks["x"] = {"endpoint": "x", "active": True, "prompt": "", "seed": 7}
    vendor.submits = [says(200, {"id": "x", "polling_url": url})]
    drawn = await Order("bfl-flux2-pro", references=TWO).draw(hosted)
    assert (drawn.charge.usd, drawn.charge.is_estimate) == (Decimal("0.060"), True)


@pytest.mark.parametrize("name", EDITS)
async def test_moderation_of_pictures_is_told_and_logged_without_them(
    vendor: FakeVendor, hosted: Engine, name: str
) -> None:
    order = Order(name, **EDITS[name])
    secret = base64.b64encode(next(iter(order.files.values())))[60:120].decode()
    vendor.looks = [says(200, {"status": "Content Moderated"})]
    vendor.submits = []
    with structlog.testing.capture_logs() as lines:
        with pytest.raises(VendorRefusedPicture):
            await order.draw(hosted)
        vendor.submits = [says(422, {"detail": [{"loc": ["body", "image"], "type": "x"}]})]
        with pytest.raises(VendorRejected):
            await order.draw(hosted)
    (body,) = vendor.bodies
    said = str(lines)
    assert "body" in said
    for hidden in (KEY, secret, "熊猫", *(v[40:100] for v in body.values() if len(str(v)) > 100)):
        assert hidden not in said


async def test_a_cancelled_edit_is_polled_no_more_and_the_next_one_is_drawn(
    vendor: FakeVendor, hosted: Engine
) -> None:
    order = Order("bfl-flux1-fill", **EDITS["bfl-flux1-fill"])
    vendor.polls = 10_000

    def cancel(_step: Step) -> None:
        if vendor.count("GET", "/v1"):
            raise errors.GenerationCancelled

    with pytest.raises(errors.GenerationCancelled):
        await asyncio.to_thread(hosted.draw, order.variant, order.request, cancel, order.files)
    vendor.polls = 1
    assert (await order.draw(hosted)).width == SIZE[0]


def generation(order: Order) -> GenerationRequest:
    """Return the order's request as a member's."""
    values = asdict(order.request)
    seed = values.pop("seed")
    return GenerationRequest(**values, seeds=(seed,))
