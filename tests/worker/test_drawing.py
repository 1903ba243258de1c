"""From a claim to a kept picture, on the real engine; every failure ends in an answer."""

import time
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from threading import Thread, Timer
from types import SimpleNamespace

import pytest
from PIL import Image
from sqlalchemy import update

from engine.engine import Engine
from engine.pictures.images import pixel_sha256
from engine.recipe import Recipe
from engine.variants.catalog import Catalog, Variant, Weights
from store.host import controls
from store.line import claims
from store.orders import generations
from store.sweep import sweep
from store.tables.orders import Generation
from tests.engine.recipes import inside
from tests.worker.conftest import left, order, read
from worker import stillness
from worker.drawing import Parts, draw_waiting
from worker.hand import ClaimStopped, Hand


async def test_waiting_pictures_are_drawn_and_kept(parts: Parts) -> None:
    placed = order(parts.database, 2)
    assert draw_waiting(parts) == 2
    row = read(parts.database, placed)
    assert row.status == "done"
    for image in row.images:
        png = await parts.files.aget(placed, str(image.file_sha256))
        assert pixel_sha256(Image.open(BytesIO(png))) == image.pixel_sha256
        assert inside(png) == Recipe.from_json(image.recipe or {})
    assert left(parts.database) == 8


def test_nothing_waiting_is_no_work(parts: Parts) -> None:
    assert draw_waiting(parts) == 0


def test_the_same_order_again_has_the_same_pixels(parts: Parts) -> None:
    first, other, again = (order(parts.database, **change) for change in ({}, {"steps": 2}, {}))
    draw_waiting(parts)
    hashes = [read(parts.database, key).images[0].pixel_sha256 for key in (first, other, again)]
    assert hashes[0] == hashes[2] != hashes[1]


def test_broken_weights_refund_the_order_and_name_the_variant(parts: Parts) -> None:
    starter = parts.catalog.default
    broken = replace(starter, weights=Weights(source="engine/variants"))
    placed = order(parts.database, 2)
    draw_waiting(replace(parts, catalog=Catalog([broken]), engine=Engine(device="cpu")))
    row = read(parts.database, placed)
    assert row.status == "failed"
    assert row.error == {"code": "weights_broken", "params": {"variant": "starter"}}
    assert left(parts.database) == 10


def test_a_text_of_more_tokens_than_the_model_reads_is_told_at_once(parts: Parts) -> None:
    placed = order(parts.database, 2, prompt="𠜎" * 400)  # four tokens each
    assert draw_waiting(parts) == 2
    row = read(parts.database, placed)
    assert row.status == "failed"
    assert row.error is not None
    assert row.error["code"] == "prompt_too_long"
    assert 0 < row.error["params"]["limit"] < row.error["params"]["length"] == 400
    assert left(parts.database) == 10


