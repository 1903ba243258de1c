"""Where everything is kept, looked at by a doctor: database, tables, files, disk and clock."""

import asyncio
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import func, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

from store.clock import now_ms
from store.database import Database
from store.doctor.report import Finding, broken, ok, unknown, warning
from store.errors import FilesUnavailable, StoreUnavailable
from store.files import Files
from store.files import folder_of as files_folder
from store.host import schema
from store.outages import reason
from store.tables.lines import Worker

SLOW_MS = 1_000
SKEW_MS = 5_000
"""Leases go by the database's clock; days, budgets and tokens by this machine's."""
LITTLE_GB, NONE_GB = 5.0, 0.5
FEW_FILES = 1_000
FULL = "nothing is drawn while the disk is full, and all goes on by itself once it is not"
PAGE = 4096
PROBE = "doctor-probe"
FOLDER = "see that its folder exists, its disk has room and this account may write there"
GIVE_ADDRESS = "set {name} in the environment or .env; .env.example says how"


def database(url: str) -> Iterator[Finding]:
    """Look whether the database answers, and how soon; then at its tables and its clock."""
    if not url:
        mend = GIVE_ADDRESS.format(name="REROLL_DATABASE_URL")
        yield broken("database", "REROLL_DATABASE_URL is not set", mend)
        return
    try:
        file = missing_file(url)
    except OSError as error:
        yield broken("database", f"cannot be looked for: {reason(error)}", FOLDER)
        return
    if file is not None:
        mend = "`python -m store upgrade` makes it; `make run` does so by itself"
        yield warning("database", f"{file} is not there yet", mend)
        return
    opened = Database(url)
    try:
        started = time.monotonic()
        with opened.begin() as session:
            yield _version(session, started)
            yield _tables(session)
            yield _written(session)
            yield from _skew(session)
    except StoreUnavailable as error:
        yield _away(opened, error)
    finally:
        opened.close()


def missing_file(url: str) -> Path | None:
    """Return a database file that looking would make."""
    named = make_url(url)
    if named.get_backend_name() != "sqlite" or not named.database or Path(named.database).exists():
        return None
    return Path(named.database)


def _version(session: Session, started: float) -> Finding:
    kind = session.get_bind().dialect.name
    asked = "SELECT sqlite_version()" if kind == "sqlite" else "SHOW server_version"
    version = session.scalar(text(asked))
    took_ms = (time.monotonic() - started) * 1000
    said = f"{kind} {version}, {took_ms:.0f} ms away"
    if took_ms > SLOW_MS:
        return warning("database", said, "put it nearer, or give it a faster disk")
    return ok("database", said)


def _tables(session: Session) -> Finding:
    found = schema.read(session)
    said = f"revision {found.found or 'none'}, this version knows up to {found.known}"
    if found.state in (schema.State.OLD, schema.State.EMPTY):
        return broken("tables", said, "run `python -m store upgrade`")
    if found.state is schema.State.NEWER:
        mend = "works as it is; bring this machine to the newer version when you can"
        return warning("tables", said, mend)
    return ok("tables", said)


def _written(session: Session) -> Finding:
    """Try to write and leave nothing: the disk may be full, or the login may only read."""
    with session.begin_nested() as trial:
        session.execute(text("CREATE TABLE doctor_probe (id INTEGER)"))
        trial.rollback()
    return ok("writing", "rows can be written")


def _skew(session: Session) -> Iterator[Finding]:
    if session.get_bind().dialect.name == "sqlite":
        return  # its clock is this machine's
    theirs = session.scalar(select(now_ms())) or 0
    yield clock("the database", theirs / 1000)


def clock(whose: str, theirs: float) -> Finding:
    """Compare this machine's clock with another's, in epoch seconds."""
    ahead_s = time.time() - theirs
    said = f"{abs(ahead_s):.1f} s {'ahead of' if ahead_s > 0 else 'behind'} {whose}"
    if abs(ahead_s) * 1000 > SKEW_MS:
        return broken("clock", said, "let NTP set the clock: `timedatectl set-ntp true`")
    return ok("clock", said)


