"""What can go wrong with a request or an engine; torch-free, so that every room may catch it.

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
│   ├── LoraRefused         a file of a LoRA cannot be kept
│   │   ├── LoraFileTooLarge    its file is too large
│   │   ├── LoraNotSafetensors  it is a file of another kind
│   │   ├── LoraDamaged         its header and its length do not agree
│   │   ├── LoraTensorsTooMany  it holds too many tensors
│   │   ├── LoraDtypeUnsupported its numbers are of a kind that we do not serve
│   │   ├── LoraEmpty           it changes nothing
│   │   ├── LoraKindUnsupported it is no plain LoRA: DoRA, LoKr and others
│   │   ├── LoraOverwritesBase  it would replace weights of the base
│   │   ├── LoraForText         it changes the text encoder
│   │   ├── LoraModuleUnknown   it changes a part that the base does not have
│   │   ├── LoraOtherBase       it is for another base
│   │   ├── LoraBaseUnserved    it is for a base that no variant here takes
│   │   ├── LoraBaseUnclear     it may be for several bases
│   │   ├── LoraFitsNothing     it is for no base that we know
│   │   ├── LoraIncomplete      a half of a pair is missing
│   │   ├── LoraDoubled         it changes a part twice
│   │   ├── LoraShapeWrong      a part has another shape in the base
│   │   ├── LoraRankTooHigh     its rank is too high
│   │   ├── LoraAlphaInvalid    its alpha is no such number
│   │   ├── LoraNotFinite       it holds numbers that are none
│   │   └── LoraTooStrong       it holds numbers that would ruin any picture
│   ├── LorasUnsupported    the variant takes no LoRAs
│   ├── LorasTooMany        more of them than one picture takes
│   ├── LoraRepeated        one of them is asked for twice
│   ├── LoraWeightInvalid   its weight is out of bounds
│   ├── TrainingForbidden   the licence keeps LoRAs from being trained on a base
│   ├── TrainingUnsupported no LoRAs can be trained on it here
│   ├── TrainingStepsInvalid
│   ├── RankInvalid
│   ├── ExamplesInvalid     too few pictures to learn from, or too many
│   ├── CaptionMissing      a picture to learn from has no words
│   ├── CaptionTooLong
│   └── RecipeUnreadable
└── EngineFailed            the request is right; the machine could not do it
    ├── InputLost           the file of a picture to start from is gone or another
    ├── LoraLost            the file of a LoRA is gone or another
    ├── LoraMisfit          a LoRA does not fit these weights
    ├── TrainingDiverged    what was learnt is no number any more
    ├── CheckpointBroken    a checkpoint cannot be gone on from
    ├── WeightsBroken       weights are missing, damaged or of another architecture
    ├── NotFinite           weights or a LoRA made numbers that are none
    ├── DeviceFull          the device has no memory for this size
    ├── VariantTooBig       the device has no memory for this variant
    ├── VendorFailed        a vendor of pictures did not deliver
    │   ├── VendorRefusedPrompt    its filter refused the words
    │   ├── VendorRefusedPicture   its filter refused the picture
    │   ├── VendorRejected         it does not take these settings
    │   ├── VendorBusy             it takes no more tasks for now
    │   ├── VendorDown             it is away, or did not answer in time
    │   ├── VendorUnpaid           the host's account is empty
    │   └── VendorKeyRefused       the host's key is missing or not valid
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


class LoraRefused(RequestRefused):
    """A file of a LoRA cannot be kept; modules are named as the file names them."""

    code = "lora_refused"


class LoraFileTooLarge(LoraRefused):
    """The file is too large. Params: limit (MiB)."""

    code = "lora_file_too_large"


class LoraNotSafetensors(LoraRefused):
    """It is no safetensors file; pickles are never read."""

    code = "lora_not_safetensors"


class LoraDamaged(LoraRefused):
    """The file contradicts itself. Params: reason (a few English words, for logs)."""

    code = "lora_damaged"


class LoraTensorsTooMany(LoraRefused):
    """It holds more tensors than any LoRA has. Params: limit."""

    code = "lora_tensors_too_many"


class LoraDtypeUnsupported(LoraRefused):
    """Its numbers are quantised, or of another kind. Params: dtype."""

    code = "lora_dtype_unsupported"


class LoraEmpty(LoraRefused):
    """It changes nothing."""

    code = "lora_empty"


class LoraKindUnsupported(LoraRefused):
    """It is no plain LoRA. Params: kind (DoRA, LoKr, LoHa and others)."""

    code = "lora_kind_unsupported"


class LoraOverwritesBase(LoraRefused):
    """It holds weights in the place of the base's. Params: module."""

    code = "lora_overwrites_base"


