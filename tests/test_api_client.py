"""The client that the red team and the audit of bias share."""

import httpx
import pytest

from safety.api_client import ApiClient
from safety.errors import AuditFailed


async def test_it_tries_again_where_the_server_is_busy_and_says_where_nobody_is():
    waits = ["0.01", "Sat, 28 Nov 2026 18:00:00 GMT"]

    def serve(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/gone":
            raise httpx.ConnectError("nobody")
        return httpx.Response(429, headers={"Retry-After": waits.pop(0)}) if waits else httpx.Response(200)

    asking = {"failure": AuditFailed, "concurrency": 2, "timeout_s": 5, "transport": httpx.MockTransport(serve)}
    async with ApiClient("http://127.0.0.1", "key", **asking) as client:
        assert (await client.send("/v1/models")).status_code == 200
        assert client.requests == 3
        with pytest.raises(AuditFailed, match="does not answer"):
            await client.send("/gone", {})
