"""What settings are called where a host writes them."""

from pydantic import ValidationError


def wrong(error: ValidationError) -> list[str]:
    """Return the names of the settings that an error is about, as they stand in `.env`."""
    fields = (str(fault["loc"][0]) for fault in error.errors())
    return [name if name == "DISCORD_TOKEN" else f"REROLL_{name}".upper() for name in fields]
