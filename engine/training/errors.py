"""What can go wrong with a training; torch-free, so that every room may catch it.

RerollError
├── RequestRefused
│   ├── TrainingForbidden   the licence keeps LoRAs from being trained on a base
│   ├── TrainingUnsupported no LoRAs can be trained on it here
│   ├── TrainingStepsInvalid
│   ├── RankInvalid
│   ├── ExamplesInvalid     too few pictures to learn from, or too many
│   ├── CaptionMissing      a picture to learn from has no words
│   └── CaptionTooLong
└── EngineFailed
    ├── TrainingDiverged    what was learnt is no number any more
    └── CheckpointBroken    a checkpoint cannot be gone on from
"""

from engine.errors import EngineFailed, RequestRefused


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


class TrainingDiverged(EngineFailed):
    """What was learnt is no number any more. Params: step."""

    code = "training_diverged"


class CheckpointBroken(EngineFailed):
    """A checkpoint is damaged, or of another training."""

    code = "checkpoint_broken"
