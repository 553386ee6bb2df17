"""One file a job kind. `HANDLERS` is what a worker can run; the boot check holds it to the domain's kinds."""

from __future__ import annotations

from domain.particles import KIND as PARTICLE_RENDER
from workers.handlers.particle_render import particle_render
from workers.run import Handler

HANDLERS: dict[str, Handler] = {PARTICLE_RENDER: particle_render}
