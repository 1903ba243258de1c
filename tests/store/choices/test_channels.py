"""What holds in a channel: the nearest that says something counts, and slow mode is exact."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from store.choices import channels
from store.choices.channels import SERVER, Manner, Place, check_pace
from store.choices.errors import ChannelClosed, ChannelForbidsVariant, OrderedTooSoon
from store.database import Database
from store.orders import placing
from store.orders.order import new_id
from store.tables.orders import Generation
from tests.store.placing import NOON, PLAN, order

HERE = Place(guild_id=5, channel_id=6, category_id=60)
OTHER = Place(guild_id=5, channel_id=7, category_id=60)
FAR = Place(guild_id=5, channel_id=8)


def choose(database: Database, channel_id: int, **values: Any) -> None:
    with database.begin() as session:
        channels.choose(session, 5, channel_id, **values)


def read(database: Database, place: Place) -> Manner:
    with database.begin() as session:
        return channels.read(session, place)


def test_nothing_chosen_holds_nothing_back(database: Database) -> None:
    assert read(database, HERE) == Manner(slow_everywhere=True)
    read(database, HERE).check("anything")


def test_the_nearest_that_says_something_counts(database: Database) -> None:
    choose(database, SERVER, is_open=False, quiet=True, spoiler=True, size="square")
    choose(database, 60, is_open=True, spoiler=False)
    choose(database, 6, is_open=False, variant="starter")
    here, other, far = (read(database, one) for one in (HERE, OTHER, FAR))
    assert (here.is_open, here.quiet, here.spoiler) == (False, True, False)
    assert (here.variant, here.size) == ("starter", "square")
    assert (other.is_open, other.quiet, other.spoiler, other.variant) == (True, True, False, None)
    assert (far.is_open, far.spoiler) == (False, True)
    with pytest.raises(ChannelClosed):
        here.check("starter")
    # Beside a direct message there is no channel to be opened.
    assert read(database, Place(guild_id=5)).is_open
    assert read(database, replace(HERE, guild_id=9)).is_open


def test_what_is_left_open_again_falls_back(database: Database) -> None:
    choose(database, SERVER, quiet=True)
    choose(database, 6, quiet=False)
    assert not read(database, HERE).quiet
    choose(database, 6, quiet=None)
    assert read(database, HERE).quiet
    with database.begin() as session:
        channels.reset(session, 5, SERVER)
    assert not read(database, HERE).quiet


def test_a_variant_is_forbidden_everywhere_and_allowed_in_one_channel(database: Database) -> None:
    with database.begin() as session:
        channels.choose_variant(session, 5, SERVER, "dear", False)
        channels.choose_variant(session, 5, SERVER, "other", False)
        channels.choose_variant(session, 5, 6, "dear", True)
    assert read(database, HERE).allows("dear")
    assert not read(database, HERE).allows("other")
    with pytest.raises(ChannelForbidsVariant) as refused:
        read(database, OTHER).check("dear")
    assert refused.value.params == {"variant": "dear"}
    with database.begin() as session:
        channels.choose_variant(session, 5, 6, "dear", None)
    assert not read(database, HERE).allows("dear")


def placed(session: Session, place: Place, seconds_ago: float = 0, **changes: Any) -> None:
    """Place an order there as the bot does, and make it so old."""
    made = order(guild_id=5, place_id=place.channel_id, token=new_id(), **changes)
    check_pace(session, made, channels.read(session, place))
    placing.create(session, made, PLAN, NOON)
    older = Generation.created_at - int(1000 * seconds_ago)
    mine = update(Generation).where(Generation.id == made.id)
    session.execute(mine.values(created_at=older))


def test_slow_mode_of_a_channel_counts_there_alone(database: Database) -> None:
    choose(database, 60, slow_s=60)
    with database.begin() as session:
        placed(session, HERE, seconds_ago=55)
        placed(session, OTHER)
        placed(session, HERE, user_id=2)
        with pytest.raises(OrderedTooSoon) as refused:
            placed(session, HERE)
    assert refused.value.params["seconds"] == 60
    with database.begin() as session:
        placed(session, HERE, user_id=3, seconds_ago=61)
        placed(session, HERE, user_id=3)


def test_slow_mode_of_the_server_counts_everywhere(database: Database) -> None:
    choose(database, SERVER, slow_s=60)
    with database.begin() as session:
        placed(session, HERE)
        with pytest.raises(OrderedTooSoon):
            placed(session, FAR)
    choose(database, 8, slow_s=0)
    with database.begin() as session:
        placed(session, FAR)


def test_orders_of_one_press_do_not_slow_each_other(database: Database) -> None:
    choose(database, 6, slow_s=60)
    with database.begin() as session:
        here = channels.read(session, HERE)
        for _ in range(2):
            made = order(guild_id=5, place_id=6, token="one press")
            check_pace(session, made, here)
            placing.create(session, made, PLAN, NOON)
        other = order(guild_id=5, place_id=6, token="another")
        with pytest.raises(OrderedTooSoon):
            check_pace(session, other, here)
