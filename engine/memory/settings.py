"""The host's wishes for memory, from the environment or `.env`; built in entry points."""

from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from engine.memory.levers import Offload, Use, Wishes


class MemorySettings(BaseSettings):
    """`REROLL_MEMORY_GB`, `REROLL_OFFLOAD`, `REROLL_FP8`, `REROLL_VAE_TILING`, and some for speed.

    `memory_gb` is the most to take on the device: what is free at the start where it is not given.
    The speed of `attention`, `compile` and the mode `fast` costs other last bits, so the host alone
    asks for them. `rows` is how many pictures share a forward, measured where it is not given;
    encoded texts are kept in `words_folder` too, if there is one. `text_device` is where texts are
    encoded, if not where pictures are drawn.
    """

    model_config = SettingsConfigDict(env_prefix="REROLL_", env_file=".env", extra="ignore")

    memory_gb: float | None = Field(default=None, gt=0)
    offload: Literal["auto", "none", "model", "group"] = "auto"
    fp8: Use = Use.NEVER
    vae_tiling: Use = Use.NEVER
    attention: str = ""
    compile: bool = False
    mode: Literal["exact", "fast"] = "exact"
    rows: int | None = Field(default=None, ge=1)
    words_folder: str = ""
    text_device: str = Field(default="", pattern=r"^(cpu|cuda(:\d+)?)?$")

    @property
    def wishes(self) -> Wishes:
        """Return them as the engine takes them."""
        return Wishes(
            limit_gb=self.memory_gb,
            offload=None if self.offload == "auto" else Offload(self.offload),
            fp8=self.fp8,
            tiling=self.vae_tiling,
            attention=self.attention,
            compiled=self.compile,
            fast=self.mode == "fast",
            rows=self.rows,
            words=self.words_folder,
            text=self.text_device,
        )
