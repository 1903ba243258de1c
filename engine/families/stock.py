"""What families on a stock diffusers pipeline share: noise, one picture, steps, previews.

The pipelines and their models run unpatched. No architecture is known here: a family names its
classes in a Kit and says what its call, its latents and its decoder are.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, ClassVar

import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from PIL import Image
from torch.nn.functional import interpolate

from engine import errors
from engine.adapters import Worn, wearing
from engine.catalog import Variant
from engine.families.loading import Kit, fuse, load
from engine.families.seating import seat, weight
from engine.family import AfterStep
from engine.inputs import Inputs
from engine.memory import Levers
from engine.request import ImageRequest
from engine.weights import Place, find_lora, find_weights, joined_digest

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
UNGUIDED, EMBEDDED, TRUE_CFG = "none", "embedded", "true_cfg"
"""The kinds of guidance a variant may name."""
PREVIEW_SIDES = (8, 32)
"""Bounds of a preview's longer side in latents, else half the picture's: 64 to 256 pixels."""


class StockFamily(ABC):
    """One variant's pipeline on a device; a subclass says what is particular.

    `kits` are the pipelines that the family's weights may name, all of the same parts. `unseen`
    stands for the pictures where `prepare_latents` takes some first. Without `noise_first` a
    seed's first numbers go into a picture to start from, and its noise is not to be foretold.
    """

    packages = ("torch", "diffusers", "transformers", "peft")
    kits: ClassVar[tuple[Kit, ...]]
    unseen: ClassVar[tuple[None, ...]] = ()
    noise_first: ClassVar[bool] = True

    def __init__(self, variant: Variant, device: str, place: Place) -> None:
        found = find_weights(variant.weights, self.kits[0].parts, place)
        digests = [found.digest]
        self._device = device
        self.beside: tuple[torch.nn.Module, ...] = ()
        self.pipe = load(self.kits, found.path, DTYPES[variant.dtype])
        self._check_guidance(variant)
        if variant.lora:
            lora = find_lora(variant.lora, place)
            digests.append(lora.digest)
            fuse(self.pipe, lora.path)
        if variant.scheduler:
            self.pipe.scheduler = FlowMatchEulerDiscreteScheduler(**variant.scheduler)
        self.weights_digest = joined_digest(digests)
        self.scheduler = _plain(self.pipe.scheduler.config)

    def seat(self, levers: Levers) -> None:
        """Bring the weights to the device, as the levers say."""
        seat(self.pipe, self._device, levers)
        for model in self.beside:
            model.to(self._device)

    def weight(self) -> Mapping[str, int]:
        """Return the bytes of all weights by the type of device that they rest on."""
        return weight(self.pipe, self.beside)

    def wearing(self, worn: Sequence[Worn]) -> AbstractContextManager[None]:
        """Add LoRAs to the transformer, over what is fused into it, until the block is left."""
        return wearing(self.pipe.transformer, worn)

    @property
    @abstractmethod
    def guidances(self) -> tuple[str, ...]:
        """Return the kinds of guidance that these weights know."""

    @property
    @abstractmethod
    def token_limit(self) -> int:
        """Return the most `tokens` that the pipeline reads; it would cut the rest in silence."""

    @abstractmethod
    def tokens(self, text: str) -> int:
        """Count the tokens of a text, with what the pipeline puts around it."""

    @abstractmethod
    def arguments(self, request: ImageRequest) -> dict[str, Any]:
        """Return what the pipeline's call takes beyond words, size, steps and noise."""

    @abstractmethod
    def grid(self, latents: torch.Tensor, request: ImageRequest) -> torch.Tensor:
        """Lay reported latents out as (1, channels, height, width)."""

    @abstractmethod
    def decoded(self, grid: torch.Tensor) -> torch.Tensor:
        """Return the picture of such latents, of any size, as (1, 3, height, width)."""

    @property
    def channels(self) -> int:
        """Return the latents' channels; of most transformers an input is 2 x 2 of them."""
        return int(self.pipe.transformer.config.in_channels) // 4

    @property
    def noise_dtype(self) -> torch.dtype:
        """Return what the pipeline makes its noise in: mostly what words are encoded in."""
        dtype: torch.dtype = self.pipe.text_encoder.dtype
        return dtype

    def start(self, request: ImageRequest) -> torch.Tensor:
        """Return the latents before the first step, in the form that later steps report."""
        made = self.pipe.prepare_latents(
            *self.unseen,
            1,
            self.channels,
            request.height,
            request.width,
            self.noise_dtype,
            self.pipe._execution_device,  # where offload brings what computes
            _noise(request),
        )
        # Some pipelines return the latents' positions too.
        latents: torch.Tensor = made[0] if isinstance(made, tuple) else made
        return latents

    def pictures(self, request: ImageRequest, inputs: Inputs) -> dict[str, Any]:
        """Return what the call takes of the pictures to start from: a canvas and its mask.

        Where a picture is read together with the words, it takes their place too.
        """
        if inputs.canvas is None:
            return {}
        given: dict[str, Any] = {"image": inputs.canvas, "strength": request.strength}
        return given if inputs.mask is None else {**given, "mask_image": inputs.mask}

    def draw(self, request: ImageRequest, inputs: Inputs, after_step: AfterStep) -> Image.Image:
        """Draw one picture in a forward of its own, from noise made on the CPU."""
        pipe = self._pipe_for(inputs)
        self._check(request)
        # Schedulers keep state while they step; none of a cancelled picture's may reach the next.
        pipe.scheduler = FlowMatchEulerDiscreteScheduler.from_config(pipe.scheduler.config)
        call = {"prompt": request.prompt, **self.arguments(request)}
        try:
            picture: Image.Image = pipe(
                width=request.width,
                height=request.height,
                num_inference_steps=request.steps,
                generator=_noise(request),
                callback_on_step_end=_Steps(self, request, inputs, after_step),
                **{**call, **self.pictures(request, inputs)},
            ).images[0]
        finally:
            # Else what a cancelled picture left on the device would meet the next one's words.
            self.pipe.maybe_free_model_hooks()
        return picture

    @torch.no_grad()
    def preview(self, latents: torch.Tensor, request: ImageRequest) -> Image.Image:
        """Decode the estimated picture, averaged down in latents; reads state and changes none."""
        grid = self.grid(latents, request)
        longer = max(grid.shape[-2:])
        least, most = PREVIEW_SIDES
        side = min(longer, max(least, min(most, longer // 2)))
        small = interpolate(grid, scale_factor=side / longer, mode="area")
        picture: Image.Image = self.pipe.image_processor.postprocess(
            self.decoded(small), output_type="pil"
        )[0]
        return picture

    def _pipe_for(self, inputs: Inputs) -> Any:
        """Return the pipeline that starts from such pictures, of the parts that are loaded."""
        if inputs.canvas is None:
            return self.pipe
        kit = next(kit for kit in self.kits if type(self.pipe) is kit.pipeline)
        kind = kit.canvas if inputs.mask is None else kit.masked
        if kind is None:
            raise ValueError(f"{kit.pipeline.__name__} has no counterpart for such pictures")
        pipe = kind(**self.pipe.components)
        pipe.set_progress_bar_config(disable=True)
        return pipe

    def _check_guidance(self, variant: Variant) -> None:
        # The pipelines leave out what the weights do not know, with a log line at most.
        kind, known = variant.guidance.kind, self.guidances
        if kind not in known:
            raise ValueError(f"the weights know guidance {' or '.join(known)}, not {kind!r}")
        if variant.negative and kind != TRUE_CFG:
            raise ValueError(f"guidance {kind!r} has no use for a negative prompt")

    def _check(self, request: ImageRequest) -> None:
        multiple = self.pipe.vae_scale_factor * 2
        if request.width % multiple or request.height % multiple:
            # The pipeline would round down and log; the recipe would then lie.
            raise errors.SizeUnsupported(
                width=request.width, height=request.height, choices=f"multiples of {multiple}"
            )
        around = self.tokens("")
        room = self.token_limit - around
        for text in (request.prompt, request.negative):
            tokens = self.tokens(text) - around
            if tokens > room:
                raise errors.PromptTooLong(length=len(text), limit=len(text) * room // tokens)


class _Steps:
    """Follows one picture through the pipeline's callback and reports each step."""

    def __init__(
        self, family: StockFamily, request: ImageRequest, inputs: Inputs, report: AfterStep
    ) -> None:
        self._family = family
        self._request = request
        self._inputs = inputs
        self._report = report
        self._latents: torch.Tensor | None = None

    def __call__(
        self, pipe: Any, index: int, _timestep: torch.Tensor, values: dict[str, Any]
    ) -> dict[str, Any]:
        before, self._latents = self._latents, values["latents"]
        # What starts from a canvas leaves out the first steps.
        at = (pipe.scheduler.begin_index or 0) + index
        sigmas = pipe.scheduler.sigmas[at : at + 2]
        # Before the first step there is the canvas, which the pipeline does not report.
        foretold = self._family.noise_first and self._inputs.canvas is None
        seen = before is not None or foretold
        shown = partial(self._preview, before, self._latents, sigmas) if seen else None
        self._report(index + 1, shown, total=len(pipe.scheduler.timesteps) - at + index)
        return {}

    def _preview(
        self, before: torch.Tensor | None, after: torch.Tensor, sigmas: torch.Tensor
    ) -> Image.Image:
        if before is None:
            before = self._family.start(self._request)
        return self._family.preview(_clean(before, after, sigmas), self._request)


def _noise(request: ImageRequest) -> torch.Generator:
    # On the CPU whatever the device: a seed means the same noise everywhere.
    return torch.Generator("cpu").manual_seed(request.seed)


def _clean(before: torch.Tensor, after: torch.Tensor, sigmas: torch.Tensor) -> torch.Tensor:
    # A step moves along x0 + sigma * (noise - x0), so two points of it tell where sigma is 0.
    slope = (after.float() - before.float()) / (sigmas[1] - sigmas[0])
    return after.float() - sigmas[1] * slope


def _plain(config: Mapping[str, Any]) -> dict[str, Any]:
    # The version that wrote the file and the list of untouched defaults decide no pixel.
    skipped = ("_diffusers_version", "_use_default_values", "_name_or_path")
    return {
        "class": FlowMatchEulerDiscreteScheduler.__name__,
        **{name: value for name, value in config.items() if name not in (*skipped, "_class_name")},
    }
