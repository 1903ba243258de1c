"""A real Redis-protocol broker for tests, as `python -m local` starts it."""

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import redis

from local import broker


@dataclass
class RunningBroker:
    """A broker that can be killed, started again and frozen."""

    plan: broker.Broker
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return self.plan.url

    def start(self) -> None:
        self.process = subprocess.Popen(self.plan.command, stdout=subprocess.DEVNULL)
        client = redis.Redis(unix_socket_path=str(self.plan.socket))
        until = time.monotonic() + 10
        while time.monotonic() < until:
            try:
                client.ping()
            except redis.RedisError:
                time.sleep(0.02)
            else:
                client.close()
                return
        raise TimeoutError("the broker does not answer")

    def kill(self) -> None:
        assert self.process
        self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.wait()

    def freeze(self) -> None:
        assert self.process
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.process
        self.process.send_signal(signal.SIGCONT)


@contextmanager
def running(folder: Path) -> Iterator[RunningBroker]:
    """Yield a broker that keeps its data in `folder`."""
    with broker.embedded(folder) as plan:
        started = RunningBroker(plan)
        started.start()
        try:
            yield started
        finally:
            started.kill()
