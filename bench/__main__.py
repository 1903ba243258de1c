"""`python -m bench`: every figure of the README, one after the other."""

import subprocess
import sys

BENCHES = ("bench.engine", "bench.chain")


def main() -> None:
    """Run each bench in a process of its own."""
    for name in BENCHES:
        print(f"-- {name}", flush=True)
        subprocess.run([sys.executable, "-m", name], check=True)


if __name__ == "__main__":
    main()
