"""Tokens that say who a customer is: JWTs signed with Ed25519, and the key set that they can be verified with.

Signing in asks for no password: drills are about the keys that tokens are signed with, not about who customers are.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import jwt
from jwt.algorithms import OKPAlgorithm

if TYPE_CHECKING:
    from .secret import SigningKeys

ALGORITHM = "EdDSA"
ISSUER = "bookings"
SKEW_SECONDS = 5  # how far the clocks of two hosts may be apart


class BadToken(Exception):  # noqa: N818 - it is an answer, not a bug
    """The request must not be served as anybody's; the message says why in one word or two."""


class Token(NamedTuple):
    """A token as it is given out; `expires_at` is in seconds since 1970."""

    text: str
    kid: str
    expires_at: int


class Bearer(NamedTuple):
    """Who showed a good token, and the key that it was signed with."""

    customer: str
    kid: str


def sign(keys: SigningKeys, customer: str, seconds: int) -> Token:
    """Return a token for the customer that is good for so many seconds."""
    now = int(time.time())
    claims = {"iss": ISSUER, "sub": customer, "iat": now, "exp": now + seconds}
    text = jwt.encode(claims, keys.private, algorithm=ALGORITHM, headers={"kid": keys.current})
    return Token(text, keys.current, now + seconds)


def verify(keys: SigningKeys, authorization: str) -> Bearer:
    """Return who shows the token in the header Authorization.

    The key is chosen by its id alone and the algorithm is fixed, whatever the token's own header asks for.

    Raises:
        BadToken: it is none, or was signed with a key that is not accepted, or has expired.
    """
    scheme, _, text = authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise BadToken("not a bearer token")
    try:
        kid = str(jwt.get_unverified_header(text).get("kid"))
        if kid not in keys.public:
            raise BadToken("unknown key")
        claims = jwt.decode(
            text,
            keys.public[kid],
            algorithms=[ALGORITHM],
            issuer=ISSUER,
            leeway=SKEW_SECONDS,
            options={"require": ["exp", "iat", "iss", "sub"]},
        )
    except jwt.ExpiredSignatureError:
        raise BadToken("expired") from None
    except jwt.InvalidTokenError:
        raise BadToken("not valid") from None
    if not isinstance(claims["sub"], str) or not claims["sub"]:
        raise BadToken("names no customer")
    return Bearer(claims["sub"], kid)


def key_set(keys: SigningKeys) -> dict[str, Any]:
    """Return the public keys as a JWKS (RFC 7517)."""
    about = {"use": "sig", "alg": ALGORITHM}
    return {"keys": [{**json.loads(OKPAlgorithm.to_jwk(key)), "kid": kid, **about} for kid, key in keys.public.items()]}
