"""Brings a stock pipeline's weights to a device, as the levers say; the one place that pulls them.

The order matters: what changes a weight's type comes before what moves it, and compiling last.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import torch

from engine.families.elsewhere import Elsewhere
from engine.memory.device import pin_exactly
from engine.memory.levers import LeverRefused, Levers, Offload

GRAPHS = 64
"""What a block may be compiled for, in sizes of pictures and kinds of LoRAs."""


def seat(pipe: Any, device: str, levers: Levers) -> None:
    """Bring the pipeline to the device. Raises LeverRefused for a setting it cannot follow."""
    transformer = pipe.transformer
    if levers.text:
        for name, encoder in encoders(pipe).items():
            # Past the pipeline's own setter, which would write it into its configuration.
            pipe.__dict__[name] = Elsewhere(encoder, levers.text)
    if levers.tiling:
        pipe.vae.enable_tiling()
    if levers.fp8:
        transformer.enable_layerwise_casting(
            storage_dtype=torch.float8_e4m3fn, compute_dtype=transformer.dtype
        )
    PLACED[levers.offload](pipe, device)
    if levers.attention:
        try:
            transformer.set_attention_backend(levers.attention)
        except (ValueError, RuntimeError, ImportError) as error:
            raise LeverRefused(f"REROLL_ATTENTION={levers.attention}: {error}") from error
    if levers.compiled:
        # LoRAs hang on layers as hooks: compiled blocks are not to miss that they come and go.
        # Other layers or other ranks are compiled once more each.
        torch._dynamo.config.skip_nnmodule_hook_guards = False
        torch._dynamo.config.recompile_limit = GRAPHS
        transformer.compile_repeated_blocks(fullgraph=True)


def rest(pipe: Any) -> None:
    """Bring back into main memory what only visits the device."""
    for hook in getattr(pipe, "_all_hooks", ()):
        hook.offload()


def encoders(pipe: Any) -> Mapping[str, torch.nn.Module]:
    """Return the models that read texts."""
    components = pipe.components.items()
    return {name: part for name, part in components if name.startswith("text_encoder")}


def weight(pipe: Any, beside: Iterable[torch.nn.Module] = ()) -> Mapping[str, int]:
    """Return the bytes of all parameters and buffers by the device that they rest on.

    `beside` are models that are no part of the pipeline.
    """
    held: dict[str, int] = {}
    tensors = _all([*pipe.components.values(), *beside])
    # Tied weights stand in several places and lie in one.
    for (kind, _), size in {(str(t.device), t.data_ptr()): t.nbytes for t in tensors}.items():
        held[kind] = held.get(kind, 0) + size
    return held


def nbytes(model: torch.nn.Module) -> int:
    """Return the bytes of a model's parameters."""
    return sum(one.nbytes for one in model.parameters())


def _all(parts: Iterable[Any]) -> Iterator[torch.Tensor]:
    for part in parts:
        model = part.model if isinstance(part, Elsewhere) else part
        if isinstance(model, torch.nn.Module):
            yield from model.parameters()
            yield from model.buffers()


def _whole(pipe: Any, device: str) -> None:
    pipe.to(device)


def _by_model(pipe: Any, device: str) -> None:
    # The VAE stays: a preview after each step would else drive the transformer out and in again.
    pipe.model_cpu_offload_seq = pipe.model_cpu_offload_seq.removesuffix("->vae")
    pipe._exclude_from_cpu_offload = [*pipe._exclude_from_cpu_offload, "vae"]
    pipe.enable_model_cpu_offload(device=device)
    hooks = pipe._all_hooks
    last = next(hook for hook in hooks if hook.model is pipe.transformer)
    if hooks[0] is not last:
        # The library's chain ends there, and a picture's end would close it. So it is closed by
        # whoever comes, and pictures of one text find the transformer where it was.
        hooks[0].hook.prev_module_hook = last


def _by_layer(pipe: Any, device: str) -> None:
    pin_exactly()  # on their way by streams, layers lie in pinned memory
    pipe.enable_group_offload(
        onload_device=torch.device(device),
        offload_type="leaf_level",
        use_stream=device.startswith("cuda"),
        exclude_modules=["vae"],
    )


PLACED: Mapping[Offload, Callable[[Any, str], None]] = {
    Offload.NONE: _whole,
    Offload.MODEL: _by_model,
    Offload.GROUP: _by_layer,
}
