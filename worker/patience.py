"""Waits for stores that are away or full; knows nothing of what is done with them."""

import time
from collections.abc import Callable
from typing import TypeVar

from store.errors import FilesUnavailable, StoreUnavailable
from store.outages import Outages

T = TypeVar("T")

DATABASE_S = 2.0
"""Between two tries to reach the database at the start."""


def patiently(patience_s: float, check: Callable[[], None], act: Callable[[], T]) -> T:
    """Do what needs the file store, once it can; `check` raises what ends the wait."""
    give_up_at = time.monotonic() + patience_s
    while True:
        try:
            return act()
        except FilesUnavailable as error:
            gone = isinstance(error.__cause__, FileNotFoundError)
            if gone or time.monotonic() > give_up_at:
                raise
            check()
            time.sleep(1)


def once_there(act: Callable[[], T]) -> T:
    """Do what needs the database, once it answers and has room, however long that takes."""
    outages = Outages()
    while True:
        try:
            done = act()
        except StoreUnavailable as error:
            outages.began("database", error)
            time.sleep(DATABASE_S)
        else:
            outages.ended("database")
            return done
