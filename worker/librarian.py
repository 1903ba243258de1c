"""Brings LoRA files in, checks and converts them, beside the thread that draws.

By looking, not by tickets: with one drawing thread a ticket would wait behind pictures. Knows
neither Celery nor Discord.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event, Thread

import structlog
from sqlalchemy.orm import Session

from engine.errors import RerollError
from engine.loras.canon import Canonical, canonical
from engine.loras.errors import LoraFileTooLarge, LoraRefused
from engine.loras.file import FILE_LIMIT, MIB
from engine.loras.fit import base_of
from engine.loras.names import bases
from engine.memory.device import free_in_main
from store.database import Database
from store.errors import FilesUnavailable, LeaseLost, StoreUnavailable
from store.files import Files
from store.loras import fetches, library, unneeded
from store.loras.errors import LoraUnfetched
from store.loras.fetches import Held
from store.loras.library import Kept
from store.outages import Outages
from worker import room
from worker.lora_download import Downloader, forget
from worker.room import NoRoom, Takes
from worker.shelving import shelved

LOOK_S = 2.0
TELL_S = 1.5
TIDY_S = 60.0
CONVERT_MS = 300_000
"""Nothing beats while a file is converted; the largest takes a slow machine a minute."""
PARTS = "*.part"
REMOVING = "file store, removing LoRAs"
NAME = "room for LoRAs that are added"
GRACE_S = 5.0
NEEDS = 4
"""Times its size that a file takes in memory while it is converted."""
STALE_S = 24 * 3600.0
"""Parts of files that nobody went on with."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Made:
    base: str
    file: Canonical


class Leaving(Exception):
    """The worker shuts down: leave the file where it is."""


class Removed(Exception):
    """Nobody wants the LoRA any more."""


