"""What members name is fetched, checked and kept, whoever dies meanwhile; the rest says why not."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select, update
from structlog.testing import capture_logs

from store import clock
from store.database import Database
from store.files import Files
from store.loras import fetches, library, unneeded
from store.loras.addresses import HOSTS
from store.tables.loras import Lora, LoraFetch
from tests.disks import in_the_way, small
from tests.worker import web
from tests.worker.lora_orders import content, want
from tests.worker.web import Site
from worker.librarian import Librarian
from worker.lora_download import Downloader


@pytest.fixture(scope="module")
def running() -> Iterator[Site]:
    with web.running() as site:
        yield site


@pytest.fixture
def site(running: Site) -> Site:
    running.files = {"a": content(), "b": content(1), "again": content(prefix="diffusion_model.")}
    running.cuts, running.target = 1, ""
    running.asked.clear()
    return running


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(f"file://{tmp_path}/files")


@pytest.fixture
def librarian(sqlite: Database, files: Files, site: Site, tmp_path: Path) -> Librarian:
    return made(sqlite, files, site, tmp_path)


def made(database: Database, files: Files, site: Site, tmp_path: Path) -> Librarian:
    (tmp_path / "parts").mkdir(exist_ok=True)
    downloader = Downloader(hosts=HOSTS, local=site.url, pause_s=0.01)
    return Librarian("w", database, files, downloader, tmp_path / "parts")


def ask(database: Database, name: str, url: str, owner_id: int = 1, **changes: object) -> str:
    with database.begin() as session:
        return want(session, name, url, owner_id, **changes)


def get(database: Database, lora_id: str) -> Lora:
    with database.begin() as session:
        return session.get_one(Lora, lora_id)


def test_a_file_is_fetched_checked_and_kept(
    sqlite: Database, files: Files, site: Site, librarian: Librarian, tmp_path: Path
) -> None:
    lora_id = ask(sqlite, "ink", f"{site.url}/ok/a")
    with capture_logs() as lines:
        librarian.work_off()
    lora = get(sqlite, lora_id)
    assert (lora.status, lora.base, lora.rank, lora.layers) == ("ready", "starter", 2, 5)
    kept = files.get(library.FOLDER, lora.sha256 or "")
    assert len(kept) == lora.nbytes
    assert list((tmp_path / "parts").iterdir()) == []
    assert "secret" not in str(lines)
    assert site.url not in str(lines)


def test_the_same_lora_in_another_naming_is_the_same_file(
    sqlite: Database, files: Files, site: Site, librarian: Librarian
) -> None:
    first = ask(sqlite, "ink", f"{site.url}/ok/a")
    second = ask(sqlite, "ink", f"{site.url}/ok/again", 2)
    librarian.work_off()
    sha256 = get(sqlite, first).sha256 or ""
    assert get(sqlite, second).sha256 == sha256
    for lora_id, stays in ((first, True), (second, False)):
        with sqlite.begin() as session:
            library.remove(session, library.by_id(session, lora_id))
        librarian.tidy(recent_ms=-1000)
        assert files.has(library.FOLDER, sha256) is stays
    third = ask(sqlite, "ink", f"{site.url}/ok/a")
    librarian.work_off()
    assert get(sqlite, third).status == "ready"
    assert files.has(library.FOLDER, sha256)


def test_the_very_same_again_names_the_one_that_is_there(
    sqlite: Database, site: Site, librarian: Librarian
) -> None:
    ask(sqlite, "ink", f"{site.url}/ok/a")
    twin = ask(sqlite, "other", f"{site.url}/ok/again")
    librarian.work_off()
    assert get(sqlite, twin).error == {"code": "lora_twin", "params": {"value": "ink"}}


@pytest.mark.parametrize(
    ("path", "file", "code"),
    [
        ("/ok/x", b"PK\3\4" + bytes(100), "lora_not_safetensors"),
        ("/ok/x", b"\x80\x04pickle" * 9, "lora_not_safetensors"),
        ("/ok/x", b"\xff" * 8 + b"{" + bytes(99), "lora_damaged"),
        ("/ok/x", content()[:-1], "lora_damaged"),
        ("/ok/x", b"", "lora_not_safetensors"),
        ("/ok/missing", b"", "lora_not_handed_out"),
        ("/lie/x", content(), "lora_fetch_cut"),
        ("/ever/x", b"", "lora_file_too_large"),
    ],
)
def test_what_cannot_be_kept_is_refused_with_the_reason(
    sqlite: Database,
    site: Site,
    librarian: Librarian,
    tmp_path: Path,
    path: str,
    file: bytes,
    code: str,
) -> None:
    site.files["x"] = file
    lora_id = ask(sqlite, "ink", f"{site.url}{path}", most_bytes=2_000_000)
    librarian.work_off()
    lora = get(sqlite, lora_id)
    assert (lora.status, (lora.error or {})["code"]) == ("refused", code)
    assert list((tmp_path / "parts").glob("*.part")) == []


def test_for_a_base_that_nobody_draws_here(
    sqlite: Database, site: Site, librarian: Librarian
) -> None:
    one = ask(sqlite, "ink", f"{site.url}/ok/a", bases=("flux1", "z-image"))
    two = ask(sqlite, "two", f"{site.url}/ok/a", bases=("flux1",))
    librarian.work_off()
    assert get(sqlite, one).error == {
        "code": "lora_base_unserved",
        "params": {"base": "starter"},
    }
    assert (get(sqlite, two).error or {})["code"] == "lora_other_base"


def test_a_worker_that_leaves_is_followed_by_one_that_goes_on(
    sqlite: Database, files: Files, site: Site, tmp_path: Path
) -> None:
    lora_id = ask(sqlite, "ink", f"{site.url}/drip/a")
    first = made(sqlite, files, site, tmp_path)
    first.start()
    for _ in range(100):
        with sqlite.begin() as session:
            if fetches.under_way(session):
                break
        threading.Event().wait(0.05)
    threading.Event().wait(0.2)
    first.stop()
    with sqlite.begin() as session:
        assert not fetches.under_way(session)
        session.query(fetches.LoraFetch).update({"url": f"{site.url}/ok/a"})
    second = made(sqlite, files, site, tmp_path)
    second.work_off()
    assert get(sqlite, lora_id).status == "ready"


def test_a_worker_that_was_killed_is_followed_by_its_next_life(
    sqlite: Database, files: Files, site: Site, librarian: Librarian, tmp_path: Path
) -> None:
    lora_id = ask(sqlite, "ink", f"{site.url}/ok/a")
    with sqlite.begin() as session:
        assert fetches.claim(session, "w")
    librarian.work_off()
    assert get(sqlite, lora_id).status == "checking"
    librarian.start()
    for _ in range(200):
        if get(sqlite, lora_id).status == "ready":
            break
        threading.Event().wait(0.05)
    librarian.stop()
    assert get(sqlite, lora_id).status == "ready"


@pytest.mark.parametrize("full", ["files", "parts"])
def test_one_that_finds_no_room_is_kept_once_there_is_some(
    sqlite: Database, files: Files, site: Site, librarian: Librarian, tmp_path: Path, full: str
) -> None:
    place = tmp_path / full
    place.mkdir(exist_ok=True)
    lora_id = ask(sqlite, "ink", f"{site.url}/ok/a")
    with capture_logs() as lines:
        for _ in range(5):
            with in_the_way(place):
                librarian.work_off()
            assert get(sqlite, lora_id).status == "checking"
            with sqlite.begin() as session:
                (fetch,) = session.query(fetches.LoraFetch).all()
                assert (fetch.attempts, fetches.claim(session, "w")) == (0, None)
                fetch.lease_until = 0
    assert len([line for line in lines if line["event"] == "unavailable"]) == 1
    assert site.asked == []  # it was seen beforehand
    librarian.work_off()
    assert get(sqlite, lora_id).status == "ready"


def test_one_that_found_no_room_is_brought_again_only_once_there_is_some(
    sqlite: Database, site: Site, tmp_path: Path
) -> None:
    site.files["large"] = content(rank=64)
    with small(tmp_path / "disk", "1m") as disk:
        librarian = made(sqlite, Files(f"file://{disk.folder}/files"), site, tmp_path)
        disk.fill()
        lora_id = ask(sqlite, "ink", f"{site.url}/ok/large")
        with sqlite.begin() as session:
            session.execute(update(LoraFetch).values(created_at=0))
        waits = []
        for _ in range(3):
            librarian.work_off()
            with sqlite.begin() as session:
                fetch = session.scalars(select(LoraFetch)).one()
                waits.append(round(((fetch.lease_until or 0) - clock.now(session)) / 60_000))
                fetch.lease_until = 0
        assert (waits, len(site.asked)) == ([1, 1, 1], 1)
        disk.empty()
        librarian.work_off()
        assert get(sqlite, lora_id).status == "ready"


def test_one_whose_picture_cannot_be_removed_holds_up_no_others(
    sqlite: Database, files: Files, librarian: Librarian, tmp_path: Path
) -> None:
    removed = [ask(sqlite, name, "https://nowhere.test/a") for name in ("ink", "oil", "chalk")]
    with sqlite.begin() as session:
        for lora_id in removed:
            library.preview(session, lora_id, files.put(library.folder(lora_id), b"a picture"))
            library.remove(session, library.by_id(session, lora_id))
    with in_the_way(tmp_path / "files" / library.folder(removed[0])):
        librarian.tidy(recent_ms=-1000)
        assert [bool(get(sqlite, one).purged_at) for one in removed] == [False, True, True]
    librarian.tidy(recent_ms=-1000)
    assert get(sqlite, removed[0]).purged_at


def test_half_a_file_that_a_kill_left_is_tidied_away(
    sqlite: Database, files: Files, site: Site, librarian: Librarian, tmp_path: Path
) -> None:
    lora_id = ask(sqlite, "ink", f"{site.url}/ok/a")
    librarian.work_off()
    kept = get(sqlite, lora_id).sha256 or ""
    old, new = (tmp_path / "files" / library.FOLDER / f"{kept}#{number}" for number in (1, 2))
    for half in (old, new):
        half.write_bytes(b"half")
    os.utime(old, (1, 1))
    librarian.tidy()
    assert (old.exists(), new.exists(), files.has(library.FOLDER, kept)) == (False, True, True)


def test_a_removed_lora_is_not_fetched_to_its_end(
    sqlite: Database, site: Site, librarian: Librarian
) -> None:
    lora_id = ask(sqlite, "ink", f"{site.url}/ever/a")
    with sqlite.begin() as session:
        library.remove(session, library.by_id(session, lora_id))
    librarian.work_off()
    with sqlite.begin() as session:
        assert fetches.claim(session, "w") is None
        assert unneeded.removed(session, recent_ms=-1000) == [lora_id]
    librarian.tidy(recent_ms=-1000)
    assert get(sqlite, lora_id).purged_at
