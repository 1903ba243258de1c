"""What a vendor takes for a picture; knows no ledger, no member and no budget."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Charge:
    """Real money for one picture: in the vendor's own credits and in US dollars.

    `is_estimate` where the vendor has not said its price: then it is our table's.
    """

    vendor: str
    credits: Decimal
    usd: Decimal
    is_estimate: bool = False
