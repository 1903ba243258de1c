"""One forward for several pictures: what goes wrong ends its own picture, and LoRAs stay apart."""

import hashlib
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from peft.tuners.lora import LoraLayer
from safetensors.torch import load, save
from torch.nn.functional import linear

from engine import errors
from engine.drawing.meeting import Call, Drawing, meet
from engine.drawing.picture import Step
from engine.drawing.rounds import Rounds
from engine.drawing.sharing import Sharing, measure
from engine.engine import Engine
from engine.families import products
from engine.families.rows import apart
from engine.loras.adapters import Adapter, Worn
from engine.loras.canon import DOWN, PREFIX, UP
from engine.loras.names import Base
from engine.loras.wardrobe import Wardrobe
from engine.memory.levers import Wishes
from engine.request import ImageRequest, LoraUse
from engine.variants.catalog import Variant
from tests.engine import toys
from tests.engine.loras import lora_toys
from tests.engine.loras.lora_tables import linears
from tests.engine.loras.lora_toys import named

Request = Callable[..., ImageRequest]
KIND = ("toy", "", 64, 64)


@pytest.fixture
def sharing(project: Path) -> Engine:
    """An engine whose forwards take four rows."""
    return Engine(device="cpu", root=project, wishes=Wishes(rows=4))


def finish(engine: Engine, *drawings: Drawing[Any]) -> None:
    while not all(drawing.ended for drawing in drawings):
        engine.step()


def content(transformer: torch.nn.Module, seed: int, **changed: torch.Tensor) -> bytes:
    base = Base("toy", "flux1", linears(transformer), {})
    tensors = named(lora_toys.lora(base, seed=seed), "transformer.")
    return save({**dict(sorted(tensors.items())), **changed})


def test_rows_join_and_leave_between_steps(sharing: Engine, toy: Variant, image: Request) -> None:
    first = sharing.admit(toy, image(steps=4))
    assert sharing.step() == []
    second = sharing.admit(toy, image(seed=8, steps=2))
    assert sharing.step() == []
    assert sharing.step() == [second]
    assert sharing.step() == [first]
    assert sharing.room == 0


def test_a_cancelled_picture_frees_its_row_within_one_step(
    sharing: Engine, toy: Variant, image: Request
) -> None:
    exact = sharing.draw(toy, image(seed=8)).pixel_sha256

    def cancel(step: Step) -> None:
        raise errors.GenerationCancelled

    leaving, staying = (
        sharing.admit(toy, image(steps=9), cancel),
        sharing.admit(toy, image(seed=8)),
    )
    assert sharing.step() == [leaving]
    assert isinstance(leaving.error, errors.GenerationCancelled)
    assert sharing.room == 3
    finish(sharing, staying)
    assert staying.finished().pixel_sha256 == exact


def test_a_picture_that_waits_can_be_stopped_from_outside(
    sharing: Engine, toy: Variant, image: Request
) -> None:
    staying, waiting = sharing.admit(toy, image()), sharing.admit(toy, image(width=96))
    sharing.step()
    waiting.stop(errors.GenerationCancelled())
    assert sharing.step() == [waiting]
    finish(sharing, staying)
    assert staying.error is None


def test_numbers_that_are_none_end_their_own_picture(
    sharing: Engine, toy: Variant, image: Request
) -> None:
    exact = sharing.draw(toy, image(seed=8)).pixel_sha256
    good = content(toys.toy_pipeline().transformer, 1)
    tensors = load(good)
    broken = save({name: torch.full_like(tensor, 1e30) for name, tensor in tensors.items()})
    name = hashlib.sha256(broken).hexdigest()
    worn = image(loras=(LoraUse(name, 1.0),))
    ruined = sharing.admit(toy, worn, files={name: broken})
    whole = sharing.admit(toy, image(seed=8))
    finish(sharing, ruined, whole)
    assert isinstance(ruined.error, errors.NotFinite)
    assert whole.finished().pixel_sha256 == exact


def fails_beyond(rows: int, error: Exception) -> tuple[Sharing, Callable[[], Drawing[Any]]]:
    """Return a way to make drawings whose forwards fail beyond so many rows."""

    def forward(calls: Any) -> list[Any]:
        if len(calls) > rows:
            raise error
        return [(call.named["hidden_states"],) for call in calls]

    def work(_: object) -> str:
        meet(Call(forward, (), {"hidden_states": torch.ones(1, 4, 2)}, (), "all", KIND))
        return "done"

    return Sharing(exact=True, most=4), lambda: Drawing(work)


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("no kernel for this")])
def test_a_forward_that_fails_is_tried_in_smaller_ones(error: Exception) -> None:
    sharing, make = fails_beyond(1, error)
    rounds = Rounds(sharing)
    drawings = [make() for _ in range(4)]
    for drawing in drawings:
        rounds.add(drawing)
    assert [rounds.step() for _ in drawings] == [[drawing] for drawing in drawings]
    assert [drawing.finished() for drawing in drawings] == ["done"] * 4
    full = isinstance(error, MemoryError)
    assert sharing.measured[KIND].rows == (1 if full else 4)


