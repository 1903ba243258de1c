"""Several claims in one worker's hand: each picture as it is alone, each with a fate of its own."""

from dataclasses import replace
from threading import Event, Thread
from typing import Any

import pytest
from sqlalchemy import update

from engine.engine import Engine
from engine.loras.adapters import Adapters
from engine.memory.levers import Wishes
from engine.request import ImageRequest, LoraUse
from engine.variants.catalog import Catalog
from store.host import workers
from store.orders import generations
from store.tables.orders import Image
from tests.worker.conftest import asked, order, read
from tests.worker.lora_files import content, digest, ordered
from worker import joins
from worker.drawing import Parts, Work, draw_waiting

LORA = content(1)


class Counting(Engine):
    """The real engine, which remembers how many pictures were under way at once."""

    most = 0

    def step(self) -> Any:
        self.most = max(self.most, len(self._rounds.under_way))
        return super().step()


@pytest.fixture(scope="module")
def counting() -> Counting:
    return Counting(device="cpu", wishes=Wishes(rows=3))


@pytest.fixture
def sharing(parts: Parts, counting: Counting) -> Parts:
    counting.most = 0
    return replace(parts, engine=counting)


def pixels(parts: Parts, placed: str) -> list[str | None]:
    return [image.pixel_sha256 for image in read(parts.database, placed).images]


def alone(parts: Parts, request: ImageRequest) -> str:
    return parts.engine.draw(parts.catalog[request.variant], request).pixel_sha256


def test_pictures_of_several_orders_are_drawn_together_with_their_own_pixels(
    sharing: Parts, counting: Counting
) -> None:
    changes: list[dict[str, Any]] = [
        {"count": 3, "steps": 6},
        {"steps": 4, "prompt": "a rocket"},
        {"steps": 5, "guidance": 3.0, "negative": "blue"},
        {"steps": 2, "width": 96},
    ]
    placed = [order(sharing.database, **change) for change in changes]
    assert draw_waiting(sharing) == 6
    assert counting.most == 3
    for key, change in zip(placed, changes, strict=True):
        request = asked(**change)
        expected = [alone(sharing, request.image(index)) for index in range(request.count)]
        assert pixels(sharing, key) == expected
    assert sharing.hand.empty


def test_a_cancelled_order_leaves_those_it_was_drawn_with(sharing: Parts) -> None:
    leaving = order(sharing.database, steps=300, width=128, height=128)
    staying = order(sharing.database, steps=30, width=128, height=128)
    drawing = Thread(target=draw_waiting, args=(sharing,))
    drawing.start()
    running(sharing, leaving, staying)
    with sharing.database.begin() as session:
        generations.cancel(session, leaving, 1, moderator=False)
    sharing.hand.beat(sharing.database)
    drawing.join(60)
    assert read(sharing.database, leaving).status == "cancelled"
    assert read(sharing.database, staying).status == "done"
    request = asked(steps=30, width=128, height=128).image(0)
    assert pixels(sharing, staying) == [alone(sharing, request)]


def test_a_worker_that_leaves_hands_all_its_pictures_back(sharing: Parts) -> None:
    placed = [order(sharing.database, steps=300) for _ in range(2)]
    drawing = Thread(target=draw_waiting, args=(sharing,))
    drawing.start()
    running(sharing, *placed)
    sharing.hand.leave(grace_s=0)
    drawing.join(60)
    for key in placed:
        image = read(sharing.database, key).images[0]
        assert (image.status, image.attempts) == ("queued", 0)
    assert sharing.hand.empty


def test_a_picture_that_was_tried_before_is_drawn_alone(sharing: Parts, counting: Counting) -> None:
    placed = [order(sharing.database, steps=30) for _ in range(3)]
    with sharing.database.begin() as session:
        tried = update(Image).where(Image.generation_id.in_(placed[::2]))
        session.execute(tried.values(attempts=1))
    assert draw_waiting(sharing) == 3
    assert counting.most == 1
    assert {read(sharing.database, key).status for key in placed} == {"done"}


def test_a_picture_that_fails_refunds_its_own_order_only(sharing: Parts) -> None:
    failing = order(sharing.database, prompt="龘" * 1000)
    staying = order(sharing.database)
    draw_waiting(sharing)
    row = read(sharing.database, failing)
    assert (row.status, (row.error or {})["code"]) == ("failed", "prompt_too_long")
    assert read(sharing.database, staying).status == "done"


