"""Why a file of a LoRA cannot be kept; torch-free, so that every room may catch it.

LoraRefused                 a RequestRefused: the file cannot be kept
├── LoraFileTooLarge    its file is too large
├── LoraNotSafetensors  it is a file of another kind
├── LoraDamaged         its header and its length do not agree
├── LoraTensorsTooMany  it holds too many tensors
├── LoraDtypeUnsupported its numbers are of a kind that we do not serve
├── LoraEmpty           it changes nothing
├── LoraKindUnsupported it is no plain LoRA: DoRA, LoKr and others
├── LoraOverwritesBase  it would replace weights of the base
├── LoraForText         it changes the text encoder
├── LoraModuleUnknown   it changes a part that the base does not have
├── LoraOtherBase       it is for another base
├── LoraBaseUnserved    it is for a base that no variant here takes
├── LoraBaseUnclear     it may be for several bases
├── LoraFitsNothing     it is for no base that we know
├── LoraIncomplete      a half of a pair is missing
├── LoraDoubled         it changes a part twice
├── LoraShapeWrong      a part has another shape in the base
├── LoraRankTooHigh     its rank is too high
├── LoraAlphaInvalid    its alpha is no such number
├── LoraNotFinite       it holds numbers that are none
└── LoraTooStrong       it holds numbers that would ruin any picture
"""

from engine.errors import RequestRefused


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