def clocked(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Let a hand's stillness be told by a clock that the test moves, in seconds."""
    clock = SimpleNamespace(now=1000)
    monkeypatch.setattr(stillness, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


def test_weights_that_are_fetched_for_long_are_no_hang(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    load, clock = parts.engine.load, clocked(monkeypatch)
    still: list[float] = []

    def slow(variant: Variant) -> None:
        clock.now += stillness.LOAD_S
        still.append(parts.hand.still_s)
        load(variant)

    monkeypatch.setattr(parts.engine, "load", slow)
    placed = order(parts.database)
    assert draw_waiting(parts) == 1
    assert read(parts.database, placed).status == "done"
    assert still == [0]


def test_what_loads_beyond_all_measure_hangs_as_well(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = clocked(monkeypatch)
    order(parts.database)
    with parts.database.begin() as session:
        claim = claims.claim(session, parts.name, ["starter"])
    assert claim
    with parts.hand.holding(claim):
        with parts.hand.loading():
            clock.now += stillness.LOAD_S + 3
            assert parts.hand.still_s == 3
        assert parts.hand.still_s == 0
        clock.now += 5
        assert parts.hand.still_s == 5


def test_a_file_store_that_stays_away_refunds_the_order(parts: Parts, tmp_path: Path) -> None:
    placed = order(parts.database)
    (tmp_path / "files").rename(tmp_path / "elsewhere")
    (tmp_path / "files").write_bytes(b"in the way")
    assert draw_waiting(replace(parts, patience_s=0)) == 1
    row = read(parts.database, placed)
    assert row.error == {"code": "files_unavailable", "params": {}}
    assert left(parts.database) == 10


def test_a_file_store_that_returns_costs_no_picture(parts: Parts, tmp_path: Path) -> None:
    placed = order(parts.database)
    (tmp_path / "files").rename(tmp_path / "elsewhere")
    (tmp_path / "files").write_bytes(b"in the way")

    def mend() -> None:
        (tmp_path / "files").unlink()
        (tmp_path / "elsewhere").rename(tmp_path / "files")

    repair = Timer(2, mend)
    repair.start()
    assert draw_waiting(parts) == 1
    repair.join()
    assert read(parts.database, placed).status == "done"


def test_an_order_in_the_words_of_another_version_is_refunded_and_the_next_is_drawn(
    parts: Parts,
) -> None:
    strange = order(parts.database)
    with parts.database.begin() as session:
        session.execute(update(Generation).values(request={"new_field": 1}))
    placed = order(parts.database)
    draw_waiting(parts)
    assert read(parts.database, strange).status == "failed"
    assert read(parts.database, placed).status == "done"


def test_an_order_that_breaks_the_engine_is_tried_again_then_refunded(parts: Parts) -> None:
    placed = order(parts.database, steps=0)
    assert draw_waiting(parts) == claims.MOST_ATTEMPTS
    assert read(parts.database, placed).status == "failed"
    assert left(parts.database) == 10


def test_cancelling_a_running_picture_stops_it_and_refunds(parts: Parts) -> None:
    placed = order(parts.database, steps=12, width=128, height=128, guidance=3.0)
    drawing = Thread(target=draw_waiting, args=(parts,))
    drawing.start()
    _until_claimed(parts, placed)
    with parts.database.begin() as session:
        generations.cancel(session, placed, 1, moderator=False)
    parts.hand.beat(parts.database)
    drawing.join(30)
    assert read(parts.database, placed).status == "cancelled"
    assert left(parts.database) == 10


def test_a_worker_that_leaves_hands_its_picture_back(parts: Parts) -> None:
    placed = order(parts.database, steps=12, width=128, height=128, guidance=3.0)
    drawing = Thread(target=draw_waiting, args=(parts,))
    drawing.start()
    _until_claimed(parts, placed)
    parts.hand.leave(grace_s=0)
    drawing.join(30)
    image = read(parts.database, placed).images[0]
    assert (image.status, image.attempts) == ("queued", 0)
    assert draw_waiting(replace(parts, hand=Hand())) == 1
    assert read(parts.database, placed).status == "done"


def test_a_worker_that_lost_its_lease_stops_and_its_heir_delivers(parts: Parts) -> None:
    placed = order(parts.database)
    with parts.database.begin() as session:
        zombie = claims.claim(session, "zombie", ["starter"], lease_ms=-1)
        sweep(session, watched_ms=0)
    assert zombie
    hand = Hand()
    with hand.holding(zombie) as grip:
        grip.check()
        hand.beat(parts.database)
        with pytest.raises(ClaimStopped):
            grip.check()
    draw_waiting(parts)
    assert read(parts.database, placed).images[0].worker == "w"


def _until_claimed(parts: Parts, placed: str) -> None:
    while read(parts.database, placed).images[0].status == "queued":
        time.sleep(0.005)


def test_while_the_host_pauses_nothing_is_drawn_and_nothing_lost(
    parts: Parts,
) -> None:
    database = parts.database
    placed = order(database)
    with database.begin() as session:
        controls.set_flow(session, controls.Flow.PAUSED, by=1)
    assert draw_waiting(parts) == 0
    with database.begin() as session:
        controls.set_flow(session, controls.Flow.DRAINING, by=1)
    assert draw_waiting(parts) == 1
    assert read(database, placed).status == "done"
