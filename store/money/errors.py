"""What credits, plans and money for vendors do not cover.

RerollError
├── StoreRefused
│   ├── CreditsSpent        the balance does not cover the price
│   ├── SlowLaneTooSmall    nor does the slow lane take the order
│   ├── SlowLaneBusy        it holds another order of the member's
│   ├── ConfirmationNeeded  the price is above what is ordered without asking
│   ├── PlanForbidsVariant  the member's plan has not this variant
│   ├── PlanForbidsSize     nor so large a picture
│   ├── PlanForbidsCount    nor so many pictures at once
│   ├── TooManyOrders       nor another order beside those that are open
│   ├── AllowanceSpent      the member's money for vendors is spent for today
│   ├── BudgetSpent         so is the server's
│   ├── BudgetNone          the server pays for no pictures at all
│   ├── HostBudgetSpent     so is what the host lets all servers spend
│   ├── BudgetTooHigh       more money than the host lets a server spend
│   ├── BudgetForbidden     the host lets servers spend none
│   ├── NumberInvalid       a plan's number outside its bounds
│   ├── CheckinOff          the server gives nothing for checking in
│   └── CheckedIn           the member has checked in today
└── MoneyRanOut             the server's money ran out while the order was drawn
"""

from engine.errors import RerollError
from store.errors import StoreRefused


class CreditsSpent(StoreRefused):
    """Not enough credits. Params: price, left, resets_at (epoch seconds)."""

    code = "credits_spent"


class SlowLaneTooSmall(StoreRefused):
    """Credits are spent, and the slow lane draws less. Params: as CreditsSpent, count, side."""

    code = "slow_lane_too_small"


class SlowLaneBusy(StoreRefused):
    """Credits are spent, and an order waits in the slow lane. Params: as CreditsSpent."""

    code = "slow_lane_busy"


class ConfirmationNeeded(StoreRefused):
    """The member is to be asked first. Params: price, left (after it)."""

    code = "confirmation_needed"


class PlanForbidsVariant(StoreRefused):
    """Params: variant, plan."""

    code = "plan_forbids_variant"


class PlanForbidsSize(StoreRefused):
    """Params: width, height, side (of the largest square), plan."""

    code = "plan_forbids_size"


class PlanForbidsCount(StoreRefused):
    """Params: value, limit, plan."""

    code = "plan_forbids_count"


class TooManyOrders(StoreRefused):
    """Params: limit, plan."""

    code = "too_many_orders"


class AllowanceSpent(StoreRefused):
    """Params: price, left (both in dollars), plan, resets_at."""

    code = "allowance_spent"


class BudgetSpent(StoreRefused):
    """Params: price, left (both in dollars), resets_at."""

    code = "budget_spent"


class BudgetNone(StoreRefused):
    """Tomorrow changes nothing about it. Params: price (in dollars)."""

    code = "budget_none"


class HostBudgetSpent(StoreRefused):
    """Params: price (in dollars)."""

    code = "host_budget_spent"


class BudgetTooHigh(StoreRefused):
    """Params: limit (in dollars)."""

    code = "budget_too_high"


class BudgetForbidden(StoreRefused):
    """The host lets servers spend no money."""

    code = "budget_forbidden"


class NumberInvalid(StoreRefused):
    """Params: value, least, most."""

    code = "number_invalid"


class CheckinOff(StoreRefused):
    """The server's settings give nothing for it."""

    code = "checkin_off"


class CheckedIn(StoreRefused):
    """Params: resets_at."""

    code = "checked_in"


class MoneyRanOut(RerollError):
    """The server's money for vendors ran out before this picture. Params: variant."""

    code = "money_ran_out"
