"""Every benign naming resolves to one canonical file, which adds what fusing by hand would."""

import json
from collections.abc import Callable, Mapping

import pytest
import torch
from safetensors.torch import load

from engine.loras.canon import Canonical, canonical
from engine.loras.check import SETTINGS
from engine.loras.names import Base
from tests.engine.loras import lora_toys
from tests.engine.loras.lora_toys import ALPHA, MAKERS, RANK, Lora, Tensors, named

DOWN_UP = ("lora_down", "lora_up")
OLD = ("lora.down", "lora.up")
ADAPTER = ("lora_A.default", "lora_B.default")
FORMATS: Mapping[str, tuple[float, Callable[[Lora], Tensors]]] = {
    "diffusers": (RANK, lambda one: named(one, "transformer.")),
    "diffusers, alpha": (ALPHA, lambda one: named(one, "transformer.", alpha=ALPHA)),
    "diffusers, old": (RANK, lambda one: named(one, "transformer.", OLD)),
    "bare": (RANK, named),
    "bare, alpha": (ALPHA, lambda one: named(one, alpha=ALPHA)),
    "lightx2v": (ALPHA, lambda one: named(one, "", DOWN_UP, ALPHA)),
    "bare down and up": (RANK, lambda one: named(one, "", DOWN_UP)),
    "comfy": (RANK, lambda one: named(one, "diffusion_model.")),
    "comfy, alpha": (ALPHA, lambda one: named(one, "diffusion_model.", alpha=ALPHA)),
    "comfy, whole": (RANK, lambda one: named(one, "model.diffusion_model.")),
    "comfy down and up": (ALPHA, lambda one: named(one, "diffusion_model.", DOWN_UP, ALPHA)),
    "kohya": (ALPHA, lambda one: named(one, "lora_unet_", DOWN_UP, ALPHA, flat=True)),
    "kohya, no alpha": (RANK, lambda one: named(one, "lora_unet_", DOWN_UP, flat=True)),
    "lycoris": (ALPHA, lambda one: named(one, "lycoris_", DOWN_UP, ALPHA, flat=True)),
    "onetrainer": (ALPHA, lambda one: named(one, "lora_transformer_", DOWN_UP, ALPHA, flat=True)),
    "peft": (RANK, lambda one: named(one, "base_model.model.")),
    "peft, whole pipeline": (RANK, lambda one: named(one, "base_model.model.transformer.")),
    "peft, adapter": (RANK, lambda one: named(one, "", ADAPTER)),
}
"""What a file's alpha is worth, and its tensors."""
AUTHORS = [name for name in MAKERS if name != "qwen_image"]


@pytest.fixture(scope="module", params=MAKERS)
def base(request: pytest.FixtureRequest) -> Base:
    return lora_toys.base(request.param)


def deltas(kept: Canonical) -> Tensors:
    """Return what a canonical file adds to each layer, as its names promise."""
    tensors = load(kept.content)
    assert {name.rsplit(".lora_", 1)[1] for name in tensors} == {"A.weight", "B.weight"}
    found: Tensors = {}
    for name, down in tensors.items():
        if name.endswith(".lora_A.weight"):
            module = name.removeprefix("transformer.").removesuffix(".lora_A.weight")
            up = tensors[f"transformer.{module}.lora_B.weight"]
            found[module] = up.float() @ down.float()
    return found


