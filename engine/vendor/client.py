"""One account at the vendor: submit a picture, wait for it, fetch it at once.

It owns what each fault means and how long to insist. It must not know families, threads or pixels.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import NoReturn

import httpx
import structlog
from pydantic import SecretStr

from engine.vendor import answers, errors
from engine.vendor.answers import Accepted, Report
from engine.vendor.breaker import Breaker
from engine.vendor.charge import Charge
from engine.vendor.clock import Clock
from engine.vendor.endpoints import ENDPOINTS, MOST_ACTIVE, REGIONS, Region, is_api, is_ours
from engine.vendor.faults import Again, AnswerLost, Unreachable, Unusable, VendorFault
from engine.vendor.job import Drawn, Job, Limits, Told
from engine.vendor.patience import Patience
from engine.vendor.wire import Answer, exchange

IMAGES = {"image/png", "image/jpeg", "image/webp", "application/octet-stream"}
"""Stores serve files they know nothing of as the last; the decoder judges for itself."""
REFUSALS: Mapping[int, type[errors.VendorFailed]] = {
    400: errors.VendorRejected,
    401: errors.VendorKeyRefused,
    402: errors.VendorUnpaid,
    403: errors.VendorKeyRefused,
    413: errors.VendorRejected,
    422: errors.VendorRejected,
}
ENDS: Mapping[str, type[errors.VendorFailed]] = {
    "request moderated": errors.VendorRefusedPrompt,
    "content moderated": errors.VendorRefusedPicture,
    "error": errors.VendorFailed,
}
"""How a task ends without a picture; every status that is not known here is still pending."""
NOT_FOUND = "task not found"
TIMEOUTS = {408, 504}

log = structlog.get_logger()


class Client:
    """The vendor's API with one account's key, in one event loop."""

    def __init__(
        self,
        key: SecretStr,
        region: Region = "global",
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Clock | None = None,
        chance: random.Random | None = None,
        limits: Limits | None = None,
    ) -> None:
        self._key = key
        self._base = httpx.URL(REGIONS[region])
        self._clock = clock or Clock()
        self._limits = limits or Limits()
        self._breaker = Breaker(self._clock)
        self._patience = Patience(self._clock, chance or random.Random(), self._limits)
        self._all = asyncio.Semaphore(MOST_ACTIVE)
        self._each = {name: asyncio.Semaphore(most) for name, most in ENDPOINTS.items()}
        self._http = httpx.AsyncClient(
            transport=transport,
            follow_redirects=False,
            # A body is written in one go, however long it is: exchange() limits the whole of it.
            timeout=httpx.Timeout(self._limits.call_s, connect=self._limits.connect_s, write=None),
            headers={"user-agent": "reroll", "accept-encoding": "identity"},
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def draw(self, job: Job, tell: Callable[[Told], None] = lambda _: None) -> Drawn:
        """Return a picture's file. Raises a VendorFailed that says who can do something about it.

        What was not delivered may have been paid for all the same: `tell` has said how much.
        """
        try:
            async with self._slot(job):
                taken = await self._patience.insist(partial(self._submit, job))
                charge = taken.charge or job.estimate
                log.info("vendor took a picture on", task=taken.id, credits=str(charge.credits))
                report = await self._result(job, taken, lambda share: tell(_told(share, charge)))
            tell(Told(95, charge))
            file = await self._patience.insist(partial(self._download, job, report))
        except VendorFault as fault:
            log.warning("vendor's answer cannot be used", endpoint=job.endpoint, fault=str(fault))
            raise errors.VendorFailed(variant=job.variant) from fault
        return Drawn(file, report.charge or charge)

    @asynccontextmanager
    async def _slot(self, job: Job) -> AsyncIterator[None]:
        each = self._each[job.endpoint]
        try:
            async with asyncio.timeout(self._limits.busy_s) as waiting:
                async with each, self._all:
                    waiting.reschedule(None)
                    yield
        except TimeoutError as error:
            raise errors.VendorBusy(variant=job.variant) from error

    async def _submit(self, job: Job) -> Accepted:
        if not self._breaker.lets_through():
            raise errors.VendorDown(variant=job.variant)
        url = self._base.join(f"/v1/{job.endpoint}")
        try:
            answer = await self._ask("POST", url, job)
        except Unreachable as fault:
            raise self._down(job) from fault
        except AnswerLost as fault:
            raise self._perhaps_taken(job) from fault
        if answer.status in TIMEOUTS:
            raise self._perhaps_taken(job)
        if answer.status != httpx.codes.OK:
            self._refuse(job, answer)
        taken = answers.accepted(answer.body)
        if not is_api(taken.polling_url):
            raise Unusable("a polling address that is not the vendor's")
        return taken

    async def _result(self, job: Job, taken: Accepted, tell: Callable[[float], None]) -> Report:
        """Ask until the picture is ready. Raises what the vendor made of it instead."""
        began, wait_s, share = self._clock.now(), self._limits.first_wait_s, 0.0
        while True:
            tell(share)
            await self._clock.sleep(wait_s)
            wait_s = min(wait_s * 1.2, self._limits.longest_poll_s)
            report = await self._patience.insist(partial(self._look, job, taken.polling_url))
            if report.sample is not None:
                return report
            waited_s = self._clock.now() - began
            lost = report.status == NOT_FOUND and waited_s > self._limits.unknown_s
            if lost or waited_s > self._limits.result_s:
                log.warning("vendor's picture did not come", task=taken.id, status=report.status)
                raise (errors.VendorFailed if lost else errors.VendorDown)(variant=job.variant)
            share = max(share, report.progress or 0.0)

    async def _look(self, job: Job, url: httpx.URL) -> Report:
        try:
            answer = await self._ask("GET", url)
            report = self._reported(answer)
        except (Unreachable, AnswerLost) as fault:
            raise self._down(job) from fault
        except Unusable as fault:
            raise self._again(errors.VendorFailed(variant=job.variant)) from fault
        if report is None:
            if answer.status in TIMEOUTS:
                raise self._down(job)
            self._refuse(job, answer)
        if end := ENDS.get(report.status):
            log.info("vendor drew no picture", endpoint=job.endpoint, status=report.status)
            raise end(variant=job.variant)
        return report

    def _reported(self, answer: Answer) -> Report | None:
        """Return the report, if the answer is one: a task's end may come with an error's status."""
        if answer.status == httpx.codes.OK:
            return answers.report(answer.body)
        try:
            report = answers.report(answer.body)
        except Unusable:
            return None
        return report if report.status in (*ENDS, NOT_FOUND) else None

    async def _download(self, job: Job, report: Report) -> bytes:
        # Without the key: these hosts serve files to whoever has the address.
        if report.sample is None or not is_ours(report.sample):
            raise Unusable("a picture's address that is not the vendor's")
        seconds, limit = self._limits.download_s, self._limits.image_bytes
        try:
            answer = await exchange(self._http, "GET", report.sample, limit=limit, seconds=seconds)
        except (Unreachable, AnswerLost) as fault:
            raise self._down(job) from fault
        if answer.status in (408, 429) or answer.status >= 500:
            raise self._down(job, answer.retry_after_s)
        if answer.status != httpx.codes.OK:
            raise Unusable(f"status {answer.status} instead of a picture")
        if answer.content_type not in IMAGES:
            raise Unusable("something else than a picture")
        return answer.body

    async def _ask(self, method: str, url: httpx.URL, job: Job | None = None) -> Answer:
        """Call the API itself, the only place where the key goes; with a job's body, if any."""
        headers = {"x-key": self._key.get_secret_value(), "accept": "application/json"}
        limit, seconds = self._limits.json_bytes, self._limits.call_s
        if job:
            seconds += job.text_bytes / self._limits.upload_bytes_s
        body = job.body if job else None
        try:
            answer = await exchange(
                self._http, method, url, limit=limit, seconds=seconds, headers=headers, body=body
            )
        except (Unreachable, AnswerLost):
            self._breaker.failed()
            raise
        if answer.status >= 500:
            self._breaker.failed()
        else:
            self._breaker.worked()
        return answer

    def _refuse(self, job: Job, answer: Answer) -> NoReturn:
        if answer.status == httpx.codes.TOO_MANY_REQUESTS:
            busy, patience_s = errors.VendorBusy(variant=job.variant), self._limits.busy_s
            raise Again(busy, patience_s=patience_s, after_s=answer.retry_after_s)
        if answer.status >= 500:
            raise self._down(job, answer.retry_after_s)
        log.warning(
            "vendor refused",
            endpoint=job.endpoint,
            status=answer.status,
            complaint=answers.complaint(answer.body),
        )
        raise REFUSALS.get(answer.status, errors.VendorFailed)(variant=job.variant)

    def _down(self, job: Job, after_s: float | None = None) -> Again:
        return self._again(errors.VendorDown(variant=job.variant), after_s)

    def _again(self, error: errors.VendorFailed, after_s: float | None = None) -> Again:
        return Again(error, patience_s=self._limits.down_s, after_s=after_s)

    def _perhaps_taken(self, job: Job) -> errors.VendorDown:
        # Sent again, a picture that was taken on would be drawn and paid for twice.
        log.warning("vendor did not say whether it took a picture on", endpoint=job.endpoint)
        return errors.VendorDown(variant=job.variant)


def _told(share: float, charge: Charge) -> Told:
    # The rest is for the way there and for the file.
    return Told(5 + int(90 * share), charge)
