"""What is held against a siege when it is over: logs, the victim's things, everybody's credits."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from sqlalchemy import func, select

from store.tables.money import LedgerEntry
from store.tables.orders import Generation, Image
from tests.bot.stage import Stage


class Records(logging.Handler):
    """Keeps what Discord's library and others log."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.name} {record.levelname} {self.format(record)}")


def belongings(stage: Stage) -> Any:
    """Return all that the victim has."""
    with stage.database.begin() as session:
        mine = Generation.user_id == stage.alex.id
        orders = session.execute(
            select(
                Generation.id,
                Generation.status,
                Generation.cancel_requested,
                Generation.deleted_at,
                Generation.starred,
                func.count(Image.file_sha256),
            )
            .join(Image)
            .where(mine)
            .group_by(Generation.id)
            .order_by(Generation.id)
        ).all()
    return [tuple(row) for row in orders], stage.left(stage.alex)


def lost(stage: Stage) -> int:
    """Return the credits that ended orders took for pictures that were not drawn, or gave away."""
    missing = 0
    with stage.database.begin() as session:
        taken = dict(
            session.execute(
                select(LedgerEntry.reference, func.sum(LedgerEntry.amount))
                .where(LedgerEntry.kind != "grant")
                .group_by(LedgerEntry.reference)
            ).all()
        )
        for order in session.scalars(select(Generation)):
            drawn = select(func.count()).where(
                Image.generation_id == order.id, Image.status == "done"
            )
            count = len(order.request["seeds"])
            due = order.price
            if order.status != "open":
                due = order.price // count * (session.scalar(drawn) or 0)
            missing += abs(int(taken.get(order.id, 0)) + due)
    return missing


@contextmanager
def logged() -> Iterator[tuple[list[Any], Records]]:
    records = Records()
    logging.getLogger().addHandler(records)
    try:
        with structlog.testing.capture_logs() as lines:
            yield lines, records
    finally:
        logging.getLogger().removeHandler(records)
