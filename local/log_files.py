"""Log files of child processes, which outlive a full disk; knows no process."""

import contextlib
import logging
import sys
from collections.abc import Callable, Iterator
from logging.handlers import RotatingFileHandler
from pathlib import Path

LOG_BYTES = 5_000_000


class _LogFile(RotatingFileHandler):
    """A log file; lines that a full disk does not take are lost, which is said once."""

    def __init__(self, path: Path, tell: Callable[[str], None]) -> None:
        super().__init__(path, maxBytes=LOG_BYTES, backupCount=2, encoding="utf-8")
        self._tell = tell
        self._is_lost = self._was_lost = False

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line, if it can be."""
        self._was_lost, self._is_lost = self._is_lost, False
        super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:
        """Note that a line could not be written."""
        self._is_lost = True
        if not self._was_lost:
            self._tell(f"{self.baseFilename} misses lines: {sys.exception()}")
        if self.stream and self.stream.closed:  # full just when the next file was to be begun
            self.stream = None


@contextlib.contextmanager
def log_file(name: str, path: Path, tell: Callable[[str], None]) -> Iterator[logging.Logger]:
    """Yield what writes a program's lines to `path`; `tell` hears where it cannot."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = _LogFile(path, tell)
    writer = logging.Logger(name)
    writer.addHandler(handler)
    try:
        yield writer
    finally:
        with contextlib.suppress(OSError):  # what a full disk did not take
            handler.close()
