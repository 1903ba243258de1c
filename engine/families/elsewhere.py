"""A text encoder on a device of its own: texts go there, and what it makes of them comes back.

So a pipeline's own calls reach it, whatever it reads beside words. Knows no architecture.
"""

from typing import Any

import torch
from accelerate.utils import (  # type: ignore[import-untyped]
    find_device,
    send_to_device,
)


class Elsewhere:
    """Stands for a model in a pipeline; no torch module, so that whatever moves those leaves it."""

    def __init__(self, model: torch.nn.Module, device: str) -> None:
        self.model, self._there = model.to(device), torch.device(device)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Return what the model gives, on the device that the call came from."""
        here = find_device((arguments, named))
        arguments, named = send_to_device((arguments, named), self._there)
        return send_to_device(self.model(*arguments, **named), here)
