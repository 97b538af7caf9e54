"""The official package's client over a pool of connections that stay open.

The package's own transport opens a connection and a TLS context per call (about 20 calls a second), has no time
limit, follows redirects by turning our POST into a GET, and writes whole requests into its debug log. This module
puts a pool in its place, inside the package's client. It knows the key, and nothing of mail.
"""

from collections.abc import Mapping
from typing import Any
from urllib.request import Request

import orjson
import python_http_client
import urllib3
from pydantic import SecretStr

from ekiden.delivery.channels.http.transport import LONGEST_ANSWER, read_whole


class Answer:
    """A urllib3 response with the faces of the package's own response and of the one it makes that from."""

    def __init__(self, response: urllib3.BaseHTTPResponse, longest: int) -> None:
        self._response = response
        self._body = read_whole(response, longest)

    @property
    def status_code(self) -> int:
        return self._response.status

    @property
    def body(self) -> bytes:
        """The answer's first `longest` bytes, as they came: we ask for no compression."""
        return self._body

    @property
    def headers(self) -> Mapping[str, str]:
        return self._response.headers

    def getcode(self) -> int:
        return self.status_code

    def read(self) -> bytes:
        return self._body

    def info(self) -> Mapping[str, str]:
        return self.headers


class PooledClient(python_http_client.Client):  # type: ignore[misc]  # the package has no types
    """The package's client over a pool; the key is added at the last moment and stands in no log."""

    def __init__(
        self,
        pool: urllib3.PoolManager,
        api_key: SecretStr,
        *,
        longest_answer: int = LONGEST_ANSWER,
        **details: Any,
    ) -> None:
        # first: the base class answers for attributes that do not exist with a part of the URL
        self._pool = pool
        self._api_key = api_key
        self._longest_answer = longest_answer
        super().__init__(**details)

    def _build_client(self, name: str | None = None) -> "PooledClient":
        return PooledClient(
            self._pool,
            self._api_key,
            longest_answer=self._longest_answer,
            host=self.host,
            version=self._version,
            request_headers=self.request_headers,
            url_path=[*self._url_path, name] if name else self._url_path,
            append_slash=self.append_slash,
            timeout=self.timeout,
        )

    def post(self, request_body: object) -> Answer:
        """Return the answer to a POST of `request_body`: bytes of JSON as they are, anything else made into them.

        The package's own way to here builds an opener of urllib per call, which costs as much as the call.
        """
        body = request_body if isinstance(request_body, bytes) else orjson.dumps(request_body)
        headers = {**self.request_headers, "Content-Type": "application/json"}
        return self._answer("POST", self._build_url(None), body, headers)

    def _make_request(self, _opener: object, request: Request, timeout: object = None) -> Answer:
        """Return the answer to any other call that the package has prepared."""
        body = request.data if isinstance(request.data, bytes) else None
        return self._answer(request.get_method(), request.full_url, body, request.headers)

    def _answer(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        key = self._api_key.get_secret_value()
        return Answer(
            self._pool.request(
                method,
                url,
                body=body,
                headers={**headers, "Authorization": f"Bearer {key}"},
                preload_content=False,
                retries=False,
                redirect=False,
            ),
            self._longest_answer,
        )
