"""A member's own orders, looked through."""

from dataclasses import replace
from typing import Any

import pytest

from store.database import Database
from store.errors import Gone, NotYours
from store.host import workers
from store.line import claims
from store.money.ledger import Flow
from store.orders import generations, searches
from store.orders.searches import Search
from tests.store import ends
from tests.store.placing import kept, place, request

PROMPTS = {
    "a": "A red Panda, 100% wool",
    "b": "红色背景上的熊猫",
    "c": 'under_score [x] it\'s "quoted"',
    "d": "élan vital",
}


@pytest.fixture
def ids(database: Database) -> dict[str, str]:
    """Four finished orders, the last two of another variant."""
    placed = {}
    with database.begin() as session:
        workers.report(session, "w", ["starter", "other"])
        for name, prompt in PROMPTS.items():
            variant = "other" if name in "cd" else "starter"
            wanted = replace(request(variant=variant), prompt=prompt)
            placed[name] = place(session, request=wanted)
            claim = claims.claim(session, "w", ["starter", "other"])
            assert claim
            assert ends.keep(session, claim, kept(claim.request))
    return placed


def found(database: Database, ids: dict[str, str], user_id: int = 1, **wanted: Any) -> str:
    with database.begin() as session:
        rows = searches.history(session, Flow(5, user_id), Search(**wanted), offset=0, limit=10)
        names = {order_id: name for name, order_id in ids.items()}
        return "".join(sorted(names[row.id] for row in rows))


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("", "abcd"),
        ("panda", "a"),
        ("wool  RED", "a"),
        ("panda blue", ""),
        ("熊猫", "b"),
        ("%", "a"),
        ("_", "c"),
        ("[x] '", "c"),
        ('"quoted"', "c"),
        ("' OR 1=1 --", ""),
        ("\\", ""),
        ("élan", "d"),
    ],
)
def test_all_words_must_be_in_the_prompt(
    database: Database, ids: dict[str, str], words: str, names: str
) -> None:
    assert found(database, ids, words=words) == names


def test_a_variant_and_favourites_narrow_it_down(database: Database, ids: dict[str, str]) -> None:
    with database.begin() as session:
        assert generations.star(session, ids["c"], 1)
        assert generations.star(session, ids["a"], 1)
        assert not generations.star(session, ids["a"], 1)
    assert found(database, ids, variant="other") == "cd"
    assert found(database, ids, starred=True) == "c"
    assert found(database, ids, starred=True, variant="starter") == ""
    assert found(database, ids, user_id=2, words="panda") == ""


def test_only_the_owner_has_favourites(database: Database, ids: dict[str, str]) -> None:
    with pytest.raises(NotYours), database.begin() as session:
        generations.star(session, ids["a"], 2)
    with pytest.raises(Gone), database.begin() as session:
        generations.star(session, "0000000000", 1)
