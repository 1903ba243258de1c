"""The board and the alerts ask for what bot and worker tell, and for nothing else."""

import json
import re
import shutil
import subprocess
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

PROJECT = Path(__file__).resolve().parents[2]
DEPLOY = PROJECT / "deploy"
BOARD = json.loads((DEPLOY / "grafana" / "board.json").read_text())
RULES = yaml.safe_load((DEPLOY / "alerts.yml").read_text())["groups"][0]["rules"]
ON_THE_BOARD = [target["expr"] for panel in BOARD["panels"] for target in panel["targets"]]
ASKED = [*ON_THE_BOARD, *(rule["expr"] for rule in RULES)]


def text_of(*patterns: str) -> str:
    return "".join(file.read_text() for one in patterns for file in PROJECT.glob(one))


def test_every_number_that_is_asked_for_is_one_that_there_is() -> None:
    told = text_of("store/metrics/*.py", "bot/measured.py", "worker/measured.py")
    asked = {name for one in ASKED for name in re.findall(r"reroll_\w+", one)}
    assert len(asked) >= 15
    for name in asked:
        assert f'"{name.removesuffix("_total")}"' in told, name


def test_every_event_that_is_asked_for_is_one_that_is_logged() -> None:
    told = text_of("bot/**/*.py", "worker/**/*.py", "store/**/*.py", "engine/**/*.py")
    events = {name for one in ASKED for name in re.findall(r'event="([^"]+)"', one)}
    assert len(events) >= 4
    for name in events:
        assert re.search(rf'\.(info|warning|error)\(\s*"{name}"', told), name


def test_legends_name_labels_and_panels_do_not_lie_on_each_other() -> None:
    known = {"variant", "quantile", "status", "instance", "level", "event", "flow"}
    legends = [target["legendFormat"] for panel in BOARD["panels"] for target in panel["targets"]]
    assert {name for one in legends for name in re.findall(r"{{(\w+)}}", one)} <= known
    for one, other in combinations([panel["gridPos"] for panel in BOARD["panels"]], 2):
        assert apart(one, other), (one, other)
    assert len({panel["id"] for panel in BOARD["panels"]}) == len(BOARD["panels"])


def apart(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return any(
        first[at] + first[size] <= second[at]
        for first, second in ((one, other), (other, one))
        for at, size in (("x", "w"), ("y", "h"))
    )


def test_any_prometheus_may_be_its_source() -> None:
    sources = [panel["datasource"] for panel in BOARD["panels"]]
    assert {one["uid"] for one in sources} == {"${datasource}"}
    assert [one["name"] for one in BOARD["templating"]["list"]] == ["datasource"]


@pytest.mark.skipif(shutil.which("promtool") is None, reason="no Prometheus here")
def test_prometheus_takes_the_files(tmp_path: Path) -> None:
    rules = [{"record": f"board:{n}", "expr": expr} for n, expr in enumerate(ON_THE_BOARD)]
    (tmp_path / "board.yml").write_text(yaml.safe_dump({"groups": [{"name": "b", "rules": rules}]}))
    for kind, file in (("config", DEPLOY / "prometheus.yml"), ("rules", tmp_path / "board.yml")):
        command = ["promtool", "check", kind, str(file)]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert ran.returncode == 0, ran.stdout + ran.stderr
