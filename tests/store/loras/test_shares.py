"""A LoRA is used by its owner, and by others only where and while it is shared with them."""

import pytest

from store.database import Database
from store.errors import NotYours
from store.loras import library, shares
from store.loras.errors import LoraNotShared, LoraUnknown
from store.loras.shares import Viewer
from tests.store.loras.test_library import ALEX, MEI, add, add_ready

HERE, THERE, ARTISTS = 5, 6, 77
OWNER, OTHER = Viewer(ALEX, HERE), Viewer(MEI, HERE)


def seen(database: Database, viewer: Viewer, typed: str = "", base: str | None = None) -> list[str]:
    with database.begin() as session:
        return [one.lora.name for one in shares.find(session, viewer, typed, base=base)]


def share(database: Database, lora_id: str, guild_id: int = HERE, role_id: int = 0) -> None:
    with database.begin() as session:
        shares.share(session, library.by_id(session, lora_id), guild_id, role_id)


def may(database: Database, viewer: Viewer, sha256: str) -> bool:
    try:
        with database.begin() as session:
            shares.check(session, viewer, [sha256], ["ink"])
    except LoraNotShared:
        return False
    return True


def test_private_until_shared_and_then_in_that_server_alone(database: Database) -> None:
    lora_id = add_ready(database, "ink")
    assert seen(database, OWNER) == ["ink"]
    assert seen(database, Viewer(ALEX, THERE)) == ["ink"]
    assert not may(database, OTHER, "a" * 64)
    share(database, lora_id)
    assert seen(database, OTHER) == ["ink"]
    assert may(database, OTHER, "a" * 64)
    assert seen(database, Viewer(MEI, THERE)) == []
    assert seen(database, Viewer(MEI, 0)) == []


def test_a_role_opens_it_for_those_who_have_it_now(database: Database) -> None:
    share(database, add_ready(database, "ink"), role_id=ARTISTS)
    artist = Viewer(MEI, HERE, frozenset({ARTISTS, 78}))
    assert may(database, artist, "a" * 64)
    assert not may(database, OTHER, "a" * 64)
    assert not may(database, Viewer(MEI, THERE, frozenset({ARTISTS})), "a" * 64)


def test_sharing_with_all_and_with_a_role_take_each_others_place(database: Database) -> None:
    lora_id = add_ready(database, "ink")
    share(database, lora_id, role_id=ARTISTS)
    share(database, lora_id)
    share(database, lora_id)
    with database.begin() as session:
        lora = library.by_id(session, lora_id)
        assert [one.role_id for one in shares.shares(session, lora)] == [0]
    share(database, lora_id, role_id=ARTISTS)
    assert not may(database, OTHER, "a" * 64)


def test_a_share_ends_by_its_owner_or_a_moderator_of_that_server(database: Database) -> None:
    lora_id = add_ready(database, "ink")
    share(database, lora_id)
    share(database, lora_id, THERE)
    with pytest.raises(NotYours), database.begin() as session:
        shares.unshare(session, library.by_id(session, lora_id), HERE, MEI, moderator=False)
    with database.begin() as session:
        lora = library.by_id(session, lora_id)
        shares.unshare(session, lora, HERE, MEI, moderator=True)
        assert [one.guild_id for one in shares.shares(session, lora)] == [THERE]
        shares.unshare(session, lora, None, ALEX, moderator=False)
        assert shares.shares(session, lora) == []


def test_what_is_removed_or_not_ready_is_not_shared(database: Database) -> None:
    ready, checking = add_ready(database, "ink"), add(database, "new")
    share(database, ready)
    share(database, checking)
    assert seen(database, OTHER) == ["ink"]
    assert seen(database, OWNER) == ["ink", "new"]
    with database.begin() as session:
        library.remove(session, library.by_id(session, ready))
    assert seen(database, OTHER) == []
    assert not may(database, OTHER, "a" * 64)


def test_favourites_first_then_ones_own_then_what_begins_so(database: Database) -> None:
    theirs = [add_ready(database, name, MEI) for name in ("dark ink", "ink c", "my ink")]
    for lora_id in theirs:
        share(database, lora_id)
    add_ready(database, "zz ink")
    with database.begin() as session:
        assert shares.favour(session, ALEX, theirs[2])
    assert seen(database, OWNER, "INK") == ["my ink", "zz ink", "ink c", "dark ink"]
    with database.begin() as session:
        assert not shares.favour(session, ALEX, theirs[2])
    assert seen(database, OWNER, "ink")[0] == "zz ink"
    assert seen(database, OWNER, "%") == seen(database, OWNER, "n_k") == []
    assert seen(database, OWNER, "", base="flux1") == []


def test_of_one_name_ones_own_is_meant_and_an_id_tells_the_others(database: Database) -> None:
    first, second = (add_ready(database, "ink", who) for who in (MEI, 3))
    share(database, first)
    share(database, second)

    def named(viewer: Viewer, typed: str) -> str:
        with database.begin() as session:
            return shares.named(session, viewer, typed).id

    assert named(OWNER, "INK") == first
    assert named(OWNER, f"ink#{second[:6]}") == second
    with database.begin() as session:
        assert shares.doubled(session, OWNER, ["ink", "panda"]) == {"ink"}
        shares.favour(session, ALEX, second)
    assert named(OWNER, "ink") == second
    assert named(OWNER, "ink") != add_ready(database, "ink") == named(OWNER, "ink")
    for typed in ("ink#zzzz", "inc", "ink\0x", "'; --"):
        with pytest.raises(LoraUnknown):
            named(OWNER, typed)
