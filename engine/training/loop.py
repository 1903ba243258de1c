"""The training of one LoRA: its matrices, its steps and its checkpoints; knows no family.

What a step draws by lot depends on the plan's seed and the step's number alone, so that a training
that was broken off and gone on with sees what an unbroken one sees.
"""

import io
import json
import math
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import dropout, linear

from engine.loras.canon import DOWN, PREFIX, UP, Canonical, canonical
from engine.loras.names import Base
from engine.loras.reading import Pair
from engine.training import errors
from engine.training.learner import Learner
from engine.training.lessons import Lessons
from engine.training.plan import Plan, terms
from engine.variants.catalog import Variant
from engine.variants.training import Terms

WARM_UP = 20
FLOOR = 0.05
"""The learning rate at the end, as a share of the highest."""
WEIGHT_DECAY = 1e-4
CLIP = 1.0
RECENT = 20
Hook = Callable[[torch.nn.Module, tuple[torch.Tensor, ...], torch.Tensor], torch.Tensor]
MOMENTS = ("exp_avg", "exp_avg_sq")


@dataclass(frozen=True, slots=True)
class Batch:
    """What one step looks at."""

    clean: torch.Tensor = field(repr=False)
    noise: torch.Tensor = field(repr=False)
    levels: torch.Tensor
    words: list[torch.Tensor] = field(repr=False)


class Training:
    """One LoRA in training on a learner's device; `losses` has one number a step."""

    def __init__(
        self, learner: Learner, variant: Variant, base: Base, plan: Plan, taught: Lessons
    ) -> None:
        self._learner, self._variant, self._plan, self._taught = learner, variant, plan, taught
        self._terms: Terms = terms(variant)
        self._base = base
        transformer = learner.transformer
        self._device = learner.device
        if variant.dtype != "float32":
            # Of a large model the states of all blocks would not fit beside its weights.
            transformer.enable_gradient_checkpointing()
        self._pairs = _fresh(transformer, self._terms, plan, self._device)
        self._matrices = [matrix for pair in self._pairs.values() for matrix in pair]
        self._optimiser = torch.optim.AdamW(
            self._matrices, lr=self._terms.rate, weight_decay=WEIGHT_DECAY, fused=True
        )
        self.losses: list[float] = []

    @property
    def step(self) -> int:
        """Return the number of steps done."""
        return len(self.losses)

    @property
    def recent(self) -> float:
        """Return the mean loss of the last steps: one alone depends on its lot."""
        last = self.losses[-RECENT:]
        return sum(last) / max(1, len(last))

    @property
    def is_done(self) -> bool:
        """Tell whether no step is left."""
        return self.step >= self._plan.steps

    def advance(self) -> float:
        """Do one step and return its loss. Raises TrainingDiverged."""
        for group in self._optimiser.param_groups:
            group["lr"] = self._terms.rate * _share(self.step, self._plan.steps)
        self._optimiser.zero_grad()
        lot = random.Random(f"{self._plan.seed} {self.step}")
        with self._learning(lot):
            loss = self._loss(self._batch(lot))
            loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self._matrices, CLIP)
        self._optimiser.step()
        found = loss.item()
        if not math.isfinite(found):
            raise errors.TrainingDiverged(step=self.step)
        self.losses.append(found)
        return found

    def lora(self) -> Canonical:
        """Return the LoRA as any uploaded file's would be kept. Raises a LoraRefused."""
        dtype: torch.dtype = getattr(torch, self._terms.dtype)
        tensors = {
            f"{PREFIX}{name}{ending}": matrix.detach().to("cpu", dtype).contiguous()
            for name, (down, up) in self._pairs.items()
            for ending, matrix in ((DOWN, down), (UP, up * self._terms.strength))
        }
        return canonical(io.BytesIO(save(tensors)), self._base)

    def checkpoint(self) -> bytes:
        """Return all that `resume` needs, with no code in it."""
        tensors = {}
        for index, matrix in enumerate(self._matrices):
            tensors[f"{index}"] = matrix.detach().cpu()
            # The last block's text goes nowhere: its layers never get a gradient, nor a state.
            for name, value in self._optimiser.state[matrix].items():
                tensors[f"{index}.{name}"] = value.cpu()
        return save(tensors, {**self._identity(), "losses": json.dumps(self.losses)})

    def resume(self, content: bytes) -> None:
        """Go on from a checkpoint of the same training. Raises CheckpointBroken."""
        try:
            notes, tensors = _notes(content), load(content)
            losses = json.loads(notes.pop("losses"))
            if notes != self._identity():
                raise errors.CheckpointBroken
            with torch.no_grad():
                for index, matrix in enumerate(self._matrices):
                    matrix.copy_(tensors[f"{index}"])
                    if f"{index}.step" in tensors:
                        self._optimiser.state[matrix] = _state(tensors, index, self._device)
        except (SafetensorError, KeyError, ValueError, RuntimeError) as error:
            raise errors.CheckpointBroken from error
        self.losses = losses

    def _identity(self) -> dict[str, str]:
        return {
            "plan": json.dumps(self._plan.to_json(), sort_keys=True),
            "taught": self._taught.digest,
            "weights": self._learner.weights_digest,
        }

    def _batch(self, rng: random.Random) -> Batch:
        chosen = self._taught.chosen(rng, self._terms.batch)
        clean = torch.stack([self._taught.latents[index] for index in chosen])
        generator = torch.Generator().manual_seed(rng.getrandbits(63))
        # Spread evenly over the batch: a step of one level alone says little.
        shares = [(place + rng.random()) / len(chosen) for place in range(len(chosen))]
        levels = [self._learner.level(share, clean[0]) for share in shares]
        return Batch(
            clean=clean.to(self._device),
            noise=torch.randn(clean.shape, generator=generator).to(self._device),
            levels=torch.tensor(levels, device=self._device),
            words=[self._taught.words[index].to(self._device) for index in chosen],
        )

    def _loss(self, batch: Batch) -> torch.Tensor:
        level = batch.levels.view(-1, 1, 1, 1)
        noisy = (1 - level) * batch.clean + level * batch.noise
        dtype = next(self._learner.transformer.parameters()).dtype
        found = self._learner.velocity(noisy.to(dtype), batch.levels.to(dtype), batch.words)
        return (found.float() - (batch.noise - batch.clean)).square().mean()

    @contextmanager
    def _learning(self, lot: random.Random) -> Iterator[None]:
        kind = self._device.type
        half = self._variant.dtype != "float32"
        dtype = getattr(torch, self._variant.dtype)
        # On CPUs the fused attention loses more time backwards than it saves forwards.
        attention = sdpa_kernel(SDPBackend.MATH) if kind == "cpu" else nullcontext()
        devices = [self._device] if kind != "cpu" else []
        with (
            worn(self._learner.transformer, self._pairs, self._terms.dropout),
            torch.random.fork_rng(devices),
            torch.autocast(kind, dtype, enabled=half),
            attention,
        ):
            torch.manual_seed(lot.getrandbits(63))  # of what dropout leaves out
            yield


