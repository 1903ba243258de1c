import signal

from local import reading
from local.discord.server import LocalDiscord
from tests.local.conftest import SECONDS, connected, start_bot


async def test_a_button_still_works_after_its_bot_was_killed(discord: LocalDiscord) -> None:
    alex = discord.world.seat("Alex")
    pulse = discord.world.pulse
    async with connected(discord) as bot:
        await alex.slash("imagine", prompt="a panda", seed=1)
        assert await pulse.until(lambda: reading.words(alex.messages()[-1]) == "seed 1", SECONDS)
        bot.process.send_signal(signal.SIGKILL)
        assert await bot.process.wait() == -signal.SIGKILL
    async with connected(discord):
        await alex.click(alex.messages()[-1], "img:1:again")
        assert await pulse.until(lambda: reading.words(alex.messages()[-1]) == "seed 2", SECONDS)


async def test_a_terminated_bot_says_goodbye_and_ends_with_zero(discord: LocalDiscord) -> None:
    async with connected(discord) as bot:
        assert discord.gateway.connected == 1
        assert await bot.end() == 0


async def test_a_wrong_token_is_refused_at_login(discord: LocalDiscord) -> None:
    bot = await start_bot(discord, token="something-else")
    assert await bot.process.wait() == 3
    await bot.end()
