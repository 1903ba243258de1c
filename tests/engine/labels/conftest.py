"""A host who signs, and a picture with its recipe."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from PIL import Image

from engine.labels import certificate
from engine.labels.labelling import Labels
from engine.labels.seal import Seal
from engine.pictures.images import to_png
from engine.recipe import Recipe
from tests.store.placing import kept, request

NUMBER = "abcdefghjk-1"


@pytest.fixture(scope="session")
def seal(tmp_path_factory: pytest.TempPathFactory) -> Seal:
    return Seal.load(*certificates(tmp_path_factory.mktemp("host"), "A host"))


@pytest.fixture(scope="session")
def labels(seal: Seal) -> Labels:
    return Labels(provider="91310000MA1K00000X", seal=seal)


@pytest.fixture(scope="session")
def recipe() -> Recipe:
    return kept(request().image(0)).recipe


@pytest.fixture(scope="session")
def picture() -> Image.Image:
    return Image.effect_noise((160, 96), 60).convert("RGB")


@pytest.fixture(scope="session")
def drawn(picture: Image.Image, recipe: Recipe) -> bytes:
    """What an engine hands over: a PNG with a recipe."""
    return to_png(picture, recipe)


@pytest.fixture(scope="session")
def whole(labels: Labels, drawn: bytes, recipe: Recipe) -> bytes:
    """The file that is kept."""
    return labels.kept(drawn, recipe, NUMBER)


def certificates(folder: Path, host: str = "Another host", days: int = 0) -> tuple[Path, Path]:
    """Make a chain and its key, `days` ago."""
    return certificate.make(folder, host, datetime.now(UTC) - timedelta(days=days))
