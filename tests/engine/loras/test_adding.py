"""What a layer is added for the LoRAs of several rows, each with the bits it has alone."""

from collections.abc import Iterator

import pytest
import torch
from diffusers.models.activations import GELU

from engine.families.rows import apart
from engine.loras.adapters import Adapter, Worn
from engine.loras.wardrobe import Wardrobe

INTO, OUT = 192, 768
CLOSE = {torch.float32: 1e-5, torch.bfloat16: 0.02}
"""How far off the largest error may be, of the largest number."""


def worn(
    seed: int,
    rank: int,
    weight: float = 1.0,
    dtype: torch.dtype = torch.float32,
    layer: str = "0",
) -> Worn:
    noise = torch.Generator().manual_seed(seed)
    down, up = (torch.randn(*size, generator=noise) for size in ((rank, INTO), (OUT, rank)))
    return Worn(Adapter({layer: (down.to(dtype), up.to(dtype))}), weight)


@pytest.fixture(params=[1, 2], ids="{} threads".format)
def threads(request: pytest.FixtureRequest) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("tokens", [(9,), (64,), ()], ids=["few", "many", "vector"])
def test_each_row_is_added_its_own_with_the_bits_it_has_alone(
    dtype: torch.dtype, tokens: tuple[int, ...]
) -> None:
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(INTO, OUT)).to(dtype)
    apart(model)
    a, b, light, thin, thinner, wide = (
        worn(seed, rank, weight, dtype)
        for seed, rank, weight in (
            (1, 16, 1.0),
            (2, 16, 0.7),
            (3, 8, 1.0),
            (4, 2, 1.0),
            (5, 2, -0.3),
            (6, 64, 1.3),
        )
    )
    rows = [(a,), (b, light), (), (a,), (thin, a), (light, thinner), (wide, b), (b,)]
    given = torch.randn(len(rows), *tokens, INTO).to(dtype)
    wardrobe = Wardrobe(model)
    with torch.no_grad():
        plain = model(given)
        wardrobe.put_on(rows)
        together = model(given)
        for place, row in enumerate(rows):
            wardrobe.put_on([row])
            assert torch.equal(model(given[place : place + 1]), together[place : place + 1])
            expected = plain[place].double()
            for one in row:
                (down, up) = (matrix.double() for matrix in one.adapter.pairs["0"])
                expected += given[place].double() @ down.T @ up.T * one.weight
            error = (together[place] - expected).abs().max() / expected.abs().max()
            assert error < CLOSE[dtype]
        wardrobe.put_on([])
        assert torch.equal(model(given), plain)


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("tokens", [2, 9, 64])
def test_each_row_is_activated_with_the_bits_it_has_alone(tokens: int) -> None:
    torch.manual_seed(0)
    stock = GELU(INTO, OUT, approximate="tanh")
    model = torch.nn.Sequential(GELU(INTO, OUT, approximate="tanh"))
    model[0].load_state_dict(stock.state_dict())
    apart(model)
    a, b = (worn(seed, 8, weight, layer="0.proj") for seed, weight in ((1, 1.0), (2, 0.1)))
    rows = [(), (a,), (), (b, a)]
    given = torch.randn(len(rows), tokens, INTO)
    wardrobe = Wardrobe(model)
    with torch.no_grad():
        bare = model(given)
        torch.testing.assert_close(bare, stock(given))
        wardrobe.put_on(rows)
        together = model(given)
        for place, row in enumerate(rows):
            wardrobe.put_on([row])
            assert torch.equal(model(given[place : place + 1]), together[place : place + 1])
            assert torch.equal(bare[place], together[place]) is (not row)
        wardrobe.put_on([])
        assert torch.equal(model(given), bare)