def _away(opened: Database, error: StoreUnavailable) -> Finding:
    where = opened.url.render_as_string(hide_password=True)
    said = f"{where} cannot be used: {reason(error)}"
    if opened.url.get_backend_name() == "sqlite":
        return broken("database", said, FOLDER)
    return broken("database", said, "see that the server runs and takes this user and password")


def files(url: str) -> Iterator[Finding]:
    """Look whether a file can be kept, read and removed."""
    if not url:
        mend = GIVE_ADDRESS.format(name="REROLL_FILES_URL")
        yield broken("files", "REROLL_FILES_URL is not set", mend)
        return
    started = time.monotonic()
    try:
        _keep_read_remove(Files(url))
    except (FilesUnavailable, OSError, ValueError) as error:
        yield broken("files", f"{_shown(url)} cannot be used: {reason(error)}", _files_mend(url))
        return
    took_ms = (time.monotonic() - started) * 1000
    yield ok("files", f"{_shown(url)}, kept, read and removed in {took_ms:.0f} ms")


def _keep_read_remove(kept: Files) -> None:
    content = str(time.time_ns()).encode()
    digest = kept.put(PROBE, content)
    try:
        if kept.get(PROBE, digest) != content:
            raise FilesUnavailable
    finally:
        asyncio.run(kept.aremove(PROBE))


def _files_mend(url: str) -> str:
    if url.startswith("file:"):
        return FOLDER
    return "see that the bucket exists and AWS_* name its endpoint, region and keys"


def _shown(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}{parts.path}"


def disk(*urls: str) -> Iterator[Finding]:
    """Look how much room is left where things are kept on this machine."""
    folders = {folder for url in urls if (folder := folder_of(url)) is not None}
    if not folders:
        yield ok("disk", "nothing is kept on this machine")
    for place in sorted(folders):
        try:
            there = _existing(place)
            yield _room(there, os.statvfs(there))
        except OSError as error:
            yield broken("disk", f"{place} cannot be looked at: {reason(error)}", FOLDER)


def folder(name: str, place: Path, otherwise: str) -> Finding:
    """Look whether files can be put where a folder is, or will be; if not, say what follows."""
    try:
        there = _existing(place)
        with tempfile.TemporaryFile(dir=there) as probe:
            probe.write(bytes(PAGE))
    except OSError as error:
        said = f"{place} cannot be written: {reason(error)}"
        return warning(name, said, f"{FOLDER}: {otherwise} meanwhile")
    return _room(there, os.statvfs(there), name)


def _existing(place: Path) -> Path:
    return next((one for one in (place, *place.parents) if one.exists()), place)


def _room(place: Path, disk: os.statvfs_result, name: str = "disk") -> Finding:
    free_gb = disk.f_bavail * disk.f_frsize / 1e9
    said = f"{free_gb:.1f} GB free at {place}"
    if disk.f_flag & os.ST_RDONLY:
        said = f"the disk of {place} is read-only"
        return broken(name, said, "see why in `dmesg`; `mount -o remount,rw` where it is well")
    if disk.f_files and disk.f_favail < FEW_FILES:
        said = f"only {disk.f_favail} more files fit at {place}, whatever the room"
        return broken(name, said, f"remove files there: {FULL}")
    if free_gb < NONE_GB:
        return broken(name, f"full or nearly: {said}", f"make room: {FULL}")
    if free_gb < LITTLE_GB:
        return warning(name, said, "make room soon; a picture takes up to 10 MB")
    return ok(name, said)


def folder_of(url: str) -> Path | None:
    """Return the folder on this machine that an address means, None for one elsewhere."""
    if url.startswith("sqlite"):
        name = url.partition(":///")[2]
        return Path(name).absolute().parent if name and name != ":memory:" else None
    return files_folder(url)


def workers_alive(url: str) -> Iterator[Finding]:
    """Look who draws at the moment."""
    if not url or missing_file(url):
        yield unknown("workers", "there is no database yet")
        return
    opened = Database(url)
    try:
        with opened.reading() as session:
            recent = select(func.count()).where(Worker.seen_at > now_ms() - 30_000)
            count = session.scalar(recent) or 0
    except StoreUnavailable:
        yield unknown("workers", "the database does not answer")
        return
    finally:
        opened.close()
    if count:
        yield ok("workers", f"{count} at work")
    else:
        yield warning("workers", "none at work", "start `python -m worker`; orders are refused")
