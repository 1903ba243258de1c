"""What the store refuses; each carries what its text needs.

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
│   ├── ZoneUnknown         no such time zone
│   ├── BudgetTooHigh       more money than the host lets a server spend
│   ├── NumberInvalid       a plan's number outside its bounds
│   ├── CheckinOff          the server gives nothing for checking in
│   ├── CheckedIn           the member has checked in today
│   ├── ChannelClosed       the bot is not used in that channel
│   ├── ChannelForbidsVariant  nor this variant
│   ├── OrderedTooSoon      slow mode: the last order is too young
│   ├── HeartForOwn         hearts are for what others made
│   ├── PresetNameInvalid   a preset's name is empty or too long
│   ├── PresetUnknown       no preset of that name
│   ├── PresetsFull         no more presets there
│   ├── LoraNameInvalid     a LoRA's name is empty, too long or has signs that part several
│   ├── LoraNameTaken       another one of the member's has it
│   ├── LoraUnknown         no LoRA of that name, or not for this member
│   ├── LorasFull           the plan holds no more of them
│   ├── LorasTooLarge       nor so many bytes of them
│   ├── LoraTwin            the member has the very same one already
│   ├── LoraNotShared       a LoRA of an order is gone, or not for this member
│   ├── ReviewDone          a moderator has decided on the picture already
│   ├── MemberSuspended     the server lets the member order nothing for a time
│   ├── MemberBanned        nor ever
│   ├── NotSanctioned       the server lets the member order already
│   ├── ReportsOff          the server has no channel for reports
│   ├── ReportOfOwn         the order is the member's own
│   ├── ReportedAlready     once is enough
│   ├── CaseClosed          moderators have looked at it
│   ├── StillDrawing        something of the member's is at work
│   ├── RulesFull           a server has no more rules about words
│   ├── RuleUnknown         no such rule
│   ├── TrainingRuns        another training of the member's has not ended
│   ├── TrainingsNotIncluded   the plan holds none of them
│   ├── TrainingsSpent      the plan holds no more of them today
│   ├── TrainerMissing      nobody trains LoRAs of this base at the moment
│   ├── NotYours            neither the owner nor a moderator
│   ├── Banned              the host lets this person order nothing
│   ├── HostDrains          the host takes no new orders at the moment
│   ├── VariantOff          the host has switched this variant off
│   ├── Banned              the host lets this person order nothing
│   ├── HostDrains          the host takes no new orders at the moment
│   ├── VariantOff          the host has switched this variant off
│   └── Gone                no such order or picture (any more)
├── MoneyRanOut             the server's money ran out while the order was drawn
├── LoraUnfetched           a LoRA's file could not be brought in
│   ├── LoraUrlInvalid      what was given is no https address
│   ├── LoraHostRefused     no files are fetched from that host
│   ├── LoraNotHandedOut    the host does not hand the file out
│   ├── LoraFetchCut        the connection broke too often
│   ├── LoraFetchSlow       it took too long
│   └── LoraFetchGivenUp    whoever fetched it died too often
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


class HostBudgetSpent(StoreRefused):
    """Params: price (in dollars)."""

    code = "host_budget_spent"


class ZoneUnknown(StoreRefused):
    """Params: value."""

    code = "zone_unknown"


class BudgetTooHigh(StoreRefused):
    """Params: limit (in dollars)."""

    code = "budget_too_high"


class NumberInvalid(StoreRefused):
    """Params: value, least, most."""

    code = "number_invalid"


class CheckinOff(StoreRefused):
    """The server's settings give nothing for it."""

    code = "checkin_off"


class CheckedIn(StoreRefused):
    """Params: resets_at."""

    code = "checked_in"


class ChannelClosed(StoreRefused):
    """The server has chosen that nothing is drawn in this channel."""

    code = "channel_closed"


class ChannelForbidsVariant(StoreRefused):
    """Params: variant."""

    code = "channel_forbids_variant"


class OrderedTooSoon(StoreRefused):
    """Params: seconds, again_at (epoch seconds)."""

    code = "ordered_too_soon"


class HeartForOwn(StoreRefused):
    """The order is the member's own."""

    code = "heart_for_own"


class PresetNameInvalid(StoreRefused):
    """Params: value, limit (characters)."""

    code = "preset_name_invalid"


class PresetUnknown(StoreRefused):
    """Params: value."""

    code = "preset_unknown"


class PresetsFull(StoreRefused):
    """Params: limit."""

    code = "presets_full"


class LoraNameInvalid(StoreRefused):
    """Params: value, limit (characters), signs (that a name cannot have)."""

    code = "lora_name_invalid"


class LoraNameTaken(StoreRefused):
    """Params: value."""

    code = "lora_name_taken"


class LoraUnknown(StoreRefused):
    """Params: value."""

    code = "lora_unknown"


class LorasFull(StoreRefused):
    """Params: limit."""

    code = "loras_full"


class LorasTooLarge(StoreRefused):
    """Params: limit (MB)."""

    code = "loras_too_large"


class LoraTwin(StoreRefused):
    """Params: value (the name of the one that is there)."""

    code = "lora_twin"


class LoraNotShared(StoreRefused):
    """A LoRA that an order asks for is gone, or this member may not use it. Params: value."""

    code = "lora_not_shared"


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


class StillDrawing(StoreRefused):
    """What was cancelled has not stopped yet."""

    code = "still_drawing"


class RulesFull(StoreRefused):
    """Params: limit."""

    code = "rules_full"


class RuleUnknown(StoreRefused):
    """Params: value."""

    code = "rule_unknown"


class TrainingRuns(StoreRefused):
    """Another training of the member's waits or runs."""

    code = "training_runs"


class TrainerMissing(StoreRefused):
    """No process is up that trains on this base. Params: base."""

    code = "trainer_missing"


class TrainingsNotIncluded(StoreRefused):
    """The plan holds no trainings at all. Params: plan."""

    code = "trainings_not_included"


class TrainingsSpent(StoreRefused):
    """No more trainings today. Params: limit, plan."""

    code = "trainings_spent"


class NotYours(StoreRefused):
    """Only the owner or a moderator may do this."""

    code = "not_yours"


class Gone(StoreRefused):
    """There is no such order or picture, or it was deleted. Params: id."""

    code = "gone"


class MoneyRanOut(RerollError):
    """The server's money for vendors ran out before this picture. Params: variant."""

    code = "money_ran_out"


class LoraUnfetched(RerollError):
    """A LoRA's file could not be brought in."""

    code = "lora_unfetched"


class LoraUrlInvalid(LoraUnfetched):
    """It is no address that begins with https://."""

    code = "lora_url_invalid"


class LoraHostRefused(LoraUnfetched):
    """The host is not one that files are fetched from, or leads to one. Params: host, hosts."""

    code = "lora_host_refused"


class LoraNotHandedOut(LoraUnfetched):
    """The host answered otherwise. Params: host, status (of HTTP)."""

    code = "lora_not_handed_out"


class LoraFetchCut(LoraUnfetched):
    """The host cannot be reached, or breaks the connection. Params: host."""

    code = "lora_fetch_cut"


class LoraFetchSlow(LoraUnfetched):
    """Params: minutes."""

    code = "lora_fetch_slow"


class LoraFetchGivenUp(LoraUnfetched):
    """The process that fetched it was ended as often as allowed."""

    code = "lora_fetch_given_up"


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


class Banned(StoreRefused):
    """The host lets this person order nothing."""

    code = "banned"


class HostDrains(StoreRefused):
    """The host takes no new orders at the moment."""

    code = "host_drains"


class VariantOff(StoreRefused):
    """Params: variant."""

    code = "variant_off"
