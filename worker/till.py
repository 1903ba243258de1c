"""The money of one claim: whether there is enough, and what a vendor took, as soon as it says so.

A worker may die in mid-picture, so a charge is written when it is first heard of and corrected at
the end. Knows no budget's size and no vendor's rules but when it takes nothing after all.
"""

from decimal import Decimal

import structlog

from engine.vendor.charge import Charge
from engine.vendor.errors import VendorRefusedPicture, VendorRefusedPrompt
from store.database import Database
from store.errors import StoreUnavailable
from store.line.claims import Claim
from store.money import budgets
from store.money.budgets import Attempt

NOT_CHARGED = (VendorRefusedPrompt, VendorRefusedPicture)
"""Ends that the vendor does not charge, whatever it said when it took the picture on."""

log = structlog.get_logger()


class Till:
    """Holds the last charge that was heard of for one claim."""

    def __init__(self, database: Database, claim: Claim) -> None:
        self._database = database
        # The fence, not the attempt: a picture that is handed back begins the same attempt anew.
        self._attempt = Attempt(claim.generation_id, claim.index, claim.fence)
        self._charge: Charge | None = None

    @property
    def is_charged(self) -> bool:
        """Tell whether a vendor takes something for this picture."""
        return self._charge is not None

    def check(self, variant: str) -> None:
        """Raise MoneyRanOut where the budget does not cover this picture any more."""
        with self._database.reading() as session:
            budgets.check(session, self._attempt, variant)

    def hear(self, charge: Charge | None) -> None:
        """Take note of what the vendor says; write it down the first time."""
        is_first, self._charge = self._charge is None, charge or self._charge
        if is_first and self._charge is not None:
            try:
                self.settle()
            except StoreUnavailable:
                log.warning("charge not written yet", order=self._attempt.generation_id)

    def ended(self, error: Exception) -> None:
        """Take note of how the picture failed."""
        if self._charge is not None and isinstance(error, NOT_CHARGED):
            self._charge = Charge(self._charge.vendor, Decimal(0), Decimal(0))

    def settle(self) -> None:
        """Write the last charge that was heard of; nothing where there was none."""
        if self._charge is not None:
            with self._database.begin() as session:
                budgets.charged(session, self._attempt, self._charge)
