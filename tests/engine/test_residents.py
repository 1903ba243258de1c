"""Who is loaded: real pipelines and real bytes, the least recently used leaving first."""

import gc
import hashlib
import shutil
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import structlog
import torch
from safetensors.torch import save

from engine import errors, residents
from engine.engine import Engine
from engine.memory import device as memory_of
from engine.memory.levers import GB, Offload, Use, Wishes
from engine.request import ImageRequest, LoraUse
from engine.residents import Residents
from engine.variants.catalog import Variant, Weights
from engine.variants.memory import Profile
from engine.weights.finding import Place

Request = Callable[..., ImageRequest]
HUGE = Profile(text_encoder=9000, transformer=9000, vae=1, denoise=1, decode=1)


@pytest.fixture
def trio(project: Path, toy: Variant, tmp_path: Path) -> list[Variant]:
    """Three variants of one size, each with weights of its own."""
    for name in "abc":
        shutil.copytree(project / "weights", tmp_path / name)
    return [replace(toy, name=name, weights=Weights(source=str(tmp_path / name))) for name in "abc"]


def weight(engine: Engine, variant: Variant) -> int:
    """Return the bytes that a variant's own tensors take."""
    parts = engine._open(variant).pipe.components.values()  # type: ignore[attr-defined]
    tensors = {
        tensor.data_ptr(): tensor.untyped_storage().nbytes()
        for part in parts
        if isinstance(part, torch.nn.Module)
        for tensor in part.state_dict().values()
    }
    return sum(tensors.values())


def with_room_for(count: float, project: Path, toy: Variant) -> Engine:
    probe = Engine(device="cpu", root=project)
    return Engine(
        device="cpu",
        root=project,
        wishes=Wishes(limit_gb=count * weight(probe, toy) / GB),
    )


def test_bytes_are_those_of_the_tensors(project: Path, toy: Variant) -> None:
    engine = Engine(device="cpu", root=project)
    counted = weight(engine, toy)
    taken = next(iter(engine._residents._held.values())).taken
    # Buffers that no file keeps, such as positions, are held too.
    assert counted <= taken.device < 1.1 * counted
    assert taken.main == 0


def test_two_stay_and_the_third_drives_the_least_recently_used_out(
    project: Path, toy: Variant, trio: list[Variant], image: Request
) -> None:
    engine = with_room_for(2.5, project, toy)
    a, b, c = trio
    for variant in (a, b, a):
        engine.draw(variant, image())
    assert engine.loaded == ("b", "a")
    engine.draw(c, image())
    assert engine.loaded == ("a", "c")
    engine.load(b)
    assert engine.loaded == ("c", "b")


def test_what_leaves_is_really_gone(project: Path, toy: Variant, trio: list[Variant]) -> None:
    engine = with_room_for(1.5, project, toy)
    gone = weakref.ref(engine._open(trio[0]).pipe.transformer)  # type: ignore[attr-defined]
    assert gone() is not None
    engine.load(trio[1])
    assert engine.loaded == ("b",)
    assert gone() is None


def test_pixels_are_the_same_after_leaving_and_coming_back(
    project: Path, toy: Variant, lightning: Variant, image: Request
) -> None:
    engine = with_room_for(1.5, project, toy)
    pair = (toy, lightning)
    first, again = (
        [engine.draw(variant, image()).pixel_sha256 for variant in pair] for _ in range(2)
    )
    assert engine.loaded == ("lightning",)
    assert first == again
    assert len(set(first)) == 2
    # And as where both stay.
    roomy = Engine(device="cpu", root=project)
    assert [roomy.draw(variant, image()).pixel_sha256 for variant in (*pair, *pair)] == first * 2
    assert roomy.loaded == ("toy", "lightning")


def test_one_alone_may_be_larger_than_what_is_kept(
    project: Path, toy: Variant, image: Request
) -> None:
    engine = with_room_for(0.5, project, toy)
    assert engine.draw(toy, image()).width == 64
    assert engine.loaded == ("toy",)


def test_weights_that_are_broken_cost_nothing_that_is_loaded(
    project: Path, toy: Variant, trio: list[Variant], image: Request
) -> None:
    engine = Engine(device="cpu", root=project)
    exact = engine.draw(trio[0], image()).pixel_sha256
    (Path(trio[1].weights.source) / "model_index.json").write_text("{")
    with pytest.raises(errors.WeightsBroken):
        engine.load(trio[1])
    assert engine.loaded == ("a",)
    shutil.rmtree(trio[0].weights.source)
    assert engine.draw(trio[0], image()).pixel_sha256 == exact


