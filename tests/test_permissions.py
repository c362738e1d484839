"""The table of permissions is whole: it names every route, and nothing that is not there."""

from fastapi.routing import APIRoute

from chatbot.api import routers
from chatbot.permissions import API


def test_every_route_has_its_line_in_the_table_and_every_line_its_route():
    routes = {
        f"{method} {route.path}"
        for router in routers
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods
    }
    assert routes == set(API)
