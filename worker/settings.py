"""The worker's settings, from the environment or `.env`."""

import socket
import tempfile
from pathlib import Path

from pydantic import Field

from engine.judging.settings import JudgeSettings
from engine.memory.levers import GB
from engine.memory.settings import MemorySettings
from engine.vendor.settings import VendorSettings
from store.settings import Settings
from worker.disk import Disk


class WorkerSettings(Settings, VendorSettings, MemorySettings, JudgeSettings):
    """Adds what only a worker needs.

    `worker_name` must be unique per process and the same after a restart (a worker takes back what
    its former life held); `device` is torch's name, chosen by itself where empty; `grace_s` is how
    long a picture may go on after SIGTERM. Where the file store is another machine's, LoRAs are
    kept in `lora_folder` too, up to `lora_folder_gb`; 0 keeps none. What is fetched for the library
    lies in `parts_folder` until it is whole. `discord_url` is the local Discord's, whose
    attachments are fetched from this machine.
    """

    worker_name: str = Field(default_factory=lambda: f"{socket.gethostname()}-0")
    device: str = ""
    grace_s: float = 20.0
    lora_folder: Path = Path("~/.cache/reroll/loras")
    lora_folder_gb: float = Field(default=20.0, ge=0)
    parts_folder: Path = Path(tempfile.gettempdir()) / "reroll-parts"
    discord_url: str = ""

    @property
    def lora_disk(self) -> Disk | None:
        """Return where LoRAs are kept on this machine; None where they lie there already."""
        if self.files_url.startswith("file:") or not self.lora_folder_gb:
            return None
        return Disk(self.lora_folder.expanduser(), self.lora_folder_gb * GB)
