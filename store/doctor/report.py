"""Findings of a doctor: what was looked at, how it is, and how to mend it; knows no check."""

import argparse
import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

PATIENCE_S = 20.0
"""A check that takes longer is given up: what it looks at does not answer."""
DEEP_S = 3600.0
ABOUT = "Look at everything that is needed; each line says how it is, and how to mend it."


class State(StrEnum):
    """How it is; the order is that of the exit code's worst."""

    OK = "ok"
    WARNING = "warning"
    BROKEN = "broken"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: `said` is what is the case, `mend` what to do about it."""

    name: str
    state: State
    said: str
    mend: str = ""


Check = Callable[[], Iterable[Finding]]
"""Looks at one thing. What it raises makes it one that could not be looked at."""


def ok(name: str, said: str) -> Finding:
    """Return that it is well."""
    return Finding(name, State.OK, said)


def warning(name: str, said: str, mend: str) -> Finding:
    """Return that it works, and should be otherwise."""
    return Finding(name, State.WARNING, said, mend)


def broken(name: str, said: str, mend: str) -> Finding:
    """Return that it does not work."""
    return Finding(name, State.BROKEN, said, mend)


def unknown(name: str, said: str, mend: str = "") -> Finding:
    """Return that it could not be looked at, and why."""
    return Finding(name, State.UNKNOWN, said, mend)


def examine(checks: Mapping[str, Check], patience_s: float = PATIENCE_S) -> list[Finding]:
    """Run all checks side by side; return their findings in the order of the checks."""
    runs = [_Run(name, check) for name, check in checks.items()]
    for run in runs:
        run.thread.start()
    return [finding for run in runs for finding in run.findings(patience_s)]


def worst(findings: Iterable[Finding]) -> int:
    """Return an exit code: 1 where something is broken, else 0."""
    return int(any(finding.state is State.BROKEN for finding in findings))


def as_text(findings: Sequence[Finding]) -> str:
    """Return one line for each, and below what is not well how to mend it."""
    return "\n".join(_lines(findings))


def as_json(findings: Sequence[Finding]) -> str:
    """Return the same for machines."""
    told = {"ok": worst(findings) == 0, "findings": [asdict(finding) for finding in findings]}
    return json.dumps(told, ensure_ascii=False, indent=2)


def parser(program: str) -> argparse.ArgumentParser:
    """Return what `python -m PROGRAM doctor` understands."""
    made = argparse.ArgumentParser(prog=f"python -m {program} doctor", description=ABOUT)
    made.add_argument("--json", action="store_true", help="for machines")
    made.add_argument("--deep", action="store_true", help="read all weights, for their sha256")
    return made


def run(
    options: argparse.Namespace, checks: Mapping[str, Check], patience_s: float = PATIENCE_S
) -> int:
    """Examine, say what was found, and return the exit code."""
    findings = examine(checks, DEEP_S if options.deep else patience_s)
    print((as_json if options.json else as_text)(findings))  # noqa: T201 - a command speaks
    return worst(findings)


class _Run:
    """One check in a thread of its own, which a thing that hangs keeps and nobody waits for."""

    def __init__(self, name: str, check: Check) -> None:
        self._name, self._check = name, check
        self._found: list[Finding] = []
        self.thread = threading.Thread(target=self._look, daemon=True)

    def findings(self, patience_s: float) -> list[Finding]:
        self.thread.join(patience_s)
        if self.thread.is_alive():
            return [unknown(self._name, f"no answer within {patience_s:g} seconds")]
        return self._found

    def _look(self) -> None:
        try:
            self._found = list(self._check())
        except Exception as error:
            # The type alone: a text may hold an address with its password.
            self._found = [unknown(self._name, f"cannot be looked at: {type(error).__name__}")]


def _lines(findings: Sequence[Finding]) -> Iterator[str]:
    width = max((len(finding.name) for finding in findings), default=0)
    for finding in findings:
        yield f"{finding.state.value:<8} {finding.name:<{width}}  {finding.said}"
        if finding.mend:
            yield f"{'':<8} {'':<{width}}  -> {finding.mend}"
    counts = {state: sum(one.state is state for one in findings) for state in State}
    yield ", ".join(_counted(state, count) for state, count in counts.items() if count)


def _counted(state: State, count: int) -> str:
    return f"{count} {state.value}{'s' if state is State.WARNING and count > 1 else ''}"
