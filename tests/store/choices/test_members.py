"""What members have chosen for everywhere."""

from store.choices import members
from store.database import Database


def test_defaults_are_changed_one_by_one_and_forgotten(database: Database) -> None:
    with database.begin() as session:
        assert members.defaults(session) == {}
        members.set_defaults(session, 1, {"size": "wide", "count": 2})
        chosen = members.set_defaults(session, 1, {"count": 3}, dropped=("size",))
        assert chosen == {"count": 3}
        members.set_defaults(session, 2, {"negative": "模糊"})
    with database.begin() as session:
        assert members.defaults(session) == {1: {"count": 3}, 2: {"negative": "模糊"}}
        assert members.set_defaults(session, 1, {}, dropped=("count", "unknown")) == {}
    with database.begin() as session:
        assert members.defaults(session) == {2: {"negative": "模糊"}}
