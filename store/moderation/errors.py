"""What moderators have decided, and what cannot be reported.

StoreRefused
├── ReviewDone          a moderator has decided on the picture already
├── MemberSuspended     the server lets the member order nothing for a time
├── MemberBanned        nor ever
├── NotSanctioned       the server lets the member order already
├── ReportsOff          the server has no channel for reports
├── ReportOfOwn         the order is the member's own
├── ReportedAlready     once is enough
└── CaseClosed          moderators have looked at it
"""

from store.errors import StoreRefused


class ReviewDone(StoreRefused):
    """The picture waits for nobody's look (any more)."""

    code = "review_done"


class MemberSuspended(StoreRefused):
    """Params: until (epoch seconds), appeals (the server's own words, may be empty)."""

    code = "member_suspended"


class MemberBanned(StoreRefused):
    """Params: appeals."""

    code = "member_banned"


class NotSanctioned(StoreRefused):
    """There is nothing to lift."""

    code = "not_sanctioned"


class ReportsOff(StoreRefused):
    """The server's settings name no channel for reports."""

    code = "reports_off"


class ReportOfOwn(StoreRefused):
    """One's own pictures are deleted, not reported."""

    code = "report_of_own"


class ReportedAlready(StoreRefused):
    """The member has reported the order before."""

    code = "reported_already"


class CaseClosed(StoreRefused):
    """A moderator has closed the case."""

    code = "case_closed"
