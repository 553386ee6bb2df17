"""Deliveries of webhooks as a test asks for them."""

from __future__ import annotations

from db import sql


async def delivery_counts() -> dict[str, int]:
    """How many deliveries are in each state; PENDING are also those under way."""
    found = await sql.rows("SELECT state, count(*) AS n FROM webhook_deliveries GROUP BY state")
    return {"PENDING": 0, "DELIVERED": 0, "GIVEN_UP": 0} | {row["state"]: int(row["n"]) for row in found}
