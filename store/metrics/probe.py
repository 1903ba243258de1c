"""`python -m store.metrics.probe`: exits 0 where the process on this machine is well.

For containers, which have no curl; asks the endpoint at REROLL_METRICS_PORT.
"""

import os
import sys
import urllib.error
import urllib.request

PORT = "REROLL_METRICS_PORT"


def main() -> int:
    """Ask and return the exit code."""
    url = f"http://127.0.0.1:{os.environ.get(PORT, '0')}/readyz"
    try:
        with urllib.request.urlopen(url, timeout=4) as answer:
            return int(answer.status != 200)
    except (urllib.error.URLError, OSError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 1


if __name__ == "__main__":
    raise SystemExit(main())