def test_a_picture_joins_as_soon_as_its_lora_is_at_hand(
    sharing: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joins, "LOOK_S", 3600.0)
    sharing.engine.adapters = Adapters("cpu")
    order(sharing.database, steps=300)
    waiting = ordered(sharing, LORA)
    queue = joins.Joins(sharing)
    works = [Work(sharing, first) for first in queue.next([])]
    works[0].begin()
    assert not queue.next(works)
    sharing.loras.bring(sharing.engine.adapters, digest(LORA))
    (joined,) = queue.next(works)
    assert joined.generation_id == waiting
    works[0].leave()
    sharing.engine.step()


def test_nobody_joins_in_the_middle_of_a_step(
    sharing: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joins, "LOOK_S", 0.0)
    order(sharing.database, steps=1)
    order(sharing.database, steps=30)
    queue = joins.Joins(sharing)
    works: list[Work] = []
    while claimed := queue.next(works):
        for claim in claimed:
            works.append(Work(sharing, claim))
            works[-1].begin()
    first, staying = works
    while not first.ended:
        sharing.engine.step()
    assert sharing.engine.goes_on
    waiting = order(sharing.database, steps=1)
    assert not queue.next([staying])
    sharing.engine.step()
    (joined,) = queue.next([staying])
    assert joined.generation_id == waiting
    staying.leave()
    sharing.engine.step()


def test_a_picture_is_kept_while_the_next_of_its_order_is_decoded(
    sharing: Parts, counting: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, all_kept = Event(), sharing.files.put
    seen: list[bool] = []

    def put(folder: str, content: bytes) -> str:
        digest = all_kept(folder, content)
        kept.set()
        return digest

    def step() -> Any:
        if counting.goes_on:
            seen.append(kept.wait(10))
        return Counting.step(counting)

    monkeypatch.setattr(sharing.files, "put", put)
    monkeypatch.setattr(counting, "step", step)
    placed = order(sharing.database, 2)
    assert draw_waiting(sharing) == 2
    assert seen == [True]
    assert read(sharing.database, placed).status == "done"


def at_once(parts: Parts) -> list[int]:
    """Claim with empty hands; return which images were taken."""
    return [claim.index for claim in joins.Joins(parts).next([])]


def test_an_order_is_claimed_at_once_as_far_as_its_pictures_are_known_to_share(
    sharing: Parts,
) -> None:
    order(sharing.database, 4)
    draw_waiting(sharing)  # by which it is known that three share
    order(sharing.database, 4)
    assert at_once(sharing) == [0, 1, 2]


def test_another_worker_that_is_idle_is_left_its_share(sharing: Parts) -> None:
    order(sharing.database, 2)
    draw_waiting(sharing)
    with sharing.database.begin() as session:
        for name in ("w", "other"):
            workers.report(session, name, ["starter"], {"starter": {}})
    order(sharing.database, 4)
    assert at_once(sharing) == [0, 1]
    assert at_once(replace(sharing, name="other")) == [2, 3]


@pytest.mark.parametrize(
    "change", [{"width": 192}, {"loras": (LoraUse(digest(LORA)),)}, {"variant": "other"}]
)
def test_nobody_waits_for_what_has_to_be_measured_loaded_or_brought(
    sharing: Parts, change: dict[str, Any]
) -> None:
    other = replace(sharing.catalog["starter"], name="other", scheduler={"shift": 2.0})
    sharing = replace(sharing, catalog=Catalog([sharing.catalog["starter"], other]))
    sharing.engine.adapters = Adapters("cpu")
    order(sharing.database, 2)
    draw_waiting(sharing)
    order(sharing.database, 3, **change)
    assert at_once(sharing) == [0]


def test_a_lost_lease_leaves_what_ends_with_it(sharing: Parts) -> None:
    order(sharing.database, 2)
    draw_waiting(sharing)
    placed = order(sharing.database, 2, steps=40)
    drawing = Thread(target=draw_waiting, args=(sharing,))
    drawing.start()
    running(sharing, placed)
    with sharing.database.begin() as session:
        session.execute(update(Image).where(Image.index == 0).values(fence=Image.fence + 1))
    drawing.join(60)
    row = read(sharing.database, placed)
    assert [image.status for image in row.images] == ["running", "done"]
    assert row.status == "open"


def running(parts: Parts, *placed: str) -> None:
    while any(read(parts.database, key).images[0].status == "queued" for key in placed):
        pass
