"""What a worker's engine has loaded, since when, and what a change takes: told at each claim.

A variant is loaded, a LoRA is brought; both cost time that others wait, one much more of it.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from engine.engine import Engine
from engine.variants.catalog import Catalog
from store.line.fairness import BRING_S, SWITCH_S, Residency


class Stay:
    """Remembers the engine's last change of variant; `loading_s` is what the last block loaded."""

    def __init__(self) -> None:
        self._since = self._brought_at = time.monotonic()
        self._switch_s, self._bring_s = SWITCH_S, BRING_S
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

    @contextmanager
    def bringing(self, lacking: int) -> Iterator[None]:
        """Measure the block, in which so many LoRAs are brought that were not at hand."""
        started = time.monotonic()
        yield
        if lacking:
            self._brought_at = time.monotonic()
            self._bring_s = self._brought_at - started

    def residency(self, catalog: Catalog, engine: Engine) -> Residency:
        """Return which variants and LoRAs can be drawn without loading or bringing anything."""
        loaded = set(engine.loaded)
        # Variants that differ in limits or prices only share what is loaded.
        digests = {catalog[name].digest for name in catalog.names if name in loaded}
        ready = frozenset(
            name
            for name in catalog.names
            if catalog[name].vendor or catalog[name].digest in digests
        )
        now = time.monotonic()
        return Residency(
            ready,
            now - self._since,
            self._switch_s,
            loras=engine.adapters.at_hand,
            none_brought_for_s=now - self._brought_at,
            bring_s=self._bring_s,
        )
