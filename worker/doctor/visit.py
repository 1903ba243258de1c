"""`python -m worker doctor`: all that a worker needs, looked at."""

from collections.abc import Mapping, Sequence
from functools import partial

from pydantic import SecretStr, ValidationError

from store.doctor import report
from store.doctor.report import Check
from worker.doctor import drawing, rows
from worker.doctor.shared import shared, wrong_settings
from worker.settings import WorkerSettings


class Lenient(WorkerSettings):
    """The worker's settings, where those that are missing are told one by one."""

    database_url: SecretStr = SecretStr("")
    broker_url: SecretStr = SecretStr("")
    files_url: str = ""


def main(arguments: Sequence[str]) -> int:
    """Say what was found; return the exit code."""
    options = report.parser("worker").parse_args(arguments)
    return report.run(options, checks(deep=options.deep))


def checks(*, deep: bool) -> Mapping[str, Check]:
    """Return what to look at, as the environment has it."""
    try:
        settings = Lenient()
    except ValidationError as error:
        found = wrong_settings(error)
        return {"settings": lambda: [found]}
    return {**shared(settings), **drawing_of(settings, deep=deep)}


def drawing_of(settings: WorkerSettings, *, deep: bool) -> Mapping[str, Check]:
    """Return checks of what only a worker needs."""
    return {
        "weights": partial(drawing.weights, settings, digests=deep),
        "folders": partial(drawing.folders, settings),
        "memory": partial(drawing.memory, settings),
        "rows": partial(rows.shared, settings),
        "vendor": partial(drawing.vendor, settings),
        "output check": partial(drawing.output_check, settings),
    }
