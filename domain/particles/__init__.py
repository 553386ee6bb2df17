"""Particle systems and their films: the use cases. Rows come from `db.particles`, jobs from `domain.jobs`.

A system is (type, whole config, perhaps a song); a picture is a function of these and of nothing else, so
renders, frames and previews are kept under the hash of what they show.
"""

from __future__ import annotations

from db.particles import ParticleSystem
from domain.particles.config import merged_config
from domain.particles.ending import delete_render, find_render, stop_renders
from domain.particles.features import ready_features
from domain.particles.figures import Metrics, metrics
from domain.particles.films import DEAF, KIND, SUBJECT, Quality, RenderRequest, render
from domain.particles.frames import (
    DEFAULT_WIDTH,
    Scene,
    config_frame_url,
    frame,
    frame_url,
    loose_scene,
    preview,
    system_scene,
    unpacked,
)
from domain.particles.songs import has_sound, song, song_named, song_of, songs_of, store_song
from domain.particles.systems import (
    Changes,
    by_ids,
    config_of,
    create,
    delete,
    every,
    get,
    page,
    update,
)
from domain.particles.updates import following, opening, watch
from render.particles.config import FIELDS, TYPES, ConfigField, ParticleConfig, ParticleType, TypeInfo

__all__ = [
    "Changes",
    "ConfigField",
    "DEAF",
    "DEFAULT_WIDTH",
    "FIELDS",
    "KIND",
    "Metrics",
    "ParticleConfig",
    "ParticleSystem",
    "ParticleType",
    "Quality",
    "RenderRequest",
    "SUBJECT",
    "Scene",
    "TYPES",
    "TypeInfo",
    "by_ids",
    "config_frame_url",
    "config_of",
    "create",
    "delete",
    "delete_render",
    "every",
    "find_render",
    "following",
    "frame",
    "frame_url",
    "get",
    "has_sound",
    "loose_scene",
    "merged_config",
    "metrics",
    "opening",
    "page",
    "preview",
    "ready_features",
    "render",
    "song",
    "song_named",
    "song_of",
    "songs_of",
    "stop_renders",
    "store_song",
    "system_scene",
    "unpacked",
    "update",
    "watch",
]
