"""The table of bases against the real classes, and names against diffusers' own conversions."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from diffusers.loaders import single_file_utils as published

from engine.loras.names import FLAT_PREFIXES, bases
from engine.variants.catalog import VARIANTS, Catalog
from tests.engine.loras.lora_tables import MADE, made

CONVERSIONS: dict[str, Callable[..., Any]] = {
    "flux1": published.convert_flux_transformer_checkpoint_to_diffusers,
    "flux2-dev": published.convert_flux2_transformer_checkpoint_to_diffusers,
    "flux2-klein-4b": published.convert_flux2_transformer_checkpoint_to_diffusers,
    "z-image": published.convert_z_image_transformer_checkpoint_to_diffusers,
}


class Checkpoint(dict[str, torch.Tensor]):
    """The authors' weights, as far as a conversion asks for them."""

    def pop(self, name: str, *_: Any) -> torch.Tensor:
        return super().pop(name, torch.zeros(1))


@pytest.mark.parametrize("name", MADE)
def test_the_table_is_what_the_real_classes_have(name: str) -> None:
    assert bases()[name].linears == made(name)
    assert bases()[name].family == MADE[name][0]


def test_every_base_of_a_variant_is_in_the_table() -> None:
    named = {Catalog.load([path.stem]).default.loras for path in VARIANTS.glob("*.toml")}
    assert named - {""} == set(bases())


@pytest.mark.parametrize("name", CONVERSIONS)
def test_the_authors_names_mean_what_diffusers_makes_of_their_weights(name: str) -> None:
    base = bases()[name]
    dotted = [key for key in base.names if "." in key or key in ("img_in", "txt_in", "x_embedder")]
    others = [key for key in dotted if key not in base.linears]
    checkpoint = Checkpoint()
    for key in others:
        rows = sum(stop - start for piece in base.names[key] for start, stop in piece.spans)
        for kind in ("weight", "bias"):
            checkpoint[f"{key}.{kind}"] = torch.arange(rows)[:, None]
    converted = CONVERSIONS[name](checkpoint)

    pieces = [piece for key in others for piece in base.names[key]]
    assert len(pieces) > len(base.linears) / 3
    for piece in pieces:
        own = torch.cat([torch.arange(*span) for span in piece.spans])
        assert torch.equal(converted[f"{piece.module}.weight"][:, 0], own), piece.module
        assert base.linears[piece.module][0] == len(own)


@pytest.mark.parametrize("name", MADE)
def test_no_name_means_two_things(name: str) -> None:
    base = bases()[name]
    names = [*base.linears, *(key for key, _ in base._others())]
    assert len(set(names)) == len(names)
    assert len({key.replace(".", "_") for key in names}) == len(names)
    bare = {key.replace(".", "_") for key in names}
    for prefix in FLAT_PREFIXES:
        assert not {prefix + key for key in bare} & bare
