"""What can be wrong with media, as exceptions that cross a process boundary whole.

RenderError
├── UnsupportedMedia   the content is none of the known formats, or has no stream of the wanted kind
├── DamagedMedia       the format is known, but the data is cut, empty or broken
├── NoMelody           the sound is good, but nobody hums, sings or whistles a melody in it
├── MediaTooLarge      a limit of `render.limits` is exceeded
├── StorageFull        the disk had no room for what was being written
├── ModelUnusable      a trained model cannot be loaded, or gave nothing that is sound
└── ModelAway          a trained model could not be fetched now
"""

from __future__ import annotations


class RenderError(Exception):
    """One argument, a sentence for the person who sent the media (pickle needs it that way)."""

    @property
    def sentence(self) -> str:
        return str(self.args[0]) if self.args else type(self).__name__


class UnsupportedMedia(RenderError):
    pass


class DamagedMedia(RenderError):
    pass


class NoMelody(RenderError):
    pass


class MediaTooLarge(RenderError):
    pass


class StorageFull(RenderError):
    pass


class ModelUnusable(RenderError):
    pass


class ModelAway(RenderError):
    pass
