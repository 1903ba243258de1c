"""A training from its order to the library: on the starter's own weights, for a few steps."""

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Timer
from typing import Any

import pytest
from PIL import Image

from engine.engine import Engine
from engine.judging.verdicts import Verdict
from engine.loras.canon import canonical
from engine.loras.names import bases
from engine.pictures import uploads
from engine.training.plan import Plan, trainers
from engine.variants.catalog import VARIANTS, Catalog
from engine.variants.training import Bounds
from store.database import Database
from store.errors import FilesUnavailable
from store.files import Files
from store.host import controls, workers
from store.loras import library
from store.loras.library import FOLDER, Room
from store.tables.trainings import Training
from store.training import trainings
from tests.broker import RunningBroker
from tests.store.loras.test_library import find
from tests.store.training.test_trainings import MEMBER, NOW, left, ordered, read
from worker.finishing import Finish
from worker.queue import Tickets
from worker.training import claimed
from worker.training.parts import Parts
from worker.training.work import train_waiting

PROJECT = Path(__file__).resolve().parents[2]
COLOURS = ("red", "blue", "gold", "green", "black")


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(f"file://{tmp_path}/files")


@pytest.fixture
def parts(sqlite: Database, files: Files, engine: Engine) -> Parts:
    catalog = Catalog.load(["starter"])
    (variant,) = trainers([catalog.default]).values()
    assert variant.training
    short = replace(variant.training, steps=Bounds(default=4, least=1, most=1000), batch=1)
    return Parts("t", {"starter": replace(variant, training=short)}, sqlite, files, engine)


def order(database: Database, files: Files, steps: int = 4, **changes: Any) -> str:
    plan = Plan(variant="starter", rank=8, steps=steps, seed=1)
    pictures = [uploads.to_file(Image.new("RGB", (128, 128), colour)) for colour in COLOURS]
    with database.begin() as session:
        one = ordered(plan=plan, prompts=["a panda"], **changes)
        lora_id = trainings.create(session, one, MEMBER, Room(9, 10**9), NOW).lora_id
        kept = [files.put(trainings.folder(lora_id), picture) for picture in pictures]
        row = trainings.get(session, lora_id)
        row.examples = {"all": [[sha256, "a cat"] for sha256 in kept]}
    return lora_id


def test_a_training_ends_in_the_library(parts: Parts, sqlite: Database, files: Files) -> None:
    lora_id = order(sqlite, files)
    assert train_waiting(parts) == 1
    row, lora = read(sqlite, lora_id), find(sqlite, "ink")
    assert (row.status, row.step, row.due, left(sqlite)) == ("done", 4, 40, 60)
    assert lora.sha256
    content = files.get(library.FOLDER, lora.sha256)
    assert canonical(io.BytesIO(content), bases()["starter"]).sha256 == lora.sha256
    assert (lora.base, lora.rank, lora.nbytes) == ("starter", 8, len(content))
    assert row.curve
    assert row.samples
    assert len(row.curve["all"]) == 4
    (shown,) = row.samples["all"]
    assert Image.open(io.BytesIO(files.get(trainings.folder(lora_id), shown))).size == (128, 128)
    assert lora.preview
    assert files.get(library.folder(lora_id), lora.preview)


def test_what_everybody_must_not_see_is_no_sample(
    parts: Parts, sqlite: Database, files: Files
) -> None:
    lora_id = order(sqlite, files)
    hidden = Finish(look=lambda _png, _restricted: Verdict.SPOILER)
    train_waiting(replace(parts, finish=hidden))
    row = read(sqlite, lora_id)
    assert (row.status, row.samples, find(sqlite, "ink").preview) == ("done", {"all": []}, None)


class Interrupted(claimed.Work):
    """Work that something befalls before a step."""

    befalls: Callable[[Parts, int], None]

    def _check(self, training: Any) -> None:
        type(self).befalls(self._parts, training.step)
        super()._check(training)


@pytest.fixture
def befall(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Parts, int], None]], None]:
    def set_up(what: Callable[[Parts, int], None]) -> None:
        monkeypatch.setattr(Interrupted, "befalls", staticmethod(what), raising=False)
        monkeypatch.setattr("worker.training.work.Work", Interrupted)

    return set_up


def test_a_process_that_leaves_hands_it_on_and_nothing_is_learnt_otherwise(
    parts: Parts, sqlite: Database, files: Files, befall: Any
) -> None:
    order(sqlite, files)
    train_waiting(parts)
    whole = find(sqlite, "ink").sha256

    def leave(mine: Parts, step: int) -> None:
        if step == 2:
            mine.hand.leave(grace_s=0)

    befall(leave)
    lora_id = order(sqlite, files, name="again")
    train_waiting(parts)
    row = read(sqlite, lora_id)
    assert (row.status, row.step, row.attempts) == ("queued", 2, 0)
    assert row.checkpoint
    befall(lambda _parts, _step: None)
    heir = replace(parts, name="u", hand=Parts("u", {}, sqlite, files, parts.engine).hand)
    assert train_waiting(heir) == 1
    assert find(sqlite, "again").sha256 == whole


def test_a_cancelled_one_costs_what_ran(
    parts: Parts, sqlite: Database, files: Files, befall: Any
) -> None:
    lora_id = order(sqlite, files)

    def cancel(mine: Parts, step: int) -> None:
        if step == 1:
            with mine.database.begin() as session:
                trainings.cancel(session, lora_id)
            mine.hand.beat(mine.database)

    befall(cancel)
    train_waiting(parts)
    row = read(sqlite, lora_id)
    assert (row.status, row.due, left(sqlite)) == ("cancelled", 10, 90)


