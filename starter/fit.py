"""One training loop for every part: AdamW, warm-up and decay, averaged weights, resuming.

It owns steps and checkpoints; what is learnt is the caller's `loss_at(step)`, which must depend on
nothing but the step, so that a resumed run sees what an unbroken one would have seen.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

log = logging.getLogger(__name__)

LossAt = Callable[[int], Tensor]


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how fast to learn."""

    steps: int
    learning_rate: float
    warm_up: int = 50
    decay_from: float = 0.5
    floor: float = 0.0
    weight_decay: float = 0.0
    average: float = 0.0
    save_every: int = 500

    def rate(self, step: int) -> float:
        """Return the learning rate at a step: linear up, flat, linear down to the floor."""
        rise = min(1.0, (step + 1) / self.warm_up)
        turn = self.steps * self.decay_from
        fall = min(1.0, (self.steps - step) / (self.steps - turn))
        return self.learning_rate * rise * (self.floor + (1 - self.floor) * fall)


class Averaged:
    """A running average of a module's weights, which samples better than the last step."""

    def __init__(self, module: nn.Module, keep: float) -> None:
        self.keep = keep
        self.weights = {name: value.detach().clone() for name, value in module.named_parameters()}

    @torch.no_grad()
    def follow(self, module: nn.Module, step: int) -> None:
        """Move towards the module; early steps count less so that the start is forgotten."""
        keep = min(self.keep, (1 + step) / (10 + step))
        for name, value in module.named_parameters():
            self.weights[name].lerp_(value, 1 - keep)


def fit(module: nn.Module, plan: Plan, loss_at: LossAt, path: Path) -> None:
    """Train `module` to the end of the plan, going on from `path` where it exists."""
    trained = [value for value in module.parameters() if value.requires_grad]
    optimiser = torch.optim.AdamW(
        trained,
        lr=plan.learning_rate,
        betas=(0.9, 0.98),
        weight_decay=plan.weight_decay,
        fused=True,
    )
    averaged = Averaged(module, plan.average)
    first = _resume(module, optimiser, averaged, path)
    clock, since, running = time.monotonic(), first, 0.0
    for step in range(first, plan.steps):
        for group in optimiser.param_groups:
            group["lr"] = plan.rate(step)
        loss = loss_at(step)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        averaged.follow(module, step)
        running += loss.item()
        if (step + 1) % plan.save_every == 0 or step + 1 == plan.steps:
            rate = (step + 1 - since) / (time.monotonic() - clock)
            log.info(
                "%s step %d/%d loss %.4f, %.2f steps/s",
                path.stem,
                step + 1,
                plan.steps,
                running / (step + 1 - since),
                rate,
            )
            _save(module, optimiser, averaged, path, step + 1)
            clock, since, running = time.monotonic(), step + 1, 0.0
    module.load_state_dict(averaged.weights, strict=False)


def _save(
    module: nn.Module, optimiser: torch.optim.Optimizer, averaged: Averaged, path: Path, step: int
) -> None:
    state = {
        "module": module.state_dict(),
        "optimiser": optimiser.state_dict(),
        "averaged": averaged.weights,
        "step": step,
    }
    fresh = path.with_suffix(".part")
    torch.save(state, fresh)
    fresh.replace(path)


def _resume(
    module: nn.Module, optimiser: torch.optim.Optimizer, averaged: Averaged, path: Path
) -> int:
    if not path.is_file():
        return 0
    state = torch.load(path, weights_only=True)
    module.load_state_dict(state["module"])
    optimiser.load_state_dict(state["optimiser"])
    averaged.weights = state["averaged"]
    return int(state["step"])
