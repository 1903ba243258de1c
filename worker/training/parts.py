"""What a process trains with.

Such a process draws nothing for members: a training takes minutes of its device, and their
pictures should not wait so long.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.engine import Engine
from engine.variants.catalog import Variant
from store.database import Database
from store.files import Files
from store.host import workers
from worker.finishing import Finish
from worker.training.hold import Hold


@dataclass(frozen=True, slots=True)
class Parts:
    """What a process trains with; `variants` are those whose weights a base's LoRAs learn on."""

    name: str
    variants: Mapping[str, Variant]
    database: Database
    files: Files
    engine: Engine
    hand: Hold = field(default_factory=Hold)
    finish: Finish = field(default_factory=Finish)
    patience_s: float = 120.0
    """How long a finished LoRA, an hour's work maybe, waits for a store that is away or full."""

    @property
    def names(self) -> tuple[str, ...]:
        """Return what this process reports, and is sent tickets for."""
        return tuple(workers.trainer(base) for base in self.variants)
