"""LoRAs on real pipelines at tiny size: what PEFT computes, and a base that nothing changes."""

import hashlib
import threading
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load, save
from torch._dynamo.utils import counters

from engine import errors
from engine.engine import Engine
from engine.family import Local, open_local
from engine.loras.adapters import Adapters
from engine.loras.names import Base
from engine.memory.levers import Levers, Offload
from engine.pictures.images import pixel_sha256
from engine.pictures.inputs import opened
from engine.request import ImageRequest, LoraUse
from engine.variants.bounds import Guidance
from engine.variants.catalog import StartupLora, Variant
from engine.weights.finding import Place
from tests.engine import edit_toys, stock_toys, toys
from tests.engine.loras import lora_toys
from tests.engine.loras.lora_tables import linears
from tests.engine.loras.lora_toys import Tensors, named

Request = Callable[..., ImageRequest]
PIPELINES: dict[str, tuple[str, Guidance, Callable[[pytest.MonkeyPatch], Any]]] = {
    "qwen-image": ("qwen_image", Guidance(kind="none"), lambda _: toys.toy_pipeline()),
    "flux1-dev": (
        "flux1",
        Guidance(kind="embedded", default=3.5),
        lambda _: stock_toys.flux1(guided=True),
    ),
    "flux2-klein": (
        "flux2",
        Guidance(kind="none"),
        lambda _: stock_toys.flux2_klein(distilled=True),
    ),
    "flux2-dev": ("flux2", Guidance(kind="embedded", default=3.5), stock_toys.flux2_dev),
    "z-image": ("z_image", Guidance(kind="none"), lambda _: stock_toys.z_image()),
}


