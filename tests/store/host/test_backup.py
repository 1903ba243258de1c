"""What was backed up can be restored: every order, image and credit of the moment."""

import shutil
import subprocess
import threading
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import select, text

from store.database import Database
from store.host.backup import CannotBackUp, backup
from store.money import ledger
from store.money.plans import Plan, Plans
from store.orders import placing
from store.tables.money import LedgerEntry
from store.tables.orders import Generation
from tests.store.placing import NOON, order, place


def contents(database: Database) -> tuple[list[str], list[tuple[str, int]], int]:
    with database.begin() as session:
        orders = sorted(session.scalars(select(Generation.id)))
        rows = session.execute(select(LedgerEntry.kind, LedgerEntry.amount))
        entries = sorted((row.kind, row.amount) for row in rows)
        flow = ledger.Flow(5, 1)
        left = ledger.balance(session, flow, Plans.load().least, datetime.now(UTC)).left
    return orders, entries, left


def fill(database: Database, count: int = 3) -> None:
    for _ in range(count):
        with database.begin() as session:
            place(session)


@pytest.mark.timeout(120)
def test_a_sqlite_backup_holds_everything_though_it_is_written_to(
    sqlite_url: str, tmp_path: Path
) -> None:
    database = Database(sqlite_url)
    fill(database)
    with database.begin() as session:
        session.execute(text("CREATE TABLE large AS SELECT zeroblob(40000000)"))
    before, stopped = contents(database), threading.Event()

    def write() -> None:
        while not stopped.is_set():
            with database.begin() as session:
                placing.create(session, order(), Plan(daily_credits=10**6), NOON)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert backup(sqlite_url, tmp_path / "copy.db") > 0
    finally:
        stopped.set()
        writer.join()
        database.close()
    restored = Database(f"sqlite:///{tmp_path}/copy.db")
    orders, entries, _ = contents(restored)
    assert set(before[0]) <= set(orders)
    holds = [amount for kind, amount in entries if kind == "hold"]
    assert len(holds) == len(orders)
    fill(restored)  # and it works on
    restored.close()


def test_what_cannot_be_copied_so_is_told(sqlite_url: str, tmp_path: Path) -> None:
    with pytest.raises(CannotBackUp, match="pg_dump"):
        backup("postgresql://host/reroll", tmp_path / "copy.db")
    with pytest.raises(CannotBackUp, match="no database"):
        backup(f"sqlite:///{tmp_path}/none.db", tmp_path / "copy.db")
    (tmp_path / "taken.db").touch()
    with pytest.raises(CannotBackUp, match="choose another"):
        backup(sqlite_url, tmp_path / "taken.db")


def programs(server: str) -> bool:
    """Tell whether pg_dump here can read that server: it must not be older."""
    if not (shutil.which("pg_dump") and shutil.which("pg_restore")):
        return False
    said = subprocess.run(["pg_dump", "--version"], capture_output=True, text=True, check=True)
    with psycopg.connect(server) as connection:
        return int(said.stdout.split()[2].partition(".")[0]) * 10_000 >= (
            connection.info.server_version - connection.info.server_version % 10_000
        )


def test_a_postgresql_dump_restores_everything(
    postgresql_server: str, postgresql_url: str, tmp_path: Path
) -> None:
    if not programs(postgresql_server):
        pytest.skip("no pg_dump for this server")
    database = Database(postgresql_url)
    fill(database)
    before = contents(database)
    dump = tmp_path / "reroll.dump"
    command = ["pg_dump", "--format=custom", f"--file={dump}", postgresql_url]
    subprocess.run(command, check=True, timeout=60)
    fill(database)
    database.close()
    restored_url = f"{postgresql_url.rpartition('/')[0]}/restored"
    with psycopg.connect(postgresql_server, autocommit=True) as connection:
        connection.execute("CREATE DATABASE restored")
    try:
        restore = ["pg_restore", "--no-owner", f"--dbname={restored_url}", str(dump)]
        subprocess.run(restore, check=True, timeout=60)
        restored = Database(restored_url)
        assert contents(restored) == before
        fill(restored)
        restored.close()
    finally:
        with psycopg.connect(postgresql_server, autocommit=True) as connection:
            connection.execute("DROP DATABASE restored WITH (FORCE)")
