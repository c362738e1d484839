"""The OpenAPI schema says the truth: whatever it allows is answered as it says, and never with a 500."""

import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from chatbot.app import create_app
from chatbot.pages.reference import sections
from chatbot.permissions import API

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
START_A_PROCESS = (
    "POST /v1/runs",
    "POST /v1/self-review",
    "POST /v1/side-by-sides",
    "POST /v1/datasets",
    "POST /v1/datasets/{dataset}/rebuild",
)


def test_whatever_the_schema_allows_is_answered_as_it_says(house):
    house.engine.pause = 0.0
    schema = schemathesis.openapi.from_asgi("/openapi.json", create_app(house))
    headers = {"Authorization": f"Bearer {house.accounts.keys['operator']}"}
    tried = []
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.label in START_A_PROCESS:
            continue
        tried.append(operation.label)

        @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), database=None)
        @given(case=operation.as_strategy())
        def holds(case):
            case.call_and_validate(headers=headers, checks=CHECKS)

        holds()
    assert len(tried) > 30


def test_the_page_of_the_api_tells_of_every_route(house):
    told = sections(create_app(house).openapi())
    routes = {f"{route.method} {route.path}" for _, found in told for route in found}
    assert routes == {name.replace(":path", "") for name in API}
    assert all(route.summary and route.answers for _, found in told for route in found)
