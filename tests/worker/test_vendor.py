"""A worker whose pictures a vendor draws: each end is one picture kept or one refund."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import structlog
from PIL import Image

from engine.engine import Engine
from engine.judging.verdicts import Verdict
from engine.pictures.images import to_png
from engine.variants.catalog import Catalog
from engine.vendor.clock import Clock
from engine.vendor.connection import Connection
from tests.engine.vendor.conftest import FastClock, make_client
from tests.engine.vendor.fake_vendor import KEY, FakeVendor, hangs, hangs_up, picture, says
from tests.worker.conftest import left, order, read
from worker.drawing import Parts, draw_waiting
from worker.finishing import Finish

VARIANT = "bfl-flux2-klein-4b"
FILL = "bfl-flux1-fill"


@pytest.fixture
async def vendor() -> AsyncIterator[FakeVendor]:
    fake = FakeVendor()
    runner = await fake.start()
    yield fake
    await runner.cleanup()


@pytest.fixture
async def hosted(vendor: FakeVendor, parts: Parts) -> AsyncIterator[Parts]:
    connection = Connection(lambda: make_client(vendor, clock(vendor)), tick_s=0.02)
    engine = Engine(device="cpu", vendor=connection)
    yield replace(parts, engine=engine, catalog=Catalog.load([VARIANT, FILL]))
    await asyncio.to_thread(connection.close)


def clock(vendor: FakeVendor) -> Clock:
    # Against the wall where the test waits for hands and ticks, else for free.
    return Clock() if vendor.polls > 1 else FastClock()


async def test_a_vendors_picture_is_kept_like_any_other(vendor: FakeVendor, hosted: Parts) -> None:
    placed = order(hosted.database, 2, variant=VARIANT)
    assert await asyncio.to_thread(draw_waiting, hosted) == 2
    row = read(hosted.database, placed)
    assert row.status == "done"
    assert {(image.recipe or {})["mode"] for image in row.images} == {"vendor"}
    assert [body["seed"] for body in vendor.bodies] == row.request["seeds"]
    assert left(hosted.database) == 8


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ({"looks": [says(200, {"status": "Request Moderated"})]}, "vendor_refused_prompt"),
        ({"looks": [says(200, {"status": "Content Moderated"})]}, "vendor_refused_picture"),
        ({"submits": [says(402)]}, "vendor_unpaid"),
        ({"submits": [says(403)]}, "vendor_key_refused"),
        ({"downloads": [says(200, b"<html>")]}, "vendor_failed"),
    ],
)
async def test_every_failure_is_refunded_once_and_not_tried_again(
    vendor: FakeVendor, hosted: Parts, fault: dict[str, Any], code: str
) -> None:
    for name, answers in fault.items():
        setattr(vendor, name, answers)
    placed = order(hosted.database, variant=VARIANT)
    with structlog.testing.capture_logs() as lines:
        assert await asyncio.to_thread(draw_waiting, hosted) == 1
    row = read(hosted.database, placed)
    assert row.error == {"code": code, "params": {"variant": VARIANT}}
    assert left(hosted.database) == 10
    assert vendor.count("POST", "/v1") == 1
    assert KEY not in str(lines)


async def test_a_picture_that_was_paid_for_and_cannot_be_finished_is_not_bought_again(
    vendor: FakeVendor, hosted: Parts
) -> None:
    def breaks(*_: object) -> Verdict:
        raise RuntimeError("the classifier broke")

    placed = order(hosted.database, variant=VARIANT)
    broken = replace(hosted, finish=Finish(look=breaks))
    assert await asyncio.to_thread(draw_waiting, broken) == 1
    assert read(hosted.database, placed).status == "failed"
    assert left(hosted.database) == 10
    assert vendor.count("POST", "/v1") == 1


def edit(hosted: Parts, variant: str, **roles: Image.Image) -> str:
    """Place an order that starts from pictures; return its id."""
    files = {role: to_png(image) for role, image in roles.items()}
    names: dict[str, Any] = {role: sha256(file).hexdigest() for role, file in files.items()}
    if "references" in names:
        names["references"] = (names["references"],)
    placed = order(hosted.database, variant=variant, steps=20, guidance=30.0, **names)
    for file in files.values():
        hosted.files.put(placed, file)
    return placed


EDITS = {
    VARIANT: {"references": Image.effect_noise((70, 80), 90).convert("RGB")},
    FILL: {
        "canvas": Image.effect_noise((64, 64), 90).convert("RGB"),
        "mask": Image.new("L", (64, 64), 255),
    },
}


@pytest.mark.parametrize("variant", EDITS)
async def test_an_edit_is_drawn_of_the_orders_own_files(
    vendor: FakeVendor, hosted: Parts, variant: str
) -> None:
    placed = edit(hosted, variant, **EDITS[variant])
    assert await asyncio.to_thread(draw_waiting, hosted) == 1
    assert read(hosted.database, placed).status == "done"
    (body,) = vendor.bodies
    (start,) = [picture(body[name]) for name in ("input_image", "image") if name in body]
    assert start.tobytes() == next(iter(EDITS[variant].values())).tobytes()


@pytest.mark.parametrize("variant", EDITS)
async def test_no_log_line_of_a_failed_edit_holds_its_pictures(
    vendor: FakeVendor, hosted: Parts, variant: str
) -> None:
    vendor.looks = [hangs_up, says(200, {"status": "Content Moderated"})]
    placed = edit(hosted, variant, **EDITS[variant])
    with structlog.testing.capture_logs([structlog.processors.format_exc_info]) as lines:
        assert await asyncio.to_thread(draw_waiting, hosted) == 1
    assert left(hosted.database) == 10
    row = read(hosted.database, placed)
    assert row.error == {"code": "vendor_refused_picture", "params": {"variant": variant}}
    said = str(lines)
    assert "Traceback" in said
    (body,) = vendor.bodies
    for name in ("input_image", "image", "mask"):
        assert name not in body or body[name][40:90] not in said


async def test_an_edit_whose_file_is_gone_is_refunded_and_not_sent(
    vendor: FakeVendor, hosted: Parts
) -> None:
    placed = order(hosted.database, variant=VARIANT, references=("a" * 64,))
    assert await asyncio.to_thread(draw_waiting, hosted) == 1
    assert read(hosted.database, placed).error == {"code": "input_lost", "params": {}}
    assert left(hosted.database) == 10
    assert vendor.seen == []


async def test_a_worker_that_leaves_hands_the_picture_back_at_once(
    vendor: FakeVendor, hosted: Parts
) -> None:
    vendor.looks = [hangs]
    placed = order(hosted.database, variant=VARIANT)
    drawing = asyncio.create_task(asyncio.to_thread(draw_waiting, hosted))
    while not vendor.count("GET", "/v1"):
        await asyncio.sleep(0.01)
    hosted.hand.leave(grace_s=0)
    await asyncio.wait_for(drawing, 10)
    assert read(hosted.database, placed).images[0].status == "queued"


async def test_progress_comes_without_a_preview(
    vendor: FakeVendor, hosted: Parts, tmp_path: Path
) -> None:
    vendor.polls = 5  # more than two seconds, when a preview would be due
    placed = order(hosted.database, variant=VARIANT)
    assert await asyncio.to_thread(draw_waiting, hosted) == 1
    row = read(hosted.database, placed)
    assert (row.status, row.images[0].attempts) == ("done", 1)
    assert len([file for file in (tmp_path / "files").rglob("*") if file.is_file()]) == 1
