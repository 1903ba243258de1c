"""Looking ahead: what the next pictures need is fetched while one is drawn, within bounds."""

import time

import pytest

from engine.loras.adapters import Adapters
from store.line import claims
from store.line.claims import Claim
from store.line.coming import AHEAD
from store.loras.library import FOLDER
from tests.worker.conftest import order, read
from tests.worker.lora_files import content, digest, ordered
from worker.drawing import Parts
from worker.lookout import Lookout

FILES = [content(seed) for seed in range(AHEAD + 2)]


@pytest.fixture
def parts(parts: Parts) -> Parts:
    """A worker that has no LoRA at hand yet."""
    parts.engine.adapters = Adapters("cpu")
    return parts


def claimed(parts: Parts) -> Claim:
    with parts.database.begin() as session:
        claim = claims.claim(session, parts.name, parts.catalog.names)
    assert claim
    return claim


def test_while_a_picture_is_drawn_the_next_ones_loras_are_brought(parts: Parts) -> None:
    order(parts.database)
    claim = claimed(parts)
    for user, file in enumerate(FILES):
        ordered(parts, file, user_id=user + 2)
    lookout = Lookout(parts)
    lookout.look()
    assert parts.engine.adapters.at_hand == set()
    with parts.hand.holding(claim):
        lookout.look()
    assert parts.engine.adapters.at_hand == {digest(file) for file in FILES[:AHEAD]}


def test_what_cannot_be_brought_is_tried_once_a_picture_and_stops_nothing(parts: Parts) -> None:
    order(parts.database)
    claim = claimed(parts)
    ordered(parts, FILES[0], keep=False, user_id=2, seeds=(1, 2))
    there = ordered(parts, FILES[1], user_id=3)
    lookout = Lookout(parts)
    with parts.hand.holding(claim):
        lookout.look()
        assert parts.engine.adapters.at_hand == {digest(FILES[1])}
        parts.files.put(FOLDER, FILES[0])
        lookout.look()
        assert parts.engine.adapters.at_hand == {digest(FILES[1])}
    with parts.hand.holding(claimed(parts)):
        lookout.look()
    assert parts.engine.adapters.at_hand == {digest(file) for file in FILES[:2]}
    assert read(parts.database, there).status == "open"


def test_it_looks_by_itself_until_it_is_stopped(parts: Parts) -> None:
    order(parts.database)
    with parts.hand.holding(claimed(parts)):
        ordered(parts, FILES[0], user_id=2)
        lookout = Lookout(parts, every_s=0.01)
        lookout.start()
        give_up_at = time.monotonic() + 20
        while not parts.engine.adapters.at_hand and time.monotonic() < give_up_at:
            time.sleep(0.01)
        lookout.stop()
        assert parts.engine.adapters.at_hand == {digest(FILES[0])}
        ordered(parts, FILES[1], user_id=3)
        time.sleep(0.1)
        assert parts.engine.adapters.at_hand == {digest(FILES[0])}
