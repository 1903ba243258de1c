"""The fair share over real databases: nothing is claimed twice, lost, banked or forgotten."""

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import delete, func, select, update

from engine.errors import EngineFailed
from engine.request import LoraUse
from store.database import Database
from store.errors import LeaseLost
from store.host import workers
from store.line import claims, coming, flows
from store.line.claims import Claim
from store.line.fairness import Bounds, Residency
from store.money.ledger import Flow
from store.money.plans import Plan
from store.orders import generations, placing
from store.sweep import reclaim, sweep
from store.tables.base import Base
from store.tables.lines import Lane
from store.tables.orders import Generation, Image
from tests.store import ends
from tests.store.placing import NOON, kept, order, request

PLAN = Plan(daily_credits=1_000_000)
VARIANTS = ("x", "y")


def place(
    database: Database,
    user_id: int,
    count: int = 1,
    variant: str = "x",
    weight: float = 1.0,
    loras: str = "",
) -> str:
    uses = tuple(LoraUse(name) for name in loras)
    wish = order(count, user_id, request=replace(request(count, variant), loras=uses))
    with database.begin() as session:
        return placing.create(session, wish, replace(PLAN, weight=weight), NOON).id


def take(database: Database, *loaded: str, for_s: float = 0.0, lease_ms: int = 20_000) -> Claim:
    claim = try_take(database, *loaded, for_s=for_s, lease_ms=lease_ms)
    assert claim
    return claim


def try_take(
    database: Database, *loaded: str, for_s: float = 0.0, lease_ms: int = 20_000
) -> Claim | None:
    residency = Residency(frozenset(loaded), for_s, 10.0)
    with database.begin() as session:
        return claims.claim(session, "w", VARIANTS, residency, lease_ms=lease_ms)


def draw(database: Database, claim: Claim, seconds: float) -> None:
    with database.begin() as session:
        ends.keep(session, claim, replace(kept(claim.request), seconds=seconds))


def member(database: Database, claim: Claim) -> int:
    with database.begin() as session:
        return generations.get(session, claim.generation_id).user_id


def lane(database: Database, user_id: int, variant: str = "x") -> Lane:
    with database.begin() as session:
        found = session.scalar(select(Lane).filter_by(user_id=user_id, variant=variant))
        assert found
        return found


@pytest.fixture(autouse=True)
def served(database: Database) -> None:
    with database.begin() as session:
        workers.report(session, "w", VARIANTS)


def test_members_take_turns_however_much_one_has_ordered(database: Database) -> None:
    place(database, 1, 6)
    place(database, 2, 2)
    drawn = []
    for _ in range(5):
        claim = take(database)
        drawn.append(member(database, claim))
        draw(database, claim, 1.0)
    assert sorted(drawn[:4]) == [1, 1, 2, 2]
    assert drawn[4] == 1


def test_twice_the_weight_is_twice_the_pictures(database: Database) -> None:
    place(database, 1, 9, weight=2.0)
    place(database, 2, 9)
    drawn = []
    for _ in range(9):
        claim = take(database)
        drawn.append(member(database, claim))
        draw(database, claim, 1.0)
    assert drawn.count(1) == 6


def test_a_member_who_was_away_has_saved_nothing(database: Database) -> None:
    place(database, 2)
    draw(database, take(database), 1.0)
    place(database, 1, 9)
    for _ in range(5):
        draw(database, take(database), 10.0)
    place(database, 2, 4)
    assert lane(database, 2).settled >= lane(database, 1).settled
    drawn = []
    for _ in range(4):
        claim = take(database)
        drawn.append(member(database, claim))
        draw(database, claim, 10.0)
    assert drawn.count(1) == 2


def test_a_switch_of_variants_hides_nothing_of_what_a_member_had(database: Database) -> None:
    place(database, 1, 3)
    place(database, 2, 3)
    for _ in range(2):
        draw(database, take(database), 50.0)
    place(database, 1, 1, "y")
    assert lane(database, 1, "y").vtime >= lane(database, 1, "x").settled


def test_a_lost_worker_costs_its_member_nothing(database: Database) -> None:
    place(database, 1, 2)
    take(database, lease_ms=-1)
    assert lane(database, 1).vtime > 0
    with database.begin() as session:
        sweep(session, watched_ms=0)
    assert lane(database, 1).vtime == lane(database, 1).settled == 0.0


def test_a_picture_that_fails_or_is_stopped_costs_its_time_but_not_more_than_a_guess(
    database: Database,
) -> None:
    place(database, 1, 2)
    for end in (
        lambda session, claim: ends.fail(session, claim, EngineFailed()),
        ends.cancelled,
    ):
        claim = take(database)
        charged = lane(database, 1).vtime - lane(database, 1).settled
        with database.begin() as session:
            long_ago = update(Image).values(started_at=Image.started_at - 3600_000)
            session.execute(long_ago.where(Image.status == "running"))
        before = lane(database, 1).settled
        with database.begin() as session:
            end(session, claim)
        assert lane(database, 1).settled == pytest.approx(before + charged)


