"""The vendor behind the engine: pictures with recipes, prices, cancellation, no device."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from engine import errors
from engine.drawing.picture import Step
from engine.engine import Engine
from engine.request import ImageRequest
from engine.variants.catalog import Catalog, Variant, Weights
from engine.vendor.connection import Connection, connected
from engine.vendor.errors import VendorFailed, VendorKeyRefused, VendorRefusedPrompt
from engine.vendor.settings import VendorSettings
from tests.engine.recipes import inside
from tests.engine.vendor.conftest import FastClock, make_client
from tests.engine.vendor.fake_vendor import KEY, FakeVendor, hangs, says

Request = Callable[..., ImageRequest]


@pytest.fixture
def pro() -> Variant:
    return Catalog.load(["bfl-flux2-pro"]).default


@pytest.fixture
async def connection(vendor: FakeVendor, clock: FastClock) -> AsyncIterator[Connection]:
    made = Connection(lambda: make_client(vendor, clock), tick_s=0.02)
    yield made
    await asyncio.to_thread(made.close)


@pytest.fixture
def hosted(connection: Connection) -> Engine:
    return Engine(device="cpu", vendor=connection)


@pytest.fixture
def wish(image: Request) -> ImageRequest:
    return image(variant="bfl-flux2-pro", steps=1)


async def test_a_picture_says_what_it_cost_and_that_it_is_the_vendors(
    vendor: FakeVendor, hosted: Engine, pro: Variant, wish: ImageRequest
) -> None:
    picture = await asyncio.to_thread(hosted.draw, pro, wish)

    assert picture.charge
    assert picture.charge.credits == Decimal("3.5")
    assert picture.charge.usd == Decimal("0.035")
    assert (picture.width, picture.height) == (64, 64)
    recipe = inside(picture.png)
    assert recipe == picture.recipe
    assert (recipe.mode, recipe.device, recipe.threads) == ("vendor", "bfl", 0)
    assert recipe.weights_digest == "bfl/v1/flux-2-pro"
    assert recipe.scheduler["disable_pup"] is True
    assert recipe.versions == {}
    assert KEY.encode() not in picture.png
    assert vendor.bodies == [
        {
            "prompt": wish.prompt,
            "seed": 7,
            "width": 64,
            "height": 64,
            "disable_pup": True,
            "output_format": "png",
            "safety_tolerance": 2,
        }
    ]


async def test_the_same_request_again_is_the_same_picture_as_far_as_the_vendor_goes(
    hosted: Engine, pro: Variant, wish: ImageRequest
) -> None:
    first = await asyncio.to_thread(hosted.draw, pro, wish)
    again = await asyncio.to_thread(hosted.draw, pro, wish)
    other = await asyncio.to_thread(hosted.draw, pro, replace(wish, seed=8))
    assert first.pixel_sha256 == again.pixel_sha256 != other.pixel_sha256
    assert first.recipe == again.recipe


async def test_progress_is_told_in_per_cent_with_the_charge_and_no_preview(
    vendor: FakeVendor, hosted: Engine, pro: Variant, wish: ImageRequest
) -> None:
    vendor.polls = 3
    steps: list[Step] = []
    threads: set[int] = set()

    def on_step(step: Step) -> None:
        steps.append(step)
        threads.add(threading.get_ident())

    await asyncio.to_thread(hosted.draw, pro, wish, on_step)

    told = [step.index for step in steps]
    assert told == sorted(told)
    assert told[-1] == 100
    assert {step.total for step in steps} == {100}
    assert {step.preview for step in steps} == {None}
    assert len(threads) == 1
    assert steps[-1].charge
    assert steps[-1].charge.credits == Decimal("3.5")


async def test_a_cancellation_ends_the_polling(
    vendor: FakeVendor, hosted: Engine, pro: Variant, wish: ImageRequest
) -> None:
    vendor.polls = 10_000

    def cancel(_step: Step) -> None:
        if vendor.count("GET", "/v1"):
            raise errors.GenerationCancelled

    with pytest.raises(errors.GenerationCancelled):
        await asyncio.to_thread(hosted.draw, pro, wish, cancel)
    await asyncio.sleep(0.05)
    looks = vendor.count("GET", "/v1")
    await asyncio.sleep(0.2)
    assert vendor.count("GET", "/v1") == looks


async def test_a_cancellation_is_heard_while_the_vendor_is_silent(
    vendor: FakeVendor, hosted: Engine, pro: Variant, wish: ImageRequest
) -> None:
    vendor.looks = [hangs]
    charges: list[Any] = []

    def on_step(step: Step) -> None:
        charges.append(step.charge)
        if vendor.count("GET", "/v1"):
            raise errors.GenerationCancelled

    began = time.monotonic()
    with pytest.raises(errors.GenerationCancelled):
        await asyncio.to_thread(hosted.draw, pro, wish, on_step)
    assert time.monotonic() - began < 10, "less than the call itself would take"
    assert charges[-1], "what was taken on is paid for"
    assert (await asyncio.to_thread(hosted.draw, pro, wish)).width == 64


async def test_a_picture_that_cannot_be_decoded_is_a_failure_of_the_vendors(
    vendor: FakeVendor, hosted: Engine, pro: Variant, wish: ImageRequest
) -> None:
    vendor.downloads = [says(200, b"\x89PNG but no more", content_type="image/png")]
    with pytest.raises(VendorFailed):
        await asyncio.to_thread(hosted.draw, pro, wish)


async def test_moderation_is_a_refund_and_no_other_try(
    vendor: FakeVendor, hosted: Engine, pro: Variant, wish: ImageRequest
) -> None:
    vendor.looks = [says(200, {"id": "x", "status": "Request Moderated"})]
    with pytest.raises(VendorRefusedPrompt) as refused:
        await asyncio.to_thread(hosted.draw, pro, wish)
    # The worker refunds an EngineFailed for good; anything else it would try again.
    assert isinstance(refused.value, errors.EngineFailed)
    assert refused.value.params == {"variant": "bfl-flux2-pro"}


async def test_a_local_variant_stays_loaded(
    hosted: Engine, pro: Variant, wish: ImageRequest, toy: Variant
) -> None:
    local = replace(toy, weights=Weights(source=toy.weights.source))
    await asyncio.to_thread(hosted.load, local)
    family = hosted._open(local)
    await asyncio.to_thread(hosted.load, pro)
    await asyncio.to_thread(hosted.draw, pro, wish)
    assert hosted.loaded == ("toy",)
    assert hosted._open(local) is family


def test_without_a_key_the_variant_says_so(pro: Variant, wish: ImageRequest) -> None:
    engine = Engine(device="cpu")
    for call in (lambda: engine.load(pro), lambda: engine.draw(pro, wish)):
        with pytest.raises(VendorKeyRefused):
            call()


def test_an_endpoint_nobody_knows_is_broken(connection: Connection, pro: Variant) -> None:
    engine = Engine(device="cpu", vendor=connection)
    with pytest.raises(errors.WeightsBroken):
        engine.load(replace(pro, weights=Weights(source="flux-9")))


def test_settings_hide_the_key_and_refuse_one_that_fits_no_header(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("REROLL_BFL_KEY", raising=False)
    assert connected(VendorSettings()) is None
    monkeypatch.setenv("REROLL_BFL_KEY", f" {KEY}\n")
    settings = VendorSettings()
    assert settings.bfl_key.get_secret_value() == KEY
    assert KEY not in f"{settings!r} {settings}"
    assert connected(settings)
    for name, value in (("KEY", "sk-geheim ß"), ("KEY", "two\nlines"), ("REGION", "moon")):
        with monkeypatch.context() as other:
            other.setenv(f"REROLL_BFL_{name}", value)
            with pytest.raises(ValueError, match="1 validation error") as refused:
                VendorSettings()
            assert value not in str(refused.value)


def test_a_connection_that_drew_nothing_closes(connection: Connection) -> None:
    connection.close()
    connection.close()


async def test_closing_ends_what_is_being_drawn(
    vendor: FakeVendor, connection: Connection, pro: Variant, wish: ImageRequest
) -> None:
    vendor.looks = [hangs]
    engine = Engine(device="cpu", vendor=connection)
    drawing = asyncio.create_task(asyncio.to_thread(engine.draw, pro, wish))
    while not vendor.count("GET", "/v1"):
        await asyncio.sleep(0.01)
    await asyncio.to_thread(connection.close)
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(drawing, 10)
