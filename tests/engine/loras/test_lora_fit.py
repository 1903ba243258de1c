"""Whose LoRA a file is follows from what it changes, not from what it says of itself."""

import io
from collections.abc import Iterable

import pytest

from engine.loras import errors
from engine.loras.fit import base_of
from engine.loras.names import bases
from tests.engine.loras.lora_toys import raw

EVERY = tuple(bases())


def lora(base: str, modules: Iterable[str], rank: int = 2) -> io.BytesIO:
    """Return a LoRA's header over a real base, with data of zeros that nobody reads."""
    header, at = {}, 0
    for module in modules:
        out, into = bases()[base].linears[module]
        for half, shape in (("lora_A", (rank, into)), ("lora_B", (out, rank))):
            stop = at + 2 * shape[0] * shape[1]
            name = f"transformer.{module}.{half}.weight"
            header[name] = {"dtype": "F16", "shape": shape, "data_offsets": [at, stop]}
            at = stop
    return raw(header, bytes(at))


@pytest.mark.parametrize("name", EVERY)
def test_each_base_is_told_from_its_attention_layers(name: str) -> None:
    modules = [one for one in bases()[name].linears if one.endswith(".to_q")]
    assert base_of(lora(name, modules), EVERY).name == name


def test_a_few_blocks_may_be_several_bases() -> None:
    file = lora("flux1", ["transformer_blocks.0.attn.to_q"])
    with pytest.raises(errors.LoraBaseUnclear) as refused:
        base_of(file, EVERY)
    assert "qwen-image" in str(refused.value.params["bases"])
    assert base_of(file, ["starter", "qwen-image"]).name == "qwen-image"


def test_a_base_that_nobody_draws_here_is_named() -> None:
    file = lora("z-image", ["layers.0.attention.to_q"])
    with pytest.raises(errors.LoraBaseUnserved) as refused:
        base_of(file, ["starter"])
    assert refused.value.params["base"] == "z-image"


def test_what_fits_nothing_is_said() -> None:
    part = {"dtype": "F16", "shape": [1, 1], "data_offsets": [0, 2]}
    with pytest.raises(errors.LoraFitsNothing):
        base_of(raw({"unet.down.lora_A.weight": part}, bytes(2)), EVERY)


def test_what_is_wrong_with_a_file_comes_before_whose_it_is() -> None:
    part = {"dtype": "F16", "shape": [1, 1], "data_offsets": [0, 2]}
    with pytest.raises(errors.LoraKindUnsupported):
        base_of(raw({"x.lokr_w1": part}, bytes(2)), EVERY)
    with pytest.raises(errors.LoraNotSafetensors):
        base_of(io.BytesIO(b"PK\3\4" + bytes(40)), EVERY)
    with pytest.raises(errors.LoraDamaged):
        base_of(raw({}, length=2**20), EVERY)
