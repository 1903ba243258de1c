"""What a variant's file says of the memory that it takes; torch-free."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What a variant takes, in GB of 10^9 bytes: weights in its dtype, and work beside them.

    `beside` are models that work with these and stay on the device: a ControlNet, a reader of
    pictures. `denoise` and `decode` are for the variant's largest size and most references.
    """

    text_encoder: float
    transformer: float
    vae: float
    denoise: float
    decode: float
    beside: float = 0.0