def test_what_a_failed_forward_took_is_given_back_before_smaller_ones_are_tried() -> None:
    taken: list[weakref.ref[torch.Tensor]] = []
    left: list[int] = []

    def forward(calls: Any) -> list[Any]:
        left.append(sum(one() is not None for one in taken))
        much = torch.ones(len(calls))
        taken.append(weakref.ref(much))
        if len(calls) > 1:
            raise MemoryError
        return [(call.named["hidden_states"],) for call in calls]

    def work(_: object) -> str:
        meet(Call(forward, (), {"hidden_states": torch.ones(1, 4, 2)}, (), "all", KIND))
        return "done"

    rounds = Rounds(Sharing(exact=False, most=4))
    for _ in range(4):
        rounds.add(Drawing(work))
    rounds.step()
    assert left == [0] * 7


def test_what_ends_is_handed_over_while_others_go_on_and_may_be_stopped() -> None:
    sharing, make = fails_beyond(4, RuntimeError())
    rounds = Rounds(sharing)
    drawings = [make() for _ in range(3)]
    for drawing in drawings:
        rounds.add(drawing)
    first, second, third = drawings
    assert rounds.step() == [first]
    second.stop(errors.GenerationCancelled())
    assert rounds.step() == [second, third]
    assert isinstance(second.error, errors.GenerationCancelled)
    assert third.finished() == "done"
    assert not rounds.under_way


def test_what_fails_alone_reaches_its_own_drawing() -> None:
    sharing, make = fails_beyond(0, MemoryError())
    rounds = Rounds(sharing)
    drawings = [make(), make()]
    for drawing in drawings:
        rounds.add(drawing)
    rounds.step()
    assert all(isinstance(drawing.error, MemoryError) for drawing in drawings)


@pytest.mark.filterwarnings("ignore:Already found a `peft_config`")
def test_rows_wear_what_peft_gives_them_in_one_forward() -> None:
    torch.manual_seed(0)
    transformer = toys.toy_pipeline().transformer
    contents = [content(transformer, seed) for seed in (1, 2)]
    given = {
        "hidden_states": torch.randn(4, 16, 16),
        "timestep": torch.rand(4),
        "encoder_hidden_states": torch.randn(4, 7, 16),
        "img_shapes": [[(1, 4, 4)]] * 4,
        "return_dict": False,
    }
    wardrobe = Wardrobe(transformer)
    a, b = (Worn(_adapter(one), 1.0) for one in contents)
    with torch.no_grad():
        wardrobe.put_on([(), (a,), (b,), (a,)])
        ours = transformer(**given)[0]
        wardrobe.put_off()
        plain = transformer(**given)[0]
        theirs = _peft(transformer, contents, ["__base__", "l_0", "l_1", "l_0"])(**given)[0]
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
    assert torch.equal(ours[0], plain[0])
    assert not torch.allclose(ours[1], plain[1], atol=1e-3)


def _adapter(canonical: bytes) -> Adapter:
    tensors = load(canonical)
    modules = [name.removesuffix(DOWN) for name in tensors if name.endswith(DOWN)]
    return Adapter(
        {name.removeprefix(PREFIX): (tensors[name + DOWN], tensors[name + UP]) for name in modules}
    )


def _peft(transformer: Any, contents: list[bytes], names: list[str]) -> Any:
    for index, one in enumerate(contents):
        transformer.load_lora_adapter(load(one), adapter_name=f"l_{index}")
    for module in transformer.modules():
        if isinstance(module, LoraLayer):
            module.register_forward_pre_hook(
                lambda _module, given, named: (given, {**named, "adapter_names": names}),
                with_kwargs=True,
            )
    return transformer


def test_rows_are_measured_once_and_taken_where_they_pay(
    project: Path, toy: Variant, image: Request
) -> None:
    engine = Engine(device="cpu", root=project)
    engine.draw(toy, image())
    assert engine.shares == {}
    finish(engine, engine.admit(toy, image()), engine.admit(toy, image(seed=8)))
    (found,) = engine.shares.values()
    assert found.alike
    assert found.costs[0] == (1, 1.0)
    assert 1 <= found.rows <= 8


def test_sizes_with_a_name_are_measured_before_anybody_waits(
    project: Path, toy: Variant, image: Request
) -> None:
    engine = Engine(device="cpu", root=project)
    engine.load(toy)
    engine.rehearse(toy, within_s=-1)
    assert engine.shares == {}
    engine.rehearse(toy, within_s=600)
    sizes = {kind[2:]: found for kind, found in engine.shares.items()}
    assert list(sizes) == list(toy.sizes.presets.values())
    finish(engine, engine.admit(toy, image()), engine.admit(toy, image(seed=8)))
    assert {kind[2:]: found for kind, found in engine.shares.items()} == sizes


