"""The worker's settings, from the environment or `.env`."""

import socket

from pydantic import Field

from engine.memory_settings import MemorySettings
from engine.vendor.settings import VendorSettings
from store.settings import Settings


class WorkerSettings(Settings, VendorSettings, MemorySettings):
    """Adds what only a worker needs.

    `worker_name` must be unique per process and the same after a restart (a worker takes back what
    its former life held); `device` is torch's name, chosen by itself where empty; `grace_s` is how
    long a picture may go on after SIGTERM.
    """

    worker_name: str = Field(default_factory=lambda: f"{socket.gethostname()}-0")
    device: str = ""
    grace_s: float = 20.0
