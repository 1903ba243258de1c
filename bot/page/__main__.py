"""`python -m bot.page`: the web page, as a process of its own that holds no bot token."""

from aiohttp import web
from pydantic import ValidationError

from bot.i18n import Texts
from bot.page.login import Login
from bot.page.settings import PageSettings
from bot.page.site import Site
from engine import setting_names
from store import logs
from store.database import Database
from store.files import Files


def main() -> None:
    """Serve until told to stop."""
    try:
        settings = PageSettings()  # type: ignore[call-arg]  # from the environment
    except ValidationError as error:
        names = ", ".join(setting_names.wrong(error))
        raise SystemExit(f"page: settings missing or wrong: {names}. See .env.example.") from None
    if not settings.page_port:
        raise SystemExit("page: it is off; REROLL_PAGE_PORT switches it on")
    logs.configure(settings.log_level, settings.log_format)
    database = Database(settings.database_url.get_secret_value())
    try:
        app = site(settings, database).app()
        web.run_app(
            app, host=settings.page_host, port=settings.page_port, access_log=None, print=_ready
        )
    except OSError as error:
        raise SystemExit(f"page: port {settings.page_port} cannot be used: {error}") from None
    finally:
        database.close()


def site(settings: PageSettings, database: Database) -> Site:
    """Return the page's world; nothing connects yet."""
    return Site(
        settings=settings,
        database=database,
        files=Files(settings.files_url),
        texts=Texts(),
        labels=settings.labels(),
        login=Login(settings),
    )


def _ready(_banner: str) -> None:
    print("REROLL READY", flush=True)


if __name__ == "__main__":
    main()
