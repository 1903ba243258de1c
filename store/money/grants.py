"""Credits that are given and kept: gifts from those who run a server, and daily check-ins."""

from datetime import datetime

from sqlalchemy.orm import Session

from store.choices import servers
from store.choices.servers import Defaults
from store.host import controls
from store.moderation import audit, sanctions
from store.money import ledger
from store.money.errors import CheckedIn, CheckinOff
from store.money.ledger import Balance, Flow
from store.money.plans import Rank


def give(session: Session, flow: Flow, credits: int, *, by: int, gift_id: int) -> None:
    """Give a member credits; the same `gift_id` gives once."""
    ledger.lock(session, flow)
    if not ledger.was_granted(session, flow, reference := f"gift:{gift_id}"):
        ledger.grant(session, flow, credits, reference, by=by)
        audit.record(
            session, flow.guild_id, by, "gift", target_id=flow.user_id, details={"credits": credits}
        )


def check_in(
    session: Session, defaults: Defaults, flow: Flow, member: Rank, now: datetime
) -> tuple[int, Balance]:
    """Give what the server gives once a day; return it and what the member has then.

    Raises CheckinOff, CheckedIn, or Banned, MemberSuspended or MemberBanned: who may not order
    gathers nothing for later.
    """
    controls.check_member(session, flow.user_id)
    sanctions.check(session, flow.guild_id, flow.user_id)
    server = servers.read(session, defaults, flow.guild_id, now)
    if not server.checkin_credits:
        raise CheckinOff
    reference = f"checkin:{server.now.date().isoformat()}"
    ledger.lock(session, flow)
    if ledger.was_granted(session, flow, reference):
        raise CheckedIn(resets_at=ledger.resets_at(server.now))
    ledger.grant(session, flow, server.checkin_credits, reference)
    left = ledger.balance(session, flow, server.plan(member), server.now)
    return server.checkin_credits, left
