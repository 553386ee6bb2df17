"""What a resolver knows besides its arguments: who asks, the services, the loaders of this operation."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from domain.accounts import Viewer
from domain.ports import Services
from resolvers.loaders import Loaders
from resolvers.parts import Part


@dataclass(slots=True)
class Context:
    viewer: Viewer
    services: Services
    request_id: str = ""
    part: Part | None = None  # of a subscription; None is the whole of it
    loaders: Loaders = field(init=False)

    def __post_init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        """Forgets what was loaded: before each event of a subscription, so that none shows old rows."""
        self.loaders = Loaders(self.viewer)

    def fresh(self) -> Context:
        """The same context for one more operation: operations of a socket share nothing that was loaded."""
        return replace(self)
