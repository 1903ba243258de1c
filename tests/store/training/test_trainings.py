"""A training is paid once, held by one worker at a time, and ends in the library or refunded."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from engine.training.errors import TrainingDiverged
from engine.training.plan import Plan
from store import sweep as repairs
from store.clock import now_ms
from store.database import Database
from store.errors import Gone, LeaseLost
from store.loras import library, unneeded
from store.loras.errors import LoraUnknown
from store.loras.unneeded import Unneeded
from store.moderation import sanctions
from store.money import ledger
from store.money.errors import CreditsSpent
from store.money.ledger import Flow
from store.money.plans import Plan as MemberPlan
from store.tables.money import LedgerEntry
from store.tables.trainings import Training
from store.training import claims, trainings
from store.training.claims import Claim, Progress
from store.training.errors import TrainingRuns, TrainingsSpent
from store.training.trainings import Ordered
from tests.store.loras.test_library import ALEX, MEI, ROOM, find, kept

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
MEMBER = MemberPlan(daily_credits=100, trainings=2)
PRICE = 40


def ordered(user_id: int = ALEX, name: str = "ink", **changes: Any) -> Ordered:
    values: dict[str, Any] = {
        "lora_id": library.new_id(),
        "guild_id": 7,
        "user_id": user_id,
        "name": name,
        "triggers": "inky",
        "base": "starter",
        "plan": Plan(variant="starter", rank=8, steps=200, seed=1),
        "examples": [("a" * 64, "a secret cat")],
        "prompts": ["a secret dog"],
        "price": PRICE,
        "application_id": 1,
        "channel_id": 2,
        "message_id": 3,
        "token": "secret-token",
        "token_at": 0,
        "locale": "en-US",
    }
    return Ordered(**(values | changes))


def order(database: Database, user_id: int = ALEX, name: str = "ink", **changes: Any) -> str:
    with database.begin() as session:
        one = ordered(user_id, name, **changes)
        return trainings.create(session, one, MEMBER, ROOM, NOW).lora_id


def claim(database: Database, worker: str = "w", lease_ms: int = 60_000) -> Claim | None:
    with database.begin() as session:
        return claims.claim(session, worker, ["starter"], lease_ms=lease_ms)


def held(database: Database, lease_ms: int = 60_000) -> Claim:
    one = claim(database, lease_ms=lease_ms)
    assert one is not None
    return one


def sweep(database: Database) -> None:
    with database.begin() as session:
        claims.sweep(session)


def read(database: Database, lora_id: str) -> Training:
    with database.begin() as session:
        return trainings.get(session, lora_id)


def left(database: Database, user_id: int = ALEX) -> int:
    with database.begin() as session:
        return ledger.balance(session, Flow(7, user_id), MEMBER, NOW).left


@contextmanager
def writing(database: Database) -> Iterator[Session]:
    with database.begin() as session:
        yield session


def test_secrets_are_in_no_repr(database: Database) -> None:
    order(database)
    assert "secret" not in repr(ordered())
    assert "secret" not in repr(held(database))


def test_a_training_is_paid_and_ends_in_the_library(database: Database) -> None:
    lora_id = order(database)
    assert (left(database), find(database, "ink").status) == (60, "checking")
    one = held(database)
    assert (one.lora_id, one.plan.steps, claim(database, "v")) == (lora_id, 200, None)
    with writing(database) as session:
        assert claims.beat(session, one)
        claims.tell(session, one, Progress(50, [0.5, 0.4], ("b" * 64,)))
    assert read(database, lora_id).curve == {"all": [0.5, 0.4]}
    digest, content = "f" * 64, b"canonical"
    file = kept(sha256=digest, nbytes=len(content))
    with writing(database) as session:
        library.lock_file(session, digest, len(content))
        claims.keep(session, one, file, "c" * 64)
    lora = find(database, "ink")
    assert (lora.status, lora.sha256, lora.preview) == ("ready", digest, "c" * 64)
    assert (lora.source, lora.triggers) == ("trained", "inky")
    assert (read(database, lora_id).due, left(database)) == (PRICE, 60)
    with pytest.raises(LeaseLost), writing(database) as session:
        claims.keep(session, one, file, "")


def test_nobody_trains_two_at_once_nor_more_than_the_plan_has(database: Database) -> None:
    order(database)
    with pytest.raises(TrainingRuns):
        order(database, name="other")
    order(database, MEI)
    for _ in range(2):
        one = held(database)
        with writing(database) as session:
            claims.cancelled(session, one, 100)
    order(database, name="second")
    with writing(database) as session:
        claims.cancelled(session, claim_of(session), 200)
    with pytest.raises(TrainingsSpent):
        order(database, name="third")


def claim_of(session: Session) -> Claim:
    one = claims.claim(session, "w", ["starter"])
    assert one is not None
    return one


def test_who_cannot_pay_has_no_place_either(database: Database) -> None:
    with pytest.raises(CreditsSpent):
        order(database, price=101)
    with pytest.raises(LoraUnknown):
        find(database, "ink")


@pytest.mark.parametrize(("step", "due"), [(0, 0), (50, 10), (199, 39)])
def test_of_a_stopped_one_the_steps_that_ran_are_due(
    database: Database, step: int, due: int
) -> None:
    lora_id = order(database)
    one = held(database)
    with writing(database) as session:
        assert trainings.cancel(session, lora_id)
        assert not claims.beat(session, one)
        claims.cancelled(session, one, step)
    assert (read(database, lora_id).due, left(database)) == (due, 100 - due)
    with pytest.raises(LoraUnknown):
        find(database, "ink")
    with writing(database) as session:
        assert not trainings.cancel(session, lora_id)


def test_one_that_waits_is_stopped_at_once_for_nothing(database: Database) -> None:
    lora_id = order(database)
    with writing(database) as session:
        trainings.cancel(session, lora_id)
    assert (read(database, lora_id).status, left(database)) == ("cancelled", 100)
    assert claim(database) is None


def test_a_failure_is_refunded_and_told(database: Database) -> None:
    lora_id = order(database)
    one = held(database)
    with writing(database) as session:
        claims.fail(session, one, TrainingDiverged(step=3))
    assert left(database) == 100
    assert find(database, "ink").status == "refused"
    with writing(database) as session:
        assert [one.lora_id for one in trainings.untold(session)] == [lora_id]
        trainings.told(session, lora_id, 9)
        assert not trainings.untold(session)
    row = read(database, lora_id)
    assert (row.token, row.examples, row.prompts) == ("", {"all": []}, {"all": []})


def test_a_lost_lease_is_anothers_from_the_last_checkpoint(database: Database) -> None:
    lora_id = order(database)
    first = held(database, lease_ms=-1)
    with writing(database) as session:
        claims.save(session, first, Progress(100, [0.3], ()), "d" * 64)
    sweep(database)
    second = held(database)
    assert (second.checkpoint, second.fence, second.attempt) == ("d" * 64, 2, 1)
    for write in (
        lambda session: claims.beat(session, first),
        lambda session: claims.save(session, first, Progress(1, [], ()), "e" * 64),
        lambda session: claims.fail(session, first, TrainingDiverged(step=3)),
        lambda session: claims.release(session, first),
        lambda session: claims.cancelled(session, first, 1),
    ):
        with pytest.raises(LeaseLost), writing(database) as session:
            write(session)
    assert read(database, lora_id).status == "running"


def test_one_whose_process_is_gone_is_stopped_where_nobody_trains_any_more(
    database: Database,
) -> None:
    lora_id = order(database)
    held(database, lease_ms=-1)
    with writing(database) as session:
        trainings.cancel(session, lora_id)
        assert trainings.get(session, lora_id).status == "running"
        repairs.sweep(session, watched_ms=0)
    assert (read(database, lora_id).status, left(database)) == ("cancelled", 100)
    with writing(database) as session:
        assert trainings.open_of(session, ALEX) is None


def test_what_kills_its_workers_is_given_up_and_refunded(database: Database) -> None:
    lora_id = order(database)
    for attempt in (1, 2, 3):
        assert held(database, lease_ms=-1).attempt == attempt
        sweep(database)
    assert (read(database, lora_id).status, left(database)) == ("failed", 100)
    assert read(database, lora_id).error == {"code": "worker_crashed", "params": {}}


def test_a_worker_that_shuts_down_spends_no_attempt(database: Database) -> None:
    order(database)
    for _ in range(5):
        with writing(database) as session:
            claims.release(session, claim_of(session))
    one = held(database)
    assert one.attempt == 1
    with writing(database) as session:
        claims.reclaim(session, "w")
    assert held(database).attempt == 2


def test_a_removed_lora_is_not_brought_back(database: Database) -> None:
    lora_id = order(database)
    one = held(database)
    with writing(database) as session:
        library.remove(session, library.by_id(session, lora_id))
    with writing(database) as session:
        assert not claims.beat(session, one)
        claims.keep(session, one, kept(), "c" * 64)
    assert read(database, lora_id).status == "cancelled"
    with writing(database) as session:
        left_over = unneeded.give_up(session, lora_id)
        assert left_over == Unneeded(kept().sha256, "c" * 64)
    with pytest.raises(LoraUnknown):
        find(database, "ink")


def test_the_ledger_closes_each_training_once(database: Database) -> None:
    lora_id = order(database)
    one = held(database)
    with writing(database) as session:
        claims.fail(session, one, TrainingDiverged(step=3))
    with writing(database) as session:
        entries = select(func.count()).where(
            LedgerEntry.reference == trainings.reference(lora_id), LedgerEntry.kind != "hold"
        )
        assert session.scalar(entries) == 1


def test_who_trained_least_lately_is_next_until_somebody_waits_too_long(database: Database) -> None:
    order(database)
    with writing(database) as session:
        claims.cancelled(session, claim_of(session), 100)
    again, first = order(database, name="second"), order(database, MEI)
    for turn in (first, again):
        with writing(database) as session:
            one = claim_of(session)
            assert one.lora_id == turn
            claims.release(session, one)
            mine = update(Training).where(Training.lora_id == again)
            session.execute(mine.values(created_at=now_ms() - claims.LONGEST_MS - 1))


def test_an_unknown_training_is_gone(database: Database) -> None:
    with pytest.raises(Gone), writing(database) as session:
        trainings.cancel(session, "nope")


def test_other_bases_wait_for_others(database: Database) -> None:
    order(database, base="qwen-image")
    assert claim(database) is None
    with writing(database) as session:
        assert trainings.waiting_bases(session) == {"qwen-image"}


def test_whoever_is_shut_out_there_trains_no_more_there(database: Database) -> None:
    lora_id = order(database)
    for guild, ends in ((8, False), (7, True)):
        with database.begin() as session:
            sanctions.put(session, guild, ALEX, 1, MEI)
            training = trainings.get(session, lora_id)
            assert (training.finished_at is not None) is ends
    with database.begin() as session:
        assert ledger.balance(session, Flow(7, ALEX), MEMBER, NOW).left == 100
