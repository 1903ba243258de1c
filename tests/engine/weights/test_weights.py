import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import huggingface_hub.constants
import pytest

from engine import errors
from engine.engine import Engine
from engine.request import ImageRequest
from engine.variants.catalog import StartupLora, Variant, Weights
from engine.weights.finding import Place, find_lora, find_weights, joined_digest

Request = Callable[..., ImageRequest]

PARTS = ("transformer", "vae")
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def place(project: Path, tmp_path: Path) -> Place:
    shutil.copytree(project / "weights", tmp_path / "weights")
    shutil.copytree(project / "loras", tmp_path / "loras")
    return Place(tmp_path, offline=True)


@pytest.fixture
def hub(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The hub library's own cache, as a download of one pinned commit leaves it."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    snapshot = tmp_path / "models--someone--toy" / "snapshots" / COMMIT
    shutil.copytree(project / "weights", snapshot)
    shutil.copy(project / "loras" / "toy.safetensors", snapshot)
    return snapshot


def digest(place: Place) -> str:
    return find_weights(Weights(source="weights"), PARTS, place).digest


def test_the_digest_is_of_the_parts_files_alone(place: Place) -> None:
    before = digest(place)
    (place.root / "weights" / "README.md").write_text("about these weights")
    (place.root / "weights" / "tokenizer" / "more.txt").write_text("another part")
    assert digest(place) == before


def test_one_changed_byte_or_name_changes_the_digest(place: Place) -> None:
    seen = [digest(place)]
    file = next((place.root / "weights" / "vae").glob("*.safetensors"))
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    os.utime(file, ns=(1, 1))
    seen.append(digest(place))
    file.rename(file.with_name("other.safetensors"))
    seen.append(digest(place))
    assert len(set(seen)) == 3


def test_digests_of_several_sources_are_joined_in_order() -> None:
    assert joined_digest(["a"]) == "a"
    assert joined_digest(["a", "b"]) != joined_digest(["b", "a"])


def test_a_local_lora_is_known_by_its_contents(place: Place) -> None:
    lora = StartupLora(source="loras", file="toy.safetensors")
    before = find_lora(lora, place).digest
    file = place.root / "loras" / "toy.safetensors"
    file.write_bytes(file.read_bytes() + b"\0")
    assert find_lora(lora, place).digest != before


def test_a_pinned_commit_in_the_hubs_cache_is_drawn_without_network(
    hub: Path, toy: Variant, image: Request, tmp_path: Path, engine: Engine
) -> None:
    pinned = replace(toy, weights=Weights(source="someone/toy", revision=COMMIT))
    with_lora = replace(
        pinned, lora=StartupLora(source="someone/toy", file="toy.safetensors", revision=COMMIT)
    )
    offline = Engine(device="cpu", root=tmp_path, offline=True)

    picture = offline.draw(pinned, image())

    assert picture.pixel_sha256 == engine.draw(toy, image()).pixel_sha256
    assert picture.recipe.weights_digest == COMMIT
    assert offline.draw(with_lora, image()).pixel_sha256 != picture.pixel_sha256


@pytest.mark.usefixtures("hub")
def test_a_commit_that_was_never_downloaded_is_broken_weights_offline(
    toy: Variant, tmp_path: Path
) -> None:
    offline = Engine(device="cpu", root=tmp_path, offline=True)
    missing = Weights(source="someone/toy", revision="f" * 40)
    with pytest.raises(errors.WeightsBroken):
        offline.load(replace(toy, weights=missing))


@pytest.mark.parametrize("revision", ["main", "0123456", "v1.0", COMMIT.upper(), COMMIT + "0"])
def test_a_hub_source_without_a_full_commit_is_refused(place: Place, revision: str) -> None:
    with pytest.raises(ValueError, match="full commit id"):
        find_weights(Weights(source="someone/toy", revision=revision), PARTS, place)
    lora = StartupLora(source="someone/toy", file="toy.safetensors", revision=revision)
    with pytest.raises(ValueError, match="full commit id"):
        find_lora(lora, place)


def test_a_source_that_is_no_folder_says_how_to_pin(place: Place) -> None:
    with pytest.raises(NotADirectoryError, match="full commit id"):
        find_weights(Weights(source="someone/toy"), PARTS, place)
