"""Pictures drawn side by side have the pixels that each has alone, whatever the schedule."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save

from engine.engine import Engine
from engine.loras.names import Base
from engine.memory.levers import FP8, Use, Wishes
from engine.request import ImageRequest, LoraUse
from engine.variants.bounds import Guidance
from engine.variants.catalog import Variant
from engine.variants.memory import Profile
from tests.engine import stock_toys, toys
from tests.engine.loras import lora_toys
from tests.engine.loras.lora_tables import linears
from tests.engine.loras.lora_toys import named

KINDS: dict[str, tuple[str, Guidance, Callable[[pytest.MonkeyPatch], Any]]] = {
    "qwen-image": (
        "qwen_image",
        Guidance(kind="true_cfg", most=8.0),
        lambda _: toys.toy_pipeline(),
    ),
    "flux1-dev": ("flux1", Guidance(kind="embedded"), lambda _: stock_toys.flux1(guided=True)),
    "flux1-schnell": ("flux1", Guidance(kind="none"), lambda _: stock_toys.flux1(guided=False)),
    "flux2-klein-base": (
        "flux2",
        Guidance(kind="true_cfg"),
        lambda _: stock_toys.flux2_klein(distilled=False),
    ),
    "flux2-dev": ("flux2", Guidance(kind="embedded"), stock_toys.flux2_dev),
}
PROMPTS = ("a red panda", "熊", "a blue panda on a background, " * 3, "a red panda " * 12)
DTYPES = ("float32", "bfloat16", FP8)
SIZES = ((64, 64), (96, 48))
NEEDY = Profile(text_encoder=0.02, transformer=0.2, vae=0.01, denoise=0.01, decode=0.01)
"""Said of tiny weights, so that only with the transformer in 8 bits they fit `TIGHT`."""
TIGHT = Wishes(limit_gb=0.2, fp8=Use.IF_NEEDED)


@dataclass
class Studio:
    """One variant, LoRA files for it, and what each request gives alone."""

    variant: Variant
    dtype: str
    files: dict[str, bytes] = field(repr=False)
    alone: Engine
    sharing: dict[int, Engine] = field(default_factory=dict)
    known: dict[ImageRequest, str] = field(default_factory=dict)

    def engine(self, rows: int) -> Engine:
        """Return an engine whose forwards take so many rows."""
        wishes = replace(TIGHT, rows=rows)
        return self.sharing.setdefault(rows, Engine(device="cpu", root=Path(), wishes=wishes))

    def truth(self, request: ImageRequest) -> str:
        """Return the pixels of a request that has had the engine to itself."""
        if request not in self.known:
            drawn = self.alone.draw(self.variant, request, files=self.files)
            assert drawn.recipe.dtype.endswith(self.dtype)
            self.known[request] = drawn.pixel_sha256
        return self.known[request]


@pytest.fixture(
    scope="module", params=[(kind, dtype) for kind in KINDS for dtype in DTYPES], ids="-".join
)
def studio(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    patch: pytest.MonkeyPatch,
) -> Studio:
    kind, dtype = request.param
    family, guidance, make = KINDS[kind]
    folder = tmp_path_factory.mktemp(kind)
    torch.manual_seed(0)
    pipeline = make(patch)
    pipeline.save_pretrained(folder)
    plain = Variant.from_toml(kind, toys.VARIANT.format(weights=folder.as_posix()))
    variant = replace(plain, family=family, guidance=guidance, dtype=dtype, negative=False)
    if dtype == FP8:
        variant = replace(variant, dtype="bfloat16", memory=NEEDY)
    contents = [_canonical(pipeline.transformer, seed) for seed in (1, 2)]
    files = {hashlib.sha256(content).hexdigest(): content for content in contents}
    alone = Engine(device="cpu", root=Path(), wishes=replace(TIGHT, rows=1))
    return Studio(variant, dtype, files, alone)


def _canonical(transformer: torch.nn.Module, seed: int) -> bytes:
    base = Base("toy", "flux1", linears(transformer), {})
    tensors = named(lora_toys.lora(base, seed=seed), "transformer.")
    return save(dict(sorted(tensors.items())))


@st.composite
def orders(draw: st.DrawFn) -> tuple[int, dict[str, Any], tuple[tuple[int, float], ...]]:
    """Return when a picture comes, what it is, and which LoRAs it wears."""
    width, height = draw(st.sampled_from(SIZES))
    asked = {
        "prompt": draw(st.sampled_from(PROMPTS)),
        "width": width,
        "height": height,
        "steps": draw(st.integers(1, 4)),
        "guidance": draw(st.sampled_from((1.0, 3.0))),
        "seed": draw(st.integers(0, 3)),
    }
    wears = draw(
        st.lists(
            st.tuples(st.integers(0, 1), st.sampled_from((1.0, -0.4))),
            max_size=2,
            unique_by=lambda use: use[0],
        )
    )
    return draw(st.integers(0, 3)), asked, tuple(wears)


@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(coming=st.lists(orders(), min_size=2, max_size=5), rows=st.sampled_from((2, 4)))
def test_pixels_are_those_that_each_picture_has_alone(
    studio: Studio, image: Callable[..., ImageRequest], coming: list[Any], rows: int
) -> None:
    names = list(studio.files)
    engine = studio.engine(rows)
    drawings = []
    for wait, asked, wears in coming:
        loras = tuple(LoraUse(names[index], weight) for index, weight in wears)
        request = image(variant=studio.variant.name, loras=loras, **asked)
        drawings.append((request, engine.admit(studio.variant, request, files=studio.files)))
        for _ in range(wait):
            engine.step()
    while engine.step() or not all(drawing.ended for _, drawing in drawings):
        pass
    for request, drawing in drawings:
        assert drawing.finished().pixel_sha256 == studio.truth(request)