def test_what_can_never_fit_is_refused_before_anybody_leaves(
    project: Path, toy: Variant, trio: list[Variant]
) -> None:
    engine = Engine(device="cpu", root=project)
    engine.load(toy)
    with pytest.raises(errors.VariantTooBig) as refused:
        engine.load(replace(trio[0], memory=HUGE))
    assert refused.value.params["variant"] == "a"
    assert refused.value.params["needed"] == 18002.0
    assert 0 < float(refused.value.params["free"]) < 18002
    assert engine.loaded == ("toy",)


def test_a_declared_giant_makes_room_before_it_is_read(
    project: Path, toy: Variant, trio: list[Variant]
) -> None:
    engine = with_room_for(3, project, toy)
    engine.load(trio[0])
    most = engine._residents._room.device / GB
    declared = Profile(text_encoder=0, transformer=0.9 * most, vae=0, denoise=0, decode=0)
    (Path(trio[1].weights.source) / "model_index.json").write_text("{")
    with pytest.raises(errors.WeightsBroken):
        engine.load(replace(trio[1], memory=declared))
    assert engine.loaded == ()


def test_a_picture_that_fills_the_memory_drives_the_others_out_before_it_fails(
    project: Path, toy: Variant, trio: list[Variant], image: Request
) -> None:
    engine = Engine(device="cpu", root=project)
    exact = engine.draw(toy, image()).pixel_sha256
    engine.load(trio[0])
    starts: list[int] = []
    with pytest.raises(errors.DeviceFull):
        engine.draw(toy, image(width=2**50), lambda step: starts.append(step.index))
    assert engine.loaded == ("toy",)
    assert engine.draw(toy, image()).pixel_sha256 == exact


def test_a_picture_with_a_lora_that_fills_the_memory_ends_too(
    project: Path, toy: Variant, trio: list[Variant], image: Request
) -> None:
    engine = Engine(device="cpu", root=project)
    layer = "transformer.transformer_blocks.0.attn.to_q"
    halves = {"lora_A": torch.ones(2, 32), "lora_B": torch.ones(32, 2)}
    lora = save({f"{layer}.{half}.weight": ones for half, ones in halves.items()})
    worn = image(loras=(LoraUse(hashlib.sha256(lora).hexdigest()),), width=2**50)
    engine.load(trio[0])
    with pytest.raises(errors.DeviceFull):
        engine.draw(toy, worn, files={worn.lora_files[0]: lora})
    assert engine.loaded == ("toy",)


@pytest.mark.parametrize(("main", "beside"), [(1.0, ()), (3.0, ("a",))])
def test_what_waits_in_main_memory_leaves_it_before_the_next_one_is_read_there(
    trio: list[Variant], monkeypatch: pytest.MonkeyPatch, main: float, beside: tuple[str, ...]
) -> None:
    # An accelerator with room for all that lies on it, in a machine that has little.
    monkeypatch.setattr(memory_of, "is_apart", lambda _: True)
    monkeypatch.setattr(memory_of, "free_on", lambda _: 100 * GB)
    monkeypatch.setattr(memory_of, "free_in_main", lambda: main * GB)
    monkeypatch.setattr(
        residents, "open_local", lambda variant, *_: seen.append(held.names) or fake
    )
    seen: list[tuple[str, ...]] = []
    fake: Any = SimpleNamespace(
        seat=lambda _: None, rest=lambda: None, weight=lambda: {"cpu": int(0.9 * GB)}
    )
    held = Residents("cuda", Place(Path(), offline=True), Wishes(offload=Offload.MODEL))
    profile = Profile(text_encoder=0.4, transformer=0.5, vae=0, denoise=0, decode=0)
    for variant in trio[:2]:
        held.open(replace(variant, memory=profile))
    assert seen == [(), beside]


def test_the_same_weights_with_other_levers_are_not_shared(
    project: Path, toy: Variant, image: Request
) -> None:
    engine = Engine(device="cpu", root=project, wishes=Wishes(limit_gb=0.5, fp8=Use.IF_NEEDED))
    half = replace(toy, dtype="bfloat16")
    needy = replace(
        half,
        name="needy",
        memory=Profile(text_encoder=0, transformer=0.6, vae=0, denoise=0, decode=0),
    )
    told = [engine.draw(variant, image()).recipe.dtype for variant in (half, needy, half)]
    assert told == ["bfloat16", "bfloat16, transformer in float8_e4m3fn", "bfloat16"]


def test_loads_and_evictions_are_told_with_seconds_and_bytes(
    project: Path, toy: Variant, trio: list[Variant]
) -> None:
    engine = with_room_for(1.5, project, toy)
    with structlog.testing.capture_logs() as lines:
        for variant in (trio[0], trio[1], trio[1]):
            engine.load(variant)
    told = [(line["event"], line.get("variant") or line["variants"]) for line in lines]
    assert told == [
        ("variant loaded", "a"),
        ("variant loaded", "b"),
        ("variant evicted", ("a",)),
    ]
    assert all(line["device_bytes"] > 100_000 for line in lines)
    assert lines[0]["seconds"] > 0
    gc.collect()
