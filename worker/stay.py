"""What a worker's engine has loaded, since when, and what a change takes: told at each claim."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from engine.catalog import Catalog
from engine.engine import Engine
from store.fairness import SWITCH_S, Residency


class Stay:
    """Remembers the engine's last change of variant; `loading_s` is what the last block loaded."""

    def __init__(self) -> None:
        self._since = time.monotonic()
        self._switch_s = SWITCH_S
        self.loading_s = 0.0

    @contextmanager
    def loading(self, engine: Engine) -> Iterator[None]:
        """Measure the block, if it makes the engine load something."""
        before, started = set(engine.loaded), time.monotonic()
        self.loading_s = 0.0
        yield
        if set(engine.loaded) - before:
            self._since = time.monotonic()
            self._switch_s = self.loading_s = self._since - started

    def residency(self, catalog: Catalog, engine: Engine) -> Residency:
        """Return which of the catalog's variants can be drawn without loading anything."""
        loaded = set(engine.loaded)
        # Variants that differ in limits or prices only share what is loaded.
        digests = {catalog[name].digest for name in catalog.names if name in loaded}
        ready = frozenset(
            name
            for name in catalog.names
            if catalog[name].vendor or catalog[name].digest in digests
        )
        return Residency(ready, time.monotonic() - self._since, self._switch_s)
