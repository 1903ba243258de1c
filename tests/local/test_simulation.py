import dataclasses
import inspect
from pathlib import Path

import pytest
import simcord
from simcord.preview import Preview, _actions, _markdown

from local.discord import markup, preview
from local.discord import simulation as sim
from local.discord.localised import localised, wire_names


def test_the_seams_of_simcord_that_are_leaned_on_still_exist() -> None:
    assert simcord.__version__ == "3.2.1"
    for name in ("_begin_operation", "_end_operation", "_mark_mutation", "_settle_internal"):
        assert callable(getattr(simcord.Env, name))
    assert callable(simcord.Env._notify_dispatch_observers)
    assert callable(Preview._mark_action_dispatched)
    source = inspect.getsource(simcord.Env.__init__)
    for field in ("self._started", "self._generation", "self._preview", "self.backend"):
        assert field in source
    assert {"dispatch"} <= set(inspect.signature(simcord.Env._settle_internal).parameters)


def test_the_seams_of_its_pages_that_are_leaned_on_still_exist() -> None:
    for name in ("_action", "_get_page", "_publish", "_target_id", "_target_message"):
        assert callable(getattr(Preview, name))
    for field in ("self._server", "self._pages", "self.capability", "self.env"):
        assert field in inspect.getsource(Preview.__init__)
    assert {"/", "/app.js"} <= preview.Server._STATIC_FILES.keys()
    index = Path(inspect.getfile(Preview)).with_name("static") / "index.html"
    text = index.read_text(encoding="utf-8")
    assert text.count("</head>") == text.count("</body>") == 1
    for id_ in ("channel-message-list", "channel-timeline", "viewer-picker"):
        assert f'id="{id_}"' in text


def test_no_click_is_bound_to_a_revision_any_more() -> None:
    stock = _actions.ACTION_SPECS
    try:
        sim.unbind_clicks()
        assert not any(spec.revision_bound for spec in _actions.ACTION_SPECS.values())
        assert set(_actions.ACTION_SPECS) == set(stock)
    finally:
        _actions.ACTION_SPECS = stock


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("> a\nb\n-# c", ["blockquote", "paragraph"]),
        ("- a\n- b\nc", ["bullet_list", "paragraph"]),
        ("a\n> b\n> c\nd", ["paragraph", "blockquote", "paragraph"]),
        ("```\n> a\nb\n```", ["code_block"]),
        (">>> a\nb", ["blockquote"]),
        ("1. a\n2. b\nc", ["ordered_list", "paragraph"]),
        ("- a\n  - b\nc", ["bullet_list", "paragraph"]),
        ("> ```\n> a\n> ```\nb", ["blockquote", "paragraph"]),
    ],
)
def test_quotations_and_lists_end_with_their_line(text: str, kinds: list[str]) -> None:
    stock = _markdown._discord_multiline_quotes
    assert callable(stock)
    try:
        markup.end_lines()
        assert [token["type"] for token in _markdown.markdown_tokens(text)] == kinds
        code = [one.get("content") for one in _markdown.markdown_tokens("```\n> a\nb\n```")]
        assert code == ["> a\nb\n"]
    finally:
        _markdown._discord_multiline_quotes = stock


def test_the_interaction_has_the_fields_that_are_filled_in() -> None:
    fields = {field.name for field in dataclasses.fields(sim.Interaction)}
    assert {"initial_response_deadline", "responded", "modal", "message_id"} <= fields


SPEC = {
    "name": "lora",
    "name_localizations": {"zh-CN": "风格"},
    "options": [
        {
            "name": "train",
            "type": 1,
            "options": [{"name": "rank", "type": 4, "name_localizations": {"zh-CN": "秩"}}],
        }
    ],
}


def test_translated_names_are_shown_and_sent_back_as_they_were_registered() -> None:
    shown = localised(SPEC, "zh-CN")
    assert (shown["name"], shown["options"][0]["options"][0]["name"]) == ("风格", "秩")
    typed = {
        "name": "风格",
        "options": [{"name": "train", "options": [{"name": "秩", "value": 8}]}],
    }
    assert wire_names(typed, SPEC) == {
        "name": "lora",
        "options": [{"name": "train", "options": [{"name": "rank", "value": 8}]}],
    }


def test_a_language_without_translation_shows_the_registered_names() -> None:
    assert localised(SPEC, "fr")["name"] == "lora"
