"""`python -m tests.audit`: the installed packages held against the list of known vulnerabilities.

A fault that has a mended version ends it with 1; one that has none is told. Where the list cannot
be reached, it says that nothing was looked at, and ends with 0: that is no fault of ours.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

COMMAND = (sys.executable, "-m", "pip_audit", "--progress-spinner", "off", "--format", "json")
PATIENCE_S = 120


def main() -> None:
    """Ask, tell, and exit."""
    lines, code = judged(_asked())
    print("\n".join(lines))  # noqa: T201
    sys.exit(code)


def judged(packages: Sequence[Mapping[str, Any]]) -> tuple[list[str], int]:
    """Return what to say of the answer, and the exit code."""
    looked_at = [one for one in packages if "vulns" in one]
    if not looked_at:
        return ["audit: the list of vulnerabilities cannot be reached; nothing was looked at"], 0
    faults = [*_faults(looked_at)]
    lines = [f"{name} {version}: {fault}, {mend}" for name, version, fault, mend in faults]
    mendable = [one for one in faults if one[3] != "no mended version yet"]
    lines.append(
        f"audit: {len(looked_at)} of {len(packages)} packages looked at, "
        f"{len(faults)} known vulnerabilities, {len(mendable)} with a mended version"
    )
    return lines, 1 if mendable else 0


def _faults(packages: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str, str, str]]:
    for one in packages:
        for fault in one["vulns"]:
            versions = ", ".join(fault.get("fix_versions") or ())
            mend = f"mended in {versions}" if versions else "no mended version yet"
            yield str(one["name"]), str(one["version"]), str(fault["id"]), mend


def _asked() -> Sequence[Mapping[str, Any]]:
    try:
        ran = subprocess.run(
            COMMAND, capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )
        packages: Sequence[Mapping[str, Any]] = json.loads(ran.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, ValueError, KeyError):
        return []
    return packages


if __name__ == "__main__":
    main()
