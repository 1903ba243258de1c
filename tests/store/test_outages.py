"""What is said of stores that are away: the cause, in words of whoever refused."""

import pytest
from sqlalchemy import QueuePool, create_engine
from sqlalchemy.exc import TimeoutError as PoolTimeout

from store.outages import reason


def test_connections_that_are_all_taken_are_told_and_no_address_of_a_manual() -> None:
    engine = create_engine(
        "sqlite://", poolclass=QueuePool, pool_size=1, max_overflow=0, pool_timeout=0.01
    )
    with engine.connect(), pytest.raises(PoolTimeout) as refused:
        engine.connect()
    engine.dispose()
    assert "connection timed out" in reason(refused.value)
    assert "http" not in reason(refused.value)
