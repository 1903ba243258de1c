"""LoRAs on their way to a picture: fetched where they lack, and never anybody else's trouble."""

import hashlib
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Thread, Timer

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from engine.engine import Engine
from engine.errors import LoraLost
from engine.loras.adapters import Adapters
from engine.loras.reading import Stream
from engine.variants.catalog import Catalog
from store.errors import FilesUnavailable
from store.files import Files
from store.loras import library
from store.loras.library import FOLDER, Kept, New, Room
from tests.disks import no_larger, small
from tests.worker.conftest import asked, left, order, read
from tests.worker.lora_files import content, digest, misfit, ordered, use
from worker.disk import Disk
from worker.drawing import Parts, draw_waiting
from worker.loras import Loras
from worker.settings import WorkerSettings

ONE, TWO, WRONG = content(1), content(2), misfit()


def pixels(parts: Parts, placed: str) -> str | None:
    row = read(parts.database, placed)
    assert row.status == "done", row.error
    return row.images[0].pixel_sha256


def weights(engine: Engine, parts: Parts) -> str:
    family = engine._open(parts.catalog.default)
    hashed = hashlib.sha256()
    for name, tensor in family.pipe.transformer.state_dict().items():  # type: ignore[attr-defined]
        hashed.update(name.encode() + tensor.numpy().tobytes())
    return hashed.hexdigest()


@pytest.fixture
def parts(parts: Parts) -> Iterator[Parts]:
    """A worker that has no LoRA at hand yet, and keeps others waiting for no file."""
    parts.engine.adapters = Adapters("cpu")
    # Else each traceback is drawn with all bytes of a LoRA.
    with capture_logs():
        yield replace(parts, patience_s=0)


def test_loras_are_fetched_once_and_drawn_as_the_engine_draws_them(
    parts: Parts, tmp_path: Path
) -> None:
    plain = order(parts.database)
    placed = ordered(parts, ONE, TWO)
    draw_waiting(parts)
    truth = Engine(device="cpu").draw(
        parts.catalog.default,
        asked(loras=use((ONE, 1.0), (TWO, 1.0))).image(0),
        files={digest(file): file for file in (ONE, TWO)},
    )
    assert pixels(parts, placed) == truth.pixel_sha256 != pixels(parts, plain)
    (tmp_path / "files" / FOLDER).rename(tmp_path / "elsewhere")
    again = ordered(parts, ONE, TWO, keep=False)
    draw_waiting(parts)
    assert pixels(parts, again) == truth.pixel_sha256
    assert parts.engine.adapters.at_hand == {digest(ONE), digest(TWO)}


def test_one_that_its_owner_removed_is_not_drawn_with_though_it_is_at_hand(parts: Parts) -> None:
    placed = ordered(parts, ONE)
    draw_waiting(parts)
    assert parts.engine.adapters.at_hand == {digest(ONE)}
    kept = Kept(base="starter", sha256=digest(ONE), nbytes=len(ONE), rank=4, layers=5)
    new = New(owner_id=1, name="ink", source="upload")
    with parts.database.begin() as session:
        lora = library.create(session, new, Room(9, 10**9))
        library.lock_file(session, kept.sha256, kept.nbytes)
        library.ready(session, lora.id, kept)
    allowed = ordered(parts, ONE)
    draw_waiting(parts)
    assert pixels(parts, allowed) == pixels(parts, placed)
    before = left(parts.database)
    waiting = ordered(parts, ONE)
    with parts.database.begin() as session:
        library.remove(session, lora)
    draw_waiting(parts)
    row = read(parts.database, waiting)
    assert (row.status, (row.error or {})["code"]) == ("failed", "lora_lost")
    assert left(parts.database) == before


def test_several_with_weights_are_drawn_over_a_fused_lightning(parts: Parts) -> None:
    catalog = Catalog.load(["starter-lightning"])
    lightning = replace(parts, catalog=catalog)
    for file in (ONE, TWO):
        parts.files.put(FOLDER, file)
    wish = {"variant": "starter-lightning", "steps": 4}
    both = use((ONE, 0.6), (TWO, -0.3))
    drawn = []
    for worn in ((), both, use((ONE, 0.6), (TWO, 0.0))):
        placed = order(parts.database, **wish, loras=worn)
        draw_waiting(lightning)
        drawn.append(pixels(parts, placed))
    given = {digest(file): file for file in (ONE, TWO)}
    request = asked(**wish, loras=both).image(0)
    truth = Engine(device="cpu").draw(catalog.default, request, files=given)
    assert drawn[1] == truth.pixel_sha256
    assert len(set(drawn)) == 3


def test_a_lora_that_went_is_refunded_with_the_reason_and_the_next_order_is_drawn(
    parts: Parts,
) -> None:
    gone = ordered(parts, ONE, TWO, seeds=(1, 2))
    parts.files._store.delete(f"{FOLDER}/{digest(TWO)}")
    other = order(parts.database, 1)
    assert draw_waiting(parts) == 3
    row = read(parts.database, gone)
    assert (row.status, row.error) == ("failed", {"code": "lora_lost", "params": {}})
    assert read(parts.database, other).status == "done"
    assert left(parts.database) == 9


def test_whatever_is_wrong_with_one_leaves_the_base_and_the_others_alone(
    parts: Parts, tmp_path: Path
) -> None:
    before = weights(parts.engine, parts)
    plain = order(parts.database)
    placed = ordered(parts, ONE)
    draw_waiting(parts)
    (tmp_path / "files" / FOLDER / digest(TWO)).write_bytes(ONE)
    for bad, code in ((TWO, "lora_lost"), (WRONG, "lora_misfit")):
        failing = ordered(parts, ONE, bad, keep=bad is WRONG)
        after, again = order(parts.database), ordered(parts, ONE)
        draw_waiting(parts)
        error = read(parts.database, failing).error
        assert error
        assert error["code"] == code
        assert pixels(parts, after) == pixels(parts, plain)
        assert pixels(parts, again) == pixels(parts, placed)
    assert weights(parts.engine, parts) == before