@pytest.fixture(scope="module", params=PIPELINES)
def shipped(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    patch: pytest.MonkeyPatch,
) -> Variant:
    """A variant of each kind."""
    family, guidance, make = PIPELINES[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    torch.manual_seed(0)
    make(patch).save_pretrained(folder)
    plain = Variant.from_toml(request.param, toys.VARIANT.format(weights=folder.as_posix()))
    return replace(plain, family=family, guidance=guidance, negative=False)


PLAIN = Levers()
WEARER: Any = SimpleNamespace(wearing=lambda _: nullcontext())
"""A family of no layers."""


def seated(variant: Variant, levers: Levers = PLAIN) -> Any:
    family: Any = open_local(variant, "cpu", Place(Path(), offline=True))
    family.seat(levers)
    return family


def drawn(family: Local, request: ImageRequest) -> str:
    def silent(*_: object, **__: object) -> None:
        pass

    return pixel_sha256(family.draw(request, opened(request, {}), silent))


def canonical_of(model: torch.nn.Module, seed: int, dtype: torch.dtype = torch.float32) -> bytes:
    """Return a canonical file over all layers."""
    base = Base("toy", "flux1", linears(model), {})
    tensors = named(lora_toys.lora(base, seed=seed), "transformer.")
    return save({name: tensor.to(dtype) for name, tensor in sorted(tensors.items())})


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def files(*contents: bytes) -> dict[str, bytes]:
    return {digest(content): content for content in contents}


def wear(request: ImageRequest, *worn: tuple[bytes, float]) -> ImageRequest:
    uses = tuple(LoraUse(digest(content), weight) for content, weight in worn)
    return replace(request, loras=uses)


def with_loras(family: Local, variant: Variant, request: ImageRequest, *given: bytes) -> str:
    with Adapters("cpu").worn(variant, family, request, files(*given)):
        return drawn(family, request)


def with_peft(family: Any, request: ImageRequest, *worn: tuple[bytes, float]) -> str:
    """Draw as diffusers serves LoRAs: each layer replaced by PEFT's."""
    transformer = family.pipe.transformer
    names = [f"l_{digest(content)}" for content, _ in worn]
    for name, (content, _) in zip(names, worn, strict=True):
        transformer.load_lora_adapter(load(content), adapter_name=name)
    transformer.set_adapters(names, [weight for _, weight in worn])
    return drawn(family, replace(request, loras=()))


@pytest.mark.filterwarnings("ignore:Already found a `peft_config`")
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_pixels_are_those_of_peft(shipped: Variant, image: Request, dtype: str) -> None:
    variant = replace(shipped, dtype=dtype)
    family = seated(variant)
    one, two = (
        canonical_of(family.pipe.transformer, seed, getattr(torch, dtype)) for seed in (1, 2)
    )
    plain = image(guidance=variant.guidance.default)
    for worn in ([(one, 1.0)], [(two, 0.7), (one, -0.4)]):
        request = wear(plain, *worn)
        ours = with_loras(family, variant, request, one, two)
        assert ours == with_peft(seated(variant), request, *worn)
        assert ours != drawn(family, plain)


def test_weights_in_8_bits_wear_loras_too(shipped: Variant, image: Request) -> None:
    variant = replace(shipped, dtype="bfloat16")
    family = seated(variant, Levers(fp8=True))
    content = canonical_of(family.pipe.transformer, 1)
    plain = image(guidance=variant.guidance.default)
    request = wear(plain, (content, 0.5))
    before = drawn(family, plain)
    first = with_loras(family, variant, request, content)
    assert before != first
    assert drawn(family, plain) == before
    assert with_loras(family, variant, request, content) == first


@pytest.mark.parametrize("offload", [Offload.MODEL, Offload.GROUP])
def test_offload_changes_no_pixel_of_it(shipped: Variant, image: Request, offload: Offload) -> None:
    # In 16 bits, as all are that need it: in 32, where weights lie decides last bits on a CPU.
    variant = replace(shipped, dtype="bfloat16")
    plain, offloaded = (seated(variant, Levers(offload=one)) for one in (Offload.NONE, offload))
    content = canonical_of(plain.pipe.transformer, 1)
    request = wear(image(guidance=shipped.guidance.default, steps=2), (content, 0.5))
    ours = {with_loras(family, variant, request, content) for family in (plain, offloaded)}
    assert len(ours) == 1


def test_a_lora_for_other_layers_or_shapes_does_not_fit(shipped: Variant, image: Request) -> None:
    family = seated(shipped)
    plain = image(guidance=shipped.guidance.default)
    before = drawn(family, plain)
    tensors = load(canonical_of(family.pipe.transformer, 1))
    down = sorted(tensors)[-2]
    layer = down.removesuffix(".lora_A.weight")
    spoilt: list[Tensors] = [
        {**tensors, down: torch.ones(3, 7)},
        {**tensors, down: torch.ones(4, tensors[down].shape[1])},
        {name.replace(layer, "transformer.nowhere"): one for name, one in tensors.items()},
        {name.replace(layer, "transformer.pos_embed"): one for name, one in tensors.items()},
    ]
    for wrong in spoilt:
        content = save(wrong)
        with pytest.raises(errors.LoraMisfit) as failure:
            with_loras(family, shipped, wear(plain, (content, 1.0)), content)
        assert failure.value.params == {"variant": shipped.name}
        assert drawn(family, plain) == before


def test_compiled_blocks_see_loras_come_and_go_and_are_not_compiled_again(
    toy: Variant, image: Request, contents: tuple[bytes, bytes]
) -> None:
    plain, compiled = seated(toy), seated(toy, Levers(compiled=True))
    # The usual backend takes a C++ compiler, and draws other last bits.
    compiled.pipe.transformer.compile_repeated_blocks(fullgraph=True, backend="eager")
    requests = [image(steps=1), *(wear(image(steps=1), (one, 0.5)) for one in contents)]
    truth = [with_loras(plain, toy, request, *contents) for request in requests]
    assert len(set(truth)) == 3
    graphs = []
    for index in (0, 1, 2, 1, 0, 2):
        assert with_loras(compiled, toy, requests[index], *contents) == truth[index]
        graphs.append(counters["stats"]["unique_graphs"])
    # One with LoRAs and one without; another LoRA over the same layers needs no third.
    assert len(set(graphs[1:])) == 1


@pytest.fixture(scope="module")
def contents(project: Path) -> tuple[bytes, bytes]:
    model = seated(Variant.from_toml("toy", toys.VARIANT.format(weights=project / "weights")))
    transformer = model.pipe.transformer
    return canonical_of(transformer, 1), canonical_of(transformer, 2)


def test_on_top_of_a_fused_lora_it_is_what_peft_draws(
    engine: Engine, lightning: Variant, project: Path, image: Request, contents: tuple[bytes, bytes]
) -> None:
    request = wear(image(variant="lightning"), (contents[0], 0.8))
    ours = engine.draw(lightning, request, files=files(*contents))
    lora = StartupLora(source=str(project / "loras"), file="toy.safetensors")
    family = seated(replace(lightning, lora=lora))
    assert ours.pixel_sha256 == with_peft(family, request, (contents[0], 0.8))
    assert ours.recipe.request.loras == request.loras
    assert digest(contents[0]).encode() in ours.png


def test_weight_nothing_is_the_base_and_needs_no_file(
    engine: Engine, toy: Variant, image: Request
) -> None:
    request = replace(image(), loras=(LoraUse("0" * 64, 0.0),))
    assert engine.draw(toy, request).pixel_sha256 == engine.draw(toy, image()).pixel_sha256


def test_a_canvas_in_tiles_is_painted_with_it(
    engine: Engine, toy: Variant, image: Request, contents: tuple[bytes, bytes]
) -> None:
    sizes = replace(toy.sizes, most_pixels=64 * 64)
    painter = replace(toy, sizes=sizes, accepts=replace(toy.accepts, canvas=True))
    canvas = edit_toys.paper(128, 128, 1)
    plain = image(width=128, height=128, canvas=canvas.name, strength=0.6)
    given = {**edit_toys.files(canvas), **files(*contents)}
    pixels = {
        engine.draw(painter, request, files=given).pixel_sha256
        for request in (plain, wear(plain, (contents[0], 1.0)))
    }
    assert len(pixels) == 2


def weights_of(engine: Engine, variant: Variant) -> tuple[str, int]:
    """Return a hash of the base's weights, and how many hooks hang on its layers."""
    transformer = engine._open(variant).pipe.transformer  # type: ignore[attr-defined]
    hashed = hashlib.sha256()
    for name, tensor in transformer.state_dict().items():
        hashed.update(name.encode() + tensor.numpy().tobytes())
    hooks = sum(len(module._forward_hooks) for module in transformer.modules())
    return hashed.hexdigest(), hooks


LIVES = ("base", "a", "b", "both", "turned", "lost", "another", "misfit", "cancelled")


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    lives=st.lists(st.sampled_from(LIVES), min_size=2, max_size=8), room=st.sampled_from([1, 9e9])
)
def test_no_life_changes_the_base_or_another_picture(
    lives: list[str],
    room: float,
    engine: Engine,
    toy: Variant,
    image: Request,
    contents: tuple[bytes, bytes],
    seen: dict[str, str],
) -> None:
    a, b = contents
    misfit = save({**load(a), "transformer.proj_out.lora_A.weight": torch.ones(3, 5)})
    engine.adapters = Adapters("cpu", on_device=room, in_main=room)
    before = weights_of(engine, toy)
    plain = image(steps=1)

    def cancel(*_: object) -> None:
        raise errors.GenerationCancelled

    for life in lives:
        worn = {"a": [(a, 1.0)], "b": [(b, 1.0)], "both": [(a, 0.5), (b, 0.5)]} | {
            "turned": [(a, -1.0)],
            "lost": [(a, 1.0), (b"gone", 1.0)],
            "another": [(b"other", 1.0)],
            "misfit": [(b, 1.0), (misfit, 1.0)],
            "cancelled": [(a, 1.0)],
        }
        request = wear(plain, *worn.get(life, []))
        given_files = {**files(a, b, misfit), digest(b"other"): b"something else"}
        failure = {"misfit": errors.LoraMisfit, "cancelled": errors.GenerationCancelled}
        if life in ("lost", "another", "misfit", "cancelled"):
            watch = cancel if life == "cancelled" else lambda _: None
            with pytest.raises(failure.get(life, errors.LoraLost)):
                engine.draw(toy, request, watch, given_files)
        else:
            pixels = engine.draw(toy, request, files=given_files).pixel_sha256
            assert seen.setdefault(life, pixels) == pixels
    assert weights_of(engine, toy) == before
    assert before[1] == 0
    assert len(set(seen.values())) == len(seen)


