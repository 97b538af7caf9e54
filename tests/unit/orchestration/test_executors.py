from pathlib import Path

import pytest
from pydantic import SecretStr

from ekiden.settings import Settings
from orchestration.executors import NoBroker, celery_place, sending_executor

HOME = Path("/nowhere")


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({}, "in_process"),
        ({"send_workers": 3}, "multiprocess"),
        ({"send_workers": 3, "send_executor": "in_process"}, "in_process"),
        ({"send_executor": "celery", "celery_broker": "redis://broker.example:6379/0"}, "celery"),
    ],
)
def test_one_worker_needs_no_process_of_its_own_and_the_setting_decides(changes: dict[str, object], name: str) -> None:
    assert sending_executor(Settings(home=HOME, **changes)).name == name


def test_celery_without_a_broker_is_refused_with_what_to_set() -> None:
    with pytest.raises(NoBroker, match="EKIDEN_CELERY_BROKER"):
        sending_executor(Settings(home=HOME, send_executor="celery"))


@pytest.mark.parametrize(
    ("broker", "backend"),
    [
        ("redis://broker.example:6379/0", "redis://broker.example:6379/0"),
        ("rediss://:secret@broker.example/0", "rediss://:secret@broker.example/0"),
        ("amqp://broker.example//", "rpc://"),
    ],
)
def test_results_come_back_the_way_the_broker_can(broker: str, backend: str) -> None:
    place = celery_place(Settings(home=HOME, celery_broker=SecretStr(broker)))
    assert place == {"broker": broker, "backend": backend}
