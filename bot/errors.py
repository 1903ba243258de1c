"""What the Discord side refuses by itself.

RerollError
├── RequestRefused
│   ├── SizeUnreadable      the size is neither a name nor a ratio nor width and height
│   ├── ShapeUnreadable     nor is the shape that a picture is to be expanded to
│   ├── SizeOutside         no rounding brings the size inside the variant's bounds
│   ├── SizeUnoffered       the variant draws nothing but its presets
│   ├── QuestionAnswered    the question has been answered with an order
│   ├── QuestionExpired     the question is too old, or of before a restart
│   ├── ManagerNeeded       only for those who may manage the server
│   ├── HostNeeded          only for those who run the bot
│   ├── OverOwnLimit        the host's own plans let a server spend less
│   ├── OutOfReach          oneself, a server's owner and the host are shut out by nobody
│   ├── HostOutOfReach      who runs the bot is banned by nobody
│   ├── NothingHeld         no worker draws what the host has named
│   ├── ServerNeeded        only in a server that has added the bot
│   ├── GiftToBot           a bot has no use for credits
│   ├── GiftToStranger      who is not in the server, or has left it, cannot spend any there
│   ├── EditUnsupported     no variant here starts from a picture in that way
│   ├── MaskMissing         the variant changes marked parts only
│   ├── UpscaleAtLimit      the picture is as large as any is drawn
│   ├── ExpandNothing       it has that shape already, or no side was named
│   ├── ExpandTooFar        there would be far more around the picture than in it
│   ├── PictureNotGiven     a command that starts from a picture came without one
│   ├── PictureUnknown      no picture of that number that this member can see
│   ├── PictureUnfetched    Discord did not hand the file out
│   ├── PermissionsMissing  the bot may not do in this channel what an order needs
│   ├── CombinationsTooMany the prompt stands for more pictures than are ordered at once
│   ├── PresetEmpty         a preset without a single option
│   ├── LoraForOtherVariant the variant has another base than a LoRA
│   ├── LoraNotReady        a LoRA that is still looked at, or was refused
│   ├── LoraNotGiven        a command that adds one came without a file
│   ├── ZipUnreadable       a zip is damaged, locked or holds too much
│   ├── MessageWithoutOrder the message is not one of ours, or is about no order
│   ├── MessageWithoutPicture the message shows nothing to start from
│   ├── PromptForbidden     what is drawn nowhere: sexual pictures of minors
│   ├── PromptBlocked       a rule of the host's or the server's forbids some words
│   │   └── PromptBlockedHere   but not in age-restricted channels
│   ├── PromptDoubtful      a rule asks whether the member means it
│   ├── ReportsPublic       everybody could read the reports there
│   ├── ExportTooSoon       the member has asked for their data a moment ago
│   ├── RerollDiffers       what is drawn again will not come out as before
│   ├── BanNeeded           only for those who may ban members
│   ├── RuleWordInvalid     nothing that a rule could look for
│   ├── RuleWordsMissing    a rule that replaces needs to know by what
│   ├── TooFast             more commands and presses than people make
│   └── PressOutdated       the button belongs to an older version
└── Unexpected              our own mistake; the log has the rest under `reference`
"""

from engine.errors import RequestRefused, RerollError


class SizeUnreadable(RequestRefused):
    """Neither a preset's name nor like 96x128. Params: value, choices (comma-separated)."""

    code = "size_unreadable"


class ShapeUnreadable(RequestRefused):
    """Neither a name nor like 16:9 or 96x128, where only the shape counts. Params: value."""

    code = "shape_unreadable"


class SizeOutside(RequestRefused):
    """Not within the bounds, or of a shape that does not fit into them.

    Params: typed, least and most (pixels a side), multiple (of a side), pixels (in all).
    """

    code = "size_outside"


class SizeUnoffered(RequestRefused):
    """The variant draws presets only. Params: typed, choices (comma-separated)."""

    code = "size_unoffered"


class QuestionAnswered(RequestRefused):
    """A second press on a question whose order has been placed."""

    code = "question_answered"


class QuestionExpired(RequestRefused):
    """What was asked is not remembered any more; nothing was charged."""

    code = "question_expired"


class ManagerNeeded(RequestRefused):
    """Only for those who may manage the server."""

    code = "manager_needed"


class ServerNeeded(RequestRefused):
    """Not where a member has brought the bot along, nor in direct messages."""

    code = "server_needed"


class HostNeeded(RequestRefused):
    """Only those who run the bot may do that."""

    code = "host_needed"


