"""What the host has switched off.

StoreRefused
├── Banned              the host lets this person order nothing
├── NotBanned           there is no ban to lift
├── HostDrains          the host takes no new orders at the moment
└── VariantOff          the host has switched this variant off
"""

from store.errors import StoreRefused


class Banned(StoreRefused):
    """The host lets this person order nothing."""

    code = "banned"


class NotBanned(StoreRefused):
    """The host has not banned this person, so there is nothing to lift."""

    code = "not_banned"


class HostDrains(StoreRefused):
    """The host takes no new orders at the moment."""

    code = "host_drains"


class VariantOff(StoreRefused):
    """Params: variant."""

    code = "variant_off"
