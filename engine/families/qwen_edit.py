"""Qwen-Image-Edit 2509 and 2511 on the stock diffusers pipeline: what is particular to them."""

from pathlib import Path
from typing import Any, ClassVar, Self

from diffusers import QwenImageEditPlusPipeline
from transformers import Qwen2Tokenizer, Qwen2VLImageProcessorPil, Qwen2VLProcessor

from engine.families.loading import Kit, load_processor, load_tokenizer
from engine.families.qwen_image import QwenImage
from engine.pictures.inputs import Inputs
from engine.request import ImageRequest


class PictureWords(Qwen2VLProcessor):  # type: ignore[misc]
    """The published processor without its part for videos: words around the patches of pictures.

    That part wants torchvision, of which the package index has no build for torch's CPU wheel.
    Pictures take the library's Pillow path, here as on machines that have torchvision: its own
    resizing differs in one value of 300 by a level or two, and a recipe would not tell which.
    """

    def __init__(self, image_processor: Any, tokenizer: Any) -> None:
        for kind in ("image", "video"):
            token = f"<|{kind}_pad|>"
            number = tokenizer.convert_tokens_to_ids(token)
            if number is None:
                raise ValueError(f"the processor's vocabulary has no {token}")
            setattr(self, f"{kind}_token", token)
            setattr(self, f"{kind}_token_id", number)
        # Past the published constructor, which would ask for the part that is left out.
        super(Qwen2VLProcessor, self).__init__(image_processor, tokenizer)

    @classmethod
    def from_pretrained(cls, folder: Path, *, subfolder: str, **_: Any) -> Self:
        """Read both parts from one folder, as they are published. Raises ValueError."""
        return cls(
            load_processor(Qwen2VLImageProcessorPil, folder, subfolder),
            load_tokenizer(Qwen2Tokenizer, folder, subfolder),
        )


class QwenEdit(QwenImage):
    """Qwen-Image-Edit: draws anew what up to three references show, in the order given."""

    kits = (
        Kit(
            QwenImageEditPlusPipeline,
            models=QwenImage.kits[0].models,
            tokenizers=QwenImage.kits[0].tokenizers,
            processors={"processor": PictureWords},
        ),
    )
    unseen = (None,)
    batched: ClassVar[tuple[str, ...]] = ()

    def pictures(self, request: ImageRequest, inputs: Inputs) -> dict[str, Any]:
        """Hand on the references; the pipeline brings each to sizes of its own."""
        return {"image": list(inputs.references)}
