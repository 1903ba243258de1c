"""Nobody, and no server, may press and command faster than people do."""

from dataclasses import replace

import pytest

from bot.errors import TooFast
from bot.servers.pace import REMEMBERED, Limit, Pace
from bot.services import Services
from tests.bot.messages import presses
from tests.bot.stage import staged


def test_a_bucket_is_full_at_first_and_refilled_evenly() -> None:
    now = [0.0]
    pace = Pace(Limit(2, 0.5), Limit(100, 1), clock=lambda: now[0])
    pace.take(1, None)
    pace.take(1, None)
    for _ in range(3):
        with pytest.raises(TooFast):
            pace.take(1, None)
    pace.take(2, None)
    now[0] = 2.0
    pace.take(1, None)
    with pytest.raises(TooFast):
        pace.take(1, None)


def test_a_server_has_a_bucket_for_all_its_members() -> None:
    pace = Pace(Limit(9, 1), Limit(3, 1), clock=lambda: 0.0)
    for user in range(3):
        pace.take(user, 7)
    with pytest.raises(TooFast):
        pace.take(99, 7)
    pace.take(99, 8)
    pace.take(99, None)


def test_memory_is_bounded() -> None:
    pace = Pace()
    for user in range(REMEMBERED + 10):
        pace.take(user, None)
    assert len(pace._left) == REMEMBERED


async def test_commands_presses_and_forms_pass_one_door(world: Services) -> None:
    slow = Pace(Limit(4, 0.0), Limit(1000, 1.0))
    async with staged(replace(world, pace=slow)) as stage:
        too_fast = stage.services.texts.of("zh-CN")("errors.too_fast")
        stage.speaks(stage.alex, "zh-CN")
        shown = await stage.drawn(stage.alex)
        form = await stage.alex.click(shown.response, custom_id=presses(shown.response)["remix"])
        await stage.alex.slash(stage.channel, "quota")
        await stage.alex.slash(stage.channel, "quota")
        late = await stage.alex.slash(stage.channel, "quota")
        assert late.response.content == too_fast
        pressed = await stage.alex.click(shown.response, custom_id=presses(shown.response)["new"])
        assert (pressed.followups or [pressed.response])[-1].content == too_fast
        sent = await stage.alex.submit_modal(form, {"prompt": "a cat", "size": "", "seed": ""})
        assert (sent.followups or [sent.response])[-1].content == too_fast
        assert len(stage.orders()) == 1
        other = await stage.mei.slash(stage.channel, "quota")
        assert other.response.content != too_fast
