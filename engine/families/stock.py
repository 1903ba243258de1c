"""What families on a stock diffusers pipeline share: noise, one picture, steps, previews.

The pipelines and their models run unpatched. No architecture is known here: a family names its
classes in a Kit and says what its call, its latents and its decoder are.
"""

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from copy import copy
from typing import Any, ClassVar

import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from PIL import Image
from torch.nn.functional import interpolate

from engine import errors
from engine.drawing.meeting import Call, meet
from engine.families.following import Following
from engine.families.loading import Kit, fuse, load
from engine.families.reading import Reading, by_what
from engine.families.rows import Guest, apart, stacked, together
from engine.families.seating import encoders, nbytes, rest, seat, weight
from engine.family import AfterStep, Kind
from engine.loras.adapters import Worn
from engine.loras.wardrobe import Wardrobe
from engine.memory.levers import Levers
from engine.pictures.inputs import NOTHING, Inputs
from engine.request import ImageRequest
from engine.variants.catalog import Variant
from engine.weights.finding import Place, find_lora, find_weights, joined_digest

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
UNGUIDED, EMBEDDED, TRUE_CFG = "none", "embedded", "true_cfg"
"""The kinds of guidance a variant may name."""
WORN: ContextVar[tuple[Worn, ...]] = ContextVar("worn", default=())
"""The LoRAs of the picture that is drawn; each drawing has a context of its own."""
PREVIEW_SIDES = (8, 32)
"""Bounds of a preview's longer side in latents, else half the picture's: 64 to 256 pixels."""


class StockFamily(ABC):
    """One variant's pipeline on a device; a subclass says what is particular.

    `kits` are the pipelines that the family's weights may name, all of the same parts. `unseen`
    stands for the pictures where `prepare_latents` takes some first. Without `noise_first` a
    seed's first numbers go into a picture to start from, and its noise is not to be foretold.
    `batched` are the arguments of the transformer that hold a row for each picture, where several
    may share a forward; the others are the same for all pictures of one size.
    """

    packages = ("torch", "diffusers", "transformers", "peft")
    kits: ClassVar[tuple[Kit, ...]]
    unseen: ClassVar[tuple[None, ...]] = ()
    noise_first: ClassVar[bool] = True
    batched: ClassVar[tuple[str, ...]] = ()

    def __init__(self, variant: Variant, device: str, place: Place) -> None:
        found = find_weights(variant.weights, self.kits[0].parts, place)
        digests = [found.digest]
        self._device, self._name, self._words = device, variant.name, place.words
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
        self._wardrobe = Wardrobe(self.pipe.transformer)

    def seat(self, levers: Levers) -> None:
        """Bring the weights to the device, as the levers say."""
        if self.batched:
            # Before they are seated: offloading wraps the forwards that it finds.
            (together if levers.fast else apart)(self.pipe.transformer)
        read_on = levers.text or self._device
        dtype = str(self.pipe.text_encoder.dtype)
        self._read_by = (self.weights_digest, dtype, *by_what(read_on))
        if self._words:
            # Texts are not to outgrow what reads them: a small model's process is small.
            self._words.allow(sum(map(nbytes, encoders(self.pipe).values())) // 4)
        seat(self.pipe, self._device, levers)
        for model in self.beside:
            model.to(self._device)

    def rest(self) -> None:
        """Leave the device, but for what always lies there."""
        rest(self.pipe)

    def weight(self) -> Mapping[str, int]:
        """Return the bytes of all weights by the device that they rest on."""
        return weight(self.pipe, self.beside)

    def kind(self, width: int, height: int) -> Kind:
        """Return for what it is measured how many pictures of such a size share a forward."""
        return self._name, self.weights_digest[:12], width, height

    @contextmanager
    def wearing(self, worn: Sequence[Worn]) -> Iterator[None]:
        """Add LoRAs to this picture's rows, over what is fused, until the block is left."""
        row = tuple(worn)
        # For calls of the transformer itself; `forward` dresses its rows anew.
        self._wardrobe.put_on([row])
        before = WORN.set(row)
        try:
            yield
        finally:
            WORN.reset(before)
            self._wardrobe.put_off()

    def group(self, named: Mapping[str, Any]) -> Hashable:
        """Return what calls of the transformer must have in common to share a forward."""
        rows = (named[name] for name in self._rows_of(named))
        return tuple((row.shape, row.stride()[1:], row.dtype) for row in rows)

    def joined(self, calls: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Return one call of the transformer with a row of each."""
        rows = {name: stacked([one[name] for one in calls]) for name in self._rows_of(calls[0])}
        return {**calls[0], **rows}

    def _rows_of(self, named: Mapping[str, Any]) -> list[str]:
        return [name for name in self.batched if named.get(name) is not None]

    def forward(self, calls: Sequence[Call]) -> list[Any]:
        """Run the forwards of several pictures as one; a lone one as its pipeline asks for it."""
        self._wardrobe.put_on([call.worn for call in calls])
        transformer = self.pipe.transformer
        if len(calls) == 1:
            return [transformer(*calls[0].arguments, **calls[0].named)]
        (rows, *_) = transformer(**self.joined([call.named for call in calls]))
        return [(row,) for row in rows.split(1)]

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
        """Draw one picture from noise made on the CPU, pausing at each forward in a drawing."""
        self._check(request)
        pipe = self._own(self._pipe_for(inputs), request, alone=inputs != NOTHING)
        call = {"prompt": request.prompt, **self.arguments(request)}
        picture: Image.Image = pipe(
            width=request.width,
            height=request.height,
            num_inference_steps=request.steps,
            generator=_noise(request),
            callback_on_step_end=Following(self, request, inputs, after_step),
            **{**call, **self.pictures(request, inputs)},
        ).images[0]
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

    def _own(self, pipe: Any, request: ImageRequest, *, alone: bool) -> Any:
        """Return the pipeline for one picture: others may be under way in the same models."""
        size = (request.width, request.height)

        def forward(arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
            group = None
            if self.batched and not alone:
                group = (self.weights_digest, *size, self.group(named))
            kind = self.kind(*size)
            return meet(Call(self.forward, arguments, named, WORN.get(), group, kind))

        own = copy(pipe)
        # Schedulers keep state while they step.
        own.scheduler = FlowMatchEulerDiscreteScheduler.from_config(pipe.scheduler.config)
        own.__dict__["transformer"] = Guest(self.pipe.transformer, forward)
        # Whose models leave the device is not for one picture to say, nor does it see them all.
        own.__dict__["_all_hooks"] = []
        if self._words:
            own.encode_prompt = Reading(own.encode_prompt, self._words, self._read_by)
        return own

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


def _noise(request: ImageRequest) -> torch.Generator:
    # On the CPU whatever the device: a seed means the same noise everywhere.
    return torch.Generator("cpu").manual_seed(request.seed)


def _plain(config: Mapping[str, Any]) -> dict[str, Any]:
    # The version that wrote the file and the list of untouched defaults decide no pixel.
    skipped = ("_diffusers_version", "_use_default_values", "_name_or_path")
    return {
        "class": FlowMatchEulerDiscreteScheduler.__name__,
        **{name: value for name, value in config.items() if name not in (*skipped, "_class_name")},
    }