def test_rows_that_are_given_are_not_rehearsed(sharing: Engine, toy: Variant) -> None:
    sharing.load(toy)
    sharing.rehearse(toy, within_s=600)
    assert sharing.shares == {}


def test_a_forward_that_fails_while_it_is_measured_leaves_each_picture_its_own() -> None:
    def forward(calls: Any) -> list[Any]:
        if len(calls) > 1:
            raise RuntimeError("no kernel for this")
        return [(calls[0].named["hidden_states"],)]

    sharing = Sharing(exact=True)
    call = Call(forward, (), {"hidden_states": torch.ones(1, 4, 2)}, (), "all", KIND)
    assert (sharing.most(call), sharing.expected(call)) == (1, 1)


@pytest.mark.parametrize(("exact", "rows"), [(True, 1), (False, 4)])
def test_rows_with_other_bits_together_share_no_forward_in_exact_mode(
    exact: bool, rows: int
) -> None:
    def forward(calls: Any) -> list[Any]:
        # Four rows cost what one does, and each row's bits tell how many they were.
        torch.randn(300, 300) @ torch.randn(300, 300)
        return [(call.named["hidden_states"] + len(calls) * 1e-6,) for call in calls]

    call = Call(forward, (), {"hidden_states": torch.ones(1, 4, 2)}, (), "all", KIND)
    found = measure(call, exact=exact)
    assert (found.rows == 1) is exact
    assert found.rows >= (1 if exact else rows // 2)
    assert found.alike is not exact


def test_layers_keep_each_rows_own_bits() -> None:
    torch.manual_seed(0)
    layer = torch.nn.Linear(192, 1152)
    apart(torch.nn.Sequential(layer))
    vectors = torch.randn(4, 192)
    tokens = torch.randn(4, 9, 192)
    with torch.no_grad():
        for rows in (vectors, tokens, tokens.transpose(0, 1).contiguous().transpose(0, 1)):
            alone = torch.cat([layer(row) for row in rows.split(1)])
            assert torch.equal(layer(rows), alone)


def test_products_are_the_layers_own_and_remembered_ones_are_those_of_their_vector() -> None:
    torch.manual_seed(0)
    layer = torch.nn.Linear(192, 1152)
    tokens, vectors = torch.randn(2, 9, 192), torch.randn(products.KEPT + 1, 192)
    plain = layer.weight.detach(), layer.bias.detach()
    apart(torch.nn.Sequential(layer))
    with torch.no_grad():
        torch.testing.assert_close(layer(tokens), linear(tokens, *plain))
        together = layer(vectors)
        torch.testing.assert_close(together, linear(vectors, *plain))
        for place in (*range(len(vectors)), 0, 0):
            assert torch.equal(layer(vectors[place : place + 1]), together[place : place + 1])
        some = [3, 3, 0, products.KEPT]
        assert torch.equal(layer(vectors[some]), together[some])


@pytest.mark.parametrize("bias", [True, False])
def test_packed_weights_change_no_bit_and_follow_their_layer(*, bias: bool) -> None:
    torch.manual_seed(0)
    layer = torch.nn.Linear(192, 72, bias=bias)
    large = torch.nn.Linear(512, products.LIGHT // 4 // 512 + 1)
    with torch.no_grad():
        for _ in range(2):
            for tokens in (4, 5, 16, 22, 63, 256, 1024):
                x = torch.randn(1, tokens, 192)
                plain = torch.ops.mkldnn._linear_pointwise(
                    x, layer.weight, layer.bias, "none", [], ""
                )
                for _ in range(2):
                    assert torch.equal(products.of_tokens(layer, x), plain)
            layer.weight.mul_(0.5)
            layer.weight.data = layer.weight.data.clone()
        products.of_tokens(large, torch.randn(1, 8, 512))
    assert layer in products._packed
    assert large not in products._packed


def test_fast_mode_stands_in_the_recipe(project: Path, toy: Variant, image: Request) -> None:
    fast = Engine(device="cpu", root=project, wishes=Wishes(fast=True))
    exact = Engine(device="cpu", root=project)
    assert fast.draw(toy, image()).recipe.mode == "fast"
    assert exact.draw(toy, image()).recipe.mode == "exact"


def test_another_dtype_or_size_has_forwards_of_its_own(
    sharing: Engine, toy: Variant, image: Request
) -> None:
    half = replace(toy, dtype="bfloat16")
    plans = [(toy, image()), (half, image()), (toy, image(width=48)), (toy, image(seed=8))]
    alone = [sharing.draw(variant, request).pixel_sha256 for variant, request in plans]
    drawings = [sharing.admit(variant, request) for variant, request in plans]
    finish(sharing, *drawings)
    assert [drawing.finished().pixel_sha256 for drawing in drawings] == alone
