"""What can go wrong with pictures that a vendor draws; torch-free.

VendorFailed                an EngineFailed: a vendor of pictures did not deliver
├── VendorRefusedPrompt    its filter refused the words
├── VendorRefusedPicture   its filter refused the picture
├── VendorRejected         it does not take these settings
├── VendorBusy             it takes no more tasks for now
├── VendorDown             it is away, or did not answer in time
├── VendorUnpaid           the host's account is empty
└── VendorKeyRefused       the host's key is missing or not valid
"""

from engine.errors import EngineFailed


class VendorFailed(EngineFailed):
    """A vendor did not deliver; what it says is in the log. Params of all: variant."""

    code = "vendor_failed"


class VendorRefusedPrompt(VendorFailed):
    """The vendor's filter refused the words."""

    code = "vendor_refused_prompt"


class VendorRefusedPicture(VendorFailed):
    """The vendor's filter refused the picture that came of the words."""

    code = "vendor_refused_picture"


class VendorRejected(VendorFailed):
    """The vendor does not take these settings: its API has changed, or our table is wrong."""

    code = "vendor_rejected"


class VendorBusy(VendorFailed):
    """The vendor takes no more tasks of this account for now."""

    code = "vendor_busy"


class VendorDown(VendorFailed):
    """The vendor is away, or did not answer in time."""

    code = "vendor_down"


class VendorUnpaid(VendorFailed):
    """The host's account with the vendor is empty."""

    code = "vendor_unpaid"


class VendorKeyRefused(VendorFailed):
    """The host's key for the vendor is missing, or the vendor refused it."""

    code = "vendor_key_refused"
