"""The Celery application of a worker: a queue for each thing it does, one task, one thread."""

import gc
from collections.abc import Callable, Sequence

from celery import Celery, signals
from kombu import Queue

from store.errors import StoreUnavailable
from store.outages import Outages
from worker.hand import InHand
from worker.queue import TASK, queue_name

OPTIONS = {
    "task_acks_late": True,  # with one thread and prefetch 1: a ticket is taken when there is time
    "worker_prefetch_multiplier": 1,
    "task_ignore_result": True,
    "worker_hijack_root_logger": False,
    "worker_redirect_stdouts": False,
    "worker_send_task_events": False,
    "worker_cancel_long_running_tasks_on_connection_loss": False,  # the threads pool cannot
    "worker_consumer": "worker.consumer:PatientConsumer",
    "broker_channel_error_retry": True,  # a queue that refuses to write is one that is away
    "broker_transport_options": {
        "visibility_timeout": 3600,
        "socket_connect_timeout": 3,
        "health_check_interval": 25,
    },
}
ARGUMENTS = (
    "--quiet",
    "worker",
    "--pool=threads",
    "--concurrency=1",
    "--loglevel=WARNING",
    "--without-gossip",
    "--without-mingle",
)


def build(broker_url: str, names: Sequence[str], work: Callable[[], object]) -> Celery:
    """Return the application; each ticket makes it work until nothing waits."""
    app = Celery("reroll.worker", broker=broker_url)
    outages = Outages()
    app.conf.update(OPTIONS, task_queues=[Queue(queue_name(name)) for name in names])

    @app.task(name=TASK)
    def take() -> None:
        try:
            work()
        except StoreUnavailable as error:
            # Claims in hand are left to their leases; what waits is reminded of.
            outages.began("database, writing", error)
        else:
            outages.ended("database, writing")

    return app


def run(app: Celery, hand: InHand, *, grace_s: float) -> None:
    """Work until SIGTERM or SIGINT, then give what is in hand `grace_s` seconds."""

    def leave(**_: object) -> None:
        hand.leave(grace_s=grace_s)

    def ready(**_: object) -> None:
        # What is there now stays: looking through it again and again would stop a drawing each
        # time, for a quarter of a second.
        gc.collect()
        gc.freeze()
        print("REROLL READY", flush=True)  # noqa: T201 - the supervisor waits for this line

    signals.worker_shutting_down.connect(leave, weak=False)
    signals.worker_ready.connect(ready, weak=False)
    app.worker_main(ARGUMENTS)
