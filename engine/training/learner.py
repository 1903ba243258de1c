"""What training asks of a family; each says in its own room how it is done."""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import torch
from PIL import Image


@runtime_checkable
class Learner(Protocol):
    """A family whose transformer LoRAs can be trained for.

    Latents are laid out as (rows, columns, channels), what the transformer reads as one token in
    the last axis; texts are of any length.
    """

    weights_digest: str

    @property
    def transformer(self) -> Any:
        """Return the transformer, on the device."""

    @property
    def device(self) -> torch.device:
        """Return where the transformer computes, wherever its weights rest meanwhile."""

    def words(self, text: str) -> torch.Tensor:
        """Encode a text: (tokens, channels)."""

    def latents(self, picture: Image.Image) -> torch.Tensor:
        """Encode a picture, as the transformer's noise-free end."""

    def level(self, share: float, latents: torch.Tensor) -> float:
        """Return the noise level, 0 to 1, that sampling meets at a share of its way."""

    def velocity(
        self, noisy: torch.Tensor, levels: torch.Tensor, words: Sequence[torch.Tensor]
    ) -> torch.Tensor:
        """Predict noise minus picture of (batch, rows, columns, channels), each at its level."""
