"""The API's errors, without an engine."""

import httpx
import pytest

from chatbot.app import create_app


async def call(house, method: str, path: str, **sent: object) -> httpx.Response:
    transport = httpx.ASGITransport(create_app(house), client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        return await client.request(method, path, **sent)


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/feedback", "/v1/consent"])
async def test_a_body_that_is_no_text_is_refused_in_the_shape_of_openai(house, path):
    headers = {"Content-Type": "application/json"}
    response = await call(house, "POST", path, content=b'{"given": "\xff\xfe"}', headers=headers)
    error = response.json()["error"]
    assert (response.status_code, error["code"], error["type"]) == (400, "invalid_request", "invalid_request_error")
    assert error["message"]


@pytest.mark.parametrize(("method", "path", "status"), [("POST", "/healthz", 405), ("GET", "/nowhere", 404)])
async def test_what_the_framework_refuses_has_that_shape_too(house, method, path, status):
    response = await call(house, method, path)
    assert response.status_code == status
    assert response.json()["error"]["code"] == {404: "unknown_path", 405: "method_not_allowed"}[status]
    assert status != 405 or response.headers["allow"] == "GET"
