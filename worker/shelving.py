"""Puts canonical LoRA files where they are kept; knows no fetch and no training."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from store.database import Database
from store.files import Files
from store.loras import library


@contextmanager
def shelved(database: Database, files: Files, content: bytes) -> Iterator[tuple[Session, str]]:
    """Keep a canonical file; yield its sha256 and a transaction until whose end it stays there.

    A row that names it, written in that transaction, keeps it from then on.
    """
    sha256 = files.put(library.FOLDER, content)
    with database.begin() as session:
        library.lock_file(session, sha256, len(content))
        if not files.has(library.FOLDER, sha256):
            # An equal one was given up just after this one was found to be there already.
            files.put(library.FOLDER, content)
        yield session, sha256
