"""Drawing again says beforehand whether the picture comes out identical, and asks where not."""

from typing import Any

import pytest

from store.host import workers
from tests.bot.messages import presses, text
from tests.bot.stage import Stage


def report(stage: Stage, **changed: Any) -> None:
    """Let the worker tell by what means it draws: those of the first picture, but for changes."""
    recipe = stage.order(stage.orders()[0].id).images[0].recipe or {}
    means = {name: value for name, value in recipe.items() if name != "request"}
    names = stage.services.catalog.names
    with stage.database.begin() as session:
        workers.report(session, "w", names, {names[0]: means | changed})


async def again(stage: Stage, message: Any) -> Any:
    return await stage.alex.click(message, custom_id=presses(message)["again"])


async def test_identical_pixels_are_promised_where_a_worker_draws_by_the_same(
    stage: Stage,
) -> None:
    first = await stage.drawn(stage.alex, seed="7")
    report(stage)
    result = await again(stage, first.response)
    assert "identical to the original" in text(result.response)
    assert len(stage.orders()) == 2


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"versions": {"torch": "3"}}, "The drawing software has been updated"),
        ({"device": "cuda"}, "Another kind of machine"),
        ({"weights_digest": "other"}, "The model has been updated"),
    ],
)
async def test_where_it_cannot_be_identical_the_member_is_asked_before_paying(
    stage: Stage, changed: dict[str, Any], reason: str
) -> None:
    first = await stage.drawn(stage.alex, seed="7")
    report(stage, **changed)
    result = await again(stage, first.response)
    asked = result.followups[-1]
    assert reason in text(asked)
    assert len(stage.orders()) == 1
    assert stage.left(stage.alex) == 9
    await stage.alex.click(asked, custom_id=presses(asked)["confirm"])
    assert len(stage.orders()) == 2
    assert stage.left(stage.alex) == 8


async def test_nothing_is_promised_by_a_worker_that_does_not_tell(stage: Stage) -> None:
    first = await stage.drawn(stage.alex, seed="7")
    result = await again(stage, first.response)
    assert "dentical to the original" not in text(result.response)
    assert len(stage.orders()) == 2
