"""Every status and fault of the vendor: what the client does, and what it makes of it."""

import asyncio
import gzip
import logging
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import httpx
import pytest
import structlog
from aiohttp import web
from pydantic import SecretStr

from engine.vendor import errors
from engine.vendor.client import Client
from engine.vendor.endpoints import REGIONS
from engine.vendor.job import Job, Limits, Told
from tests.engine.vendor.conftest import EDITS, LIMITS, PICTURE, FastClock, make_client
from tests.engine.vendor.fake_vendor import (
    COST,
    KEY,
    Answer,
    FakeVendor,
    ToLoopback,
    cut_short,
    endless,
    hangs,
    hangs_up,
    png,
    says,
)

MakeJob = Callable[..., Job]


def ready(sample: str) -> Answer:
    return says(200, {"id": "x", "status": "Ready", "result": {"sample": sample}})


def image(body: bytes, kind: str = "image/png", **headers: str) -> Answer:
    return says(200, body, content_type=kind, **headers)


def packed(body: bytes) -> Answer:
    return image(body, content_encoding="gzip")


def status(said: str, code: int = 200) -> Answer:
    return says(code, {"id": "x", "status": said})


def elsewhere(code: int) -> Answer:
    return says(code, location="http://10.0.0.1/")


def late(answer: Answer, seconds: float) -> Answer:
    """Begin to read a body after a while."""

    async def answered(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(seconds)
        await request.read()
        return await answer(request)

    return answered


def polled_at(url: object) -> Answer:
    return says(200, {"id": "x", "polling_url": url, "cost": 1})


async def test_a_picture_comes_with_its_cost_and_progress_that_only_grows(
    vendor: FakeVendor, client: Client, job: MakeJob
) -> None:
    vendor.polls = 4
    told: list[Told] = []
    drawn = await client.draw(job(), told.append)

    assert drawn.file == png(seed=7)
    assert drawn.charge.credits == Decimal(str(COST))
    assert drawn.charge.usd == Decimal("0.035")
    assert not drawn.charge.is_estimate
    shares = [one.percent for one in told]
    assert shares == sorted(shares)
    assert shares[0] == 5
    assert len(set(shares)) >= 5
    assert {one.charge for one in told} == {drawn.charge}


async def test_the_key_goes_to_the_api_only_and_the_polling_address_is_the_returned_one(
    vendor: FakeVendor, client: Client, job: MakeJob
) -> None:
    await client.draw(job())
    assert {(one.host, one.path, one.key) for one in vendor.seen} == {
        ("api.bfl.ai", "/v1/flux-2-pro", KEY),
        ("api.eu2.bfl.ai", "/v1/get_result", KEY),
        ("delivery-eu2.bfl.ai", "/results/task-0", None),
    }


@pytest.mark.parametrize("region", sorted(REGIONS))
async def test_a_region_is_where_pictures_are_asked_for(
    vendor: FakeVendor, clock: FastClock, job: MakeJob, region: Any
) -> None:
    client = make_client(vendor, clock, region=region)
    await client.draw(job())
    assert f"https://{vendor.seen[0].host}" == REGIONS[region]
    await client.aclose()


@dataclass(frozen=True)
class Fault:
    """What is put in, what comes of it (None: a picture), and how many submissions it takes."""

    name: str
    error: type[errors.VendorFailed] | None
    submits: list[Answer] = field(default_factory=list)
    looks: list[Answer] = field(default_factory=list)
    downloads: list[Answer] = field(default_factory=list)
    sent: int = 1


BOMB = png()[:16] + (60000).to_bytes(4, "big") * 2 + png()[24:]
MANY = 200
"""More of the same than any patience lasts."""

FAULTS = [
    # Submitting.
    Fault("400", errors.VendorRejected, [says(400, {"detail": "no"})]),
    Fault("401", errors.VendorKeyRefused, [says(401)]),
    Fault("402", errors.VendorUnpaid, [says(402, {"detail": "Insufficient credits"})]),
    Fault("403", errors.VendorKeyRefused, [says(403, {"detail": "Not authenticated"})]),
    Fault("404", errors.VendorFailed, [says(404)]),
    Fault("413", errors.VendorRejected, [says(413, b"<html>")]),
    Fault("422", errors.VendorRejected, [says(422, {"detail": [{"loc": ["body", "x"]}]})]),
    Fault("422 of another form", errors.VendorRejected, [says(422, b"[1]")]),
    Fault("429 once", None, [says(429)], sent=2),
    Fault("429 with a wait", None, [says(429, retry_after="3")], sent=2),
    Fault("429 with too long a wait", errors.VendorBusy, [says(429, retry_after="3600")]),
    Fault("500 once", None, [says(500)], sent=2),
    Fault("502 twice", None, [says(502, b"<html>"), says(502, b"<html>")], sent=3),
    Fault("503 once", None, [says(503, retry_after="1")], sent=2),
    Fault("504 may have been taken on", errors.VendorDown, [says(504)]),
    Fault("a lost answer may have been too", errors.VendorDown, [hangs_up]),
    Fault("so may one that does not come", errors.VendorDown, [hangs]),
    Fault("a redirect", errors.VendorFailed, [elsewhere(307)]),
    Fault("truncated JSON", errors.VendorFailed, [says(200, b'{"id": "x", "polling_')]),
    Fault("JSON that is a list", errors.VendorFailed, [says(200, [])]),
    Fault("JSON that nests", errors.VendorFailed, [says(200, b"[" * 60000)]),
    Fault("HTML", errors.VendorFailed, [says(200, b"<html>", content_type="text/html")]),
    Fault("too much JSON", errors.VendorFailed, [says(200, b" " * 2**17)]),
    Fault("polling elsewhere", errors.VendorFailed, [polled_at("https://evil.example/x")]),
    Fault("polling inside", errors.VendorFailed, [polled_at("http://127.0.0.1/v1/get_result")]),
    Fault("polling in clear", errors.VendorFailed, [polled_at("http://api.bfl.ai/x")]),
    Fault("polling at a port", errors.VendorFailed, [polled_at("https://api.bfl.ai:8443/x")]),
    Fault("polling a look-alike", errors.VendorFailed, [polled_at("https://api.bfl.ai.evil.io")]),
    Fault("polling as a user", errors.VendorFailed, [polled_at("https://api.bfl.ai@evil.io/x")]),
    Fault("polling a file host", errors.VendorFailed, [polled_at("https://delivery.bfl.ai/x")]),
    Fault("polling no address", errors.VendorFailed, [polled_at("https://[::")]),
    Fault("polling nothing", errors.VendorFailed, [polled_at(None)]),
    # Waiting.
    Fault("moderated words", errors.VendorRefusedPrompt, looks=[status("Request Moderated")]),
    Fault("a moderated picture", errors.VendorRefusedPicture, looks=[status("Content Moderated")]),
    Fault("an error", errors.VendorFailed, looks=[status("Error")]),
    Fault("an error within a 503", errors.VendorFailed, looks=[status("Error", 503)]),
    Fault("refused by 400", errors.VendorRefusedPrompt, looks=[status("Request Moderated", 400)]),
    Fault("statuses of the future", None, looks=[status("Reasoning"), status("Dreaming")]),
    Fault("not known yet", None, looks=[status("Task not found")]),
    Fault("not known yet by 404", None, looks=[status("Task not found", 404)]),
    Fault("never known", errors.VendorFailed, looks=[status("Task not found")] * MANY),
    Fault("never ready", errors.VendorDown, looks=[status("Pending")] * (2 * MANY)),
    Fault("looks that fail", None, looks=[says(500), says(504), hangs_up, says(429)]),
    Fault("looks that all fail", errors.VendorDown, looks=[says(500)] * MANY),
    Fault("looks that are all refused", errors.VendorBusy, looks=[says(429)] * MANY),
    Fault("a look that hangs", None, looks=[hangs]),
    Fault("a look cut short", None, looks=[says(200, b'{"status": "Rea')]),
    Fault("looks that are HTML", errors.VendorFailed, looks=[says(200, b"<html>")] * MANY),
    Fault("looks without a status", None, looks=[says(200, {}), says(200, {"status": 5})]),
    Fault("a key that is taken away", errors.VendorKeyRefused, looks=[says(403)]),
    Fault("a redirect of a look", errors.VendorFailed, looks=[elsewhere(302)]),
    Fault("ready without a picture", errors.VendorFailed, looks=[status("Ready")] * MANY),
    # Fetching.
    Fault("a picture elsewhere", errors.VendorFailed, looks=[ready("https://evil.example/x.png")]),
    Fault("a picture inside", errors.VendorFailed, looks=[ready("http://127.0.0.1:1/x.png")]),
    Fault("a picture on the disk", errors.VendorFailed, looks=[ready("file:///etc/passwd")]),
    Fault("a redirected picture", errors.VendorFailed, downloads=[elsewhere(302)]),
    Fault("an expired picture", errors.VendorFailed, downloads=[says(403)]),
    Fault("HTML for a picture", errors.VendorFailed, downloads=[image(b"<html>", "text/html")]),
    Fault("4 GB", errors.VendorFailed, downloads=[image(b"", content_length="4294967296")]),
    Fault("a picture without end", errors.VendorFailed, downloads=[endless]),
    Fault("packed zeros", errors.VendorFailed, downloads=[packed(gzip.compress(bytes(2**26)))]),
    Fault("half a packing", errors.VendorFailed, downloads=[packed(gzip.compress(png())[:30])]),
    Fault("a picture that a proxy packed", None, downloads=[packed(gzip.compress(png(seed=7)))]),
    Fault("an odd packing", errors.VendorFailed, downloads=[image(b"x", content_encoding="br")]),
    Fault("a picture cut short", None, downloads=[cut_short]),
    Fault("a store that fails once", None, downloads=[says(503)]),
    Fault("a store that fails", errors.VendorDown, downloads=[says(503)] * MANY),
]


@pytest.mark.parametrize("endpoint", ["flux-2-pro", *EDITS])
@pytest.mark.parametrize("fault", FAULTS, ids=[fault.name for fault in FAULTS])
async def test_every_fault_has_its_own_end(
    vendor: FakeVendor, clock: FastClock, job: MakeJob, fault: Fault, endpoint: str
) -> None:
    silent = hangs in (*fault.submits, *fault.looks)
    limits = replace(LIMITS, call_s=2.0) if silent else LIMITS
    client = make_client(vendor, clock, limits=limits)
    vendor.submits, vendor.looks = list(fault.submits), list(fault.looks)
    vendor.downloads = list(fault.downloads)
    if fault.error is None:
        assert (await client.draw(job(endpoint))).file == png(seed=7)
    else:
        with (
            pytest.raises(errors.VendorFailed) as failure,
            structlog.testing.capture_logs() as lines,
        ):
            await client.draw(job(endpoint))
        assert type(failure.value) is fault.error
        assert failure.value.params == {"variant": "bfl-flux2-pro"}
        said = "".join(traceback.format_exception(failure.value)) + str(lines)
        assert KEY not in said
        assert PICTURE[:60] not in said
    assert vendor.count("POST", f"/v1/{endpoint}") == vendor.count("POST", "/") == fault.sent
    ours = ("api.bfl.ai", "api.eu2.bfl.ai")
    assert all(one.host in ours for one in vendor.seen if one.key)
    assert all(one.host.endswith(".bfl.ai") for one in vendor.seen)
    assert clock.time - 1000 < 500
    await client.aclose()


async def test_a_body_of_many_megabytes_is_given_the_time_that_it_takes(
    vendor: FakeVendor, clock: FastClock, job: MakeJob
) -> None:
    limits = replace(LIMITS, call_s=0.5, upload_bytes_s=2**19)
    client = make_client(vendor, clock, limits=limits)
    vendor.tasks["x"] = {"endpoint": "x", "active": True, "prompt": "", "seed": 7}
    taken = polled_at(f"{vendor.polling_host}/v1/get_result?id=x")
    vendor.submits = [late(taken, 1.0), late(taken, 1.0)]
    with pytest.raises(errors.VendorDown):
        await client.draw(job("flux-pro-1.0-fill"))
    large = job("flux-pro-1.0-fill", image="A" * 2**24)
    assert (await client.draw(large)).file == png(seed=7)
    await client.aclose()


async def test_nothing_sent_is_sent_again(
    vendor: FakeVendor, clock: FastClock, job: MakeJob
) -> None:
    lost = [httpx.ConnectError("refused"), httpx.ConnectTimeout("slow")]
    client = make_client(vendor, clock, transport=ToLoopback(vendor.port, lost))
    assert (await client.draw(job())).file == png(seed=7)
    assert vendor.count("POST", "/v1") == 1
    await client.aclose()


async def test_retry_after_is_obeyed_and_jitter_is_on_top(
    vendor: FakeVendor, client: Client, clock: FastClock, job: MakeJob
) -> None:
    dated = {
        "date": "Wed, 21 Oct 2026 07:28:00 GMT",
        "retry_after": "Wed, 21 Oct 2026 07:28:09 GMT",
    }
    vendor.submits = [says(429, retry_after="4"), says(429, **dated)]
    await client.draw(job())
    assert 4 <= clock.waits[0] <= 4.5
    assert 9 <= clock.waits[1] <= 10


async def test_waits_grow_and_differ(
    vendor: FakeVendor, client: Client, clock: FastClock, job: MakeJob
) -> None:
    vendor.submits = [says(429)] * 6
    await client.draw(job())
    waits = clock.waits[:6]
    assert len(set(waits)) == 6
    assert all(wait <= 0.5 * 2**attempt for attempt, wait in enumerate(waits))
    assert max(waits) > 2


@pytest.mark.parametrize(
    ("cost", "credits"),
    [(4, "4"), (1.4, "1.4"), (0, "0")]
    + [(wrong, "3.0") for wrong in (None, -1, 1e9, "5", True, [], {"credits": 1})],
)
async def test_a_cost_that_cannot_be_one_is_replaced_by_our_estimate(
    vendor: FakeVendor, client: Client, job: MakeJob, cost: Any, credits: str
) -> None:
    vendor.tasks["x"] = {"endpoint": "x", "active": True, "prompt": "", "seed": 7}
    url = f"{vendor.polling_host}/v1/get_result?id=x"
    vendor.submits = [says(200, {"id": "x", "polling_url": url, "cost": cost})]
    charge = (await client.draw(job())).charge
    assert charge.credits == Decimal(credits)
    assert charge.is_estimate is (credits == "3.0")


async def test_the_settled_cost_goes_before_the_first_one(
    vendor: FakeVendor, client: Client, job: MakeJob
) -> None:
    sample = f"{vendor.delivery_host}/results/task-0"
    vendor.looks = [says(200, {"status": "Ready", "cost": 2.75, "result": {"sample": sample}})]
    assert (await client.draw(job())).charge.credits == Decimal("2.75")


@pytest.mark.parametrize(("endpoint", "most"), [("flux-2-pro", 24), ("flux-kontext-max", 6)])
async def test_no_more_are_in_flight_than_the_account_allows(
    vendor: FakeVendor, clock: FastClock, job: MakeJob, endpoint: str, most: int
) -> None:
    vendor.polls = 3
    client = make_client(vendor, clock)
    await asyncio.gather(*(client.draw(job(endpoint)) for _ in range(30)))
    assert vendor.most_active[endpoint] == most
    await client.aclose()


async def test_endpoints_share_the_accounts_cap(
    vendor: FakeVendor, clock: FastClock, job: MakeJob
) -> None:
    vendor.polls = 3
    client = make_client(vendor, clock)
    await asyncio.gather(*(client.draw(job(name)) for name in ("flux-2-pro", "flux-2-max") * 20))
    assert vendor.most_active["all"] == 24
    await client.aclose()


async def test_waiting_for_a_place_ends_as_busy(
    vendor: FakeVendor, clock: FastClock, job: MakeJob
) -> None:
    vendor.looks = [hangs] * 6
    client = make_client(vendor, clock, limits=Limits(busy_s=0.2))
    plain = job("flux-kontext-max")
    first = [asyncio.create_task(client.draw(plain)) for _ in range(6)]
    await asyncio.sleep(0.1)
    with pytest.raises(errors.VendorBusy):
        await client.draw(plain)
    for task in first:
        task.cancel()
    await asyncio.gather(*first, return_exceptions=True)
    await client.aclose()


async def test_after_failures_in_a_row_nothing_is_sent_until_a_while_has_passed(
    vendor: FakeVendor, client: Client, clock: FastClock, job: MakeJob
) -> None:
    vendor.submits = [says(500)] * 5
    with pytest.raises(errors.VendorDown):
        await client.draw(job())
    assert vendor.count("POST", "/v1") == 5

    with pytest.raises(errors.VendorDown):
        await client.draw(job())
    assert vendor.count("POST", "/v1") == 5

    clock.time += 31
    vendor.submits = [says(500)]
    with pytest.raises(errors.VendorDown):
        await client.draw(job())
    assert vendor.count("POST", "/v1") == 6, "one try only, and it opens for longer"
    clock.time += 31
    with pytest.raises(errors.VendorDown):
        await client.draw(job())
    assert vendor.count("POST", "/v1") == 6

    clock.time += 31
    assert (await client.draw(job())).file == png(seed=7)
    vendor.submits = [says(500)]
    assert (await client.draw(job())).file == png(seed=7)


async def test_refusals_do_not_count_as_failures(
    vendor: FakeVendor, client: Client, job: MakeJob
) -> None:
    vendor.submits = [says(402)] * 10
    for _ in range(10):
        with pytest.raises(errors.VendorUnpaid):
            await client.draw(job())
    assert vendor.count("POST", "/v1") == 10
    assert (await client.draw(job())).file == png(seed=7)


async def test_a_cancelled_picture_is_polled_no_more_and_frees_its_place(
    vendor: FakeVendor, clock: FastClock, job: MakeJob
) -> None:
    vendor.looks = [hangs]
    client = make_client(vendor, clock)
    drawing = asyncio.create_task(client.draw(job()))
    while not vendor.count("GET", "/v1"):
        await asyncio.sleep(0.01)
    drawing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await drawing
    assert (await client.draw(job())).file == png(seed=7)
    await client.aclose()


async def test_no_log_line_holds_the_key_an_address_or_a_prompt(
    vendor: FakeVendor, clock: FastClock, job: MakeJob, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    client = make_client(vendor, clock, key="sk-wrong")
    secret = SecretStr("sk-wrong")
    complaint = {
        "detail": [{"loc": ["body", "seed"], "msg": "sk-wrong", "type": "int", "input": "a 熊猫"}]
    }
    vendor.submits = [says(422, complaint)]
    with structlog.testing.capture_logs() as lines:
        for _ in range(2):
            with pytest.raises(errors.VendorFailed):
                await client.draw(job())
        vendor.submits = [polled_at("https://evil.example/?sig=abc")]
        with pytest.raises(errors.VendorFailed):
            await client.draw(job())
    said = f"{lines} {caplog.text} {client!r} {job()!r} {secret!r}"
    assert "seed" in said
    for hidden in ("sk-wrong", "evil.example", "熊猫", "sig="):
        assert hidden not in said
    await client.aclose()
