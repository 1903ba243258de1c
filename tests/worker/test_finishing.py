"""What a worker does with a finished picture: looked at, labelled, or refused and refunded."""

from dataclasses import replace
from pathlib import Path

import pytest

from engine.judging.judge import Judge
from engine.judging.verdicts import Rules, Verdict
from engine.labels import tags
from store.database import Database
from store.line.claims import Claim
from store.tables.orders import Review
from tests import judges
from tests.bot.messages import png
from tests.engine.recipes import inside
from tests.store.placing import place
from tests.worker.conftest import asked, left, order, read
from worker.drawing import Parts, draw_waiting
from worker.finishing import Finish, Look


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("judges")


def looking(folder: Path, score: float) -> Look:
    judge = Judge(judges.save(folder / str(score), score), Rules.load(), "cpu")
    return lambda content, restricted: judge.verdict(content, age_restricted=restricted)


def strict(parts: Parts, folder: Path, score: float) -> Parts:
    return replace(parts, finish=Finish(look=looking(folder, score)))


def placed(database: Database, *, age_restricted: bool) -> str:
    with database.begin() as session:
        return place(session, request=asked(), age_restricted=age_restricted)


@pytest.mark.parametrize(
    ("score", "review"), [(0.1, None), (0.6, Review.SPOILER), (0.9, Review.WAITING)]
)
def test_a_picture_is_kept_as_the_check_wants(
    parts: Parts, folder: Path, score: float, review: Review | None
) -> None:
    made = order(parts.database)
    draw_waiting(strict(parts, folder, score))
    image = read(parts.database, made).images[0]
    assert image.review == review
    assert (image.file_sha256 is None) == (review is Review.WAITING)
    content = parts.files.get(made, image.file_sha256 or image.held_sha256 or "")
    assert tags.read(content).aigc
    assert left(parts.database) == 9


def test_a_refused_picture_is_refunded_and_leaves_no_file(
    parts: Parts, folder: Path, tmp_path: Path
) -> None:
    made = order(parts.database, 2)
    draw_waiting(strict(parts, folder, 0.99))
    row = read(parts.database, made)
    assert (row.status, row.error) == ("failed", {"code": "picture_withheld", "params": {}})
    assert left(parts.database) == 10
    assert [*(tmp_path / "files").rglob("*")] == []


def test_an_age_restricted_channel_has_thresholds_of_its_own(parts: Parts, folder: Path) -> None:
    made = placed(parts.database, age_restricted=True)
    draw_waiting(strict(parts, folder, 0.99))
    assert read(parts.database, made).status == "done"


def test_a_preview_is_looked_at_too(folder: Path) -> None:
    claim = Claim("abcdefghjk", 0, 1, 1, {})
    assert Finish(look=looking(folder, 0.6)).preview(claim, png(7)) is None
    shown = Finish(look=looking(folder, 0.1)).preview(claim, png(7))
    assert shown
    assert tags.read(shown).aigc
    restricted = replace(claim, age_restricted=True)
    assert Finish(look=looking(folder, 0.6)).preview(restricted, png(7))


def test_a_check_that_breaks_loses_no_picture_and_no_credit(parts: Parts) -> None:
    def broken(_png: bytes, _restricted: bool) -> Verdict:
        raise RuntimeError("out of memory")

    made = order(parts.database)
    draw_waiting(replace(parts, finish=Finish(look=broken)))
    assert read(parts.database, made).status == "failed"
    assert left(parts.database) == 10


def test_a_wordless_order_keeps_the_prompt_out_of_its_file(parts: Parts) -> None:
    with parts.database.begin() as session:
        made = place(session, request=asked(), wordless=True)
    draw_waiting(parts)
    image = read(parts.database, made).images[0]
    content = parts.files.get(made, str(image.file_sha256))
    assert inside(content).request.prompt == ""
    assert (image.recipe or {})["request"]["prompt"]
