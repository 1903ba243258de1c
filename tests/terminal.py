"""A person before a terminal, in which `make run`'s program runs against a local Discord."""

import os
import pty
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def clean() -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if "DISCORD" not in k and "REROLL" not in k}
    return {**kept, "PYTHONPATH": str(ROOT)}


class Terminal:
    """A person before a terminal in which `python -m local --discord` runs."""

    def __init__(self, folder: Path, discord_url: str, code: Path = ROOT) -> None:
        self._own, theirs = pty.openpty()
        self.seen = ""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "local", "--discord"],
            cwd=folder,
            env={**clean(), "PYTHONPATH": str(code), "REROLL_DISCORD_URL": discord_url},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        os.set_blocking(self._own, False)

    def until(self, pattern: str, seconds: float = 60) -> None:
        give_up_at = time.monotonic() + seconds
        while not re.search(pattern, self.seen):
            if time.monotonic() > give_up_at:
                raise TimeoutError(self.seen)
            try:
                self.seen += os.read(self._own, 65536).decode()
            except OSError:  # nothing yet, or it has ended
                time.sleep(0.05)

    def type(self, line: str) -> None:
        os.write(self._own, f"{line}\n".encode())

    def close(self) -> int:
        self.process.terminate()
        code = self.process.wait(30)
        os.close(self._own)
        return code
