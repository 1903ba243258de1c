"""One training loop for every part: warm-up and decay, averaged weights, resuming, several cores.

It owns steps and checkpoints; what is learnt is the caller's `loss_at(draw)`, which must depend on
nothing but the number of the draw, so that a resumed run sees what an unbroken one would have seen.
Under torchrun every process takes draws of its own and their gradients are averaged: on layers as
small as these, processes share the work better than threads do.
"""

import logging
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from tqdm import trange

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
    muon: str = ""  # a pattern of names: these matrices are stepped by Muon
    again_from: int = 0  # the step at which the rate rises once more, for a second round

    def rate(self, step: int) -> float:
        """Return the learning rate at a step: linear up, flat, linear down to the floor."""
        if step < self.again_from:
            steps = self.again_from
        else:
            step, steps = step - self.again_from, self.steps - self.again_from
        rise = min(1.0, (step + 1) / self.warm_up)
        turn = steps * self.decay_from
        fall = min(1.0, (steps - step) / (steps - turn))
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


def leading() -> bool:
    """Tell whether this process is the one that writes files."""
    return not dist.is_initialized() or dist.get_rank() == 0


def _share_gradients(trained: list[nn.Parameter]) -> None:
    gradients = [value.grad for value in trained if value.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    for gradient, part in zip(
        gradients, torch.split(flat, [g.numel() for g in gradients]), strict=True
    ):
        gradient.copy_(part.view_as(gradient))


def fit(module: nn.Module, plan: Plan, loss_at: LossAt, path: Path) -> None:
    """Train `module` to the end of the plan, going on from `path` where it exists."""
    trained = [value for value in module.parameters() if value.requires_grad]
    optimisers = _optimisers(module, plan)
    averaged = Averaged(module, plan.average)
    first = _resume(module, optimisers, averaged, path)
    worker, workers = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
    clock, since, running = time.monotonic(), first, 0.0
    bar = trange(
        first,
        plan.steps,
        initial=first,
        total=plan.steps,
        desc=path.stem,
        disable=None if leading() else True,
    )
    for step in bar:
        for optimiser in optimisers:
            for group in optimiser.param_groups:
                group["lr"] = plan.rate(step)
                optimiser.zero_grad()
        # on CPUs the fused attention loses more time backwards than it saves forwards
        with sdpa_kernel(SDPBackend.MATH):
            loss = loss_at(step * workers + worker)
            loss.backward()  # type: ignore[no-untyped-call]
        if workers > 1:
            _share_gradients(trained)
        nn.utils.clip_grad_norm_(trained, 1.0)
        for optimiser in optimisers:
            optimiser.step()
        averaged.follow(module, step)
        running += loss.item()
        if (step + 1) % plan.save_every == 0 or step + 1 == plan.steps:
            if leading():
                rate = (step + 1 - since) / (time.monotonic() - clock)
                loss_now = running / (step + 1 - since)
                log.info(
                    "%s step %d/%d loss %.4f, %.2f steps/s",
                    *(path.stem, step + 1, plan.steps, loss_now, rate),
                )
                _save(module, optimisers, averaged, path, step + 1)
            clock, since, running = time.monotonic(), step + 1, 0.0
    module.load_state_dict(averaged.weights, strict=False)


def _optimisers(module: nn.Module, plan: Plan) -> tuple[torch.optim.Optimizer, ...]:
    """Return AdamW, and Muon for the matrices that the plan names.

    Muon halved the samples that the text encoder needed, for a fifth more time a step.
    """
    trained = {name: value for name, value in module.named_parameters() if value.requires_grad}
    inner = [
        value
        for name, value in trained.items()
        if plan.muon and value.ndim == 2 and re.search(plan.muon, name)
    ]
    known = set(map(id, inner))
    adam = torch.optim.AdamW(
        [value for value in trained.values() if id(value) not in known],
        lr=plan.learning_rate,
        betas=(0.9, 0.98),
        weight_decay=plan.weight_decay,
        fused=True,
    )
    if not inner:
        return (adam,)
    # its steps are scaled to the size of AdamW's, so that one learning rate serves both
    muon = torch.optim.Muon(
        inner,
        lr=plan.learning_rate,
        weight_decay=plan.weight_decay,
        adjust_lr_fn="match_rms_adamw",
    )
    return (adam, muon)


def _save(
    module: nn.Module,
    optimisers: tuple[torch.optim.Optimizer, ...],
    averaged: Averaged,
    path: Path,
    step: int,
) -> None:
    state = {
        "module": module.state_dict(),
        "optimisers": [optimiser.state_dict() for optimiser in optimisers],
        "averaged": averaged.weights,
        "step": step,
    }
    fresh = path.with_suffix(".part")
    torch.save(state, fresh)
    fresh.replace(path)


def _resume(
    module: nn.Module,
    optimisers: tuple[torch.optim.Optimizer, ...],
    averaged: Averaged,
    path: Path,
) -> int:
    if not path.is_file():
        return 0
    state = torch.load(path, weights_only=True)
    module.load_state_dict(state["module"])
    for optimiser, kept in zip(optimisers, state["optimisers"], strict=True):
        optimiser.load_state_dict(kept)
    averaged.weights = state["averaged"]
    return int(state["step"])
