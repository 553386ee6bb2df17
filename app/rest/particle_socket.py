"""WS /particles/ws/{system_id}: the status object at once, each second and after each change; a client may
change the config. A wrong message is answered with {"error"} and nothing closes; it ends with its system.

One message is sent at a time, so a client that reads slowly gets the newest status and no queue grows.
"""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import suppress
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.websockets import WebSocket, WebSocketDisconnect

from app.rest.edge import id_or_missing, services_of
from app.rest.particle_shapes import status_of
from app.viewer import viewer_of
from domain import particles
from domain.accounts import Viewer
from domain.errors import InvalidInput, NotFound, StarlingError
from domain.outages import refusal_of
from domain.ports import Services, Subscription

router = APIRouter()
MISSING = "System not found"
TICK_SECONDS = 1.0
MAX_MESSAGE_CHARACTERS = 65_536
NORMAL, POLICY_VIOLATION, INTERNAL_ERROR = 1000, 1008, 1011

log = logging.getLogger(__name__)


@router.websocket("/ws/{system_id}")
async def watch_system(socket: WebSocket, system_id: str) -> None:
    with suppress(WebSocketDisconnect):
        await socket.accept()
        try:
            await _serve(socket, system_id)
        except NotFound:
            await socket.close(POLICY_VIOLATION, MISSING)
        except WebSocketDisconnect:
            raise
        except Exception:
            log.exception("the live status of a system failed")
            await socket.close(INTERNAL_ERROR, "Internal error")


async def _serve(socket: WebSocket, system_id: str) -> None:
    """Raises NotFound for a system that is not the viewer's."""
    viewer, services = await viewer_of(socket), services_of(socket)
    known = id_or_missing(system_id, MISSING)
    await particles.get(viewer, known)
    async with services.events.subscribe(f"particles:{known}") as nudges:
        await _Conversation(socket, viewer, services, known).hold(nudges)


class _Conversation:
    """One client and one system, until either goes."""

    def __init__(self, socket: WebSocket, viewer: Viewer, services: Services, system_id: UUID) -> None:
        self.socket = socket
        self.viewer = viewer
        self.services = services
        self.system_id = system_id

    async def hold(self, nudges: Subscription) -> None:
        heard = asyncio.create_task(self.socket.receive())
        nudged = asyncio.create_task(nudges.wait(TICK_SECONDS))
        try:
            alive = await self._send_status()
            while alive:
                await asyncio.wait({heard, nudged}, return_when=asyncio.FIRST_COMPLETED)
                due = nudged.done()
                if due:
                    nudged.result()
                    nudged = asyncio.create_task(nudges.wait(TICK_SECONDS))
                if heard.done():  # after a refused message the next status waits for its second
                    due = await self._obeyed(heard.result())
                    heard = asyncio.create_task(self.socket.receive())
                if due:
                    alive = await self._send_status()
            await self.socket.close(NORMAL, "System deleted")
        finally:
            heard.cancel()
            nudged.cancel()
            await asyncio.gather(heard, nudged, return_exceptions=True)

    async def _send_status(self) -> bool:
        """False where the system is gone. Those who look at once look together.

        While the database is away nothing is sent, and nothing closes.
        """
        key = ("status", self.viewer, self.system_id)
        try:
            status = await self.services.reads.read(key, self._status)
        except Exception as error:
            if refusal_of(error) is None:
                raise
            return True
        if status is None:
            return False
        await self.socket.send_text(status)
        return True

    async def _status(self) -> str | None:
        try:
            row = await particles.get(self.viewer, self.system_id)
        except NotFound:
            return None
        audio = await particles.song_of(self.viewer, row)
        return status_of(row, audio).model_dump_json()

    async def _obeyed(self, message: Any) -> bool:
        """Whether the message changed something; a wrong one is answered here."""
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", NORMAL))
        try:
            patch = _config_patch(message.get("text"))
            await particles.update(self.viewer, self.system_id, {"config": patch}, services=self.services)
        except NotFound:
            return True  # the next status finds that it is gone
        except Exception as error:
            refusal = error if isinstance(error, StarlingError) else refusal_of(error)
            if refusal is None:
                raise
            sentence = refusal.message.encode(errors="replace").decode()
            await self.socket.send_text(json.dumps({"error": sentence}))
            return False
        return True


def _config_patch(text: str | None) -> dict[str, Any]:
    """Raises InvalidInput for anything but the one documented command."""
    if text is None or len(text) > MAX_MESSAGE_CHARACTERS:
        raise InvalidInput(
            "message", f"a message must be JSON text of up to {MAX_MESSAGE_CHARACTERS} characters"
        )
    try:
        command = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput("message", "the message is not JSON") from error
    if not isinstance(command, dict) or command.get("action") != "update_config":
        raise InvalidInput("action", 'action must be "update_config"')
    patch = command.get("config", {})
    if not isinstance(patch, dict):
        raise InvalidInput("config", "config must be an object")
    return patch
