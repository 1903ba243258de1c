"""Presets are found whatever their name looks like, kept apart by whose they are, and bounded."""

from typing import Any

import pytest

from store.choices import presets
from store.choices.errors import PresetNameInvalid, PresetsFull, PresetUnknown
from store.choices.presets import MOST_OWN, MOST_SERVER, Shelf
from store.database import Database

ALEX, MEI, GUILD = 1, 2, 5
OWN = Shelf.own(ALEX)


def save(database: Database, name: str, shelf: Shelf = OWN, **options: Any) -> str:
    with database.begin() as session:
        return presets.save(session, shelf, name, options, ALEX).name


def find(database: Database, name: str, user_id: int = ALEX, guild_id: int = GUILD) -> Any:
    with database.begin() as session:
        return presets.named(session, guild_id, user_id, name).options


def names(database: Database, user_id: int = ALEX, guild_id: int = GUILD) -> list[str]:
    with database.begin() as session:
        return [one.name for one in presets.within_reach(session, guild_id, user_id)]


def test_a_preset_is_found_whatever_its_case_width_and_blanks(database: Database) -> None:
    save(database, "  Water   Colour ", size="wide")
    assert names(database) == ["Water Colour"]
    for typed in ("water colour", "WATER  COLOUR", "Ｗａｔｅｒ Colour"):
        assert find(database, typed) == {"size": "wide"}


def test_saving_again_replaces(database: Database) -> None:
    save(database, "ink", count=2)
    save(database, "INK", count=3)
    assert (names(database), find(database, "ink")) == (["INK"], {"count": 3})


def test_a_members_own_stay_their_own_and_go_along(database: Database) -> None:
    save(database, "mine")
    save(database, "ours", Shelf.server(GUILD))
    assert names(database) == ["mine", "ours"]
    assert names(database, MEI) == ["ours"]
    assert names(database, guild_id=6) == ["mine"]
    with pytest.raises(PresetUnknown):
        find(database, "mine", MEI)


def test_of_one_name_the_members_own_is_meant(database: Database) -> None:
    save(database, "ink", Shelf.server(GUILD), count=1)
    save(database, "ink", count=2)
    assert find(database, "ink") == {"count": 2}
    assert find(database, "ink", MEI) == {"count": 1}


@pytest.mark.parametrize(
    "name",
    [
        "'; DROP TABLE presets; --",
        "**b** [x](http://y.z) @everyone",
        "100%_\\",
        "{prompt} {0}",
        "水彩·柔光",
        "🎨" * 32,
    ],
)
def test_names_are_nothing_but_names(database: Database, name: str) -> None:
    assert save(database, name) == name
    save(database, "other")
    find(database, name)
    with database.begin() as session:
        assert presets.delete(session, Shelf.own(ALEX), name).name == name
    assert names(database) == ["other"]


@pytest.mark.parametrize("name", ["", "  ", "\u200b\u3164"[:1], "x" * 33, "a\0b", "\ud800"])
def test_names_that_cannot_be_seen_or_kept_are_refused(database: Database, name: str) -> None:
    with pytest.raises(PresetNameInvalid):
        save(database, name)


@pytest.mark.parametrize("typed", ["a\0b", "\ud800", "x" * 6000, ""])
def test_looking_for_what_cannot_be_kept_finds_nothing(database: Database, typed: str) -> None:
    with pytest.raises(PresetUnknown):
        find(database, typed)


@pytest.mark.parametrize(
    ("shelf", "limit"), [(Shelf.own(ALEX), MOST_OWN), (Shelf.server(GUILD), MOST_SERVER)]
)
def test_a_full_shelf_takes_changes_but_nothing_new(
    database: Database, shelf: Shelf, limit: int
) -> None:
    for number in range(limit):
        save(database, f"p{number}", shelf)
    save(database, "P0", shelf, count=2)
    with pytest.raises(PresetsFull):
        save(database, "one more", shelf)
    assert len(names(database)) == limit


def test_a_preset_of_the_server_is_not_deleted_as_ones_own(database: Database) -> None:
    save(database, "ours", Shelf.server(GUILD))
    with pytest.raises(PresetUnknown), database.begin() as session:
        presets.delete(session, Shelf.own(ALEX), "ours")
    assert names(database) == ["ours"]
