"""A small real bookings service for these tests, in a process of its own, that misbehaves when told to.

`python box_office.py PORT` serves on the loopback; POST /moods {"mood": …} changes what it does:
well, stall (answers when well again), unavailable, maintenance, unsure, drop, elsewhere, both_win, forget, drip, loop,
page_fails, revoke (tokens given out so far are refused), free (payments are noted, but not as they should be).

Tokens are good for TOKEN_SECONDS; payments are signed with one of SECRETS.
"""

import asyncio
import hmac
import json
import sys
import time
import uuid
from typing import cast

from aiohttp import web

PAGE = 100
TOKEN_SECONDS = 3
SECRETS = ("first", "second")


class BoxOffice:
    def __init__(self) -> None:
        self.mood = "well"
        self.well = asyncio.Event()
        self.well.set()
        self.events: dict[str, int] = {}
        self.by_key: dict[str, dict[str, object]] = {}
        self.seats: set[int] = set()
        self.asked: list[str] = []
        self.peers: set[object] = set()
        self.tokens: dict[str, str] = {}
        self.shown: dict[str, int] = {}
        self.paid: dict[str, list[str]] = {secret: [] for secret in SECRETS}

    async def set_mood(self, request: web.Request) -> web.Response:
        self.mood = (await request.json())["mood"]
        if self.mood == "revoke":
            self.tokens.clear()
        if self.mood == "stall":
            self.well.clear()
        else:
            self.well.set()
        seen = {"asked": self.asked, "events": self.events, "peers": len(self.peers)}
        return web.json_response({**seen, "shown": self.shown, "paid": self.paid})

    async def create_event(self, request: web.Request) -> web.Response:
        if self.mood == "unavailable":
            return web.json_response({"error": "no database", "written": False}, status=503)
        event = await request.json()
        self.events[event["id"]] = event["seats"]
        return web.json_response(event, status=201)

    async def sign_in(self, request: web.Request) -> web.Response:
        token = uuid.uuid4().hex
        self.tokens[token] = (await request.json())["customer"]
        return web.json_response({"token": token, "kid": "k", "expires_at": time.time() + TOKEN_SECONDS})

    async def pay(self, request: web.Request) -> web.Response:
        body = await request.read()
        for secret in SECRETS:
            if request.headers["X-Signature"] == "sha256=" + hmac.new(secret.encode(), body, "sha256").hexdigest():
                self.paid[secret].append(json.loads(body)["booking"])
                outcome = "refund_due" if self.mood == "free" else "confirmed"
                return web.json_response({**json.loads(body), "outcome": outcome})
        return web.json_response({"error": "bad_signature"}, status=401)

    def _check(self, request: web.Request, customer: str) -> None:
        shown = request.headers.get("Authorization", "")
        if shown and self.tokens.get(shown.removeprefix("Bearer ")) != customer:
            raise web.HTTPUnauthorized(text='{"error": "bad_token"}')
        self.shown[shown] = self.shown.get(shown, 0) + 1

    async def book(self, request: web.Request) -> web.Response:
        key, wish = request.headers["Idempotency-Key"], await request.json()
        self._check(request, wish["customer"])
        self.asked.append(key)
        if request.transport is not None:
            self.peers.add(request.transport.get_extra_info("peername"))
        await self.well.wait()
        match self.mood:
            case "unavailable":
                return web.json_response({"error": "no database", "written": False}, status=503)
            case "maintenance":
                page = {"error": "maintenance", "written": False}
                return web.json_response(page, status=503, headers={"Retry-After": "60"})
            case "unsure":
                return web.json_response({"error": "no database", "written": None}, status=503)
            case "drop":
                cast("asyncio.Transport", request.transport).abort()
            case "elsewhere":
                raise web.HTTPTemporaryRedirect(request.path)
            case "forget":
                self.by_key.pop(key, None)
        if (had := self.by_key.get(key)) is not None:
            return web.json_response(had, status=200)
        if wish["seat"] in self.seats and self.mood not in {"both_win", "forget"}:
            return web.json_response({"error": "seat_taken"}, status=409)
        self.seats.add(wish["seat"])
        made = {"booking": str(uuid.uuid4()), "event": wish["event"], "seat": wish["seat"]}
        self.by_key[key] = {**made, "server": "db1", "timeline": 1, "release": "sha256:1"}
        return web.json_response(self.by_key[key], status=201)

    async def show(self, request: web.Request) -> web.StreamResponse:
        start = int(request.query.get("after", "0"))
        if self.mood == "page_fails" and start:
            return web.json_response({"error": "no database"}, status=503)
        if self.mood == "drip":
            return await self._drip(request)
        rows = [{"key": key, "seat": had["seat"], "booking": had["booking"]} for key, had in self.by_key.items()]
        after = str(start + PAGE) if start + PAGE < len(rows) else None
        if self.mood == "loop":
            after = "0"
        return web.json_response({"bookings": rows[start : start + PAGE], "next": after})

    async def _drip(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.05)


def main() -> None:
    office, app = BoxOffice(), web.Application()
    app.add_routes(
        [
            web.post("/moods", office.set_mood),
            web.post("/v1/events", office.create_event),
            web.post("/v1/bookings", office.book),
            web.post("/v1/sign-in", office.sign_in),
            web.post("/v1/webhooks/payments", office.pay),
            web.get("/v1/bookings", office.show),
        ]
    )
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=lambda *_: None)


if __name__ == "__main__":
    main()
