"""What the doctor says of places that are well, and of those that are not."""

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pytest
from sqlalchemy import text

from store.database import Database
from store.doctor import places, report
from store.doctor.report import Finding, State
from store.host import workers
from tests.disks import barred, small


@dataclass(frozen=True)
class Places:
    """What is said of one folder: of its disk, as a file store, as one that only spares work."""

    disk: Finding
    files: Finding
    spare: Finding

    @classmethod
    def of(cls, folder: Path) -> Self:
        (disk,), (files,) = places.disk(f"file://{folder}"), places.files(f"file://{folder}")
        return cls(disk, files, places.folder("parts", folder, "no LoRA can be added"))


def by_name(found: object) -> dict[str, Finding]:
    return {one.name: one for one in found}  # type: ignore[attr-defined]


def test_a_database_that_is_well(database_url: str) -> None:
    found = by_name(places.database(database_url))
    assert {one.state for one in found.values()} == {State.OK}, found
    assert {"database", "tables", "writing"} <= set(found)


def test_the_probe_of_writing_leaves_nothing(database_url: str, database: Database) -> None:
    list(places.database(database_url))
    with database.begin() as session, pytest.raises(Exception, match="doctor_probe"):
        session.execute(text("SELECT * FROM doctor_probe"))


def test_old_tables_say_what_to_run(database_url: str, database: Database) -> None:
    with database.begin() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '0002'"))
    tables = by_name(places.database(database_url))["tables"]
    assert tables.state is State.BROKEN
    assert "python -m store upgrade" in tables.mend


def test_a_database_that_is_away_is_told_without_its_password() -> None:
    url = "postgresql://reroll:secret@127.0.0.1:1/reroll"
    (found,) = places.database(url)
    assert found.state is State.BROKEN
    assert "secret" not in found.said
    assert "127.0.0.1" in found.said


def test_looking_for_a_sqlite_file_does_not_make_it(tmp_path: Path) -> None:
    (found,) = places.database(f"sqlite:///{tmp_path}/none.db")
    assert found.state is State.WARNING
    assert not (tmp_path / "none.db").exists()


def test_a_sqlite_file_that_is_none_is_broken(tmp_path: Path) -> None:
    (tmp_path / "odd.db").write_bytes(b"this is no database, whatever its name says" * 40)
    (found,) = places.database(f"sqlite:///{tmp_path}/odd.db")
    assert found.state is State.BROKEN
    assert "not a database" in found.said


def test_missing_addresses_name_their_settings() -> None:
    (database,), (files,) = places.database(""), places.files("")
    assert "REROLL_DATABASE_URL" in database.said
    assert "REROLL_FILES_URL" in files.said


def test_a_file_store_is_tried_and_left_empty(tmp_path: Path) -> None:
    (found,) = places.files(f"file://{tmp_path}/files")
    assert found.state is State.OK
    assert not [file for file in (tmp_path / "files").rglob("*") if file.is_file()]


def test_a_file_store_that_cannot_be_written_is_broken(tmp_path: Path) -> None:
    (tmp_path / "files").write_bytes(b"in the way")
    (found,) = places.files(f"file://{tmp_path}/files")
    assert found.state is State.BROKEN
    assert "exists" in found.said or "directory" in found.said, found.said
    assert found.mend


def test_room_on_the_disk_is_told_for_what_is_here(tmp_path: Path) -> None:
    kept = [f"sqlite:///{tmp_path}/reroll.db", f"file://{tmp_path}/deep/down", "s3://bucket/x"]
    found = list(places.disk(*kept))
    assert len(found) == 2
    assert all("GB free" in one.said for one in found)
    (elsewhere,) = places.disk("postgresql://host/reroll", "s3://bucket/x")
    assert elsewhere.state is State.OK


