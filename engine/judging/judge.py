"""Looks at finished pictures with an image classifier, before any member does."""

import io
import math
from pathlib import Path
from threading import Lock

import torch
from huggingface_hub import snapshot_download
from PIL import Image
from transformers import AutoImageProcessor, AutoModelForImageClassification
from transformers.utils import logging as transformers_logging

from engine.judging.settings import PINNED, JudgeSettings
from engine.judging.verdicts import Rules, Verdict

FILES = ("config.json", "preprocessor_config.json", "model.safetensors")


class JudgeUnusable(ValueError):
    """The classifier cannot be loaded, or knows none of the labels; the text says which."""


class Judge:
    """One classifier on one device; not for several threads at once."""

    def __init__(self, folder: Path, rules: Rules, device: str) -> None:
        """Load from a folder. Raises JudgeUnusable."""
        transformers_logging.disable_progress_bar()
        try:
            self._processor = AutoImageProcessor.from_pretrained(folder, local_files_only=True)
            # Never a pickle, wherever it comes from; and in the numbers that pictures come in.
            self._model, found = AutoModelForImageClassification.from_pretrained(
                folder,
                local_files_only=True,
                use_safetensors=True,
                dtype=torch.float32,
                output_loading_info=True,
            )
        except (OSError, ValueError, KeyError, ImportError, RuntimeError) as error:
            reason = str(error).split("\n")[0][:200]
            raise JudgeUnusable(f"{folder} holds no image classifier: {reason}") from error
        if found["missing_keys"]:
            # The library makes up what is missing, and scores would be a matter of luck.
            raise JudgeUnusable(f"{folder} lacks {min(found['missing_keys'])} of its classifier")
        self._model.to(device).eval()
        self._rules, self._device = rules, device
        self._alone = Lock()
        self.labels: tuple[str, ...] = tuple(map(str, self._model.config.id2label.values()))
        if rules.labels.isdisjoint(label.casefold() for label in self.labels):
            raise JudgeUnusable(
                f"the classifier says {', '.join(self.labels)}, and none of them is among the "
                "labels of REROLL_CHECK_RULES"
            )

    def scores(self, content: bytes) -> dict[str, float]:
        """Return how much of each label is in a picture of ours, all together 1.

        Raises ValueError where the classifier gives none: no threshold would be reached.
        """
        with Image.open(io.BytesIO(content)) as picture:
            given = self._processor(images=picture.convert("RGB"), return_tensors="pt")
        # A finished picture and another's preview may come at once.
        with self._alone, torch.inference_mode():
            logits = self._model(pixel_values=given["pixel_values"].to(self._device)).logits
            shares = logits[0].float().softmax(-1).tolist()
        if not all(map(math.isfinite, shares)):
            raise ValueError("the classifier gives no score")
        return dict(zip(self.labels, shares, strict=True))

    def verdict(self, content: bytes, *, age_restricted: bool) -> Verdict:
        """Return what becomes of a picture in a channel of this kind."""
        return self._rules.verdict(self.scores(content), age_restricted=age_restricted)


def appointed(settings: JudgeSettings, device: str, *, offline: bool = False) -> Judge | None:
    """Return the host's judge, or None where they have none.

    Raises JudgeUnusable or RulesUnreadable.
    """
    if not settings.check_model:
        return None
    rules = Rules.load(settings.check_rules)
    return Judge(_folder(settings.check_model, offline=offline), rules, device)


def _folder(named: str, *, offline: bool) -> Path:
    if (folder := Path(named)).is_dir():
        return folder
    if (hub := PINNED.fullmatch(named)) is None:
        raise JudgeUnusable(f"REROLL_CHECK_MODEL: {named} is no folder, nor owner/name@commit")
    try:
        found = snapshot_download(
            hub["source"],
            revision=hub["revision"],
            allow_patterns=list(FILES),
            local_files_only=offline,
        )
    except (OSError, ValueError) as error:
        raise JudgeUnusable(f"REROLL_CHECK_MODEL: {named} cannot be fetched: {error!r}") from error
    return Path(found)
