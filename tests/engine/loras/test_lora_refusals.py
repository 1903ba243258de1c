"""Every hostile or unserveable file is refused, each for its own reason; nothing else comes out."""

import io
import json
import pickle
import tracemalloc
import zipfile
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.loras import errors
from engine.loras import file as lora_file
from engine.loras.canon import canonical
from engine.loras.check import SETTINGS, check
from engine.loras.names import Base, bases
from tests.engine.loras import lora_fuzz, lora_toys
from tests.engine.loras.lora_toys import RANK, Tensors, file, named, raw

LAYER = "transformer_blocks.0.attn.to_q"
DOWN, UP = f"transformer.{LAYER}.lora_A.weight", f"transformer.{LAYER}.lora_B.weight"
Change = Callable[[Tensors], Tensors]
LIMIT = lora_file.HEADER_LIMIT
PLAIN = lora_toys.Lora({LAYER: (torch.full((RANK, 32), 0.1), torch.full((32, RANK), 0.1))}, {})

CHANGES: Mapping[str, tuple[type[errors.LoraRefused], Change]] = {
    "wrong rows": (errors.LoraShapeWrong, lambda t: {**t, UP: torch.ones(33, RANK)}),
    "wrong columns": (errors.LoraShapeWrong, lambda t: {**t, DOWN: torch.ones(RANK, 33)}),
    "ranks that differ": (errors.LoraShapeWrong, lambda t: {**t, DOWN: torch.ones(RANK + 1, 32)}),
    "turned round": (errors.LoraShapeWrong, lambda t: {**t, UP: torch.ones(RANK, 32)}),
    "a convolution": (errors.LoraShapeWrong, lambda t: {**t, UP: torch.ones(32, RANK, 1, 1)}),
    "a vector": (errors.LoraShapeWrong, lambda t: {**t, UP: torch.ones(32)}),
    "no down": (errors.LoraIncomplete, lambda t: without(t, DOWN)),
    "no up": (errors.LoraIncomplete, lambda t: without(t, UP)),
    "alpha alone": (
        errors.LoraIncomplete,
        lambda t: {**t, "transformer.txt_in.alpha": torch.tensor(1.0)},
    ),
    "NaN": (errors.LoraNotFinite, lambda t: {**t, UP: torch.full((32, RANK), torch.nan)}),
    "infinity": (errors.LoraNotFinite, lambda t: {**t, DOWN: torch.full((RANK, 32), torch.inf)}),
    "huge": (errors.LoraTooStrong, lambda t: {**t, DOWN: torch.full((RANK, 32), -65.0)}),
    "rank bomb": (
        errors.LoraRankTooHigh,
        lambda t: {**t, DOWN: torch.ones(129, 32), UP: torch.ones(32, 129)},
    ),
    "alpha 0": (errors.LoraAlphaInvalid, lambda t: with_alpha(t, torch.tensor(0.0))),
    "alpha below 0": (errors.LoraAlphaInvalid, lambda t: with_alpha(t, torch.tensor(-1.0))),
    "alpha NaN": (errors.LoraAlphaInvalid, lambda t: with_alpha(t, torch.tensor(torch.nan))),
    "alpha infinite": (errors.LoraAlphaInvalid, lambda t: with_alpha(t, torch.tensor(torch.inf))),
    "two alphas": (errors.LoraAlphaInvalid, lambda t: with_alpha(t, torch.ones(2))),
    "strong alpha": (errors.LoraTooStrong, lambda t: with_alpha(t, torch.tensor(RANK * 4.01))),
    "DoRA": (
        errors.LoraKindUnsupported,
        lambda t: {**t, f"transformer.{LAYER}.dora_scale": torch.ones(32)},
    ),
    "PEFT's DoRA": (
        errors.LoraKindUnsupported,
        lambda t: {**t, f"transformer.{LAYER}.lora_magnitude_vector.weight": torch.ones(32)},
    ),
    "LoKr": (errors.LoraKindUnsupported, lambda _: {f"{LAYER}.lokr_w1": torch.ones(4, 4)}),
    "LoHa": (
        errors.LoraKindUnsupported,
        lambda _: {f"lycoris_{LAYER.replace('.', '_')}.hada_w1_a": torch.ones(4, 4)},
    ),
    "LoCon": (
        errors.LoraKindUnsupported,
        lambda t: {**t, f"transformer.{LAYER}.lora_mid.weight": torch.ones(4, 4)},
    ),
    "a bias": (
        errors.LoraKindUnsupported,
        lambda t: {**t, f"transformer.{LAYER}.lora_B.bias": torch.ones(32)},
    ),
    "a norm": (
        errors.LoraOverwritesBase,
        lambda t: {**t, "transformer.transformer_blocks.0.attn.norm_q.weight": torch.ones(16)},
    ),
    "an author's norm": (
        errors.LoraOverwritesBase,
        lambda t: {**t, "double_blocks.0.img_attn.norm.query_norm.scale": torch.ones(16)},
    ),
    "a whole weight": (
        errors.LoraOverwritesBase,
        lambda t: {**t, f"transformer.{LAYER}.weight": torch.ones(32, 32)},
    ),
    "a difference": (
        errors.LoraOverwritesBase,
        lambda t: {**t, f"diffusion_model.{LAYER}.diff_b": torch.ones(32)},
    ),
    "the text encoder": (
        errors.LoraForText,
        lambda t: {**t, "text_encoder.layers.0.q_proj.lora_A.weight": torch.ones(2, 2)},
    ),
    "kohya's text encoder": (
        errors.LoraForText,
        lambda t: {**t, "lora_te1_text_model_q_proj.lora_down.weight": torch.ones(2, 2)},
    ),
    "a block too many": (
        errors.LoraModuleUnknown,
        lambda t: {k.replace("blocks.0", "blocks.7"): v for k, v in t.items()},
    ),
    "a norm as LoRA": (
        errors.LoraModuleUnknown,
        lambda t: {k.replace("to_q", "norm_q"): v for k, v in t.items()},
    ),
    "twice": (errors.LoraDoubled, lambda t: {**t, **named(PLAIN, "diffusion_model.")}),
    "two adapters": (
        errors.LoraDoubled,
        lambda t: {**t, DOWN.replace("_A.", "_A.b."): t[DOWN], UP.replace("_B.", "_B.b."): t[UP]},
    ),
    "float8": (errors.LoraDtypeUnsupported, lambda t: {**t, UP: t[UP].to(torch.float8_e4m3fn)}),
    "float64": (errors.LoraDtypeUnsupported, lambda t: {**t, UP: t[UP].double()}),
    "integers": (errors.LoraDtypeUnsupported, lambda t: {**t, UP: t[UP].long()}),
    "bytes": (errors.LoraDtypeUnsupported, lambda t: {**t, UP: t[UP].to(torch.uint8)}),
    "nothing": (errors.LoraEmpty, lambda _: {}),
}


