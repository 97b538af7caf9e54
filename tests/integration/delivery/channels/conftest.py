"""TLS of a server on 127.0.0.1."""

import ssl
from pathlib import Path

import pytest

from tests.integration.delivery.channels.raw_server import self_signed


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    return self_signed(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(params=["http", "https"])
def context(
    request: pytest.FixtureRequest, certificate: tuple[ssl.SSLContext, Path], monkeypatch: pytest.MonkeyPatch
) -> ssl.SSLContext | None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[1]))
    return certificate[0] if request.param == "https" else None
