"""Obtains, refreshes and revokes tokens with Authlib's OAuth 2 client."""

import os

import requests
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session

base = os.environ["BASE_URL"]
endpoint = f"{base}/api/v1/auth/token"
email, password = os.environ["EMAIL"], os.environ["PASSWORD"]


def status(token, path="/api/v1/auth/validate"):
    headers = {"authorization": f"Bearer {token}"}
    return requests.get(base + path, headers=headers, timeout=30).status_code


def error_of(call):
    try:
        call()
    except OAuthError as error:
        return error.error
    raise AssertionError("it was taken")


# Somebody: password, then a rotated refresh token.
person = OAuth2Session(token_endpoint=endpoint, token_endpoint_auth_method="none", client_id="app")
first = dict(person.fetch_token(endpoint, username=email, password=password))
assert first["token_type"].lower() == "bearer" and first["expires_in"] == 1800, "shape of the answer"
assert status(first["access_token"]) == 200, "the first token works"
second = dict(person.refresh_token(endpoint, refresh_token=first["refresh_token"]))
assert second["refresh_token"] != first["refresh_token"], "refresh tokens rotate"
assert status(second["access_token"]) == 200, "the refreshed token works"

wrong = OAuth2Session(token_endpoint=endpoint, token_endpoint_auth_method="none", client_id="app")
assert error_of(lambda: wrong.fetch_token(endpoint, username=email, password="wrong")) == "invalid_grant"
assert error_of(lambda: wrong.refresh_token(endpoint, refresh_token="x" * 43)) == "invalid_grant"

# Revoked: neither half of the pair works any more.
answer = person.revoke_token(
    f"{base}/api/v1/auth/revoke", token=second["refresh_token"], token_type_hint="refresh_token"
)
assert answer.status_code == 200, answer.text
assert status(second["access_token"]) == 401, "the session has ended"
assert error_of(lambda: person.refresh_token(endpoint, refresh_token=second["refresh_token"])) == "invalid_grant"

# A service: client credentials, both ways of authenticating.
for way in ("client_secret_basic", "client_secret_post"):
    service = OAuth2Session(
        os.environ["CLIENT_ID"],
        os.environ["CLIENT_SECRET"],
        token_endpoint=endpoint,
        token_endpoint_auth_method=way,
    )
    token = service.fetch_token(endpoint, grant_type="client_credentials")
    assert status(token["access_token"]) == 200, way
    assert not token.get("refresh_token"), "RFC 6749 4.4.3"
stranger = OAuth2Session(os.environ["CLIENT_ID"], "wrong", token_endpoint=endpoint)
assert error_of(lambda: stranger.fetch_token(endpoint, grant_type="client_credentials")) == "invalid_client"
print("obtained, refreshed, revoked")
