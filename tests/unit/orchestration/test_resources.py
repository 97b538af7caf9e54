from typing import Any

import pytest
from dagster import Config, DagsterResourceFunctionError, ResourceParam, job, op
from pydantic import Field

from ekiden.settings import Settings
from orchestration.resources import build_resources


class Form(Config):
    reason: str
    rows: list[str] = Field(default_factory=list)


SEEN: list[str] = []


@op
def keep_reason(config: Form, settings: ResourceParam[Settings]) -> None:
    SEEN.append(config.reason)


def launched(config: dict[str, Any]) -> Any:
    @job(resource_defs=build_resources(Settings()))
    def keeping() -> None:
        keep_reason()

    SEEN.clear()
    return keeping.execute_in_process(run_config={"ops": {"keep_reason": {"config": config}}})


@pytest.mark.parametrize(
    "config",
    [{"reason": {"env": "EKIDEN_DATABASE_URL"}}, {"reason": "x", "rows": ["1", {"env": "EKIDEN_DATABASE_URL"}]}],
)
def test_no_form_reads_the_secrets_of_the_deployment(config: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EKIDEN_DATABASE_URL", "postgresql://ekiden:secret@db.example/ekiden")
    with pytest.raises(DagsterResourceFunctionError) as raised:
        launched(config)
    assert "write the text itself" in str(raised.value.__cause__)
    assert SEEN == []


def test_a_form_of_plain_texts_is_taken() -> None:
    ended = launched({"reason": "env: {env}", "rows": ["env"]})
    assert (ended.success, SEEN) == (True, ["env: {env}"])
