"""How a worker listens while its queue is away, or cannot write: Celery on a real broker."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing, suppress
from itertools import pairwise
from pathlib import Path

import pytest

from tests import broker, disks
from tests.broker import RunningBroker
from worker.queue import BrokerUnavailable, Tickets

PROJECT = Path(__file__).resolve().parents[2]
LISTENER = """
import sys
from store import logs
from worker import app
from worker.hand import Hand

def work():
    print("took a ticket", flush=True)

logs.configure("info")
app.run(app.build(sys.argv[1], ["starter"], work), Hand(), grace_s=0)
"""
TRIES = 5

pytestmark = pytest.mark.timeout(120)


class Listener:
    """A process that only listens: as a worker does, without an engine."""

    def __init__(self, url: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", LISTENER, url],
            cwd=PROJECT,
            env={**os.environ, "PYTHONPATH": str(PROJECT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self._process.stdout
        self._lines, self.said = self._process.stdout, list[str]()

    def hears(self, words: str) -> None:
        """Read on until these words were said."""
        for line in self._lines:
            self.said.append(line.rstrip())
            if words in line:
                return
        raise RuntimeError("\n".join(self.said))

    def end(self) -> int:
        """Ask it to end; return its exit code."""
        self._process.send_signal(signal.SIGTERM)
        self.said += self._lines.read().splitlines()
        return self._process.wait()

    def close(self) -> None:
        """End it, whatever it does."""
        self._process.kill()
        self._process.wait()
        self._lines.close()


def said_twice(listener: Listener) -> list[str]:
    """Return what was complained of: that the queue was away, and that it is back."""
    loud = [line for line in listener.said if "store.outages" in line]
    assert len(loud) == 2, "\n".join(loud)
    assert "broker, listening" in loud[0]
    assert "available again" in loud[1]
    return loud


def test_a_queue_that_dies_is_said_once_and_heard_again(running_broker: RunningBroker) -> None:
    tickets = Tickets(running_broker.url)
    with closing(Listener(running_broker.url)) as listener:
        listener.hears("REROLL READY")
        running_broker.kill()
        listener.hears("unavailable")
        running_broker.start()
        tickets.send("starter")
        listener.hears("took a ticket")
        assert listener.end() == 0
        said_twice(listener)
    tickets.close()


def test_a_queue_whose_disk_is_full_is_waited_for(tmp_path: Path) -> None:
    with disks.small(tmp_path / "disk", "4m") as disk, broker.running(disk.folder) as queue:
        tickets = Tickets(queue.url)
        with closing(Listener(queue.url)) as listener:
            listener.hears("REROLL READY")
            disk.fill()
            with suppress(BrokerUnavailable):
                while True:  # until the queue has noticed
                    tickets.send("starter")
                    time.sleep(0.1)
            listener.hears("unavailable")
            disk.empty()
            listener.hears("available again")
            tickets.send("starter")
            listener.hears("took a ticket")
            assert listener.end() == 0
            assert "No space left on device" in said_twice(listener)[0]
        tickets.close()


def test_it_looks_for_a_queue_that_is_away_as_often_at_the_end(tmp_path: Path) -> None:
    """Not ever more rarely: else a worker is deaf for half a minute after a long outage."""
    door = tmp_path / "broker.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(door))
        server.listen()
        with closing(Listener(f"redis+socket://{door}")):
            looks = [_visited(server) for _ in range(TRIES)]
    gaps = [after - before for before, after in pairwise(looks)]
    assert min(gaps[-2:]) < 2 * min(gaps[:2])


def _visited(server: socket.socket) -> float:
    """Turn the next visitor away; return when it came."""
    visitor, _ = server.accept()
    visitor.close()
    return time.monotonic()
