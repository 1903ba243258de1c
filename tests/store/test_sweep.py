"""The sweeper repairs lost tickets and ends orders that nobody will draw."""

from sqlalchemy import select, update

from store.clock import now_ms
from store.database import Database
from store.host import controls, workers
from store.host.controls import Flow
from store.line import claims
from store.line.hopeless import MOST
from store.money import ledger
from store.orders import deliveries, generations
from store.sweep import PATIENCE_MS, TICKET_MS, sweep
from store.tables.host import Control
from store.tables.orders import Generation, Image
from tests.store import ends
from tests.store.placing import NOON, PLAN, kept, place, request


def grow_old(database: Database, milliseconds: int) -> None:
    with database.begin() as session:
        session.execute(
            update(Image).values(
                created_at=Image.created_at - milliseconds,
                finished_at=Image.finished_at - milliseconds,
            )
        )


def test_a_fresh_order_needs_no_new_ticket(database: Database) -> None:
    with database.begin() as session:
        place(session)
        assert not sweep(session, watched_ms=PATIENCE_MS).variants


def test_a_variant_that_waits_is_named_so_that_it_gets_a_ticket_again(database: Database) -> None:
    with database.begin() as session:
        place(session, 3)
    grow_old(database, TICKET_MS + 1)
    with database.begin() as session:
        assert sweep(session, watched_ms=PATIENCE_MS).variants == {"starter"}


def test_an_order_that_nobody_draws_is_refunded_when_patience_ends(database: Database) -> None:
    with database.begin() as session:
        placed = place(session, 2)
    grow_old(database, PATIENCE_MS + 1)
    with database.begin() as session:
        assert sweep(session, watched_ms=PATIENCE_MS).finished == {placed}
        row = generations.get(session, placed)
        assert row.error == {"code": "worker_missing", "params": {"variant": "starter"}}
        assert ledger.balance(session, ledger.Flow(5, 1), PLAN, NOON).left == 10


def test_a_sweeper_that_has_just_started_gives_nothing_up(database: Database) -> None:
    with database.begin() as session:
        place(session)
    grow_old(database, PATIENCE_MS + 1)
    with database.begin() as session:
        assert not sweep(session, watched_ms=PATIENCE_MS - 1).finished


def test_old_orders_wait_for_a_worker_that_is_only_restarting(database: Database) -> None:
    with database.begin() as session:
        workers.report(session, "w", ["starter", "other"])
        workers.leave(session, "w", ["starter", "other"])
        place(session, request=request(variant="other"))
        other = claims.claim(session, "w", ["other"])
        assert other
        ends.keep(session, other, kept(other.request))
        place(session)
        session.execute(
            update(Image)
            .where(Image.status == "queued")
            .values(created_at=Image.created_at - PATIENCE_MS - 1)
        )
        assert workers.serving(session) == set()
        assert not sweep(session, watched_ms=PATIENCE_MS).finished


def test_a_long_line_is_no_reason_to_give_up(database: Database) -> None:
    with database.begin() as session:
        place(session, 2)
        workers.report(session, "w", ["starter"])
    grow_old(database, PATIENCE_MS + 1)
    with database.begin() as session:
        assert claims.claim(session, "w", ["starter"])
        assert not sweep(session, watched_ms=PATIENCE_MS).finished


def test_a_worker_that_draws_nothing_for_so_long_is_stuck(database: Database) -> None:
    with database.begin() as session:
        placed = place(session)
        workers.report(session, "w", ["starter"])
    grow_old(database, PATIENCE_MS + 1)
    with database.begin() as session:
        sweep(session, watched_ms=PATIENCE_MS)
        assert generations.get(session, placed).error == {"code": "stuck", "params": {}}


