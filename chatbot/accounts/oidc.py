"""Sign-in at an OIDC provider: authorization code with PKCE, and an ID token that is looked at closely."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast
from urllib.parse import urlsplit

import httpx2
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import OAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from chatbot.accounts.reach import names_this_machine
from chatbot.errors import BadSetting, NotAllowed, ProviderDown

SCOPE = "openid profile email"
TIMEOUT_SECONDS, LEEWAY_SECONDS, REMEMBER_SECONDS = 10.0, 60, 600.0
# A provider signs with a key of its own; what is signed with a secret that others know is no proof.
_SIGNATURES = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
_WAYS = ("client_secret_basic", "client_secret_post")
_NAMES = ("preferred_username", "email", "name")


class Identity(NamedTuple):
    """Somebody, as the provider knows them; `name` is what they may be called."""

    issuer: str
    subject: str
    name: str


class Provider:
    """One provider, by the settings. Raises BadSetting."""

    def __init__(self, issuer: str, client_id: str, client_secret: str, name: str) -> None:
        parts = urlsplit(issuer)
        if parts.scheme != "https" and not (parts.scheme == "http" and names_this_machine(parts.hostname)):
            raise BadSetting("oidc_issuer", f"is {issuer!r}; it must begin with https://")
        self.issuer, self.name = issuer, name
        self._client_id, self._client_secret = client_id, client_secret
        self._known: tuple[float, dict[str, Any]] | None = None

    def begin(self, redirect_uri: str) -> tuple[str, dict[str, str]]:
        """Where to send the browser, and the note that it must bring back. Raises ProviderDown."""
        note = {name: secrets.token_urlsafe(32) for name in ("state", "nonce", "verifier")}
        with self._client(redirect_uri) as client:
            endpoint = self._metadata(client)["authorization_endpoint"]
            given = {"state": note["state"], "nonce": note["nonce"], "code_verifier": note["verifier"]}
            url, _ = client.create_authorization_url(endpoint, **given)
        return str(url), note

    def finish(self, answer: Mapping[str, str], note: Mapping[str, str] | None, redirect_uri: str) -> Identity:
        """Who has signed in, by the provider's answer to the browser that holds `note`.

        Raises NotAllowed, ProviderDown.
        """
        if note is None or not secrets.compare_digest(answer.get("state", "").encode(), note["state"].encode()):
            raise NotAllowed("This sign-in was begun in another browser, or too long ago. Please begin again.")
        if "code" not in answer:
            raise NotAllowed(f"{self.name} did not sign you in: {answer.get('error', 'it gave no reason')[:100]}.")
        with self._client(redirect_uri) as client:
            metadata = self._metadata(client)
            try:
                claims = self._exchange(client, metadata, answer["code"], note)
            except httpx2.HTTPError as error:
                raise ProviderDown(f"{self.name} does not answer: {error}") from error
            except (AuthlibBaseError, JoseError, KeyError, ValueError) as error:
                told = f"{type(error).__name__}: {error}"
                raise NotAllowed(f"What {self.name} answered is not valid ({told}).") from error
        subject = str(claims["sub"])
        names = (claims[name] for name in _NAMES if isinstance(claims.get(name), str) and claims[name].strip())
        return Identity(metadata["issuer"], subject, next(names, subject))

    def _exchange(
        self, client: OAuth2Client, metadata: Mapping[str, Any], code: str, note: Mapping[str, str]
    ) -> dict[str, Any]:
        """The claims that the code is good for."""
        if self._client_secret:
            ways: Sequence[str] = metadata.get("token_endpoint_auth_methods_supported") or _WAYS
            client.token_endpoint_auth_method = next((way for way in _WAYS if way in ways), _WAYS[0])
        token = client.fetch_token(metadata["token_endpoint"], code=code, code_verifier=note["verifier"])
        return _claims(token, self._get(client, metadata["jwks_uri"]), metadata, self._client_id, note["nonce"])

    def _client(self, redirect_uri: str) -> OAuth2Client:
        return OAuth2Client(
            self._client_id,
            self._client_secret or None,
            token_endpoint_auth_method="none",  # noqa: S106 - a public client's; with a secret it is chosen later
            scope=SCOPE,
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
            timeout=TIMEOUT_SECONDS,
            trust_env=not names_this_machine(urlsplit(self.issuer).hostname),
        )

    def _metadata(self, client: OAuth2Client) -> dict[str, Any]:
        """What the provider says of itself, asked for anew every few minutes."""
        if self._known is None or self._known[0] < time.monotonic():
            try:
                found = self._get(client, f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
            except (httpx2.HTTPError, ValueError) as error:
                raise ProviderDown(f"{self.name} does not answer: {error}") from error
            missing = {"issuer", "authorization_endpoint", "token_endpoint", "jwks_uri"} - set(found)
            if missing or found["issuer"].rstrip("/") != self.issuer.rstrip("/"):
                told = f"names no {min(missing)}" if missing else f"calls itself {found['issuer']!r}"
                raise ProviderDown(f"{self.issuer} is no OIDC provider that can be used: it {told}.")
            self._known = time.monotonic() + REMEMBER_SECONDS, found
        return self._known[1]

    def _get(self, client: OAuth2Client, url: str) -> dict[str, Any]:
        response = client.request("GET", url, withhold_token=True)
        response.raise_for_status()
        return cast("dict[str, Any]", response.json())


def _claims(
    token: Mapping[str, Any], keys: Mapping[str, Any], metadata: Mapping[str, Any], client_id: str, nonce: str
) -> dict[str, Any]:
    """What the ID token says, once signature, issuer, audience, nonce and times hold. Raises JoseError, KeyError."""
    offered: Sequence[str] = metadata.get("id_token_signing_alg_values_supported") or ("RS256",)
    allowed = [signature for signature in offered if signature in _SIGNATURES]
    decoded = jwt.decode(token["id_token"], KeySet.import_key_set(cast("Any", keys)), algorithms=allowed)
    claims = CodeIDToken(
        decoded.claims,
        decoded.header,
        {
            "iss": {"essential": True, "value": metadata["issuer"]},
            "aud": {"essential": True, "value": client_id},
            "sub": {"essential": True},
        },
        {"nonce": nonce, "client_id": client_id, "access_token": token.get("access_token")},
    )
    claims.validate(leeway=LEEWAY_SECONDS)
    return dict(claims)