@pytest.fixture(scope="module")
def base() -> Base:
    return lora_toys.base("flux1")


def without(tensors: Tensors, name: str) -> Tensors:
    return {key: tensor for key, tensor in tensors.items() if key != name}


def with_alpha(tensors: Tensors, alpha: torch.Tensor) -> Tensors:
    return {**tensors, f"transformer.{LAYER}.alpha": alpha}


def one(**changes: Any) -> dict[str, Any]:
    """Return the description of one tensor of 8 bytes."""
    return {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], **changes}


def test_the_file_that_all_others_spoil_is_right(base: Base) -> None:
    assert canonical(file(named(PLAIN, "transformer.")), base).layers == 1


@pytest.mark.parametrize("kind", CHANGES)
def test_what_cannot_be_served_is_refused_for_its_own_reason(base: Base, kind: str) -> None:
    error, change = CHANGES[kind]
    with pytest.raises(error) as failure:
        canonical(file(change(named(PLAIN, "transformer."))), base)
    assert failure.type is error


def test_every_reason_has_a_file_that_shows_it() -> None:
    # The others are about whole files, shown below, or about which base is meant: test_lora_fit.
    shown = {error for error, _ in CHANGES.values()}
    others = {
        errors.LoraFileTooLarge,
        errors.LoraNotSafetensors,
        errors.LoraDamaged,
        errors.LoraTensorsTooMany,
        errors.LoraOtherBase,
        errors.LoraBaseUnserved,
        errors.LoraBaseUnclear,
        errors.LoraFitsNothing,
    }
    assert shown | others == set(errors.LoraRefused.__subclasses__())