class Librarian:
    """One thread, from `start` to `stop`; parts of files lie in `folder` until they are whole."""

    def __init__(
        self, name: str, database: Database, files: Files, downloader: Downloader, folder: Path
    ) -> None:
        self._name, self._database, self._files = name, database, files
        self._downloader, self._folder = downloader, folder
        self._outages = Outages()
        self._takes: dict[str, Takes] = {}
        """Of those that found no room, by LoRA."""
        self._stopped = Event()
        self._tidied_at = 0.0
        self._thread = Thread(target=self._repeat, daemon=True)

    def start(self) -> None:
        """Take back what a former life held, and begin."""
        with self._database.begin() as session:
            fetches.reclaim(session, self._name)
        self._thread.start()

    def stop(self) -> None:
        """Hand back what is being fetched; what is being converted is seen through."""
        self._stopped.set()
        # A host that is silent may take longer; the next life takes back what this one held.
        self._thread.join(GRACE_S)

    def _repeat(self) -> None:
        while not self._stopped.wait(LOOK_S):
            try:
                self.work_off()
                self.tidy_now_and_then()
                self._outages.ended("library's stores")
            except (StoreUnavailable, FilesUnavailable) as error:
                self._outages.began("library's stores", error)
            except Exception:
                log.exception("library failed")

    def work_off(self) -> None:
        """Bring in all that waits."""
        while not self._stopped.is_set() and (held := self._claim()):
            self._settle(held)

    def tidy_now_and_then(self) -> None:
        """Remove files that nobody needs, if it is time to."""
        if time.monotonic() - self._tidied_at < TIDY_S:
            return
        self._tidied_at = time.monotonic()
        self.tidy()

    def tidy(self, *, recent_ms: int = unneeded.RECENT_MS) -> None:
        """Remove files that nobody needs, each in a transaction of its own."""
        with self._database.begin() as session:
            unneeded.forget_refused(session)
            gone = unneeded.removed(session, recent_ms=recent_ms)
        stuck = 0
        for lora_id in gone:
            try:
                self._give_up(lora_id)
            except FilesUnavailable as error:  # which must hold up no others
                stuck += 1
                self._outages.began(REMOVING, error)
        if not stuck:
            self._outages.ended(REMOVING)
        for part in self._folder.glob(PARTS):
            if time.time() - part.stat().st_mtime > STALE_S:
                forget(part)
        self._files.tidy(library.FOLDER, STALE_S)

    def _give_up(self, lora_id: str) -> None:
        with self._database.begin() as session:
            if left := unneeded.give_up(session, lora_id):
                if left.sha256:
                    self._files.remove(library.FOLDER, left.sha256)
                if left.preview:
                    self._files.remove(library.folder(lora_id), left.preview)

    def _claim(self) -> Held | None:
        with self._database.begin() as session:
            return fetches.claim(session, self._name)

    def _settle(self, held: Held) -> None:
        told = log.bind(lora=held.lora_id)
        part = self._folder / f"{held.lora_id}.part"
        takes = self._takes.pop(held.lora_id, Takes())
        try:
            room.check(self._files, part, takes)
            made = self._made(held, part, takes)
            takes.kept = len(made.file.content)
            self._keep(held, made)
            self._outages.ended(NAME)
            told.info("lora kept", base=made.base, sha256=made.file.sha256[:12])
        except Leaving:
            self._write(held, fetches.release)
            return
        except Removed:
            told.info("lora removed meanwhile")
            self._write(held, partial(fetches.fail, error=LoraUnfetched()))
        except LeaseLost:
            told.warning("lora fetched by another")
            return
        except (LoraRefused, LoraUnfetched) as refused:
            told.info("lora refused", code=refused.code)
            self._write(held, partial(fetches.fail, error=refused))
        except FilesUnavailable as error:
            # No room, mostly: the file is not to blame, and is tried again until there is some.
            self._outages.began(NAME, error)
            with suppress(OSError):  # it may not be there, and takes room where it is
                forget(part)
            self._takes[held.lora_id] = takes
            is_seen = isinstance(error, NoRoom) or room.lacks(self._files, part, takes)
            self._write(held, partial(fetches.put_off, costs=not is_seen))
            return
        except RerollError:
            raise  # the database is away: the lease runs out, and the file is gone on with
        except Exception:
            told.exception("lora failed unexpectedly")
            self._write(held, fetches.retry)
            self._stopped.wait(LOOK_S)
            return
        forget(part)

    def _made(self, held: Held, part: Path, takes: Takes) -> _Made:
        with room.writable():
            most = min(held.most_bytes, FILE_LIMIT)
            self._downloader.fetch(held.url, part, most, self._teller(held, takes))
        size = takes.brought = part.stat().st_size
        with self._database.begin() as session:
            fetches.beat(session, held, size, size, lease_ms=CONVERT_MS)
        _check_memory(size)
        with part.open("rb") as file:
            only = held.bases[0] if len(held.bases) == 1 else base_of(file, held.bases).name
            return _Made(only, canonical(file, bases()[only]))

    def _teller(self, held: Held, takes: Takes) -> Callable[[int, int | None], None]:
        told_at = 0.0

        def tell(got: int, of: int | None) -> None:
            nonlocal told_at
            takes.brought = max(of or 0, got, takes.brought)
            if self._stopped.is_set():
                raise Leaving
            if time.monotonic() - told_at < TELL_S:
                return
            with self._database.begin() as session:
                if not fetches.beat(session, held, got, of):
                    raise Removed
            told_at = time.monotonic()

        return tell

    def _keep(self, held: Held, made: _Made) -> None:
        file = made.file
        with shelved(self._database, self._files, file.content) as (session, sha256):
            kept = Kept(
                base=made.base,
                sha256=sha256,
                nbytes=len(file.content),
                rank=file.rank,
                layers=file.layers,
            )
            fetches.keep(session, held, kept)

    def _write(self, held: Held, write: Callable[[Session, Held], None]) -> None:
        with suppress(LeaseLost), self._database.begin() as session:
            write(session, held)


def _check_memory(size: int) -> None:
    """Refuse what would end this process, and the picture in its hands. Raises LoraFileTooLarge."""
    free = free_in_main()
    if size * NEEDS > free:
        raise LoraFileTooLarge(limit=int(free) // NEEDS // MIB)
