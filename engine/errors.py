"""What can go wrong with a request or an engine; torch-free, so that every room may catch it.

Errors of one subject lie beside it: `engine.loras.errors`, `engine.training.errors`,
`engine.vendor.errors`.

RerollError                 a failure to tell a member of; `code` names its text, `params` fill it
├── RequestRefused          the request is wrong and would be wrong again
│   ├── VariantUnknown
│   ├── PromptEmpty
│   ├── PromptTooLong
│   ├── NegativeUnsupported
│   ├── NegativeUnguided
│   ├── SizeUnsupported
│   ├── SeedInvalid
│   ├── SeedUnsupported
│   ├── CountInvalid
│   ├── StepsInvalid
│   ├── GuidanceInvalid
│   ├── StrengthInvalid
│   ├── PictureRefused      a picture to start from cannot be used
│   │   ├── PictureFileTooLarge its file is too large
│   │   ├── PictureTooLarge     it has too many pixels
│   │   ├── PictureTooSmall     a side is too short
│   │   ├── PictureTooSlender   one side is far longer than the other
│   │   ├── PictureAnimated     it moves
│   │   ├── PictureUnreadable   it is no picture, or damaged
│   │   ├── MaskShapeDiffers    a mask of another shape
│   │   └── MaskEmpty           a mask that marks nothing
│   ├── PictureMissing      the variant needs one
│   ├── PicturesTooMany     more references than the variant looks at
│   ├── CanvasUnsupported   the variant cannot paint over a picture
│   ├── MaskUnsupported     it cannot keep a part of one
│   ├── LorasUnsupported    the variant takes no LoRAs
│   ├── LorasTooMany        more of them than one picture takes
│   ├── LoraRepeated        one of them is asked for twice
│   └── LoraWeightInvalid   its weight is out of bounds
└── EngineFailed            the request is right; the machine could not do it
    ├── InputLost           the file of a picture to start from is gone or another
    ├── LoraLost            the file of a LoRA is gone or another
    ├── LoraMisfit          a LoRA does not fit these weights
    ├── WeightsBroken       weights are missing, damaged or of another architecture
    ├── NotFinite           weights or a LoRA made numbers that are none
    ├── DeviceFull          the device has no memory for this size
    ├── VariantTooBig       the device has no memory for this variant
    ├── PictureWithheld     the picture is not to be shown
    └── GenerationCancelled the step callback asked to stop
"""

from collections.abc import Mapping
from typing import ClassVar

Param = str | int | float


class RerollError(Exception):
    """A failure with a stable `code` (kept in SQL, the key of its text) and its parameters."""

    code: ClassVar[str] = "internal"

    def __init__(self, **params: Param) -> None:
        super().__init__(self.code, params)
        self.params: Mapping[str, Param] = params

    def __str__(self) -> str:
        """Return the code and its parameters, for logs."""
        return " ".join([self.code, *(f"{name}={value!r}" for name, value in self.params.items())])


class RequestRefused(RerollError):
    """The request is wrong; nothing was charged and a retry would be refused again."""


class VariantUnknown(RequestRefused):
    """No such variant here. Params: name, known (comma-separated)."""

    code = "variant_unknown"


class PromptEmpty(RequestRefused):
    """The prompt holds no visible character."""

    code = "prompt_empty"


class PromptTooLong(RequestRefused):
    """The prompt is longer than the variant reads. Params: length, limit (characters)."""

    code = "prompt_too_long"


class NegativeUnsupported(RequestRefused):
    """The variant has no negative prompt. Params: variant."""

    code = "negative_unsupported"


class NegativeUnguided(RequestRefused):
    """Guidance is too low for a negative prompt to count. Params: guidance."""

    code = "negative_unguided"


class SizeUnsupported(RequestRefused):
    """The variant cannot draw this size. Params: width, height, choices (comma-separated)."""

    code = "size_unsupported"


class SeedInvalid(RequestRefused):
    """Not a whole number from 0 to 2^32-1. Params: value, limit."""

    code = "seed_invalid"


class SeedUnsupported(RequestRefused):
    """The variant draws without seeds, so none can be asked for. Params: variant."""

    code = "seed_unsupported"