@pytest.mark.parametrize("name", ["norm_q", "attn.norm_added_k", "x_embedder"])
def test_what_would_change_the_base_for_everybody_is_refused(base: Base, name: str) -> None:
    # Upstream these overwrite norms for good, or make an input wider than the base's.
    tensors = named(PLAIN, "transformer.")
    tensors[f"transformer.{name}.weight"] = torch.ones(16)
    with pytest.raises(errors.LoraOverwritesBase):
        check(file(tensors), base)
    wide = {"x_embedder": (torch.ones(RANK, 32), torch.ones(32, RANK))}
    with pytest.raises(errors.LoraShapeWrong):
        check(file(named(lora_toys.Lora(wide, {}))), base)


@pytest.mark.parametrize(
    "header",
    [
        b"{",
        b"{]",
        b"{}}",
        b"{\xff}",
        b'{"a":' + b"[" * 100_000,
        b'{"a":' + b'{"a":' * 100_000,
        b'{"a":' + b"9" * 100_000 + b"}",
        b'{"a":NaN}',
        b'{"a":1,"a":1}',
        b'{"a":{"dtype":"F32","dtype":"F16"}}',
        {"a": 1},
        {"a": one(more=1)},
        {"a": {}},
        {"a": one(dtype=1)},
        {"a": one(dtype="\n")},
        {"a": one(shape=2)},
        {"a": one(shape=[-2])},
        {"a": one(shape=[2.0])},
        {"a": one(shape=[True, 2])},
        {"a": one(shape=[0])},
        {"a": one(shape=[2] + [1] * 9)},
        {"a": one(shape=[2**31, 2**31])},
        {"a": one(shape=[2**17 + 1])},
        {"a": one(data_offsets=[0])},
        {"a": one(data_offsets=[0, 8, 8])},
        {"a": one(data_offsets=[8, 0])},
        {"a": one(data_offsets=[1, 9])},
        {"a": one(data_offsets=[0, 4])},
        {"a": one(), "b": one()},
        {"a": one(), "b": one(data_offsets=[4, 12])},
        {"a": one(), "b": one(data_offsets=[8, 16])},
        {"../a": one()},
        {"a\nb": one()},
        {"\ud800": one()},
        {"a" * 257: one()},
        {"": one()},
        {"__metadata__": 1, "a": one()},
        {"__metadata__": {"a": 1}, "a": one()},
        {},
    ],
)
def test_a_header_that_is_not_in_order_is_damage(header: Any) -> None:
    data = b"\0" * 8
    with pytest.raises(errors.LoraDamaged):
        lora_file.read_header(raw(header, data))


def test_a_header_in_order_is_read() -> None:
    header = lora_file.read_header(raw({"a": one(), "__metadata__": {"b": "c"}}, b"\0" * 8))
    (tensor,) = header.tensors.values()
    assert tensor.shape == (2,)
    assert tensor.stop - tensor.start == 8
    assert header.metadata == {"b": "c"}


def test_a_file_that_lies_about_lengths_is_damage() -> None:
    for length in (LIMIT + 1, 2**40, 2**63):
        with pytest.raises(errors.LoraDamaged):
            lora_file.read_header(raw({"a": one()}, b"\0" * 8, length=length))
    with pytest.raises(errors.LoraDamaged):
        lora_file.read_header(raw({"a": one()}, b"\0" * 9))
    with pytest.raises(errors.LoraDamaged):
        lora_file.read_header(raw({"a": one()}, b"\0" * 7))


