"""Interaction tokens lie sealed in the database, and are gone when they have died."""

from sqlalchemy import text, update

from bot.seals import MARK, Seals
from store.orders import erasing
from store.tables.orders import Generation
from tests.bot.messages import gallery
from tests.bot.stage import Stage


def test_a_sealed_token_is_opened_by_the_same_secret_alone() -> None:
    sealed = Seals.of("a secret").seal("token")
    assert "token" not in sealed
    assert Seals.of("a secret").opened(sealed) == "token"
    assert Seals.of("another").opened(sealed) is None
    assert Seals.of("a secret").opened(MARK + "nonsense") is None


def test_tokens_of_an_older_version_are_read_as_they_are() -> None:
    assert Seals.passing().opened("aW50ZXJhY3Rpb24") == "aW50ZXJhY3Rpb24"
    assert Seals.passing().opened("") is None


def test_one_token_is_one_text_for_a_while() -> None:
    seals = Seals.passing()
    assert seals.seal("token") == seals.seal("token")
    assert seals.seal("token") != Seals.of("x").seal("token")
    assert "token" not in repr(seals)


def stored(stage: Stage) -> str:
    with stage.database.begin() as session:
        return str(session.execute(text("SELECT token FROM generations")).scalar_one())


async def test_no_token_lies_open_in_the_database(stage: Stage) -> None:
    await stage.imagine(stage.alex)
    assert stored(stage).startswith(MARK)


async def test_a_result_goes_by_the_sealed_token_across_a_restart(stage: Stage) -> None:
    result = await stage.imagine(stage.alex)
    await stage.restart()
    stage.draw()
    await stage.deliver()
    assert gallery(result.response)


async def test_a_token_of_another_key_counts_as_dead(stage: Stage) -> None:
    result = await stage.imagine(stage.alex)
    with stage.database.begin() as session:
        session.execute(update(Generation).values(token=Seals.passing().seal("x")))
    stage.draw()
    await stage.deliver()
    assert gallery(stage.channel.history()[-1])
    assert result.response.id == stage.orders()[0].message_id


async def test_dead_tokens_are_emptied(stage: Stage) -> None:
    await stage.imagine(stage.alex)
    with stage.database.begin() as session:
        session.execute(update(Generation).values(token_at=2**45))  # of Discord's clock
        erasing.sweep(session)
    assert stored(stage)
    with stage.database.begin() as session:
        session.execute(update(Generation).values(token_at=1))
        erasing.sweep(session)
    assert stored(stage) == ""
    stage.draw()
    await stage.deliver()
    assert gallery(stage.channel.history()[-1])