class CountInvalid(RequestRefused):
    """Not a number of images the variant allows. Params: value, limit."""

    code = "count_invalid"


class StepsInvalid(RequestRefused):
    """Outside the variant's steps. Params: value, least, most."""

    code = "steps_invalid"


class GuidanceInvalid(RequestRefused):
    """Outside the variant's guidance. Params: value, least, most."""

    code = "guidance_invalid"


class StrengthInvalid(RequestRefused):
    """Not above 0 and up to 1. Params: value."""

    code = "strength_invalid"


class PictureRefused(RequestRefused):
    """A picture to start from cannot be used."""

    code = "picture_refused"


class PictureFileTooLarge(PictureRefused):
    """The file is too large. Params: limit (MiB)."""

    code = "picture_file_too_large"


class PictureTooLarge(PictureRefused):
    """It has too many pixels. Params: limit (megapixels)."""

    code = "picture_too_large"


class PictureTooSmall(PictureRefused):
    """A side is too short. Params: limit (pixels)."""

    code = "picture_too_small"


class PictureTooSlender(PictureRefused):
    """One side is far longer than the other. Params: limit (times)."""

    code = "picture_too_slender"


class PictureAnimated(PictureRefused):
    """It moves."""

    code = "picture_animated"


class PictureUnreadable(PictureRefused):
    """It is no picture, damaged, or of a kind that we do not read."""

    code = "picture_unreadable"


class MaskShapeDiffers(PictureRefused):
    """The mask is of another shape than its picture."""

    code = "mask_shape_differs"


class MaskEmpty(PictureRefused):
    """The mask marks nothing to change."""

    code = "mask_empty"


class PictureMissing(RequestRefused):
    """The variant needs a picture to start from. Params: variant."""

    code = "picture_missing"


class PicturesTooMany(RequestRefused):
    """More references than the variant looks at. Params: variant, value, limit."""

    code = "pictures_too_many"


class CanvasUnsupported(RequestRefused):
    """The variant cannot paint over a picture. Params: variant."""

    code = "canvas_unsupported"


class MaskUnsupported(RequestRefused):
    """The variant cannot keep a part of a picture. Params: variant."""

    code = "mask_unsupported"


class LorasUnsupported(RequestRefused):
    """The variant takes no LoRAs. Params: variant."""

    code = "loras_unsupported"


class LorasTooMany(RequestRefused):
    """More LoRAs than one picture takes. Params: value, limit."""

    code = "loras_too_many"


class LoraRepeated(RequestRefused):
    """One LoRA is asked for twice."""

    code = "lora_repeated"


class LoraWeightInvalid(RequestRefused):
    """A LoRA's weight is out of bounds. Params: value, limit."""

    code = "lora_weight_invalid"


class EngineFailed(RerollError):
    """The machine could not do a right request; the order is refunded."""

    code = "engine_failed"


class InputLost(EngineFailed):
    """The file of a picture to start from is gone, or is not what was ordered."""

    code = "input_lost"


class LoraLost(EngineFailed):
    """The file of a LoRA is gone, or is not what was ordered."""

    code = "lora_lost"


class LoraMisfit(EngineFailed):
    """A LoRA does not fit these weights. Params: variant."""

    code = "lora_misfit"


class WeightsBroken(EngineFailed):
    """Weights are missing, damaged or of another architecture. Params: variant."""

    code = "weights_broken"


class NotFinite(EngineFailed):
    """The weights or a LoRA made numbers that are none; there is no picture in them."""

    code = "not_finite"


class DeviceFull(EngineFailed):
    """The device has no memory for this request. Params: width, height."""

    code = "device_full"


class VariantTooBig(EngineFailed):
    """The device has no memory for this variant, whatever else leaves.

    Params: variant, needed and free (GB), helps (a setting with which it would fit, or nothing).
    """

    code = "variant_too_big"


class PictureWithheld(EngineFailed):
    """The host's classifier refused the picture that came of the words."""

    code = "picture_withheld"


class GenerationCancelled(EngineFailed):
    """The step callback asked to stop."""

    code = "cancelled"
