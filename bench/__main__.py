"""`python -m bench`: every figure of docs/figures.md, one after the other.

`python -m bench fairness --json` runs one of them, with its own options; without a name options
are the engine's, whose ratios `python -m bench --json` prints.
"""

import subprocess
import sys

BENCHES = (
    "bench.engine",
    "bench.rounds",
    "bench.chain",
    "bench.members",
    "bench.switch",
    "bench.adapters",
    "bench.training",
    "bench.claims",
    "bench.readers",
    "bench.queue",
    "bench.labels",
    "bench.fairness",
    "bench.rules",
    "bench.footprint",
)


def main() -> None:
    """Run each bench, or the named one, in a process of its own."""
    if sys.argv[1:]:
        name, *options = sys.argv[1:]
        if name.startswith("-"):
            name, options = "rounds", sys.argv[1:]
        command = [sys.executable, "-m", f"bench.{name}", *options]
        raise SystemExit(subprocess.run(command, check=False).returncode)
    for name in BENCHES:
        print(f"-- {name}", flush=True)
        subprocess.run([sys.executable, "-m", name], check=True)


if __name__ == "__main__":
    main()
