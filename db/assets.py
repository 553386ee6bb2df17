"""Stored files: a row is one owner's reference, `key` names the bytes (several rows may share a key)."""

from __future__ import annotations

from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint
from tortoise.models import Model


class Asset(Model):
    id = fields.UUIDField(primary_key=True)
    owner_id = fields.UUIDField()
    kind = fields.CharField(max_length=8)
    filename = fields.CharField(max_length=255)
    content_type = fields.CharField(max_length=100)
    size = fields.BigIntField()
    sha256 = fields.CharField(max_length=64)
    key = fields.CharField(max_length=255)  # where the bytes lie in storage
    duration = fields.FloatField(null=True)  # seconds
    width = fields.IntField(null=True)
    height = fields.IntField(null=True)
    sample_rate = fields.IntField(null=True)  # Hz
    channels = fields.IntField(null=True)
    created_at = fields.DatetimeField(auto_now_add=True)
    deleted_at = fields.DatetimeField(null=True)  # gone for its owner; the bytes stay while a job needs them

    class Meta:
        table = "assets"
        constraints = (
            CheckConstraint("kind IN ('AUDIO', 'VIDEO', 'IMAGE', 'OTHER')", "assets_kind_known"),
            CheckConstraint("size >= 0", "assets_size_not_negative"),
            UniqueConstraint(
                fields=("owner_id", "filename"),
                name="assets_one_name_an_owner",
                condition="deleted_at IS NULL",
            ),
        )
        indexes = (
            Index(fields=("owner_id", "created_at", "id"), name="assets_by_age"),
            Index(fields=("key",), name="assets_by_key"),
            Index(fields=("sha256",), name="assets_by_content"),
        )
