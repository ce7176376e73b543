"""Verifies an access token with PyJWT and the published keys, as any service would."""

import base64
import json
import os
import sys

import jwt

base = os.environ["BASE_URL"]
token = os.environ["ACCESS_TOKEN"]
rules = {
    "algorithms": ["EdDSA"],
    "audience": os.environ["AUDIENCE"],
    "issuer": os.environ["ISSUER"],
    "options": {"require": ["exp", "iat", "nbf", "sub", "jti"]},
}

keys = jwt.PyJWKClient(f"{base}/.well-known/jwks.json")
key = keys.get_signing_key_from_jwt(token)
claims = jwt.decode(token, key.key, **rules)
assert claims["sub"] == os.environ["USER_ID"], "it names somebody else"


def refused(why, forged, **changed):
    try:
        jwt.decode(forged, key.key, **{**rules, **changed})
    except jwt.PyJWTError:
        return
    sys.exit(f"{why}: PyJWT took it")


head, payload, signature = token.split(".")
other = json.loads(base64.urlsafe_b64decode(payload + "=="))
other["sub"] = "somebody-else"
other = base64.urlsafe_b64encode(json.dumps(other).encode()).rstrip(b"=").decode()
refused("another subject", f"{head}.{other}.{signature}")
refused("another audience", token, audience="elsewhere")
refused("another issuer", token, issuer="http://elsewhere")
print("verified", claims["jti"])