class LoraForText(LoraRefused):
    """It changes the text encoder, which all members share."""

    code = "lora_for_text"


class LoraModuleUnknown(LoraRefused):
    """The base has no such part. Params: module."""

    code = "lora_module_unknown"


class LoraOtherBase(LoraRefused):
    """It is for another base. Params: base."""

    code = "lora_other_base"


class LoraBaseUnserved(LoraRefused):
    """It is for a base that no variant here takes. Params: base."""

    code = "lora_base_unserved"


class LoraBaseUnclear(LoraRefused):
    """It fits several bases, and does not tell which is meant. Params: bases (comma-separated)."""

    code = "lora_base_unclear"


class LoraFitsNothing(LoraRefused):
    """It is for none of the bases that we know."""

    code = "lora_fits_nothing"


class LoraIncomplete(LoraRefused):
    """A half of a pair is missing. Params: module."""

    code = "lora_incomplete"


class LoraDoubled(LoraRefused):
    """It changes one part twice. Params: module."""

    code = "lora_doubled"


class LoraShapeWrong(LoraRefused):
    """The part has another shape in the base. Params: module."""

    code = "lora_shape_wrong"


class LoraRankTooHigh(LoraRefused):
    """Its rank is too high. Params: value, limit."""

    code = "lora_rank_too_high"


class LoraAlphaInvalid(LoraRefused):
    """Its alpha is not a finite number above 0. Params: module."""

    code = "lora_alpha_invalid"


class LoraNotFinite(LoraRefused):
    """It holds infinite numbers, or none at all. Params: module."""

    code = "lora_not_finite"


class LoraTooStrong(LoraRefused):
    """Its numbers, or its alpha, are far too large. Params: module."""

    code = "lora_too_strong"


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


class TrainingForbidden(RequestRefused):
    """A base's licence forbids to train on it for others. Params: base, licence."""

    code = "training_forbidden"


class TrainingUnsupported(RequestRefused):
    """No LoRAs are trained on this base here. Params: base."""

    code = "training_unsupported"


class TrainingStepsInvalid(RequestRefused):
    """Steps of training out of bounds. Params: value, least, most."""

    code = "training_steps_invalid"


class RankInvalid(RequestRefused):
    """A rank out of bounds. Params: value, least, most."""

    code = "rank_invalid"


class ExamplesInvalid(RequestRefused):
    """Too few pictures to learn from, or too many. Params: value, least, most."""

    code = "examples_invalid"


class CaptionMissing(RequestRefused):
    """A picture has no words, and there is no trigger word either."""

    code = "caption_missing"


class CaptionTooLong(RequestRefused):
    """A caption is too long. Params: length, limit."""

    code = "caption_too_long"


class RecipeUnreadable(RequestRefused):
    """The file holds no recipe that can be read. Params: reason (a short code, for logs)."""

    code = "recipe_unreadable"


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


class TrainingDiverged(EngineFailed):
    """What was learnt is no number any more. Params: step."""

    code = "training_diverged"


class CheckpointBroken(EngineFailed):
    """A checkpoint is damaged, or of another training."""

    code = "checkpoint_broken"


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


class VendorFailed(EngineFailed):
    """A vendor did not deliver; what it says is in the log. Params of all: variant."""

    code = "vendor_failed"


class VendorRefusedPrompt(VendorFailed):
    """The vendor's filter refused the words."""

    code = "vendor_refused_prompt"


class VendorRefusedPicture(VendorFailed):
    """The vendor's filter refused the picture that came of the words."""

    code = "vendor_refused_picture"


class VendorRejected(VendorFailed):
    """The vendor does not take these settings: its API has changed, or our table is wrong."""

    code = "vendor_rejected"


class VendorBusy(VendorFailed):
    """The vendor takes no more tasks of this account for now."""

    code = "vendor_busy"


class VendorDown(VendorFailed):
    """The vendor is away, or did not answer in time."""

    code = "vendor_down"


class VendorUnpaid(VendorFailed):
    """The host's account with the vendor is empty."""

    code = "vendor_unpaid"


class VendorKeyRefused(VendorFailed):
    """The host's key for the vendor is missing, or the vendor refused it."""

    code = "vendor_key_refused"


class PictureWithheld(EngineFailed):
    """The host's classifier refused the picture that came of the words."""

    code = "picture_withheld"


class GenerationCancelled(EngineFailed):
    """The step callback asked to stop."""

    code = "cancelled"