@contextmanager
def worn(transformer: torch.nn.Module, pairs: Mapping[str, Pair], share: float) -> Iterator[None]:
    """Have the layers learn: as served, but for what dropout leaves out of the narrow part."""
    modules = dict(transformer.named_modules())
    with ExitStack() as stack:
        for name, pair in pairs.items():
            hook = modules[name].register_forward_hook(_adding(*pair, share))
            stack.callback(hook.remove)
        yield


def _adding(down: torch.Tensor, up: torch.Tensor, share: float) -> Hook:
    def added(
        _module: torch.nn.Module, given: tuple[torch.Tensor, ...], out: torch.Tensor
    ) -> torch.Tensor:
        narrow = dropout(linear(given[0], down), share) if share else linear(given[0], down)
        return out + linear(narrow, up)

    return added


def _fresh(
    transformer: torch.nn.Module, known: Terms, plan: Plan, device: torch.device
) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    transformer.requires_grad_(False)
    generator = torch.Generator().manual_seed(plan.seed)
    pairs, endings = {}, tuple(f".{layer}" for layer in known.layers)
    for name, module in transformer.named_modules():
        if isinstance(module, torch.nn.Linear) and f".{name}".endswith(endings):
            down = torch.randn(plan.rank, module.in_features, generator=generator)
            up = torch.zeros(module.out_features, plan.rank)
            # With nothing in the second the LoRA begins as the plain base.
            pairs[name] = (down.div_(module.in_features**0.5).to(device), up.to(device))
    for pair in pairs.values():
        for matrix in pair:
            matrix.requires_grad_(True)
    return pairs


def _share(step: int, steps: int) -> float:
    """Return the learning rate of a step, as a share of the highest: up in a line, down a wave."""
    rise = min(1.0, (step + 1) / min(WARM_UP, steps))
    return rise * (FLOOR + (1 - FLOOR) * (1 + math.cos(math.pi * step / steps)) / 2)


def _state(tensors: Mapping[str, torch.Tensor], index: int, device: torch.device) -> dict[str, Any]:
    kept = {name: tensors[f"{index}.{name}"].to(device) for name in MOMENTS}
    return {**kept, "step": tensors[f"{index}.step"]}


def _notes(content: bytes) -> dict[str, str]:
    # The library reads metadata from files only.
    length = int.from_bytes(content[:8], "little")
    notes: dict[str, str] = json.loads(content[8 : 8 + length])["__metadata__"]
    return notes
