"""The page's settings, from the environment or `.env`; it needs no bot token."""

from collections.abc import Set

from pydantic import Field, SecretStr

from store.settings import Settings


class PageSettings(Settings):
    """`REROLL_PAGE_PORT` switches it on; `REROLL_PAGE_SERVERS` are ids whose showcase is shown.

    Members can look at their own pictures where `page_url` (as browsers see it),
    `page_client_id` and `page_client_secret` (of the application's OAuth2) are given.
    """

    page_port: int = Field(default=0, ge=0, le=65535)
    page_host: str = "127.0.0.1"
    page_servers: str = Field(default="", pattern=r"^[\d,\s]*$")
    page_url: str = ""
    page_client_id: str = ""
    page_client_secret: SecretStr = SecretStr("")
    discord_api: str = "https://discord.com"

    @property
    def server_ids(self) -> Set[int]:
        """Return the servers whose showcase everybody may see."""
        return frozenset(int(one) for one in self.page_servers.replace(",", " ").split())

    @property
    def has_login(self) -> bool:
        """Tell whether members can log in."""
        return bool(self.page_url and self.page_client_id and self.page_client_secret)
