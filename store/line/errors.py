"""How an order ends that nobody draws.

RerollError
├── WorkerMissing           nobody draws this variant at the moment
├── Stuck                   nothing was drawn for so long that waiting on makes no sense
└── WorkerCrashed           every worker that tried this image died
"""

from engine.errors import RerollError


class WorkerMissing(RerollError):
    """No live worker serves the variant. Params: variant."""

    code = "worker_missing"


class Stuck(RerollError):
    """The order waited while nothing was drawn at all; it is refunded."""

    code = "stuck"


class WorkerCrashed(RerollError):
    """The image took its worker down as often as allowed; it is refunded."""

    code = "worker_crashed"