def test_a_long_line_that_moves_hides_nobody_whom_no_one_draws(database: Database) -> None:
    with database.begin() as session:
        place(session, request=request(MOST + 20, variant="other"))
        placed = place(session)
        workers.report(session, "w", ["other"])
    grow_old(database, PATIENCE_MS + 1)
    with database.begin() as session:
        assert claims.claim(session, "w", ["other"])
        assert sweep(session, watched_ms=PATIENCE_MS).finished == {placed}


def test_what_is_cancelled_in_line_moves_nothing(database: Database) -> None:
    with database.begin() as session:
        placed, other = place(session), place(session)
        workers.report(session, "w", ["starter"])
    grow_old(database, PATIENCE_MS + 1)
    with database.begin() as session:
        generations.cancel(session, other, 1, moderator=False)
        assert sweep(session, watched_ms=PATIENCE_MS).finished == {placed}


def test_what_waits_since_the_host_paused_is_given_up_only_when_it_could_go_on_for_long(
    database: Database,
) -> None:
    with database.begin() as session:
        placed = place(session)
        workers.report(session, "w", ["starter"])
        controls.set_flow(session, Flow.PAUSED, by=1)
    grow_old(database, PATIENCE_MS + 1)
    for flow in (Flow.PAUSED, Flow.RUNNING, Flow.DRAINING):
        with database.begin() as session:
            controls.set_flow(session, flow, by=1)
            assert not sweep(session, watched_ms=PATIENCE_MS).finished
    with database.begin() as session:
        row = session.get_one(Control, controls.FLOW)
        row.value = {**row.value, "resumed_at": row.value["resumed_at"] - PATIENCE_MS - 1}
        session.flush()
        assert sweep(session, watched_ms=PATIENCE_MS).finished == {placed}


def test_workers_count_while_they_report(database: Database) -> None:
    with database.begin() as session:
        workers.report(session, "a", ["starter"])
        workers.report(session, "a", ["starter", "qwen-image"])
        workers.report(session, "b", ["flux"])
        workers.leave(session, "b", ["flux"])
        assert workers.serving(session) == {"starter", "qwen-image"}


def test_what_is_finished_is_due_until_it_was_delivered(database: Database) -> None:
    with database.begin() as session:
        placed = place(session)
        assert not deliveries.due(session)
        claim = claims.claim(session, "w", ["starter"])
        assert claim
        ends.keep(session, claim, kept(claim.request))
    with database.begin() as session:
        (due,) = deliveries.due(session)
        assert due.images[0].pixel_sha256
        assert deliveries.delivered(session, due, 99)
        assert not deliveries.due(session)
    with database.begin() as session:
        assert generations.get(session, placed).message_id == 99


def test_a_delivery_is_tried_again_later_and_given_up_in_the_end(database: Database) -> None:
    with database.begin() as session:
        placed = place(session)
        generations.cancel(session, placed, 1, moderator=False)
    tries = 0
    while True:
        tries += 1
        with database.begin() as session:
            (due,) = deliveries.due(session)
            if not deliveries.postpone(session, due):
                break
            assert not deliveries.due(session)
            wait_ms = session.scalar(select(Generation.next_delivery_at - now_ms())) or 0
            assert 0 < wait_ms <= deliveries.LONGEST_WAIT_MS
            session.execute(update(Generation).values(next_delivery_at=0))
    assert tries == deliveries.MOST_ATTEMPTS
    with database.begin() as session:
        assert not deliveries.due(session)


def test_a_sweep_waits_for_no_order_that_another_transaction_holds(postgresql_url: str) -> None:
    database = Database(postgresql_url)
    with database.begin() as session:
        placed = place(session)
        assert claims.claim(session, "w", ["starter"], lease_ms=-1)
    with database.begin() as holder:
        generations.lock(holder, placed)
        with database.begin() as session:
            sweep(session, watched_ms=PATIENCE_MS)
            assert claims.claim(session, "heir", ["starter"]) is None
    with database.begin() as session:
        sweep(session, watched_ms=PATIENCE_MS)
        assert claims.claim(session, "heir", ["starter"])
    database.close()
