from collections.abc import Mapping
from pathlib import Path

import pytest

from local.__main__ import joins_discord, parse
from local.errors import FolderInUse
from local.folder import Folder
from local.settings import given, real_token
from local.stack import Door, Stack, environment, workers
from local.supervisor import Supervisor


def test_a_second_run_on_one_folder_is_refused_and_a_later_one_is_not(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    with folder.held(), pytest.raises(FolderInUse, match="--data"), folder.held():
        pass
    with folder.held():
        assert folder.logs.is_dir()


def test_what_was_given_goes_before_what_is_embedded(tmp_path: Path) -> None:
    settings = {"REROLL_DATABASE_URL": "postgresql+psycopg://host/db", "PATH": "/bin"}
    told = environment(settings, Folder(tmp_path))
    assert told["REROLL_DATABASE_URL"] == "postgresql+psycopg://host/db"
    assert told["REROLL_FILES_URL"] == (tmp_path / "files").as_uri()


def test_only_the_bot_is_told_the_token(tmp_path: Path) -> None:
    settings = {"DISCORD_TOKEN": "secret", "REROLL_DISCORD_URL": "http://127.0.0.1:9"}
    told = environment(settings, Folder(tmp_path))
    assert "secret" not in told.values()
    assert Door("secret").environment() == {"DISCORD_TOKEN": "secret"}
    local = Door("local-discord", "http://127.0.0.1:1").environment()
    assert local["REROLL_DISCORD_URL"] == "http://127.0.0.1:1"


def test_the_vendors_key_is_not_told_to_everybody(tmp_path: Path) -> None:
    told = environment({"REROLL_BFL_KEY": "secret", "PATH": "/bin"}, Folder(tmp_path))
    assert "secret" not in told.values()


async def test_only_the_worker_is_told_the_vendors_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: dict[str, Mapping[str, str]] = {}

    async def ready(*_: object) -> None:
        return None

    monkeypatch.setattr(
        Supervisor, "start", lambda _, one: told.update({one.name: one.environment})
    )
    monkeypatch.setattr(Supervisor, "ready", ready)
    monkeypatch.setattr(Stack, "_migrate", ready)
    settings = {"REROLL_BFL_KEY": "secret", "REROLL_BROKER_URL": "redis://127.0.0.1:1"}
    folder = Folder(tmp_path)
    with folder.held():
        async with Stack(folder, settings, Door("token"), lambda _: None):
            pass
    assert [name for name, one in told.items() if "secret" in one.values()] == ["worker"]
    assert [name for name, one in told.items() if "token" in one.values()] == ["bot"]
    assert "trainer" in told
    told.clear()
    with folder.held():
        without = {**settings, "REROLL_TRAINS": "false"}
        async with Stack(folder, without, Door("token"), lambda _: None):
            pass
    assert set(told) == {"worker", "bot"}


def test_the_file_completes_the_environment_and_an_empty_token_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REROLL_FROM_SHELL", "shell")
    monkeypatch.delenv("DISCORD_TOKEN", raising=False)
    file = tmp_path / ".env"
    file.write_text("REROLL_FROM_SHELL=file\nREROLL_FROM_FILE=file\nDISCORD_TOKEN=\n")
    settings = given(file)
    assert (settings["REROLL_FROM_SHELL"], settings["REROLL_FROM_FILE"]) == ("shell", "file")
    assert real_token(settings) is None
    assert real_token({"DISCORD_TOKEN": " abc "}) == "abc"


@pytest.mark.parametrize(
    ("arguments", "joins"),
    [([], True), (["--say", "/quota"], False), (["--no-discord"], False), (["--discord"], True)],
)
def test_a_token_joins_discord_unless_something_else_is_asked(
    arguments: list[str], joins: bool
) -> None:
    settings = {"DISCORD_TOKEN": "token"}
    assert joins_discord(parse(arguments), settings) is joins


def test_the_real_discord_without_a_token_is_explained() -> None:
    assert not joins_discord(parse([]), {})
    assert joins_discord(parse(["--discord"]), {})


def test_the_command_line_says_it_all() -> None:
    options = parse(["--say", "/imagine prompt:a", "--say", "again", "--locale", "zh-CN"])
    assert options.say == ("/imagine prompt:a", "again")
    assert (options.locale, options.browser, options.data) == ("zh-CN", True, Path("data"))


def test_each_device_has_a_worker_with_a_name_and_a_port_of_its_own() -> None:
    told = {"REROLL_DEVICES": "cuda:0, cuda:1", "REROLL_METRICS_PORT": "9100"}
    given = workers(told | {"REROLL_WORKER_NAME": "attic"})
    assert [*given] == ["worker", "worker-1"]
    assert [*given["worker-1"].values()] == ["cuda:1", "attic-1", "9102"]
    assert workers({}) == {"worker": {}}
