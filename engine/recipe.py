"""All that decides one picture's pixels, as kept in SQL and inside the file; torch-free."""

import json
from dataclasses import asdict, dataclass
from typing import Any, Self

from engine.request import ImageRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """The request for one picture and everything else that its pixels depend on.

    `variant_digest` is the sha256 of the variant's TOML values, `weights_digest` of the weight
    files; `scheduler` the full scheduler configuration; `versions` the libraries that compute.
    """

    request: ImageRequest
    variant_digest: str
    weights_digest: str
    scheduler: dict[str, Any]
    dtype: str
    mode: str
    device: str
    threads: int
    versions: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {**asdict(self), "request": self.request.to_json()}

    def dumps(self) -> str:
        """Return the canonical text put into image files: ASCII, sorted, no blanks."""
        return json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Build from `to_json` values. Raises TypeError on unknown or missing names."""
        return cls(**{**values, "request": ImageRequest.from_json(values["request"])})