def test_the_guess_is_learned_from_pictures(database: Database) -> None:
    place(database, 1, 9)
    for _ in range(8):
        draw(database, take(database), 2.0)
    take(database)
    mine = lane(database, 1)
    assert mine.vtime - mine.settled == pytest.approx(2.0)


def test_lanes_tell_which_loras_their_first_image_needs(database: Database) -> None:
    place(database, 1, loras="ba")
    place(database, 1, 2, loras="c")
    assert lane(database, 1).head_loras == "b a"
    first = take(database)
    assert lane(database, 1).head_loras == "c"
    with database.begin() as session:
        ends.release(session, first)
    assert lane(database, 1).head_loras == "b a"
    for expected in ("c", "c", None):
        draw(database, take(database), 1.0)
        assert lane(database, 1).head_loras == expected


def test_a_worker_prefers_the_loras_it_has_for_a_while_and_nobody_is_forgotten(
    database: Database,
) -> None:
    for user, name in ((1, "a"), (2, "b"), (3, "b")):
        place(database, user, 9, loras=name)
    there = Residency(frozenset("x"), 0.0, 10.0, frozenset("b"), 0.0, 2.0)
    with database.begin() as session:
        # They have been served before: newcomers wait a shorter time.
        session.execute(update(Lane).values(fresh_at=None))
    drawn = []
    for _ in range(19):
        with database.begin() as session:
            claim = claims.claim(session, "w", VARIANTS, there)
        assert claim
        drawn.append(member(database, claim))
        draw(database, claim, 10.0)
    before = drawn.index(1)
    assert before == 2 * (1 + Bounds.of(2.0).ahead_s // 10)
    # From then on it stays that far behind, and no further.
    assert drawn[before:].count(1) == (19 - before) // 3


def test_what_comes_next_is_known_ahead(database: Database) -> None:
    for user, names in ((1, "a"), (2, "bc"), (3, ""), (4, "d")):
        place(database, user, 2, loras=names)
    with database.begin() as session:
        assert coming.loras(session, VARIANTS, Residency(), most=2) == ("a", "b", "c")
        assert coming.loras(session, VARIANTS, Residency(), most=9) == ("a", "b", "c", "d")
        assert coming.loras(session, ["y"], Residency(), most=9) == ()


def test_workers_that_claim_at_once_from_one_member_all_find_work(database: Database) -> None:
    place(database, 1, 8)
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: try_take(database), range(8)))
    assert len({(claim.generation_id, claim.index) for claim in found if claim}) == 8


def test_images_of_an_older_version_are_put_in_line(database: Database) -> None:
    placed = place(database, 1, 2)
    with database.begin() as session:
        session.execute(update(Image).values(lane_id=None))
        session.execute(delete(Lane))
    assert try_take(database) is None
    with database.begin() as session:
        sweep(session, watched_ms=0)
    assert take(database).generation_id == placed


def test_a_lane_that_an_older_version_emptied_or_filled_is_set_right(database: Database) -> None:
    place(database, 1)
    place(database, 2)
    with database.begin() as session:
        mine = update(Image).where(Image.lane_id.in_(select(Lane.id).filter_by(user_id=1)))
        session.execute(mine.values(status="cancelled", finished_at=1))
        session.execute(update(Lane).where(Lane.user_id == 2).values(head_at=None))
    assert try_take(database) is None
    assert lane(database, 1).head_at is None
    with database.begin() as session:
        sweep(session, watched_ms=0)
    assert member(database, take(database)) == 2


