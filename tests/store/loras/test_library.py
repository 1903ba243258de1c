"""LoRAs are their owner's in every server, bounded by the plan, and called by names alone."""

from typing import Any

import pytest
from sqlalchemy import select

from engine.loras.errors import LoraEmpty
from store.database import Database
from store.loras import library, unneeded
from store.loras.errors import LoraNameInvalid, LoraNameTaken, LorasFull, LorasTooLarge, LoraUnknown
from store.loras.library import Kept, New, Room
from store.tables.loras import Lora, LoraFile

ALEX, MEI = 1, 2
ROOM = Room(3, 1000)


def kept(**changes: Any) -> Kept:
    values = {"base": "starter", "sha256": "a" * 64, "nbytes": 400, "rank": 8, "layers": 4}
    return Kept(**(values | changes))


def add(database: Database, name: str, owner_id: int = ALEX, room: Room = ROOM) -> str:
    with database.begin() as session:
        return library.create(session, New(owner_id=owner_id, name=name, source="url"), room).id


def add_ready(database: Database, name: str, owner_id: int = ALEX, **changes: Any) -> str:
    lora_id, file = add(database, name, owner_id), kept(**changes)
    with database.begin() as session:
        library.lock_file(session, file.sha256, file.nbytes)
        assert library.ready(session, lora_id, file)
    return lora_id


def find(database: Database, name: str, owner_id: int = ALEX) -> Lora:
    with database.begin() as session:
        return library.own(session, owner_id, name)


def test_a_lora_is_checked_and_then_ready(database: Database) -> None:
    add(database, "  Ink   Wash ")
    assert find(database, "ink wash").status == "checking"
    lora_id = add_ready(database, "ＰＡＮＤＡ")
    found = find(database, "panda")
    assert (found.id, found.status, found.base, found.rank) == (lora_id, "ready", "starter", 8)


def test_one_name_is_one_members_once(database: Database) -> None:
    add(database, "ink")
    with pytest.raises(LoraNameTaken):
        add(database, "INK")
    add(database, "ink", MEI)
    with pytest.raises(LoraUnknown):
        find(database, "ink", 3)


def test_a_refused_one_gives_way(database: Database) -> None:
    first = add(database, "ink")
    with database.begin() as session:
        assert library.refuse(session, first, LoraEmpty())
    assert find(database, "ink").error == {"code": "lora_empty", "params": {}}
    assert find(database, "ink").id != add(database, "ink") == find(database, "ink").id != first


def test_only_the_newest_refusals_stay_in_the_list(database: Database) -> None:
    for number in range(library.MOST_REFUSALS + 3):
        lora_id = add(database, f"l{number}")
        with database.begin() as session:
            library.refuse(session, lora_id, LoraEmpty())
    with database.begin() as session:
        assert len(library.owned(session, ALEX)) == library.MOST_REFUSALS + 1


def test_a_full_plan_takes_no_more(database: Database) -> None:
    for number in range(3):
        add(database, f"l{number}")
    with pytest.raises(LorasFull):
        add(database, "one more")
    with database.begin() as session:
        library.remove(session, library.own(session, ALEX, "l0"))
    add(database, "one more")


def test_nor_more_bytes(database: Database) -> None:
    add_ready(database, "a", nbytes=600)
    add_ready(database, "b", nbytes=600)  # what a file holds is known when it is there
    with pytest.raises(LorasTooLarge):
        add(database, "c")


def test_equal_files_are_one(database: Database) -> None:
    add_ready(database, "a")
    add_ready(database, "b", MEI)
    with database.begin() as session:
        assert len(session.scalars(select(LoraFile)).all()) == 1
        assert unneeded.gone(session, ["a" * 64, "b" * 64]) == set()
        library.remove(session, library.own(session, ALEX, "a"))
        assert unneeded.gone(session, ["a" * 64]) == set()
        library.remove(session, library.own(session, MEI, "b"))
        assert unneeded.gone(session, ["a" * 64]) == {"a" * 64}


def test_what_was_removed_stays_so(database: Database) -> None:
    lora_id = add(database, "ink")
    with database.begin() as session:
        library.remove(session, library.own(session, ALEX, "ink"))
        assert not library.ready(session, lora_id, kept())
        assert not library.refuse(session, lora_id, LoraEmpty())
        with pytest.raises(LoraUnknown):
            library.by_id(session, lora_id)


@pytest.mark.parametrize("name", ["", "\u200b", "x" * 33, "a,b", "ink:0.8", "a，b", "ink#1", "a\0"])
def test_names_that_could_not_be_asked_for_are_refused(name: str) -> None:
    with pytest.raises(LoraNameInvalid):
        library.tidy(name)


def test_other_names_are_nothing_but_names(database: Database) -> None:
    every = ["') DROP TABLE loras --", "**b** @everyone", "100%_\\", "水墨"]
    for name in every:
        with database.begin() as session:
            library.create(session, New(owner_id=ALEX, name=name, source="url"), Room(9, 1000))
    for name in every:
        assert find(database, name).name == name


def test_renaming_keeps_what_it_is(database: Database) -> None:
    lora_id = add(database, "ink")
    add(database, "panda")
    with database.begin() as session:
        lora = library.own(session, ALEX, "ink")
        library.rename(session, lora, "INK")
        library.rename(session, lora, "Brush")
        with pytest.raises(LoraNameTaken):
            library.rename(session, lora, "panda")
    assert find(database, "brush").id == lora_id


def test_texts_are_one_line_and_short() -> None:
    assert library.plain("  ink\n style\0\u202e  ") == "ink style"
    assert len(library.plain("x" * 500)) == library.TEXT_LIMIT
