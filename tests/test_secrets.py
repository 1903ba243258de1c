"""Secrets show in no text that is made of what holds them."""

from pathlib import Path

import pytest
import structlog
from pydantic import ValidationError

from bot.settings import BotSettings
from engine.labels.seal import Seal
from store.orders.order import Order
from store.tables.orders import Generation
from tests.store.placing import order
from worker.queue import Tickets
from worker.settings import WorkerSettings

SECRET = "hunter2-7c1e"
GIVEN = {
    "DISCORD_TOKEN": SECRET,
    "REROLL_DATABASE_URL": f"postgresql://reroll:{SECRET}@db/reroll",
    "REROLL_BROKER_URL": f"redis://:{SECRET}@broker/0",
    "REROLL_FILES_URL": "file:///tmp/files",
    "REROLL_BFL_KEY": SECRET,
}


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in GIVEN.items():
        monkeypatch.setenv(name, value)


def shown(thing: object) -> str:
    """Return every text that is easily made of something, a log line's included."""
    with structlog.testing.capture_logs() as lines:
        structlog.get_logger().info("here", thing=thing)
    rendered = structlog.dev.ConsoleRenderer(colors=False)(None, "info", dict(lines[0]))
    dumped = thing.model_dump_json() if hasattr(thing, "model_dump_json") else ""
    return f"{thing!r} {thing!s} {thing} {rendered} {dumped}"


@pytest.mark.usefixtures("given")
@pytest.mark.parametrize("kind", [BotSettings, WorkerSettings])
def test_settings_keep_their_secrets(kind: type[BotSettings] | type[WorkerSettings]) -> None:
    assert SECRET not in shown(kind())


@pytest.mark.usefixtures("given")
def test_wrong_settings_keep_them_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REROLL_LOG_LEVEL", "shout")
    monkeypatch.setenv("REROLL_BFL_KEY", f"{SECRET} with a blank")
    for kind in (BotSettings, WorkerSettings):
        with pytest.raises(ValidationError) as refused:
            kind()
        assert SECRET not in f"{refused.value} {refused.value!r}"


def test_what_holds_tokens_and_keys_does_not_print_them() -> None:
    placed: Order = order(token=SECRET)
    things = (placed, Generation(token=SECRET), Seal(SECRET, SECRET.encode()))
    assert SECRET not in " ".join(map(shown, things))
    tickets = Tickets(f"redis://:{SECRET}@127.0.0.1:1/0")
    try:
        assert SECRET not in shown(tickets)
    finally:
        tickets.close()
