"""The line as a member asks for it."""

from store.database import Database
from store.host import workers
from store.line import claims, queues
from store.money.ledger import Flow
from store.orders import generations
from tests.store import ends
from tests.store.placing import kept, place


def test_the_queue_tells_ones_own_orders_and_everybodys_pictures(database: Database) -> None:
    with database.begin() as session:
        workers.report(session, "w", ["starter"])
        workers.report(session, "t", [workers.trainer("starter")])  # which draws for nobody
        place(session, 3, user_id=2)
        mine = place(session, 2, user_id=1)
        gone = place(session, 1, user_id=1)
        generations.cancel(session, gone, 1, moderator=False)
    with database.begin() as session:
        queue = queues.read(session, Flow(5, 1))
    (order,) = queue.orders
    assert (order.generation.id, order.drawing, queue.count) == (mine, False, 1)
    assert order.wait.place == 1  # members take turns
    assert (queue.waiting, queue.workers["starter"]) == ({"starter": 5}, 1)
    assert queue.machines == 1


def test_an_order_at_work_is_told_apart_and_an_ended_one_is_gone(database: Database) -> None:
    with database.begin() as session:
        workers.report(session, "w", ["starter"])
        place(session, 1, user_id=1)
        claim = claims.claim(session, "w", ["starter"])
        assert claim
    with database.begin() as session:
        (order,) = queues.read(session, Flow(5, 1)).orders
        assert order.drawing
        ends.keep(session, claim, kept(claim.request))
    with database.begin() as session:
        queue = queues.read(session, Flow(5, 1))
    assert (queue.orders, queue.count, queue.waiting) == ([], 0, {})


def test_no_more_orders_are_forecast_than_are_shown(database: Database) -> None:
    with database.begin() as session:
        for user in range(1, 1 + queues.MOST_SHOWN + 2):
            place(session, 1, user_id=user)
        queue = queues.read(session, Flow(5, 1))
    assert (len(queue.orders), queue.workers, queue.machines) == (1, {}, 0)
