"""The containers and units as far as they can be held to account without running them."""

import io
import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import compose_spec
import pytest
import yaml
from dockerfile_parse import DockerfileParser

from bot.page.settings import PageSettings
from bot.settings import BotSettings
from local import stack
from worker.settings import WorkerSettings

PROJECT = Path(__file__).resolve().parents[2]
DEPLOY = PROJECT / "deploy"
DOCKERFILES = sorted(DEPLOY.glob("Dockerfile.*"))
PINNED = re.compile(r":v?\d+\.\d+(-[a-z]|\.\d+)")
"""A tag with a minor version and the system that it stands on, or with all of the version."""


@pytest.fixture(scope="module")
def composed() -> dict[str, Any]:
    """The compose file, held to the specification by an implementation of it."""
    text = (PROJECT / "docker-compose.yml").read_text()
    options = compose_spec.PyOptions()
    options.apply_merge = True
    options.from_yaml(text).validate()
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


def test_what_the_specification_does_not_know_would_be_told() -> None:
    text = (PROJECT / "docker-compose.yml").read_text()
    for right, wrong in (("stop_grace_period", "grace"), ("service_healthy", "healthy")):
        options = compose_spec.PyOptions()
        options.apply_merge = True
        with pytest.raises(ValueError, match=wrong):
            options.from_yaml(text.replace(right, wrong))


def test_services_wait_for_services_and_volumes_that_there_are(composed: dict[str, Any]) -> None:
    services = composed["services"]
    for service in services.values():
        assert set(service.get("depends_on", ())) <= set(services)
        sources = {volume.partition(":")[0] for volume in service.get("volumes", ())}
        files = {source for source in sources if source.startswith(".")}
        assert sources - files <= set(composed["volumes"])
        assert all((PROJECT / file).is_file() for file in files), files
    assert services["bot"]["depends_on"]["migrate"] == {
        "condition": "service_completed_successfully"
    }


def test_images_of_others_are_pinned_and_answer_for_their_health(
    composed: dict[str, Any],
) -> None:
    others = [one for one in composed["services"].values() if "build" not in one]
    assert len(others) == 4
    for service in others:
        assert PINNED.search(service["image"]), service["image"]
        assert "healthcheck" in service


def test_the_broker_keeps_what_it_is_given(composed: dict[str, Any]) -> None:
    command = composed["services"]["broker"]["command"]
    told = dict(zip(command[1::2], command[2::2], strict=True))
    assert told["--maxmemory-policy"] == "noeviction"
    assert told["--appendonly"] == "yes"


def test_only_the_worker_has_a_gpu_and_it_has_no_token(composed: dict[str, Any]) -> None:
    services = composed["services"]
    with_gpu = [name for name, one in services.items() if "gpu" in json.dumps(one.get("deploy"))]
    assert with_gpu == ["worker"]
    assert services["worker"]["environment"]["DISCORD_TOKEN"] == ""
    grace = WorkerSettings.model_fields["grace_s"].default
    assert int(services["worker"]["stop_grace_period"].removesuffix("s")) > grace


def test_our_services_have_no_rights_and_nothing_is_open_to_the_world(
    composed: dict[str, Any],
) -> None:
    ours = [one for one in composed["services"].values() if "build" in one]
    for service in ours:
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
    for service in composed["services"].values():
        for port in service.get("ports", ()):
            assert port.startswith("127.0.0.1:")


def test_every_address_and_setting_is_one_that_the_programs_read(
    composed: dict[str, Any],
) -> None:
    programs = (BotSettings, WorkerSettings, PageSettings)
    fields = {name for settings in programs for name in settings.model_fields}
    known = {f"REROLL_{name.upper()}" for name in fields} | {"DISCORD_TOKEN"}
    for service in composed["services"].values():
        if "build" in service:
            assert set(service["environment"]) <= known
    named = set(re.findall(r"REROLL_\w+", "".join(map(_text, [*DOCKERFILES, *units()]))))
    assert named <= known
    asked = set(re.findall(r"^#?(\w+)=", _text(PROJECT / ".env.example"), re.MULTILINE))
    for_make_run = {stack.DEVICES, stack.TRAINS}
    assert {name for name in asked if name.startswith("REROLL_")} <= known | for_make_run


def _text(file: Path) -> str:
    return file.read_text()


def units() -> list[Path]:
    return sorted(DEPLOY.glob("*.service"))


def steps_of(file: Path) -> list[tuple[str, str]]:
    parsed = DockerfileParser(fileobj=io.BytesIO(file.read_bytes())).structure
    return [(one["instruction"], one["value"]) for one in parsed if one["instruction"] != "COMMENT"]


