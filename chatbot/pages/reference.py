"""The page of the API: every route of the OpenAPI schema with who may call it, what it takes and what it answers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from fastapi import APIRouter, Request
from starlette.responses import Response

from chatbot.pages.forms import AccountsOf
from chatbot.pages.plain import page
from chatbot.permissions import API

Schema = Mapping[str, Any]
METHODS = ("get", "post", "patch", "delete")
TAGS = ("OpenAI", "Feedback", "Conversations", "Review", "Operate", "Accounts", "Health")
router = APIRouter(include_in_schema=False)


class Field(NamedTuple):
    """A parameter, or a field of a body."""

    name: str
    kind: str
    needed: bool
    says: str


class Route(NamedTuple):
    """One route as the page tells of it."""

    method: str
    path: str
    summary: str
    says: str
    role: str
    scope: str | None
    fields: Sequence[Field]
    answers: Sequence[tuple[str, str]]


@router.get("/docs")
def reference(request: Request, accounts: AccountsOf) -> Response:
    """Show it."""
    address = str(request.base_url).rstrip("/")
    return page(request, accounts, "reference.jinja", sections=sections(request.app.openapi()), address=address)


def sections(openapi: Schema) -> list[tuple[str, list[Route]]]:
    """The routes by what they are for."""
    by_tag: defaultdict[str, list[Route]] = defaultdict(list)
    for path, methods in openapi["paths"].items():
        for method in METHODS:
            if method in methods:
                tag = next(iter(methods[method].get("tags", ())), TAGS[-1])
                by_tag[tag].append(_route(method.upper(), path, methods[method], openapi))
    return [(tag, by_tag[tag]) for tag in TAGS if tag in by_tag]


def _route(method: str, path: str, told: Schema, openapi: Schema) -> Route:
    permit = next(permit for name, permit in API.items() if name.replace(":path", "") == f"{method} {path}")
    answers = [(code, answer["description"]) for code, answer in told["responses"].items() if code != "default"]
    return Route(
        method,
        path,
        told.get("summary", ""),
        told.get("description", ""),
        permit.role,
        permit.scope,
        [*_parameters(told), *_body(told, openapi)],
        answers,
    )


def _parameters(told: Schema) -> list[Field]:
    return [
        Field(one["name"], _kind(one["schema"]), one.get("required", False), one.get("description", ""))
        for one in told.get("parameters", ())
    ]


def _body(told: Schema, openapi: Schema) -> list[Field]:
    content = told.get("requestBody", {}).get("content", {})
    schema = next((_named(form["schema"], openapi) for form in content.values()), {})
    needed = schema.get("required", ())
    return [
        Field(name, _kind(field), name in needed, field.get("description", ""))
        for name, field in schema.get("properties", {}).items()
    ]


def _named(schema: Schema, openapi: Schema) -> Schema:
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    found: Schema = openapi.get("components", {}).get("schemas", {}).get(name, schema)
    return found


def _kind(schema: Schema) -> str:
    if "anyOf" in schema:
        kinds = [_kind(one) for one in schema["anyOf"] if one.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds))
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    return str(schema.get("$ref", "")).rpartition("/")[2] or str(schema.get("type", "anything"))
