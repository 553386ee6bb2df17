"""What can be changed. Here a missing object is an error, NOT_FOUND."""

import strawberry

from domain.jobs import JobOptions as DomainOptions
from domain.particles import Quality, RenderRequest
from resolvers import assets, audio_analysis, jobs, particles, stems
from schema.assets import Asset
from schema.audio_analysis import AudioAnalysis
from schema.info import Info
from schema.job_words import JobOptions
from schema.jobs import Job
from schema.lookahead import Wanted
from schema.music import MusicChanges
from schema.particle_config import given
from schema.particles import (
    CreateParticleSystemInput,
    ParticleSystem,
    RenderInput,
    UpdateParticleSystemInput,
)
from schema.repository_changes import RepositoryChanges
from schema.scalars import Upload


@strawberry.type
class Mutation(MusicChanges, RepositoryChanges):
    @strawberry.mutation(description="Stores a file: audio, video or an image, recognised by its content.")
    async def upload_asset(self, info: Info, file: Upload) -> Asset:
        return await Asset.of(await assets.upload(info.context, file), Wanted.of(info))

    @strawberry.mutation(description="A job that uses the file keeps its bytes until it has ended.")
    async def delete_asset(self, info: Info, id: strawberry.ID) -> bool:
        await assets.delete(info.context, id)
        return True

    @strawberry.mutation(
        description="Listens to an asset with sound in it, as a job, and waits for that: at most 60 s, then"
        " TIMEOUT with `extensions.jobId`. What was analysed before is answered at once."
    )
    async def analyze_audio(self, info: Info, audio_id: strawberry.ID) -> AudioAnalysis:
        row = await audio_analysis.analyze(info.context, audio_id)
        return AudioAnalysis.maker(Wanted.of(info))(row)

    @strawberry.mutation(description="A waiting job ends at once, a running one within two seconds.")
    async def cancel_job(self, info: Info, id: strawberry.ID) -> Job:
        return await Job.of(await jobs.cancel(info.context, id), Wanted.of(info))

    @strawberry.mutation(
        description="A new job that does an ended one again, from the first or from a named stage."
    )
    async def retry_job(self, info: Info, id: strawberry.ID, from_stage: str | None = None) -> Job:
        return await Job.of(await jobs.retry(info.context, id, from_stage), Wanted.of(info))

    @strawberry.mutation(description="Removes an ended job; what it made stays. Others are a CONFLICT.")
    async def delete_job(self, info: Info, id: strawberry.ID) -> bool:
        await jobs.delete(info.context, id)
        return True

    @strawberry.mutation(
        description="Parts an asset with sound in it into drums, bass, vocals and other, as a job: four FLAC"
        " files that sum to it, with its sample rate, channels and length. What was parted before is answered"
        " at once."
    )
    async def separate_stems(
        self, info: Info, audio_id: strawberry.ID, options: JobOptions | None = None
    ) -> Job:
        wishes = DomainOptions() if options is None else options.to_domain()
        return await Job.of(await stems.separate(info.context, audio_id, wishes), Wanted.of(info))

    @strawberry.mutation(description="A new system; what the config leaves out has its default.")
    async def create_particle_system(self, info: Info, input: CreateParticleSystemInput) -> ParticleSystem:
        config = None if input.config is None else input.config.to_patch()
        row = await particles.create(info.context, input.particle_type, input.name, config, input.audio_id)
        return await ParticleSystem.of(row, Wanted.of(info))

    @strawberry.mutation(description="The config is merged field by field.")
    async def update_particle_system(
        self, info: Info, id: strawberry.ID, input: UpdateParticleSystemInput
    ) -> ParticleSystem:
        row = await particles.update(info.context, id, given(input))
        return await ParticleSystem.of(row, Wanted.of(info))

    @strawberry.mutation(description="Its renders go on and stay.")
    async def delete_particle_system(self, info: Info, id: strawberry.ID) -> bool:
        await particles.delete(info.context, id)
        return True

    @strawberry.mutation(
        description="Makes the film, as a job. An identical film that was made before is the answer at once."
    )
    async def render_particle_system(
        self,
        info: Info,
        id: strawberry.ID,
        input: RenderInput | None = None,
        options: JobOptions | None = None,
    ) -> Job:
        request = RenderRequest() if input is None else _request(input)
        wishes = DomainOptions() if options is None else options.to_domain()
        return await Job.of(await particles.render(info.context, id, request, wishes), Wanted.of(info))


def _request(input: RenderInput) -> RenderRequest:
    return RenderRequest(
        filename=input.filename,
        audio_id=particles.asset_id(input.audio_id),
        quality=Quality.STANDARD if input.quality is None else input.quality,
        start_time=input.start_time,
        end_time=input.end_time,
    )
