"""Generating music: what a client says of a piece, and the part of the mutations that makes it."""

import strawberry

from domain.jobs import JobOptions as DomainOptions
from domain.music import NewPiece
from resolvers import music
from schema.info import Info
from schema.job_words import JobOptions
from schema.jobs import Job
from schema.lookahead import Wanted


@strawberry.input(
    description='A piece of music to be made. Explicit words of the prompt ("128 bpm", "in F# minor", "no'
    ' drums", a genre) win over the other fields.'
)
class GenerateMusicInput:
    prompt: str = strawberry.field(description="1 to 10,000 characters, in any script.")
    bpm: int | None = strawberry.field(default=120, description="60 to 300.")
    mood: str | None = strawberry.field(default="neutral", description="At most 200 characters.")
    duration: float | None = strawberry.field(
        default=15, description="Seconds, 5 to what the provider allows: 300 of the composer."
    )
    key: str | None = strawberry.field(default=None, description='As "A minor" or "F# major".')
    seed: int | None = strawberry.field(
        default=None,
        description="The same request with the same seed is the same piece; without, one is drawn.",
    )
    repository_id: strawberry.ID | None = strawberry.field(
        default=None, description="Where the piece is committed, stems and all."
    )
    branch: str | None = None
    parent_commit_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="Where the branch has moved past it, it is kept on a line without a name.",
    )

    def to_domain(self) -> NewPiece:
        return music.piece(
            self.prompt,
            bpm=self.bpm,
            mood=self.mood,
            duration=self.duration,
            key=self.key,
            seed=self.seed,
            repository_id=self.repository_id,
            branch=self.branch,
            parent_commit_id=self.parent_commit_id,
        )


@strawberry.input(
    description="A piece that follows a hummed, sung or whistled melody of 1 to 120 seconds. Its tempo and"
    " key are the melody's own, unless the prompt or other fields say some (120 is the default, no choice)."
)
class MelodyInput:
    audio_id: strawberry.ID = strawberry.field(description="The recording: an asset with sound in it.")
    prompt: str | None = strawberry.field(default=None, description="At most 10,000 characters.")
    bpm: int | None = strawberry.field(default=120, description="60 to 300.")
    mood: str | None = strawberry.field(default="neutral", description="At most 200 characters.")
    key: str | None = strawberry.field(
        default=None, description='As "A minor" or "F# major": the melody is moved into it.'
    )
    duration: float | None = strawberry.field(
        default=15,
        description="Seconds, 5 to what the provider allows; left at 15 it grows to hold the whole melody.",
    )
    seed: int | None = None

    def to_domain(self) -> NewPiece:
        return NewPiece(self.prompt or "", self.bpm, self.mood, self.duration, self.key, self.seed)


@strawberry.type
class MusicChanges:
    @strawberry.mutation(
        description="Composes a piece, as a job: outputs `audio` (the mix), the stems `drums`, `bass`,"
        " `melody`, `other` that sum to it, `preview` and `midi`. Its result has the resolved parameters, and"
        " `commit` where it was to be committed."
    )
    async def generate_music(
        self, info: Info, input: GenerateMusicInput, options: JobOptions | None = None
    ) -> Job:
        row = await music.generate(info.context, input.to_domain(), _wishes(options))
        return await Job.of(row, Wanted.of(info))

    @strawberry.mutation(
        description="Hears a melody and composes a piece that it leads, as a job: its contour, timing and key"
        " are those of the piece. Outputs and result as those of `generateMusic`, and `hum`: what was heard."
    )
    async def melody_to_music(self, info: Info, input: MelodyInput, options: JobOptions | None = None) -> Job:
        row = await music.follow(info.context, str(input.audio_id), input.to_domain(), _wishes(options))
        return await Job.of(row, Wanted.of(info))

    @strawberry.mutation(description="Composes 1 to 50 pieces, a job each; all of them are accepted or none.")
    async def generate_music_batch(
        self, info: Info, inputs: list[GenerateMusicInput], options: JobOptions | None = None
    ) -> list[Job]:
        wanted = [input.to_domain() for input in inputs]
        rows = await music.generate_batch(info.context, wanted, _wishes(options))
        found = await Job.by_id(rows, Wanted.of(info))
        return [found[row.id] for row in rows]


def _wishes(options: JobOptions | None) -> DomainOptions:
    return DomainOptions() if options is None else options.to_domain()