@pytest.mark.parametrize(
    ("size", "state", "said"),
    [
        ("9g", State.OK, "9.7 GB free"),
        ("2g", State.WARNING, "2.1 GB free"),
        ("1m", State.BROKEN, "full or nearly: 0.0 GB free"),
        ("9g,nr_inodes=900", State.BROKEN, "more files fit"),
    ],
)
def test_how_much_a_disk_has_room_for_is_told_in_steps(
    tmp_path: Path, size: str, state: State, said: str
) -> None:
    with small(tmp_path / "disk", size) as disk:
        (found,) = places.disk(f"file://{disk.folder}/files")
        spare = places.folder("parts", disk.folder / "parts", "no LoRA can be added")
    assert (found.name, found.state, spare.name, spare.state) == ("disk", state, "parts", state)
    assert said in found.said
    assert said in spare.said
    assert bool(found.mend) is (state is not State.OK)


def test_a_disk_without_a_byte_left_and_one_that_is_read_only_are_told_apart(
    tmp_path: Path,
) -> None:
    with small(tmp_path / "disk", "1m") as disk:
        kept = disk.folder / "deep" / "files"
        kept.mkdir(parents=True)
        disk.fill()
        full = Places.of(kept)
        disk.read_only(on=True)
        barred = Places.of(kept)
    assert "No space left on device" in full.files.said
    assert "No space left on device" in full.spare.said
    assert "full or nearly" in full.disk.said
    assert "Read-only file system" in barred.files.said
    assert "Read-only file system" in barred.spare.said
    assert "is read-only" in barred.disk.said
    assert "remount" in barred.disk.mend
    for found in (full, barred):
        assert found.disk.state is found.files.state is State.BROKEN
        assert found.spare.state is State.WARNING
        assert found.spare.mend.endswith("no LoRA can be added meanwhile")


def test_a_place_that_this_account_may_not_look_into_is_told_and_what_to_do(
    tmp_path: Path,
) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    with barred(kept):
        (database,) = places.database(f"sqlite:///{kept}/reroll.db")
        found = Places.of(kept / "files")
    assert database.state is found.disk.state is found.files.state is State.BROKEN
    assert found.spare.state is State.WARNING
    for one in (database, found.disk, found.files, found.spare):
        assert "Permission denied" in one.said
        assert "this account may write there" in one.mend


@pytest.mark.parametrize(
    ("ahead_s", "state"), [(0.2, State.OK), (-9, State.BROKEN), (3600, State.BROKEN)]
)
def test_clocks_may_differ_by_seconds_only(ahead_s: float, state: State) -> None:
    assert places.clock("Discord", time.time() - ahead_s).state is state


def test_workers_are_counted(database_url: str, database: Database) -> None:
    assert by_name(places.workers_alive(database_url))["workers"].state is State.WARNING
    with database.begin() as session:
        workers.report(session, "gpu-0", ["starter"])
    assert by_name(places.workers_alive(database_url))["workers"].state is State.OK


def test_a_check_that_raises_or_hangs_is_unknown_and_shows_no_secret() -> None:
    def raises() -> list[Finding]:
        raise ValueError("postgresql://reroll:secret@host")

    def hangs() -> list[Finding]:
        time.sleep(5)
        return []

    found = report.examine({"one": raises, "two": hangs}, patience_s=0.2)
    assert [one.state for one in found] == [State.UNKNOWN, State.UNKNOWN]
    assert "secret" not in report.as_text(found)
    assert report.worst(found) == 0


def test_text_and_json_say_the_same() -> None:
    found = [report.ok("disk", "fine"), report.broken("token", "none", "make one")]
    lines = report.as_text(found).splitlines()
    assert lines[0].split() == ["ok", "disk", "fine"]
    assert lines[2].strip() == "-> make one"
    assert lines[-1] == "1 ok, 1 broken"
    assert report.as_text([report.warning("a", "b", "c")] * 2).endswith("\n2 warnings")
    told = json.loads(report.as_json(found))
    assert told["ok"] is False
    assert told["findings"][1] == {
        "name": "token",
        "state": "broken",
        "said": "none",
        "mend": "make one",
    }
    assert report.worst(found) == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_database_is_told(sqlite_url: str, tmp_path: Path) -> None:
    (tmp_path / "reroll.db").chmod(0o400)
    tmp_path.chmod(0o500)
    try:
        found = by_name(places.database(sqlite_url))
        assert found["database"].state is State.BROKEN
    finally:
        tmp_path.chmod(0o700)
