"""What a field knows of its request."""

import strawberry

from resolvers.context import Context

Info = strawberry.Info[Context, None]
