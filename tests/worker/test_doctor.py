"""What the doctor says of a worker's set-up, good and broken."""

import json
import os
import subprocess
import sys
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis
from pydantic import SecretStr

from engine.drawing.sharing import Shares
from engine.labels import certificate
from engine.variants.catalog import VARIANTS
from store.database import Database
from store.doctor.report import Finding, State
from store.host import workers
from tests import judges
from tests.broker import RunningBroker
from worker.doctor import drawing, rows, shared, visit
from worker.events import redis_url
from worker.settings import WorkerSettings

PROJECT = Path(__file__).resolve().parents[2]


def settings(**values: object) -> visit.Lenient:
    return visit.Lenient(**values)  # type: ignore[arg-type]


def by_name(found: object) -> dict[str, Finding]:
    return {one.name: one for one in found}  # type: ignore[attr-defined]


def test_a_queue_that_is_well(running_broker: RunningBroker) -> None:
    found = by_name(shared.broker(running_broker.url))
    assert {one.state for one in found.values()} == {State.OK}
    assert "valkey" in found["broker"].said or "redis" in found["broker"].said


def test_a_queue_that_evicts_says_what_to_set(running_broker: RunningBroker) -> None:
    client = redis.Redis.from_url(redis_url(running_broker.url))
    client.config_set("maxmemory-policy", "allkeys-lru")
    client.config_set("maxmemory", "50mb")
    client.close()
    found = by_name(shared.broker(running_broker.url))["eviction"]
    assert (found.state, "noeviction" in found.mend) == (State.BROKEN, True)


def test_a_queue_that_is_away_is_told_without_its_password() -> None:
    (found,) = shared.broker("redis://:secret@127.0.0.1:1/0")
    assert found.state is State.BROKEN
    assert "secret" not in repr(found)


@pytest.mark.parametrize(
    ("values", "name", "words"),
    [
        ({"variants": "starter,flux9"}, "variants", "flux9"),
        ({"variants": "flux1-dev"}, "licences", "not acknowledged"),
        ({"variants_folder": Path("/nowhere")}, "variants", "starter"),
    ],
)
def test_variants_that_cannot_start(values: dict[str, object], name: str, words: str) -> None:
    found = by_name(shared.variants(settings(**values)))[name]
    assert found.state is State.BROKEN
    assert words in found.said
    assert found.mend


def test_weights_of_the_hub_that_are_not_here_are_no_fault() -> None:
    found = list(drawing.weights(settings(variants="starter,qwen-image")))
    states = {one.name: one.state for one in found}
    assert states == {"weights of starter": State.OK, "weights of qwen-image": State.WARNING}


def test_weights_that_a_file_names_wrongly_are_broken(tmp_path: Path) -> None:
    text = (VARIANTS / "starter.toml").read_text().replace("starter/weights", "starter/none")
    (tmp_path / "starter.toml").write_text(text)
    (found,) = drawing.weights(settings(variants_folder=tmp_path))
    assert found.state is State.BROKEN
    assert "starter/none" in found.said


def test_memory_that_is_too_small_says_what_is_needed() -> None:
    small = WorkerSettings.model_construct(
        variants="starter", variants_folder=VARIANTS, device="cpu", memory_gb=0.001
    )
    found = by_name(drawing.memory(small))["memory for starter"]
    assert found.state is State.BROKEN
    assert "GB are needed" in found.said


