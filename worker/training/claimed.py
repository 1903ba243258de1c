"""One claimed training at work: what was last told, drawn and kept of it."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

import structlog

from engine.errors import InputLost
from engine.judging.verdicts import Verdict
from engine.loras.canon import Canonical
from engine.training.loop import Training
from engine.training.plan import Example
from engine.training.studio import begin, looks
from store.errors import FilesUnavailable, StoreUnavailable
from store.loras import library
from store.loras.library import Kept
from store.training import claims, trainings
from store.training.claims import Claim, Progress
from worker.hand import ClaimStopped
from worker.patience import patiently
from worker.shelving import shelved
from worker.training.parts import Parts

CHECKPOINT_S = 60.0
"""What a kill may cost, in time; the checkpoint of a large LoRA takes about a second."""
TELL_S = 3.0
LOOKS = 4
"""Times that samples are drawn, the last of them of what is kept."""
POINTS = 100
"""Of the curve of losses, whatever the steps."""

log = structlog.get_logger()


class Work:
    """A training in hand; `step` is how far it is."""

    def __init__(self, parts: Parts, claim: Claim) -> None:
        self._parts, self._claim = parts, claim
        self._variant = parts.variants[claim.base]
        self._folder = trainings.folder(claim.lora_id)
        self._samples, self._checkpoint = claim.samples, claim.checkpoint
        self._told_at = self._saved_at = time.monotonic()
        self.step = 0

    def run(self) -> Callable[[], None]:
        """Train to the end; return what keeps it.

        Raises ClaimStopped or GenerationCancelled from the hand, what `begin` raises, or
        FilesUnavailable where its pictures are gone.
        """
        training = self._begun()
        while not training.is_done:
            self._check(training)
            training.advance()
            self.step = training.step
            self._show(training)
        lora = training.lora()
        with suppress(StoreUnavailable, FilesUnavailable):  # what it learnt is kept all the same
            self._look(lora)
            self._tell(training)
        return lambda: self._keep(lora)

    def _begun(self) -> Training:
        claim = self._claim
        try:
            examples = [Example(self._read(sha256), caption) for sha256, caption in claim.examples]
            kept = self._read(claim.checkpoint) if claim.checkpoint else b""
        except FilesUnavailable as error:
            if isinstance(error.__cause__, FileNotFoundError):
                raise InputLost from error
            raise
        with self._parts.hand.loading():
            training = begin(self._parts.engine, self._variant, claim.plan, examples, kept)
        self.step = training.step
        return training

    def _read(self, sha256: str) -> bytes:
        read = partial(self._parts.files.get, self._folder, sha256)
        return patiently(self._parts.patience_s, self._stay, read)

    def _stay(self) -> None:
        """Go on waiting, unless the process leaves."""
        self._parts.hand.check()
        if self._parts.hand.leaving:
            raise ClaimStopped

    def _check(self, training: Training) -> None:
        """Hear whether to go on; a process that leaves keeps what was learnt so far first."""
        hand = self._parts.hand
        hand.check()
        if hand.leaving:
            if training.step:
                self._save(training)
            raise ClaimStopped

    def _show(self, training: Training) -> None:
        """Tell, draw or keep what is due. Stores that are away for a moment stop no training."""
        now, each = time.monotonic(), max(1, self._claim.plan.steps // LOOKS)
        with suppress(StoreUnavailable, FilesUnavailable):
            if training.step % each == 0 and not training.is_done:
                self._look(training.lora())
                self._save(training)
            elif now - self._saved_at > CHECKPOINT_S:
                self._save(training)
            elif now - self._told_at > TELL_S:
                self._tell(training)

    def _look(self, lora: Canonical) -> None:
        """Draw samples and put them into the training's folder, those that everybody may see."""
        self._parts.hand.check()
        shown = []
        pictures = looks(self._parts.engine, self._variant, lora, self._claim.prompts)
        finish = self._parts.finish
        for place, picture in enumerate(pictures, start=1):
            self._parts.hand.check()
            if finish.look(picture.png, False) is Verdict.DELIVER:
                number = f"{self._claim.lora_id}-{place}"
                png = finish.labels.kept(picture.png, picture.recipe, number, wordless=True)
                shown.append(self._parts.files.put(self._folder, png))
        self._samples = tuple(shown)

    def _tell(self, training: Training) -> None:
        with self._parts.database.begin() as session:
            claims.tell(session, self._claim, self._progress(training))
        self._told_at = time.monotonic()

    def _save(self, training: Training) -> None:
        """Keep a checkpoint: the file first, then the row, then the one before it goes."""
        files = self._parts.files
        kept = files.put(self._folder, training.checkpoint())
        with self._parts.database.begin() as session:
            claims.save(session, self._claim, self._progress(training), kept)
        if self._checkpoint and self._checkpoint != kept:
            files.remove(self._folder, self._checkpoint)
        self._checkpoint = kept
        self._saved_at = self._told_at = time.monotonic()

    def _progress(self, training: Training) -> Progress:
        return Progress(training.step, curve(training.losses), self._samples)

    def _keep(self, lora: Canonical) -> None:
        parts, claim = self._parts, self._claim
        preview = ""
        if self._samples:
            first = parts.files.get(self._folder, self._samples[0])
            preview = parts.files.put(library.folder(claim.lora_id), first)
        with shelved(parts.database, parts.files, lora.content) as (session, sha256):
            kept = Kept(
                base=claim.base,
                sha256=sha256,
                nbytes=len(lora.content),
                rank=lora.rank,
                layers=lora.layers,
            )
            claims.keep(session, claim, kept, preview)


def curve(losses: Sequence[float]) -> list[float]:
    """Return the losses as so many means: each step's own says little, and rows stay small."""
    each = -(-len(losses) // POINTS) or 1
    parts = (losses[at : at + each] for at in range(0, len(losses), each))
    return [round(sum(part) / len(part), 5) for part in parts]
