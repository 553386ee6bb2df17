"""`GET /api/auth/me`: who asks. In open mode that is the local owner (contract/rest.md, 4)."""

# No `from __future__ import annotations`: FastAPI reads the routes' annotations while it builds them.
from fastapi import APIRouter, Request
from pydantic import BaseModel

from app.rest.particle_shapes import iso
from app.viewer import viewer_of

router = APIRouter(prefix="/api/auth", tags=["accounts"])


class Me(BaseModel):
    id: str
    username: str
    role: str
    created_at: str


@router.get("/me")
async def me(request: Request) -> Me:
    viewer = await viewer_of(request)
    return Me(
        id=str(viewer.id),
        username=viewer.username,
        role=viewer.role.value,
        created_at=iso(viewer.created_at),
    )
