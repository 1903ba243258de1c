"""What a form remembers in its custom ids."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.presses import slips

NAMES = ("form", "prompt", "mask")


@given(st.text(max_size=270))
def test_what_was_spread_is_gathered_in_any_order(text: str) -> None:
    ids = slips.spread(text, NAMES)
    assert all(len(one) <= slips.LIMIT for one in ids.values())
    assert len(set(ids.values())) == len(NAMES)
    assert slips.gathered(reversed(list(ids.values())), NAMES) == text


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="no room"):
        slips.spread("x" * 300, NAMES)