class OutOfReach(RequestRefused):
    """Nobody shuts out themselves, the owner of the server, or who runs the bot."""

    code = "out_of_reach"


class HostOutOfReach(RequestRefused):
    """Nobody bans who runs the bot."""

    code = "host_out_of_reach"


class OverOwnLimit(RequestRefused):
    """The host asked for more than the plans file lets a server spend. Params: limit (dollars)."""

    code = "over_own_limit"


class NothingHeld(RequestRefused):
    """No worker is drawing what the host named. Params: value."""

    code = "nothing_held"


class GiftToBot(RequestRefused):
    """Credits are for people."""

    code = "gift_to_bot"


class GiftToStranger(RequestRefused):
    """Credits are of use in their server only, and this person is not in it."""

    code = "gift_to_stranger"


class EditUnsupported(RequestRefused):
    """No variant that is switched on can start from a picture in that way."""

    code = "edit_unsupported"


class MaskMissing(RequestRefused):
    """The variant changes nothing but what a mask marks. Params: variant."""

    code = "mask_missing"


class UpscaleAtLimit(RequestRefused):
    """The picture cannot be drawn noticeably larger."""

    code = "upscale_at_limit"


class ExpandNothing(RequestRefused):
    """Nothing would be added to the picture."""

    code = "expand_nothing"


class ExpandTooFar(RequestRefused):
    """A side would grow too much. Params: limit (times)."""

    code = "expand_too_far"


class PictureNotGiven(RequestRefused):
    """Neither an attachment nor a picture's number was given."""

    code = "picture_not_given"


class PictureUnknown(RequestRefused):
    """No such picture, or not one that this member can see. Params: value."""

    code = "picture_unknown"


class PictureUnfetched(RequestRefused):
    """Discord did not hand a file out, or took too long."""

    code = "picture_unfetched"


class PermissionsMissing(RequestRefused):
    """The bot lacks permissions in the channel. Params: permissions (comma-separated)."""

    code = "permissions_missing"


class CombinationsTooMany(RequestRefused):
    """More orders than are placed at once. Params: limit."""

    code = "combinations_too_many"


class PresetEmpty(RequestRefused):
    """There is nothing to keep."""

    code = "preset_empty"


class LoraForOtherVariant(RequestRefused):
    """Params: value, base, variant, known (the variants that take it, comma-separated)."""

    code = "lora_for_other_variant"


class LoraNotReady(RequestRefused):
    """Params: value."""

    code = "lora_not_ready"


class LoraNotGiven(RequestRefused):
    """Neither an attachment nor an address was given, or both."""

    code = "lora_not_given"


class MessageWithoutOrder(RequestRefused):
    """The message is none of the bot's own cards."""

    code = "message_without_order"


class MessageWithoutPicture(RequestRefused):
    """The message has no picture, or none that is finished."""

    code = "message_without_picture"


class PromptForbidden(RequestRefused):
    """No setting allows this. Params: rule_kind, words."""

    code = "prompt_forbidden"


class PromptBlocked(RequestRefused):
    """Params: rule_kind, words (of the prompt)."""

    code = "prompt_blocked"


class PromptBlockedHere(PromptBlocked):
    """An age-restricted channel would allow it. Params: as PromptBlocked."""

    code = "prompt_blocked_here"


class PromptDoubtful(RequestRefused):
    """The member is to be asked. Params: as PromptBlocked."""

    code = "prompt_doubtful"


class ReportsPublic(RequestRefused):
    """The channel for reports is open to everyone."""

    code = "reports_public"


class ExportTooSoon(RequestRefused):
    """Params: again_at (epoch seconds)."""

    code = "export_too_soon"


class RerollDiffers(RequestRefused):
    """The member is to be asked: it will not come out as before. Params: differs."""

    code = "reroll_differs"


class BanNeeded(RequestRefused):
    """The moderator may neither ban members nor manage the server."""

    code = "ban_needed"


class RuleWordInvalid(RequestRefused):
    """Params: value."""

    code = "rule_word_invalid"


class RuleWordsMissing(RequestRefused):
    """A replacement is missing."""

    code = "rule_words_missing"


class TooFast(RequestRefused):
    """More at once than people do."""

    code = "too_fast"


class ZipUnreadable(RequestRefused):
    """The zip cannot be read: damaged, with a password, or of too many files."""

    code = "zip_unreadable"


class PressOutdated(RequestRefused):
    """The button or form is of a version that this one does not know."""

    code = "press_outdated"


class Unexpected(RerollError):
    """A mistake of ours. Params: reference (stands in the log)."""

    code = "internal"
