"""Toy weights on disk, variants that name them, and one engine that all tests share."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from engine.engine import Engine
from engine.request import ImageRequest
from engine.variants.catalog import Catalog, StartupLora, Variant
from tests.engine import toys

Request = Callable[..., ImageRequest]


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project folder: `weights`, `loras/toy.safetensors` and `variants/toy.toml`."""
    root = tmp_path_factory.mktemp("project")
    torch.manual_seed(0)
    pipeline = toys.toy_pipeline()
    pipeline.save_pretrained(root / "weights")
    (root / "loras").mkdir()
    save_file(toys.toy_lora(pipeline.transformer), root / "loras" / "toy.safetensors")
    (root / "variants").mkdir()
    text = toys.VARIANT.format(weights=(root / "weights").as_posix())
    (root / "variants" / "toy.toml").write_text(text, encoding="utf-8")
    return root


@pytest.fixture(scope="session")
def toy(project: Path) -> Variant:
    """The variant of the toy weights."""
    return Catalog.load(["toy"], project / "variants").default


@pytest.fixture(scope="session")
def lightning(toy: Variant) -> Variant:
    """The toy with its LoRA fused in, sampled as the 4-step Lightning variant is."""
    shipped = Catalog.load(["qwen-image-lightning-4"]).default
    lora = StartupLora(source="loras", file="toy.safetensors")
    return replace(toy, name="lightning", lora=lora, scheduler=shipped.scheduler)


@pytest.fixture(scope="session")
def engine(project: Path) -> Engine:
    """One engine for the whole session: what one test leaves behind, another would show."""
    return Engine(device="cpu", root=project)


@pytest.fixture(scope="session")
def image() -> Request:
    """Make a small request; keyword arguments change it."""

    def make(**changes: Any) -> ImageRequest:
        plain = ImageRequest(
            variant="toy",
            prompt="a red 熊猫",
            negative="",
            width=64,
            height=64,
            steps=3,
            guidance=1.0,
            seed=7,
        )
        return replace(plain, **changes)

    return make


@pytest.fixture(scope="module")
def patch() -> Iterator[pytest.MonkeyPatch]:
    """A monkeypatch that lasts as long as a module's toys do."""
    with pytest.MonkeyPatch.context() as patch:
        yield patch