def test_a_file_store_that_returns_costs_no_picture_with_a_lora(
    parts: Parts, tmp_path: Path
) -> None:
    placed = ordered(parts, ONE)
    (tmp_path / "files").rename(tmp_path / "elsewhere")
    (tmp_path / "files").write_bytes(b"in the way")

    def mend() -> None:
        (tmp_path / "files").unlink()
        (tmp_path / "elsewhere").rename(tmp_path / "files")

    repair = Timer(0.5, mend)
    repair.start()
    draw_waiting(replace(parts, patience_s=20))
    repair.join()
    assert read(parts.database, placed).status == "done"


def test_what_was_fetched_is_told_at_the_next_claim(parts: Parts) -> None:
    ordered(parts, ONE)
    draw_waiting(parts)
    residency = parts.stay.residency(parts.catalog, parts.engine)
    assert residency.loras == {digest(ONE)}
    assert residency.none_brought_for_s < 60
    assert 0 < residency.bring_s < 10


@pytest.fixture
def store(tmp_path: Path) -> Files:
    return Files(f"file://{tmp_path}/files")


def test_the_disk_spares_the_file_store(store: Files, tmp_path: Path) -> None:
    disk = Disk(tmp_path / "disk", 1e9)
    name = store.put(FOLDER, ONE)
    assert Loras(store, disk).bring(Adapters("cpu"), name) == len(ONE)
    store._store.delete(f"{FOLDER}/{name}")
    adapters = Adapters("cpu")
    assert Loras(store, disk).bring(adapters, name) == len(ONE)
    assert Loras(store, disk).bring(adapters, name) == 0
    with pytest.raises(LoraLost):
        Loras(store).bring(Adapters("cpu"), name)


def test_what_is_damaged_on_the_disk_is_fetched_anew(store: Files, tmp_path: Path) -> None:
    disk = Disk(tmp_path / "disk", 1e9)
    name = store.put(FOLDER, ONE)
    disk.put(name, Stream.of(ONE[:-1]))
    Loras(store, disk).bring(Adapters("cpu"), name)
    assert (tmp_path / "disk" / name).read_bytes() == ONE


def test_a_disk_that_cannot_be_written_changes_nothing(store: Files, tmp_path: Path) -> None:
    (tmp_path / "disk").write_bytes(b"in the way")
    name = store.put(FOLDER, ONE)
    adapters = Adapters("cpu")
    Loras(store, Disk(tmp_path / "disk", 1e9)).bring(adapters, name)
    assert adapters.at_hand == {name}


def test_what_finds_no_room_on_the_disk_takes_none_and_is_told_once(
    store: Files, tmp_path: Path
) -> None:
    disk, name = Disk(tmp_path / "disk", 1e9), store.put(FOLDER, ONE)
    with no_larger(1000), capture_logs() as lines:
        for _ in range(3):
            adapters = Adapters("cpu")
            Loras(store, disk).bring(adapters, name)
            assert adapters.at_hand == {name}
            assert list((tmp_path / "disk").iterdir()) == []
    assert [line["error"] for line in lines if line["event"] == "unavailable"] == ["File too large"]
    Loras(store, disk).bring(Adapters("cpu"), name)
    assert (tmp_path / "disk" / name).read_bytes() == ONE


def test_what_lies_on_a_read_only_disk_is_used(tmp_path: Path) -> None:
    with small(tmp_path / "small", "1m") as place:
        disk = Disk(place.folder, 1e9)
        disk.put("a", Stream.of(ONE))
        place.read_only(on=True)
        with disk.opened("a") as found:
            assert found


def test_the_least_recently_used_leaves_a_full_disk(tmp_path: Path) -> None:
    disk = Disk(tmp_path, 25)
    disk.put("a", Stream.of(b"0123456789"))
    disk.put("b", Stream.of(b"0123456789"))
    time.sleep(0.02)  # a clock that ticks now and then
    with disk.opened("a") as found:
        assert found
    disk.put("c", Stream.of(b"0123456789"))
    disk.put("d", Stream.of(b"0" * 30))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "c"]


@pytest.mark.parametrize(
    ("url", "gb", "kept"), [("s3://x/y", 1, True), ("s3://x/y", 0, False), ("file:///x", 1, False)]
)
def test_a_worker_keeps_files_of_its_own_only_where_the_store_is_elsewhere(
    url: str, gb: float, kept: bool, tmp_path: Path
) -> None:
    settings = WorkerSettings(
        database_url=SecretStr("sqlite://"),
        broker_url=SecretStr("redis://x"),
        files_url=url,
        lora_folder=tmp_path,
        lora_folder_gb=gb,
    )
    assert (settings.lora_disk is not None) == kept


def test_a_store_that_is_away_is_no_lost_lora(store: Files, tmp_path: Path) -> None:
    name = store.put(FOLDER, ONE)
    (tmp_path / "files").rename(tmp_path / "away")
    (tmp_path / "files").write_bytes(b"in the way")
    with pytest.raises(FilesUnavailable):
        Loras(store).bring(Adapters("cpu"), name)


def test_threads_that_want_the_same_file_read_it_once(store: Files) -> None:
    loras, adapters, name = Loras(store), Adapters("cpu"), store.put(FOLDER, ONE)
    read: list[int] = []
    threads = [Thread(target=lambda: read.append(loras.bring(adapters, name))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(read) == [0, 0, 0, len(ONE)]
