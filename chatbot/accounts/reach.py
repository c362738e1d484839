"""How somebody reaches the server: from this machine or from elsewhere, by http or by https, under which address."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from chatbot.errors import BadSetting

_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")


class Reach:
    """`public_url` is the setting: the address that people use, or empty for whatever a request says."""

    def __init__(self, public_url: str) -> None:
        self.public_url = public_url.rstrip("/")
        parts = urlsplit(self.public_url)
        if self.public_url and not (parts.scheme in ("http", "https") and parts.hostname and not parts.path):
            raise BadSetting("public_url", f"is {public_url!r}; it must be an address such as https://chat.example.com")
        self._published = bool(self.public_url) and not names_this_machine(parts.hostname)

    def url(self, connection: HTTPConnection) -> str:
        """The address of the server, without a slash at its end."""
        return self.public_url or f"{connection.url.scheme}://{connection.url.netloc}"

    def is_secure(self, connection: HTTPConnection) -> bool:
        """Whether the request came by https, as far as the browser is concerned."""
        if connection.url.scheme in ("https", "wss"):
            return True
        public = urlsplit(self.public_url)
        return public.scheme == "https" and public.netloc.lower() == connection.headers.get("host", "").lower()

    def is_local(self, connection: HTTPConnection) -> bool:
        """Whether it came from this machine itself, and not through a proxy that runs here.

        A proxy tells of itself by a header, or can be known from `public_url`. The Host must name this machine as well:
        otherwise a page from elsewhere could have its own name led here, and read what guests may read.
        """
        headers = connection.headers
        if self._published or any(name in headers for name in _FORWARDED):
            return False
        host = connection.client.host if connection.client else None
        return _is_loopback(host) and names_this_machine(urlsplit(f"//{headers.get('host', '')}").hostname)


def names_this_machine(host: str | None) -> bool:
    """Whether a name or address of a host leads to the machine itself."""
    return host is not None and (host == "localhost" or host.endswith(".localhost") or _is_loopback(host))


def _is_loopback(host: str | None) -> bool:
    try:
        address = ipaddress.ip_address(host or "")
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback
