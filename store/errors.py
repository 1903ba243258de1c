"""What the store refuses; each carries what its text needs.

RerollError
├── StoreRefused
│   ├── CreditsSpent        the balance does not cover the price
│   ├── NotYours            neither the owner nor a moderator
│   └── Gone                no such order or picture (any more)
├── StoreUnavailable        the database cannot be reached or is full
├── FilesUnavailable        the file store cannot be reached, is full, or has lost a file
├── WorkerMissing           nobody draws this variant at the moment
├── Stuck                   nothing was drawn for so long that waiting on makes no sense
└── WorkerCrashed           every worker that tried this image died
LeaseLost                   the claim's fence is stale: stop and drop the work
"""

from engine.errors import RerollError


class StoreRefused(RerollError):
    """The store is well; the member may not do this."""


class CreditsSpent(StoreRefused):
    """Not enough credits. Params: price, left, resets_at (epoch seconds)."""

    code = "credits_spent"


class NotYours(StoreRefused):
    """Only the owner or a moderator may do this."""

    code = "not_yours"


class Gone(StoreRefused):
    """There is no such order or picture, or it was deleted. Params: id."""

    code = "gone"


class StoreUnavailable(RerollError):
    """The database cannot be reached, is locked for too long, or its disk is full."""

    code = "store_unavailable"


class FilesUnavailable(RerollError):
    """The file store cannot be reached, is full, or has lost the file."""

    code = "files_unavailable"


class WorkerMissing(RerollError):
    """No live worker serves the variant. Params: variant."""

    code = "worker_missing"


class Stuck(RerollError):
    """The order waited while nothing was drawn at all; it is refunded."""

    code = "stuck"


class WorkerCrashed(RerollError):
    """The image took its worker down as often as allowed; it is refunded."""

    code = "worker_crashed"


class LeaseLost(Exception):
    """A newer claim, a cancellation or the sweeper took this image; its result is dropped."""