@pytest.fixture(scope="module")
def seen() -> dict[str, str]:
    return {}


def test_the_least_recently_used_leaves_and_is_asked_for_again(
    toy: Variant, image: Request, contents: tuple[bytes, bytes]
) -> None:
    a, b = contents
    c = save({name: tensor + 1 for name, tensor in load(a).items()})
    size = sum(tensor.nbytes for tensor in load(a).values())
    adapters = Adapters("cpu", in_main=2 * size)
    every = wear(image(), (a, 1.0), (b, 1.0), (c, 1.0))
    assert adapters.lacking(every) == (digest(a), digest(b), digest(c))
    adapters.lacking(image())
    for content in (a, b):
        adapters.keep(digest(content), content)
    assert adapters.at_hand == {digest(a), digest(b)}
    with adapters.worn(toy, WEARER, wear(image(), (a, 1.0)), {}):
        adapters.keep(digest(c), c)
    assert adapters.at_hand == {digest(a), digest(c)}
    assert adapters.lacking(every) == (digest(b),)


def test_what_a_picture_needs_stays_whatever_is_kept_before_it_is_drawn(
    engine: Engine, toy: Variant, image: Request, contents: tuple[bytes, bytes]
) -> None:
    a, b = contents
    engine.adapters = Adapters("cpu", in_main=1)
    request = wear(image(), (a, 1.0))
    assert engine.adapters.lacking(request) == (digest(a),)
    engine.adapters.keep(digest(a), a)
    engine.adapters.keep(digest(b), b)
    engine.draw(toy, request)
    assert engine.adapters.lacking(wear(image(), (b, 1.0)), image()) == ()
    engine.adapters.keep(digest(a), a)
    assert engine.adapters.at_hand == {digest(b), digest(a)}


