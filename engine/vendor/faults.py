"""What can go wrong on the way to the vendor, before it has a member's words; for logs.

VendorFault
├── Unreachable     no connection: nothing was sent, so it can be sent again
├── AnswerLost      sent, and no whole answer came: it may or may not have been done
├── Unusable        an answer that is not what the API describes
├── Unsendable      pictures that the API has no form for; nothing was sent
└── Again           worth another try after a wait; `error` is what to raise instead at last
"""

from engine.errors import RerollError


class VendorFault(Exception):
    """A call to the vendor that did not go as described."""


class Unreachable(VendorFault):
    """No connection was made; nothing was sent."""


class AnswerLost(VendorFault):
    """The request went out, and no whole answer came back in time."""


class Unusable(VendorFault):
    """An answer that cannot be used; the text says why, in our words only."""


class Unsendable(VendorFault):
    """Pictures to start from that the endpoint has no form for; nothing was sent."""


class Again(VendorFault):
    """Worth another try for `patience_s` in all, and not before `after_s`, where it is known."""

    def __init__(
        self, error: RerollError, *, patience_s: float, after_s: float | None = None
    ) -> None:
        super().__init__(str(error))
        self.error, self.patience_s, self.after_s = error, patience_s, after_s
