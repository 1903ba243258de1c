"""What one image tells while it is drawn: progress now and then, a preview more rarely."""

import time
from collections.abc import Callable

import structlog

from engine.drawing.picture import Step
from store.errors import FilesUnavailable
from store.files import Files
from store.line.claims import Claim
from worker.events import Doorbell, Progress
from worker.finishing import Finish

PROGRESS_S = 0.5
"""Events of one image are at least this far apart."""
PREVIEW_S = 2.0
"""Previews cost a decode here and an edit there; the first comes after this long."""

log = structlog.get_logger()


class Teller:
    """Tells of one claim's steps."""

    def __init__(self, claim: Claim, files: Files, doorbell: Doorbell, finish: Finish) -> None:
        self._claim, self._files, self._doorbell = claim, files, doorbell
        self._finish = finish
        self._told_at = self._shown_at = time.monotonic()

    def tell(self, step: Step) -> None:
        """Publish the step, if it is time to; the last one is told by the finished picture."""
        now = time.monotonic()
        if step.index == step.total or now - self._told_at < PROGRESS_S:
            return
        shown = now - self._shown_at >= PREVIEW_S and self._show(step.preview)
        self._doorbell.ring(
            Progress(
                generation_id=self._claim.generation_id,
                index=self._claim.index,
                step=step.index,
                steps=step.total,
                preview=shown,
            )
        )
        self._told_at = time.monotonic()

    def _show(self, preview: Callable[[], bytes] | None) -> bool:
        if preview is None:
            return False
        try:
            shown = self._finish.preview(self._claim, preview())
            if shown is None:
                return False
            self._files.put_preview(self._claim.generation_id, shown)
        except FilesUnavailable:
            log.debug("preview not kept", order=self._claim.generation_id)
            return False
        finally:
            self._shown_at = time.monotonic()
        return True
