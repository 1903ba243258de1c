"""What the LoRA library refuses, and files that could not be brought in.

RerollError
├── StoreRefused
│   ├── LoraNameInvalid     a LoRA's name is empty, too long or has signs that part several
│   ├── LoraNameTaken       another one of the member's has it
│   ├── LoraUnknown         no LoRA of that name, or not for this member
│   ├── LorasFull           the plan holds no more of them
│   ├── LorasTooLarge       nor so many bytes of them
│   ├── LoraTwin            the member has the very same one already
│   └── LoraNotShared       a LoRA of an order is gone, or not for this member
└── LoraUnfetched           a LoRA's file could not be brought in
    ├── LoraUrlInvalid      what was given is no https address
    ├── LoraHostRefused     no files are fetched from that host
    ├── LoraNotHandedOut    the host does not hand the file out
    ├── LoraFetchCut        the connection broke too often
    ├── LoraFetchSlow       it took too long
    └── LoraFetchGivenUp    whoever fetched it died too often
"""

from engine.errors import RerollError
from store.errors import StoreRefused


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
