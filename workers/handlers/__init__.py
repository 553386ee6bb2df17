"""One file a job kind. `HANDLERS` is what a worker can run; the boot check holds it to the domain's kinds."""

from __future__ import annotations

from workers.run import Handler

HANDLERS: dict[str, Handler] = {}
