import os
from pathlib import Path

import redis

from local.broker import Broker, embedded
from local.supervisor import Program, Supervisor
from tests.local.test_supervisor import until


def client(broker: Broker) -> redis.Redis:
    return redis.Redis(unix_socket_path=str(broker.socket), socket_timeout=5)


async def test_messages_outlive_a_killed_broker(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    with embedded(data) as broker:
        async with Supervisor(tmp_path, lambda _: None) as supervisor:
            child = supervisor.start(Program("broker", broker.command, dict(os.environ)))
            assert await broker.answers(10)
            with client(broker) as before:
                before.rpush("queue", "ticket")
                assert before.config_get("maxmemory-policy")["maxmemory-policy"] == "noeviction"
            supervisor.kill("broker")
            await until(lambda: child.starts == 2)
            assert await broker.answers(10)
            with client(broker) as after:
                assert after.lrange("queue", 0, -1) == [b"ticket"]
    assert not broker.socket.exists()


def test_the_address_is_one_that_celery_takes(tmp_path: Path) -> None:
    with embedded(tmp_path) as broker:
        assert broker.url == f"redis+socket://{broker.socket}?virtual_host=0"
        assert broker.url.startswith("redis+socket:///")


def test_a_folder_too_deep_for_a_socket_lends_it_another_place(tmp_path: Path) -> None:
    deep = tmp_path / ("deep" * 25)
    with embedded(deep) as broker:
        assert len(str(broker.socket)) < 100
        assert str(deep) in broker.command
