"""Questions are handed to one press, for a while, and do not pile up."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.errors import QuestionAnswered, QuestionExpired
from bot.orders import questions
from bot.orders.questions import MOST_KEPT, Question, Questions

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Asked:
    async def delete_original_response(self) -> None:
        """Nothing stands anywhere."""


def question(at: datetime = NOW) -> Question:
    return Question(Asked(), at, {})


def test_a_question_is_taken_once() -> None:
    kept, asked = Questions(), question()
    key = kept.keep(asked)
    assert kept.take(key, NOW) is asked
    with pytest.raises(QuestionAnswered):
        kept.take(key, NOW)
    kept.put_back(key, asked)
    assert kept.take(key, NOW) is asked


def test_a_question_stands_for_its_time_and_no_longer() -> None:
    kept = Questions()
    key = kept.keep(question())
    late = kept.keep(question())
    assert kept.take(key, NOW + questions.STANDS)
    for _ in range(2):
        with pytest.raises(QuestionExpired):
            kept.take(late, NOW + questions.STANDS + timedelta(seconds=1))


def test_the_oldest_goes_where_there_are_too_many() -> None:
    kept = Questions()
    keys = [kept.keep(question()) for _ in range(MOST_KEPT + 1)]
    assert len(set(keys)) == len(keys)
    with pytest.raises(QuestionExpired):
        kept.take(keys[0], NOW)
    assert kept.take(keys[1], NOW)


def test_pictures_that_wait_do_not_fill_the_memory() -> None:
    kept = Questions()
    half = questions.MOST_BYTES // 2
    first, second, third = (kept.keep(Question(Asked(), NOW, {}, half)) for _ in range(3))
    with pytest.raises(QuestionExpired):
        kept.take(first, NOW)
    assert kept.take(second, NOW)
    assert kept.take(third, NOW)
    large = kept.keep(Question(Asked(), NOW, {}, questions.MOST_BYTES + 1))
    assert kept.take(large, NOW)  # alone, it is what Discord lets a member send
