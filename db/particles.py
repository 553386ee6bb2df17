"""Particle systems: a type, a whole config and perhaps a song."""

from __future__ import annotations

from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint
from tortoise.models import Model


class ParticleSystem(Model):
    id = fields.UUIDField(primary_key=True)
    owner_id = fields.UUIDField()
    name = fields.CharField(max_length=200)
    particle_type = fields.CharField(max_length=24)
    config = fields.JSONField()
    audio_id = fields.UUIDField(null=True)  # an asset; cleared when that asset is deleted
    version = fields.BigIntField(default=1)  # grows with every change
    created_at = fields.DatetimeField(auto_now_add=True)
    updated_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "particle_systems"
        constraints = (
            CheckConstraint(
                "particle_type IN ('SNOW', 'ZEN', 'ENHANCED', 'BOUNCING',"
                " 'CONTINUOUS_SPAWNING', 'NO_MUSIC')",
                "particle_systems_type_known",
            ),
        )
        indexes = (Index(fields=("owner_id", "created_at", "id"), name="particle_systems_by_age"),)
