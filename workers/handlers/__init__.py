"""One file a job kind. `HANDLERS` is what a worker can run; the boot check holds it to the domain's kinds."""

from __future__ import annotations

from domain.jobs import AUDIO_ANALYZE, MELODY_TO_MUSIC, MUSIC_GENERATE, PARTICLE_RENDER, STEM_SEPARATE
from workers.handlers.audio_analyze import audio_analyze
from workers.handlers.melody_to_music import melody_to_music
from workers.handlers.music_generate import music_generate
from workers.handlers.particle_render import particle_render
from workers.handlers.stem_separate import stem_separate
from workers.run import Handler

HANDLERS: dict[str, Handler] = {
    PARTICLE_RENDER.name: particle_render,
    AUDIO_ANALYZE.name: audio_analyze,
    STEM_SEPARATE.name: stem_separate,
    MUSIC_GENERATE.name: music_generate,
    MELODY_TO_MUSIC.name: melody_to_music,
}
