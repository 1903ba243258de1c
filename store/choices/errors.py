"""What servers, channels and members have chosen, or cannot choose.

StoreRefused
├── ZoneUnknown         no such time zone
├── ChannelClosed       the bot is not used in that channel
├── ChannelForbidsVariant  nor this variant
├── OrderedTooSoon      slow mode: the last order is too young
├── PresetNameInvalid   a preset's name is empty or too long
├── PresetUnknown       no preset of that name
├── PresetsFull         no more presets there
├── RulesFull           a server has no more rules about words
└── RuleUnknown         no such rule
"""

from store.errors import StoreRefused


class ZoneUnknown(StoreRefused):
    """Params: value."""

    code = "zone_unknown"


class ChannelClosed(StoreRefused):
    """The server has chosen that nothing is drawn in this channel."""

    code = "channel_closed"


class ChannelForbidsVariant(StoreRefused):
    """Params: variant."""

    code = "channel_forbids_variant"


class OrderedTooSoon(StoreRefused):
    """Params: seconds, again_at (epoch seconds)."""

    code = "ordered_too_soon"


class PresetNameInvalid(StoreRefused):
    """Params: value, limit (characters)."""

    code = "preset_name_invalid"


class PresetUnknown(StoreRefused):
    """Params: value."""

    code = "preset_unknown"


class PresetsFull(StoreRefused):
    """Params: limit."""

    code = "presets_full"


class RulesFull(StoreRefused):
    """Params: limit."""

    code = "rules_full"


class RuleUnknown(StoreRefused):
    """Params: value."""

    code = "rule_unknown"