def test_rows_are_told_as_they_are_given_or_as_this_worker_measured_them(
    sqlite: Database, sqlite_url: str
) -> None:
    def told(**values: object) -> dict[str, str]:
        asked = settings(device="cpu", database_url=SecretStr(sqlite_url), **values)
        return {name: one.said for name, one in by_name(rows.shared(asked)).items()}

    shares = Shares(4, ((1, 1.0), (2, 0.7), (4, 0.54)))
    with sqlite.begin() as session:
        found = {"starter": {"128x128": asdict(shares)}}
        workers.report(session, "gpu-0", ["starter", "flux1-fill"], rows=found)
    both = {"variants": "starter,flux1-fill", "acknowledged_licences": "flux1-fill"}
    measured = {
        "rows of starter": "128x128: 4 (a row costs 0.70 of 2, 0.54 of 4)",
        "rows of flux1-fill": rows.ALONE,
    }
    assert told(worker_name="gpu-0", **both) == measured
    assert told(worker_name="gpu-1") == {"rows of starter": rows.UNMEASURED}
    assert told(worker_name="gpu-0", rows=3) == {"rows of starter": "3: REROLL_ROWS"}
    assert told(worker_name="gpu-0", compile=True) == {"rows of starter": "1: REROLL_COMPILE"}


def test_a_vendor_without_a_key_is_broken() -> None:
    (found,) = drawing.vendor(settings(variants="bfl-flux2-pro"))
    assert (found.state, "REROLL_BFL_KEY" in found.mend) == (State.BROKEN, True)
    assert list(drawing.vendor(settings())) == []


def test_labels_tell_how_long_the_certificate_holds(tmp_path: Path) -> None:
    def told(days: int) -> Finding:
        made = datetime.now(UTC) - timedelta(days=days)
        chain, key = certificate.make(tmp_path / str(days), "A host", made)
        (found,) = shared.labels(settings(c2pa_chain=chain, c2pa_key=key))
        return found

    assert (told(0).state, told(certificate.DAYS - 9).state) == (State.OK, State.WARNING)
    assert told(certificate.DAYS + 1).state is State.BROKEN
    assert "none is signed" in next(shared.labels(settings())).said


def test_an_output_check_that_cannot_be_loaded_is_broken(tmp_path: Path) -> None:
    (found,) = drawing.output_check(settings(check_model=str(tmp_path)))
    assert found.state is State.BROKEN
    (found,) = drawing.output_check(settings(check_model=str(judges.save(tmp_path / "judge"))))
    assert (found.state, "normal, nsfw" in found.said) == (State.OK, True)


def test_the_command_tells_machines_and_ends_with_one_where_something_is_broken(
    sqlite_url: str, running_broker: RunningBroker, tmp_path: Path
) -> None:
    good = {
        "REROLL_DATABASE_URL": sqlite_url,
        "REROLL_BROKER_URL": running_broker.url,
        "REROLL_FILES_URL": f"file://{tmp_path}/files",
    }
    code, found = doctor(good)
    assert code == 0, found
    assert {"database", "tables", "broker", "files", "weights of starter", "device"} <= set(found)
    assert found["output check"]["state"] == "warning"
    code, found = doctor(good | {"REROLL_BROKER_URL": "redis://127.0.0.1:1/0"})
    assert (code, found["broker"]["state"]) == (1, "broken")
    code, found = doctor(good | {"REROLL_LOG_LEVEL": "loud"})
    assert (code, set(found)) == (1, {"settings"})


def doctor(environment: dict[str, str]) -> tuple[int, dict[str, dict[str, str]]]:
    ended = subprocess.run(
        [sys.executable, "-m", "worker", "doctor", "--json"],
        cwd=PROJECT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    findings = json.loads(ended.stdout)["findings"]
    return ended.returncode, {one["name"]: one for one in findings}


def test_a_worker_whose_tables_are_too_old_says_what_to_run(
    running_broker: RunningBroker, tmp_path: Path
) -> None:
    told = {
        "REROLL_DATABASE_URL": f"sqlite:///{tmp_path}/empty.db",
        "REROLL_BROKER_URL": running_broker.url,
        "REROLL_FILES_URL": f"file://{tmp_path}/files",
    }
    ended = subprocess.run(
        [sys.executable, "-m", "worker"],
        cwd=PROJECT,
        env=os.environ | told,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert ended.returncode == 1
    assert "python -m store upgrade" in ended.stderr
    assert "Traceback" not in ended.stderr
