"""`python -m store.metrics.probe [url]`: exits 0 where the process on this machine is well.

For containers, which have no curl; without an address it asks the endpoint at REROLL_METRICS_PORT.
"""

import os
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence

PORT = "REROLL_METRICS_PORT"


def main(arguments: Sequence[str]) -> int:
    """Ask and return the exit code."""
    url = arguments[0] if arguments else f"http://127.0.0.1:{os.environ.get(PORT, '0')}/readyz"
    # A proxy that the environment names for downloads does not know this machine's loopback.
    directly = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with directly.open(url, timeout=4) as answer:
            return int(answer.status != 200)
    except (urllib.error.URLError, OSError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
