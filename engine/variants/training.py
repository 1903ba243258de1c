"""What a variant's file says of the LoRAs that are trained on its weights; torch-free."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """A whole number that a member may choose."""

    default: int
    least: int
    most: int

    def allows(self, value: int) -> bool:
        """Tell whether it may be this."""
        return self.least <= value <= self.most


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How LoRAs are trained on these weights; they stand with the undistilled ones of a base.

    `layers` are the endings of the linear layers that are changed, `rate` is the learning rate
    at its highest, `batch` how many pictures a step takes, `pixels` what each is shrunk to;
    `dropout` is the share of a LoRA's ranks that each step leaves out, so that none of them learns
    a picture by heart. `strength` is how much of what was learnt is kept: a little less leaves much
    more of what the base knows.
    `cost` is in credits for a hundred steps. A LoRA is kept in `dtype`.
    """

    layers: tuple[str, ...]
    rate: float
    batch: int
    pixels: int
    cost: int
    steps: Bounds
    rank: Bounds
    dropout: float = 0.0
    strength: float = 1.0
    dtype: str = "bfloat16"

    @classmethod
    def from_toml(cls, values: dict[str, object]) -> "Terms":
        """Read a variant's `[training]`. Raises TypeError or KeyError."""
        steps, rank, layers = (values.pop(name) for name in ("steps", "rank", "layers"))
        return cls(
            layers=tuple(layers),  # type: ignore[arg-type]
            steps=Bounds(**steps),  # type: ignore[arg-type]
            rank=Bounds(**rank),  # type: ignore[arg-type]
            **values,  # type: ignore[arg-type]
        )
