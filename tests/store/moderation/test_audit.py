"""What moderators and managers do is written down with the deed, once, and stays."""

import pytest

from store.database import Database
from store.moderation import audit
from store.moderation.audit import AuditChanged
from store.money import grants
from store.money.ledger import Flow
from store.orders import generations
from store.tables.moderation import AuditEntry
from tests.store.placing import place


def test_entries_come_newest_first_and_by_server(database: Database) -> None:
    with database.begin() as session:
        for nth in range(5):
            audit.record(session, 5, 9, "settings.zone", details={"nth": nth})
        audit.record(session, 6, 9, "settings.zone")
        audit.record(session, 5, 9, "set_tings")
    with database.begin() as session:
        first = audit.page(session, 5, limit=3)
        assert [entry.action for entry in first] == ["set_tings", "settings.zone", "settings.zone"]
        assert [entry.details for entry in first] == [None, {"nth": 4}, {"nth": 3}]
        rest = audit.page(session, 5, offset=3, limit=3)
        assert [entry.details for entry in rest] == [{"nth": 2}, {"nth": 1}, {"nth": 0}]
        assert len(audit.page(session, 5, action="set_")) == 1
        assert len(audit.page(session, 5, action="settings.")) == 5


def test_no_entry_is_changed_or_taken_out(database: Database) -> None:
    with database.begin() as session:
        audit.record(session, 5, 9, "gift")
    for spoil in (lambda s, e: s.delete(e), lambda _, e: setattr(e, "action", "nothing")):
        with pytest.raises(AuditChanged), database.begin() as session:
            spoil(session, session.query(AuditEntry).one())
    with database.begin() as session:
        assert session.query(AuditEntry).one().action == "gift"


def test_a_moderators_deed_is_written_down_and_ones_own_is_not(database: Database) -> None:
    with database.begin() as session:
        others, own = place(session), place(session)
        generations.delete(session, own, 1, moderator=False)
        generations.delete(session, others, 77, moderator=True)
        told = [(one.action, one.actor_id, one.target_id) for one in audit.page(session, 5)]
        assert told == [("delete", 77, 1), ("cancel", 77, 1)]
        assert {one.generation_id for one in audit.page(session, 5)} == {others}


def test_a_gift_is_written_down_once(database: Database) -> None:
    with database.begin() as session:
        for _ in range(2):
            grants.give(session, Flow(5, 1), 30, by=9, gift_id=4)
        (entry,) = audit.page(session, 5)
        assert (entry.action, entry.actor_id, entry.target_id) == ("gift", 9, 1)
        assert entry.details == {"credits": 30}