@pytest.mark.parametrize("file", DOCKERFILES, ids=lambda file: file.name)
def test_images_are_pinned_small_and_run_as_nobody_in_particular(file: Path) -> None:
    steps = steps_of(file)
    bases = [value.split()[0] for name, value in steps if name == "FROM"]
    assert len(bases) == 2
    assert all(re.search(r":\d+\.\d+\.\d+-slim", base) for base in bases), bases
    last = len(steps) - 1 - [name for name, _ in reversed(steps)].index("USER")
    assert steps[last][1] == "reroll"
    assert not any(name in ("RUN", "COPY") for name, _ in steps[last:])
    assert {"HEALTHCHECK", "CMD"} <= {name for name, _ in steps[last:]}


@pytest.mark.parametrize("file", DOCKERFILES, ids=lambda file: file.name)
def test_a_mirror_of_pypi_serves_the_build_and_is_not_in_the_image(file: Path) -> None:
    steps = steps_of(file)
    image = [name for name, _ in steps].index("FROM", 1)
    given = steps.index(("ARG", "PIP_INDEX_URL"))
    installed = next(nth for nth, (_, value) in enumerate(steps) if "pip install" in value)
    assert given < installed < image


@pytest.mark.parametrize("file", DOCKERFILES, ids=lambda file: file.name)
def test_what_is_copied_is_there_and_not_ignored(file: Path) -> None:
    let_in = [line[1:] for line in _text(PROJECT / ".dockerignore").split() if line[0] == "!"]
    copied = [
        value.split()[:-1]
        for name, value in steps_of(file)
        if name == "COPY" and "--from" not in value
    ]
    sources = [source for line in copied for source in line]
    assert sources
    for source in sources:
        assert (PROJECT / source).exists(), source
        assert source.partition("/")[0] in let_in, source
    program = file.suffix[1:]
    assert {program, "store", "engine", "pyproject.toml"} <= set(sources)
    assert f"'.[{program}]'" in _text(file)


NEEDED = """
import ast, importlib.metadata as metadata, json, pathlib, sys
from importlib.machinery import PathFinder
from packaging.requirements import Requirement

def plain(name):
    return name.lower().replace("_", "-")

queue = [Requirement(one) for one in json.loads(sys.argv[1])]
closed = set()
while queue:
    wanted = queue.pop()
    name = plain(wanted.name)
    key = (name, *sorted(wanted.extras))
    if key in closed:
        continue
    closed |= {{key, name}}
    for line in metadata.requires(wanted.name) or ():
        needs = Requirement(line)
        if any(
            needs.marker is None or needs.marker.evaluate({{"extra": extra}})
            for extra in (*wanted.extras, "")
        ):
            queue.append(needs)
packages = metadata.packages_distributions()
lacking = {{
    module for module, names in packages.items() if not any(plain(one) in closed for one in names)
}}

class Image(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        lacks = name.partition(".")[0] in lacking
        return None if lacks else super().find_spec(name, path, target)

for name in [name for name in sys.modules if name.partition(".")[0] in lacking]:
    del sys.modules[name]
sys.meta_path[sys.meta_path.index(PathFinder)] = Image
import {program}.__main__
from kombu.transport import resolve_transport
from store.database import Database
resolve_transport("redis")
for url in ("sqlite:///none.db", "postgresql://nobody@127.0.0.1:1/none"):
    Database(url).close()
ours = {{"bot", "worker", "store", "engine", "migrations"}}

def named(node):
    if isinstance(node, ast.Import):
        return [one.name for one in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) and node.module else []

files = [
    module.__file__
    for name, module in sys.modules.items()
    if name.partition(".")[0] in ours and getattr(module, "__file__", None)
]
imported = {{
    name.partition(".")[0]
    for file in files
    for node in ast.walk(ast.parse(pathlib.Path(file).read_text()))
    for name in named(node)
}}
print(sorted(imported & lacking))
"""
"""Imports a program as if nothing were installed but what its image has, with what libraries load
late; then looks for what our own modules import within functions."""


@pytest.mark.parametrize("program", ["bot", "worker"])
def test_a_program_imports_nothing_that_its_image_lacks(program: str) -> None:
    project = tomllib.loads(_text(PROJECT / "pyproject.toml"))["project"]
    wanted = project["dependencies"] + project["optional-dependencies"][program]
    code = NEEDED.format(program=program)
    ran = subprocess.run(
        [sys.executable, "-c", code, json.dumps(wanted)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip() == "[]"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_systemd_takes_the_units() -> None:
    ran = subprocess.run(
        ["systemd-analyze", "verify", *map(str, units())],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    lines = (ran.stdout + ran.stderr).strip().splitlines()
    assert len(units()) >= 3
    # The programs lie elsewhere on this machine, which is all it may object to.
    assert [line for line in lines if "is not executable" not in line] == []
