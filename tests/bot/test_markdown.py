"""Members' words are shown letter by letter."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.markdown import DIRECTION, plain, quote


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a **b** _c_", r"a \*\*b\*\* \_c\_"),
        ("@everyone <@1>", r"\@everyone \<\@1\>"),
        ("one\n# two\n> three", r"one \# two \> three"),
        ("```x```", r"\`\`\`x\`\`\`"),
        ("[a](https://b)", r"\[a\]\(https\:\/\/b\)".replace(r"\/", "/")),
        ("红色背景上的熊猫，小清新", "红色背景上的熊猫，小清新"),
        ("\u202eabc\u202c", "abc"),
        ("back\\slash", "back\\\\slash"),
    ],
)
def test_markup_is_shown_as_it_was_typed(text: str, shown: str) -> None:
    assert plain(text) == shown


@given(st.text(), st.integers(min_value=10, max_value=60))
def test_any_text_is_one_line_within_the_limit(text: str, limit: int) -> None:
    shown = quote(text, limit)
    assert len(shown) <= limit
    assert shown.startswith("> ")
    assert "\n" not in shown
    assert not DIRECTION.search(shown)


@given(st.text(alphabet="\\*a<@"), st.integers(min_value=10, max_value=30))
def test_a_cut_leaves_no_loose_backslash_and_no_bare_markup(text: str, limit: int) -> None:
    shown = plain(text, limit)
    assert not re.sub(r"\\[\\*<@]", "", shown).strip("a…")