def test_what_fails_by_surprise_is_tried_three_times_and_refunded(
    parts: Parts, sqlite: Database, files: Files, befall: Any
) -> None:
    lora_id = order(sqlite, files)

    def fail(_parts: Parts, _step: int) -> None:
        raise ValueError("surprise")

    befall(fail)
    assert train_waiting(parts) == 3
    row = read(sqlite, lora_id)
    assert (row.status, row.error, left(sqlite)) == (
        "failed",
        {"code": "engine_failed", "params": {}},
        100,
    )


@pytest.mark.parametrize("returns", [True, False])
def test_what_was_learnt_waits_for_a_file_store_without_room_and_is_refunded_in_the_end(
    parts: Parts, sqlite: Database, files: Files, befall: Any, tmp_path: Path, returns: bool
) -> None:
    lora_id = order(sqlite, files)
    place, aside = tmp_path / "files", tmp_path / "aside"

    def mend() -> None:
        place.unlink()
        aside.rename(place)

    def fill(_parts: Parts, step: int) -> None:
        if step == 3 and not aside.exists():
            place.rename(aside)
            place.touch()
            if returns:
                Timer(2, mend).start()

    befall(fill)
    tries = train_waiting(replace(parts, patience_s=30 if returns else 0))
    # A checkpoint was kept, from where it has its three tries anew.
    assert tries == (1 if returns else 4)
    row = read(sqlite, lora_id)
    if returns:
        assert (row.status, left(sqlite)) == ("done", 60)
        assert files.get(FOLDER, find(sqlite, "ink").sha256 or "")
    else:
        assert (row.status, left(sqlite)) == ("failed", 100)
        assert row.error == {"code": "files_unavailable", "params": {}}


def test_a_process_that_leaves_does_not_wait_for_a_file_store_that_is_away(
    parts: Parts, sqlite: Database, files: Files, tmp_path: Path
) -> None:
    lora_id = order(sqlite, files)
    place, aside = tmp_path / "files", tmp_path / "aside"
    place.rename(aside)
    place.touch()
    Timer(1, parts.hand.leave, kwargs={"grace_s": 0}).start()
    assert train_waiting(replace(parts, patience_s=6)) == 1
    row = read(sqlite, lora_id)
    assert (row.status, row.attempts) == ("queued", 0)


def test_none_is_begun_while_the_host_pauses(parts: Parts, sqlite: Database, files: Files) -> None:
    lora_id = order(sqlite, files)
    with sqlite.begin() as session:
        controls.set_flow(session, controls.Flow.PAUSED, by=1)
    assert train_waiting(parts) == 0
    assert read(sqlite, lora_id).status == "queued"


def test_lost_pictures_end_it_at_once(parts: Parts, sqlite: Database, files: Files) -> None:
    lora_id = order(sqlite, files)
    with sqlite.begin() as session:
        trainings.get(session, lora_id).examples = {"all": [["0" * 64, "a cat"]] * 5}
    assert train_waiting(parts) == 1
    assert read(sqlite, lora_id).error == {"code": "input_lost", "params": {}}


def test_the_curve_stays_short() -> None:
    assert claimed.curve([]) == []
    assert claimed.curve([1.0, 0.5]) == [1.0, 0.5]
    assert len(claimed.curve([1.0] * 1001)) == 91


@pytest.fixture
def trainer(sqlite_url: str, running_broker: RunningBroker, tmp_path: Path) -> Iterator[Any]:
    variants = tmp_path / "variants"
    variants.mkdir()
    text = (VARIANTS / "starter.toml").read_text(encoding="utf-8")
    quick = text.replace("least = 50", "least = 1").replace("batch = 8", "batch = 1")
    (variants / "starter.toml").write_text(quick, encoding="utf-8")
    told = {
        "REROLL_VARIANTS": "starter",
        "REROLL_VARIANTS_FOLDER": str(variants),
        "REROLL_DATABASE_URL": sqlite_url,
        "REROLL_BROKER_URL": running_broker.url,
        "REROLL_FILES_URL": f"file://{tmp_path}/files",
        "REROLL_LOG_LEVEL": "warning",
    }
    started = []

    def start() -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "worker", "train"],
            cwd=PROJECT,
            env=os.environ | told,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout
        assert process.stdout.readline() == "REROLL READY\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.wait(20)
        process.stdout.close()


def until(database: Database, lora_id: str, true: Callable[[Training], bool]) -> Training:
    give_up_at = time.monotonic() + 180
    while time.monotonic() < give_up_at:
        row = read(database, lora_id)
        if true(row):
            return row
        time.sleep(0.1)
    raise TimeoutError(row.status)


@pytest.mark.timeout(400)
def test_killed_in_mid_training_and_started_again_it_goes_on(
    trainer: Any, sqlite: Database, files: Files, running_broker: RunningBroker
) -> None:
    lora_id = order(sqlite, files, steps=12)
    first = trainer()
    Tickets(running_broker.url).send(workers.trainer("starter"))
    saved = until(sqlite, lora_id, lambda row: row.checkpoint is not None)
    first.send_signal(signal.SIGKILL)
    first.wait(20)
    assert 0 < saved.step < 12
    trainer()
    row = until(sqlite, lora_id, lambda row: row.finished_at is not None)
    assert (row.status, row.step, row.attempts, row.fence) == ("done", 12, 0, 2)
    assert left(sqlite) == 60
    with pytest.raises(FilesUnavailable):  # the next checkpoint took its place
        files.get(trainings.folder(lora_id), saved.checkpoint or "")
