"""Tiny random pipelines that start from pictures, of the real classes, and such pictures."""

import hashlib
import io
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import (
    AutoencoderKLQwenImage,
    DiffusionPipeline,
    FluxControlPipeline,
    FluxFillPipeline,
    FluxKontextPipeline,
    FluxPriorReduxPipeline,
    QwenImageControlNetModel,
    QwenImageEditPlusPipeline,
    ZImageTransformer2DModel,
)
from diffusers.pipelines.flux import pipeline_flux_kontext
from diffusers.pipelines.flux.modeling_flux import ReduxImageEncoder
from diffusers.pipelines.qwenimage import pipeline_qwenimage_edit_plus
from PIL import Image
from transformers import (
    DepthAnythingConfig,
    DepthAnythingForDepthEstimation,
    Dinov2Config,
    DPTImageProcessorPil,
    Qwen2Tokenizer,
    Qwen2VLImageProcessorPil,
    Qwen2VLProcessor,
    SiglipImageProcessorPil,
    SiglipVisionConfig,
    SiglipVisionModel,
)

from engine.families import one_frame, rows
from engine.family import open_local
from engine.memory.levers import Levers
from engine.pictures import controls, uploads
from engine.pictures.images import pixel_sha256
from engine.pictures.inputs import opened as inputs_of
from engine.request import ImageRequest
from engine.variants.catalog import Variant
from engine.weights.finding import Place
from tests.engine import stock_toys, toys

SIDE = 14
"""Of the patches in which the readers of pictures look."""


@dataclass(frozen=True)
class Paper:
    """A picture and the file that an order names."""

    image: Image.Image
    name: str
    content: bytes


def paper(width: int, height: int, seed: int, mode: str = "RGB") -> Paper:
    """Paint soft blots; other seeds, other colours."""
    rng = np.random.default_rng(seed)
    blots = Image.fromarray(rng.integers(0, 256, (5, 6, 3), dtype=np.uint8))
    return filed(blots.resize((width, height), Image.Resampling.BICUBIC).convert(mode))