def test_pictures_under_way_keep_what_they_need_at_hand(
    engine: Engine, toy: Variant, image: Request, contents: tuple[bytes, bytes]
) -> None:
    a, b = contents
    engine.adapters = Adapters("cpu", in_main=1)
    first = engine.admit(toy, wear(image(), (a, 1.0)), files=files(a))
    assert engine.adapters.lacking(wear(image(), (b, 1.0))) == (digest(b),)
    engine.adapters.keep(digest(b), b)
    assert engine.adapters.at_hand == {digest(a), digest(b)}
    while not first.ended:
        engine.step()
    first.finished()
    other = save({name: tensor + 1 for name, tensor in load(a).items()})
    engine.adapters.keep(digest(other), other)
    assert engine.adapters.at_hand == {digest(b), digest(other)}


def test_what_was_not_worn_last_leaves_a_full_device(
    toy: Variant, image: Request, contents: tuple[bytes, bytes]
) -> None:
    adapters = Adapters("cpu")
    for content in contents:
        with adapters.worn(toy, WEARER, wear(image(), (content, 1.0)), files(content)):
            pass
    assert adapters.leave_device()
    assert not adapters.leave_device()


def test_files_are_read_from_another_thread_while_one_is_worn(
    engine: Engine, toy: Variant, image: Request, contents: tuple[bytes, bytes]
) -> None:
    engine.adapters = Adapters("cpu")
    a, b = contents
    reader = threading.Thread(target=engine.adapters.keep, args=(digest(b), b))
    request = wear(image(), (a, 1.0))
    engine.draw(toy, request, lambda _: reader.start() if not reader.ident else None, files(a))
    reader.join()
    assert engine.adapters.lacking(wear(image(), (b, 1.0))) == ()
    engine.draw(toy, wear(image(), (b, 1.0)))


def test_a_file_that_is_not_what_it_is_named_is_lost(contents: tuple[bytes, bytes]) -> None:
    adapters = Adapters("cpu")
    for name, content in (
        (digest(contents[0]), contents[1]),
        (digest(b"no file"), b"no file"),
        (digest(more := save({**load(contents[0]), "a": torch.ones(1)})), more),
        (digest(half := save({"transformer.a.lora_A.weight": torch.ones(1, 1)})), half),
    ):
        with pytest.raises(errors.LoraLost):
            adapters.keep(name, content)