class Share(RuleBasedStateMachine):
    """Members order and cancel; a worker draws, fails, dies, comes back and tells lies."""

    database: Database

    def __init__(self) -> None:
        super().__init__()
        self.held: list[Claim] = []
        self.lost: list[Claim] = []
        self.orders: list[tuple[str, int]] = []
        self.settled: dict[int, float] = {}
        with self.database.begin() as session:
            for table in reversed(Base.metadata.sorted_tables):
                session.execute(delete(table))
            workers.report(session, "w", VARIANTS)

    @rule(
        user=st.integers(1, 4),
        count=st.integers(1, 3),
        variant=st.sampled_from(VARIANTS),
        weight=st.sampled_from([0.1, 1.0, 2.0]),
        loras=st.sampled_from(["", "a", "ab"]),
    )
    def order(self, user: int, count: int, variant: str, weight: float, loras: str) -> None:
        with self.database.begin() as session:
            waiting = select(func.min(Lane.settled)).where(Lane.head_at.is_not(None))
            level = session.scalar(waiting)
        placed = place(self.database, user, count, variant, weight, loras)
        self.orders.append((placed, user))
        if level is not None:
            assert lane(self.database, user, variant).vtime >= level - 1e-6

    @rule(
        loaded=st.sampled_from([(), ("x",), ("y",), ("x", "y")]),
        for_s=st.sampled_from([0.0, 1e4]),
        late=st.booleans(),
    )
    def claim(self, loaded: tuple[str, ...], for_s: float, late: bool) -> None:
        waiting = self._count("queued")
        lease_ms = -1 if late else 20_000
        claim = try_take(self.database, *loaded, for_s=for_s, lease_ms=lease_ms)
        assert (claim is None) == (waiting == 0)
        if claim:
            self.held.append(claim)

    @rule(which=st.integers(0, 9), seconds=st.sampled_from([0.5, 20.0, -3.0, math.nan, 1e12]))
    def finish(self, which: int, seconds: float) -> None:
        self._end(
            which,
            lambda session, claim: ends.keep(
                session, claim, replace(kept(claim.request), seconds=seconds)
            ),
        )

    @rule(which=st.integers(0, 9), how=st.sampled_from(["fail", "cancelled", "release", "retry"]))
    def drop(self, which: int, how: str) -> None:
        more = (EngineFailed(),) if how in ("fail", "retry") else ()
        self._end(which, lambda session, claim: getattr(ends, how)(session, claim, *more))

    @rule(which=st.integers(0, 9))
    def cancel(self, which: int) -> None:
        if self.orders:
            placed, user = self.orders[which % len(self.orders)]
            with self.database.begin() as session:
                generations.cancel(session, placed, user, moderator=False)

    @rule(restart=st.booleans())
    def repair(self, restart: bool) -> None:
        with self.database.begin() as session:
            if restart:
                reclaim(session, "w")
            else:
                sweep(session, watched_ms=0)
        self._forget_lost()

    @rule(hours=st.sampled_from([-1, 1]))
    def clock_jumps(self, hours: int) -> None:
        jump = hours * 3600_000
        with self.database.begin() as session:
            session.execute(update(Lane).values(fresh_at=Lane.fresh_at + jump))
            session.execute(update(Image).values(started_at=Image.started_at + jump))

    @rule(which=st.integers(0, 9))
    def zombie_writes(self, which: int) -> None:
        if self.lost:
            claim = self.lost[which % len(self.lost)]
            with pytest.raises(LeaseLost), self.database.begin() as session:
                ends.keep(session, claim, kept(claim.request))

    @invariant()
    def lanes_show_what_their_images_say(self) -> None:
        with self.database.begin() as session:
            lanes = session.scalars(select(Lane)).all()
            images = session.scalars(select(Image)).all()
            flow = {each.id: (each.guild_id, each.user_id) for each in lanes}
        for each in lanes:
            mine = [image for image in images if image.lane_id == each.id]
            first = min((i.created_at for i in mine if i.status == "queued"), default=None)
            charged = sum(
                image.charged or 0.0
                for image in images
                if image.status == "running"
                and image.lane_id is not None
                and flow[image.lane_id] == flow[each.id]
            )
            assert each.head_at == first
            queued = [image for image in mine if image.status == "queued"]
            queued.sort(key=lambda image: (image.created_at, image.generation_id, image.index))
            assert each.head_loras == (queued[0].loras if queued else None)
            assert each.vtime == pytest.approx(each.settled + charged)
            assert each.settled >= self.settled.get(each.id, 0.0)
            self.settled[each.id] = each.settled

    @invariant()
    def every_running_image_is_in_one_hand(self) -> None:
        mine = [(claim.generation_id, claim.index) for claim in self.held]
        assert len(mine) == len(set(mine)) == self._count("running")

    def teardown(self) -> None:
        for claim in self.held:
            draw(self.database, claim, 1.0)
        while claim := try_take(self.database):
            draw(self.database, claim, 1.0)
        with self.database.begin() as session:
            still = select(func.count()).select_from(Generation).where(Generation.status == "open")
            assert session.scalar(still) == 0
            for user in range(1, 5):
                flows.refresh(session, Flow(5, user))
            heads = select(func.count()).select_from(Lane).where(Lane.head_at.is_not(None))
            assert session.scalar(heads) == 0

    def _end(self, which: int, write: Any) -> None:
        if self.held:
            claim = self.held.pop(which % len(self.held))
            with self.database.begin() as session:
                write(session, claim)
            self.lost.append(claim)

    def _forget_lost(self) -> None:
        with self.database.begin() as session:
            running = {
                (image.generation_id, image.index, image.fence)
                for image in session.scalars(select(Image).where(Image.status == "running"))
            }
        for claim in list(self.held):
            if (claim.generation_id, claim.index, claim.fence) not in running:
                self.held.remove(claim)
                self.lost.append(claim)

    def _count(self, status: str) -> int:
        with self.database.begin() as session:
            count = select(func.count()).select_from(Image).where(Image.status == status)
            return session.scalar(count) or 0


def test_whatever_happens_shares_stay_right(database: Database) -> None:
    class Here(Share):
        pass

    Here.database = database
    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=8,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
