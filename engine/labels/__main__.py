"""`python -m engine.labels`: a certificate to try out, and what a file says about itself."""

import argparse
import json
from datetime import UTC, datetime
from pathlib import Path

from engine.labels import certificate
from engine.labels.reading import Found, read
from engine.labels.settings import LabelSettings


def main(arguments: list[str] | None = None) -> None:
    """Make a trial certificate, or read files as anybody may."""
    parser = argparse.ArgumentParser(prog="python -m engine.labels", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    trial = commands.add_parser("certificate", help="make a certificate that nobody else trusts")
    trial.add_argument("folder", type=Path)
    trial.add_argument("--organisation", default="Reroll trial")
    shown = commands.add_parser("read", help="print what files say about themselves, a line each")
    shown.add_argument("files", type=Path, nargs="+")
    given = parser.parse_args(arguments)
    if given.command == "certificate":
        _make(given.folder, given.organisation)
    else:
        labels = LabelSettings().labels()
        for file in given.files:
            print(json.dumps({"file": str(file)} | _told(read(file.read_bytes(), labels))))


def _make(folder: Path, organisation: str) -> None:
    try:
        chain, key = certificate.make(folder, organisation, datetime.now(UTC))
    except FileExistsError as error:
        raise SystemExit(f"{error.filename} is there already") from None
    print(f"REROLL_C2PA_CHAIN={chain}\nREROLL_C2PA_KEY={key}")


def _told(found: Found) -> dict[str, object]:
    return {
        "signature": found.signed.signature,
        "signer": found.signed.signer,
        "aigc": json.loads(found.aigc.dumps()) if found.aigc else None,
        "recipe": found.recipe.to_json() if found.recipe else None,
    }


if __name__ == "__main__":
    main()
