"""What LoRAs ask of a family; each says in its own room how it is done."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from engine.loras.adapters import Worn


class Wearer(Protocol):
    """A family whose transformer LoRAs can be added to."""

    def wearing(self, worn: "Sequence[Worn]") -> AbstractContextManager[None]:
        """Add LoRAs to the transformer until the block is left. Raises Misfit on entering."""
