"""GraphQL over HTTP as its specification has it: all audits of npm's `graphql-http`, optional ones too."""

from __future__ import annotations

from collections import Counter

from tests.clients.scripts import script
from tests.support.live_api import LiveApi

AUDITS = 61


async def test_every_audit_is_passed(live: LiveApi) -> None:
    async with script("audit", url=f"{live.base_url}/graphql") as audit:
        audits = await audit.ends()
    assert [audit for audit in audits if audit["status"] != "ok"] == []
    assert Counter(audit["name"].split()[0] for audit in audits).keys() == {"MUST", "SHOULD", "MAY"}
    assert len({audit["id"] for audit in audits}) == AUDITS