@pytest.mark.parametrize("many", [b"[],", b"{},", b'"",', b"0,", b'{"":{}},', b'"\\u00e9",'])
def test_a_small_file_takes_no_large_memory(many: bytes) -> None:
    text = b'{"a":[' + many * ((LIMIT - 10) // len(many)) + b"0]}"
    spoilt = raw(text)
    tracemalloc.start()
    with pytest.raises(errors.LoraDamaged):
        lora_file.read_header(spoilt)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20 * LIMIT


def test_too_many_tensors_are_refused() -> None:
    names = {f"a{index}": one() for index in range(lora_file.TENSORS + 1)}
    with pytest.raises(errors.LoraTensorsTooMany):
        lora_file.read_header(raw(names))


def test_a_file_too_large_is_refused_before_it_is_read() -> None:
    class Endless(io.BytesIO):
        def seek(self, *_: int) -> int:
            return lora_file.FILE_LIMIT + 1

        def read(self, *_: Any) -> bytes:
            raise AssertionError("it is read")

    with pytest.raises(errors.LoraFileTooLarge):
        lora_file.read_header(Endless())


def test_other_kinds_of_files_are_not_opened() -> None:
    class Hostile:
        def __reduce__(self) -> tuple[Any, ...]:
            return (pytest.fail, ("it was unpickled",))

    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("data.pkl", pickle.dumps(Hostile()))
    for content in (b"", b"x", b"\0" * 8, pickle.dumps(Hostile()), archive.getvalue(), b"\x89PNG"):
        with pytest.raises(errors.LoraNotSafetensors):
            lora_file.read_header(io.BytesIO(content))


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ("{", errors.LoraDamaged),
        ("[" * 100_000, errors.LoraDamaged),
        ("[]", errors.LoraDamaged),
        ({"transformer.lora_alpha": "8"}, errors.LoraDamaged),
        ({"transformer.lora_alpha": True}, errors.LoraDamaged),
        ({"transformer.lora_alpha": -1}, errors.LoraAlphaInvalid),
        ({"transformer.lora_alpha": 10**400}, errors.LoraAlphaInvalid),
        ({"transformer.lora_alpha": float("nan")}, errors.LoraAlphaInvalid),
        ({"transformer.lora_alpha": RANK * 5}, errors.LoraTooStrong),
        ({"transformer.alpha_pattern": []}, None),
        ({"transformer.alpha_pattern": [1]}, errors.LoraDamaged),
        ({"transformer.alpha_pattern": {"(a+)+$": 1}}, errors.LoraDamaged),
        ({"transformer.use_rslora": True}, errors.LoraKindUnsupported),
        ({"transformer.use_dora": True}, errors.LoraKindUnsupported),
        ({"text_encoder.use_dora": True, "transformer.r": 4096}, None),
    ],
)
def test_settings_in_the_metadata_are_trusted_with_nothing_but_alphas(
    base: Base, settings: Any, error: type[Exception] | None
) -> None:
    text = settings if isinstance(settings, str) else json.dumps(settings)
    given_file = file(named(PLAIN, "transformer."), {SETTINGS: text})
    if error is None:
        assert check(given_file, base)[0].scale == 1.0
    else:
        with pytest.raises(error):
            check(given_file, base)


@pytest.mark.parametrize(
    ("made_for", "layer"),
    [
        ("qwen-image", "transformer_blocks.3.img_mlp.net.2"),
        ("flux1", "single_blocks.30.linear1"),
        ("flux2-klein-9b", "single_blocks.23.linear1"),
        ("flux2-dev", "single_transformer_blocks.40.attn.to_out"),
        ("z-image", "layers.7.attention.qkv"),
    ],
)
def test_a_lora_for_another_base_is_told_which(made_for: str, layer: str) -> None:
    target = bases()[made_for].names[layer]
    into = bases()[made_for].linears[target[0].module][1]
    rows = sum(stop - start for piece in target for start, stop in piece.spans)
    pair = (torch.zeros(1, into), torch.zeros(rows, 1))
    other = file(named(lora_toys.Lora({layer: pair}, {}), "diffusion_model."))
    for name, wrong in bases().items():
        if name != made_for:
            with pytest.raises(errors.LoraOtherBase) as failure:
                check(other, wrong)
            assert failure.value.params == {"base": made_for}
    assert check(other, bases()[made_for])


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    lora_fuzz.tried(content)


@given(lora_fuzz.headers(), st.binary(max_size=64))
def test_any_header_is_read_or_refused(header: Any, data: bytes) -> None:
    lora_fuzz.tried(raw(header, data).getvalue())


@given(lora_fuzz.spoilt())
def test_any_spoilt_lora_is_kept_or_refused(content: bytes) -> None:
    lora_fuzz.tried(content)
