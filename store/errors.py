"""What the store refuses; each carries what its text needs. Errors of one room lie in the room.

RerollError
├── StoreRefused
│   ├── HeartForOwn         hearts are for what others made
│   ├── StillDrawing        something of the member's is at work
│   ├── NotYours            neither the owner nor a moderator
│   └── Gone                no such order or picture (any more)
├── StoreUnavailable        the database cannot be reached or is full
└── FilesUnavailable        the file store cannot be reached, is full, or has lost a file
LeaseLost                   the claim's fence is stale: stop and drop the work
"""

from engine.errors import RerollError


class StoreRefused(RerollError):
    """The store is well; the member may not do this."""


class HeartForOwn(StoreRefused):
    """The order is the member's own."""

    code = "heart_for_own"


class StillDrawing(StoreRefused):
    """What was cancelled has not stopped yet."""

    code = "still_drawing"


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


class LeaseLost(Exception):
    """A newer claim, a cancellation or the sweeper took this image; its result is dropped."""