def assert_same(kept: Canonical, truth: Mapping[str, torch.Tensor]) -> None:
    found = deltas(kept)
    assert set(found) == set(truth)
    for name, delta in truth.items():
        torch.testing.assert_close(found[name], delta, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", FORMATS)
def test_each_naming_adds_what_fusing_by_hand_does(base: Base, kind: str) -> None:
    alpha, write = FORMATS[kind]
    one = lora_toys.lora(base, alpha)
    kept = canonical(lora_toys.file(write(one)), base)
    assert_same(kept, one.deltas)
    assert (kept.layers, kept.rank) == (len(base.linears), RANK)


@pytest.mark.parametrize("alpha", [RANK, ALPHA])
def test_all_namings_of_one_lora_are_one_file(base: Base, alpha: float) -> None:
    one = lora_toys.lora(base, alpha)
    kept = {
        canonical(lora_toys.file(write(one)), base).sha256
        for worth, write in FORMATS.values()
        if worth == alpha
    }
    assert len(kept) == 1


@pytest.mark.parametrize("base", AUTHORS, indirect=True)
@pytest.mark.parametrize("kind", FORMATS)
def test_the_authors_names_are_taken_apart(base: Base, kind: str) -> None:
    alpha, write = FORMATS[kind]
    one = lora_toys.authors(base, alpha)
    assert_same(canonical(lora_toys.file(write(one)), base), one.deltas)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("alpha", [RANK / 2, ALPHA])
def test_sixteen_bits_lose_nothing_more(base: Base, dtype: torch.dtype, alpha: float) -> None:
    one = lora_toys.lora(base)
    half = {name: (down.to(dtype), up.to(dtype)) for name, (down, up) in one.pairs.items()}
    scale = torch.tensor(alpha).item() / RANK  # as 32 bits have it
    truth = {name: up.float() * scale @ down.float() for name, (down, up) in half.items()}
    tensors = named(Lora(half, {}), "", DOWN_UP, alpha)
    kept = canonical(lora_toys.file(tensors), base)
    found = deltas(kept)
    assert all(torch.equal(found[name], delta) for name, delta in truth.items())
    kinds = {tensor.dtype for tensor in load(kept.content).values()}
    if alpha == ALPHA:
        assert kinds == {dtype, torch.float32}
    elif dtype is torch.bfloat16:
        assert kinds == {dtype}


@pytest.mark.parametrize(
    "alpha",
    [
        torch.tensor(2),
        torch.tensor(2, dtype=torch.int32),
        torch.tensor([2.0]),
        torch.tensor(2.0, dtype=torch.float64),
        torch.tensor(2.0, dtype=torch.bfloat16),
        torch.tensor([[2.0]], dtype=torch.float16),
    ],
)
def test_alphas_may_be_numbers_of_any_kind(base: Base, alpha: torch.Tensor) -> None:
    one = lora_toys.lora(base, 2.0)
    tensors = named(one, "", DOWN_UP, 2.0)
    tensors = {name: alpha if name.endswith("alpha") else kept for name, kept in tensors.items()}
    assert_same(canonical(lora_toys.file(tensors), base), one.deltas)


def test_alphas_may_stand_in_the_metadata_alone(base: Base) -> None:
    one = lora_toys.lora(base, ALPHA)
    first, second, *_ = base.linears
    settings = {
        "transformer.r": RANK,
        "transformer.lora_alpha": ALPHA,
        "transformer.use_rslora": False,
        "transformer.alpha_pattern": {f"^{first}": 2 * ALPHA, second.rpartition(".")[2]: ALPHA},
        "transformer.target_modules": ["anything"],
    }
    file = lora_toys.file(named(one, "transformer."), {SETTINGS: json.dumps(settings)})
    assert_same(canonical(file, base), {**one.deltas, first: one.deltas[first] * 2})


def test_layers_may_differ_in_rank_and_alpha(base: Base) -> None:
    one, other = lora_toys.lora(base), lora_toys.lora(base, seed=2)
    first = next(iter(base.linears))
    wide = tuple(
        torch.cat([one.pairs[first][half], other.pairs[first][half]], dim=half) for half in (0, 1)
    )
    tensors = named(Lora({**one.pairs, first: (wide[0], wide[1])}, {}))
    tensors[f"{first}.alpha"] = torch.tensor(2.0 * RANK)
    kept = canonical(lora_toys.file(tensors), base)
    assert_same(kept, {**one.deltas, first: one.deltas[first] + other.deltas[first]})
    assert kept.rank == 2 * RANK


def test_a_canonical_file_is_its_own(base: Base) -> None:
    kept = canonical(lora_toys.file(named(lora_toys.lora(base, ALPHA), alpha=ALPHA)), base)
    again = canonical(lora_toys.file(load(kept.content)), base)
    assert again.content == kept.content