def hole(width: int, height: int) -> Paper:
    """Return a mask of black and white whose right half is to be painted."""
    mask = Image.new("L", (width, height))
    mask.paste(255, (width // 2, 0, width, height))
    return filed(mask)


def files(*papers: Paper) -> dict[str, bytes]:
    """Return what the engine is handed for an order that names them."""
    return {one.name: one.content for one in papers}


def _changed(model: Any, **changes: Any) -> Any:
    # What a config notes of its defaults would win over the changes.
    config = {name: value for name, value in model.config.items() if not name.startswith("_")}
    return type(model)(**{**config, **changes})


def filed(image: Image.Image) -> Paper:
    """Return a picture as the file that an order names."""
    content = uploads.to_file(image)
    return Paper(image, hashlib.sha256(content).hexdigest(), content)


@contextmanager
def small_looks(patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Shrink what the pipelines bring references to, megapixels, to what a test can afford."""
    with patch.context() as brief:
        for name, side in (("CONDITION_IMAGE_SIZE", 96), ("VAE_IMAGE_SIZE", 128)):
            brief.setattr(pipeline_qwenimage_edit_plus, name, side**2)
        sizes = pipeline_flux_kontext.PREFERRED_KONTEXT_RESOLUTIONS
        small = [(width // 8, height // 8) for width, height in sizes]
        brief.setattr(pipeline_flux_kontext, "PREFERRED_KONTEXT_RESOLUTIONS", small)
        yield


def qwen_edit(folder: Path, *, zero_cond_t: bool) -> None:
    """Save Qwen-Image-Edit, 2511 with `zero_cond_t`, laid out as it is published."""
    pipeline = toys.toy_pipeline()
    pipeline.register_modules(transformer=_changed(pipeline.transformer, zero_cond_t=zero_cond_t))
    pipeline.save_pretrained(folder)
    for part in (Qwen2VLImageProcessorPil(patch_size=SIDE), pipeline.tokenizer):
        part.save_pretrained(folder / "processor")
    index = json.loads((folder / "model_index.json").read_text())
    index["_class_name"] = QwenImageEditPlusPipeline.__name__
    index["processor"] = ["transformers", Qwen2VLProcessor.__name__]
    (folder / "model_index.json").write_text(json.dumps(index))


def published_edit(folder: Path) -> QwenImageEditPlusPipeline:
    """Load what `qwen_edit` saved with the class of processor that is published."""
    patches = Qwen2VLImageProcessorPil.from_pretrained(folder, subfolder="processor")
    words = Qwen2Tokenizer.from_pretrained(folder, subfolder="processor")
    processor = published_processor(patches, words)
    return published(QwenImageEditPlusPipeline, folder, processor=processor)


def published_processor(patches: Any, words: Any) -> Qwen2VLProcessor:
    """Build the class that is published, for which the part for videos wants torchvision."""
    with pytest.MonkeyPatch.context() as brief:
        brief.setattr(Qwen2VLProcessor, "check_argument_for_proper_class", lambda *_: None)
        return Qwen2VLProcessor(patches, words, None)


def controlnet(folder: Path) -> None:
    """Save a ControlNet for the toy Qwen-Image, laid out as it is published."""
    made = QwenImageControlNetModel(
        patch_size=2,
        in_channels=16,
        out_channels=4,
        num_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=16,
        axes_dims_rope=(8, 4, 4),
    )
    # Made of zeros by the class: training fills them.
    for layer in (*made.controlnet_blocks, made.controlnet_x_embedder):
        torch.nn.init.normal_(layer.weight, std=0.2)
    made.save_pretrained(folder)


def depth(folder: Path) -> None:
    """Save a Depth Anything, laid out as it is published."""
    layers = [f"stage{number}" for number in range(1, 5)]
    backbone = Dinov2Config(
        image_size=56,
        patch_size=SIDE,
        hidden_size=16,
        num_hidden_layers=4,
        num_attention_heads=2,
        out_features=layers,
        reshape_hidden_states=False,
    )
    config = DepthAnythingConfig(
        backbone_config=backbone,
        patch_size=SIDE,
        reassemble_hidden_size=16,
        neck_hidden_sizes=[4, 4, 8, 8],
        fusion_hidden_size=8,
        head_hidden_size=8,
    )
    made = DepthAnythingForDepthEstimation(config)
    # As made by the class, hardly anything of a picture comes through, and none of it above 0.
    for weight in made.parameters():
        if weight.dim() > 1:
            torch.nn.init.normal_(weight, std=weight[0].numel() ** -0.5)
    torch.nn.init.ones_(made.head.conv3.bias)
    made.save_pretrained(folder)
    DPTImageProcessorPil(
        size={"height": 56, "width": 56}, ensure_multiple_of=SIDE, keep_aspect_ratio=True
    ).save_pretrained(folder)


def redux(folder: Path) -> None:
    """Save Redux' reader of pictures, laid out as it is published."""
    width = 16
    config = SiglipVisionConfig(
        image_size=2 * SIDE,
        patch_size=SIDE,
        hidden_size=width,
        intermediate_size=width,
        num_hidden_layers=1,
        num_attention_heads=2,
    )
    FluxPriorReduxPipeline(
        image_encoder=SiglipVisionModel(config),
        feature_extractor=SiglipImageProcessorPil(size={"height": 2 * SIDE, "width": 2 * SIDE}),
        image_embedder=ReduxImageEncoder(redux_dim=width, txt_in_features=stock_toys.WIDTH),
    ).save_pretrained(folder)


FLUX1_TOOLS: Mapping[str, tuple[Any, int]] = {
    "kontext": (FluxKontextPipeline, 16),
    # Beside the latents: the canvas around the hole, and the hole in patches of 16 x 16.
    "fill": (FluxFillPipeline, 16 + 16 + 256),
    "control": (FluxControlPipeline, 16 + 16),
}


def flux1_tool(folder: Path, name: str) -> None:
    """Save one of FLUX.1's tools: dev with a transformer that takes more channels."""
    kind, channels = FLUX1_TOOLS[name]
    parts = {
        part: model
        for part, model in stock_toys.flux1(guided=True).components.items()
        if part not in ("image_encoder", "feature_extractor")
    }
    parts["transformer"] = _changed(parts["transformer"], in_channels=channels, out_channels=16)
    kind(**parts).save_pretrained(folder)


def published(kind: Any, folder: Path, **parts: Any) -> Any:
    """Load a stock pipeline as diffusers' documentation does."""
    return _quiet(kind.from_pretrained(folder, local_files_only=True, **parts))


def with_our_products(pipeline: Any) -> Any:
    """Have it take products by the engine's library; test_shared_forwards.py bounds the change."""
    if not isinstance(pipeline.transformer, ZImageTransformer2DModel):  # drawn alone, by torch's
        rows.apart(pipeline.transformer)
    return pipeline


def taken(control: str, folder: Path, picture: Image.Image) -> Image.Image:
    """Return the control picture as it is made by hand: Canny's edges, or an estimate of depth."""
    if control == "canny":
        return controls.edges(picture)
    model = DepthAnythingForDepthEstimation.from_pretrained(folder)
    processor = DPTImageProcessorPil.from_pretrained(folder)
    with torch.no_grad():
        estimated = model(**processor(images=picture, return_tensors="pt"))
    (whole,) = processor.post_process_depth_estimation(
        estimated, target_sizes=[(picture.height, picture.width)]
    )
    depth = whole["predicted_depth"].numpy()
    grey = (depth - depth.min()) / (depth.max() - depth.min()) * 255
    return Image.fromarray(grey.astype(np.uint8)).convert("RGB")


def opened(png: bytes) -> Image.Image:
    """Open a picture or a preview."""
    return Image.open(io.BytesIO(png))


def copied(folder: Path, to: Path) -> Path:
    """Copy weights, to be broken."""
    shutil.copytree(folder, to)
    return to


def _quiet(pipeline: Any) -> Any:
    if isinstance(pipeline, DiffusionPipeline):
        pipeline.set_progress_bar_config(disable=True)
    if isinstance(getattr(pipeline, "vae", None), AutoencoderKLQwenImage):
        # All else is stock; test_one_frame.py bounds what this changes.
        one_frame.flatten(pipeline.vae)
    return pipeline


def drawn_with_texts_apart(variant: Variant, request: ImageRequest, *papers: Paper) -> str:
    """Draw with text encoders that are no part of the pipeline, and hash the picture."""
    family = open_local(variant, "cpu", Place(Path(), offline=True))
    family.seat(Levers(text="cpu"))
    inputs = inputs_of(request, files(*papers))
    return pixel_sha256(inputs.finished(family.draw(request, inputs, lambda *_, **__: None)))
