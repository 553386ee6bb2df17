"""Jobs: every long piece of work. The row in the database is the job; `protocol` says how it moves."""

from __future__ import annotations

from domain.jobs.actions import cancel, delete, retry
from domain.jobs.all_pages import Seen
from domain.jobs.all_updates import following_all, opening_all, watch_all
from domain.jobs.announce import CALLBACKS, announce, cancel_topic, topic
from domain.jobs.by_subject import pages_by_subject
from domain.jobs.kinds import (
    AUDIO_ANALYZE,
    COMMIT_RENDER,
    KINDS,
    MELODY_TO_MUSIC,
    MUSIC_GENERATE,
    PARTICLE_RENDER,
    STEM_DIFF,
    STEM_SEPARATE,
    Kind,
    kind_of,
    known,
    register,
)
from domain.jobs.lookup import attempts_of, by_prefix
from domain.jobs.read import count, find, get, outputs_for, page, queue_stats, retried_by_for
from domain.jobs.requests import (
    ENDED,
    JobFilter,
    JobOptions,
    JobStatus,
    JobUpdate,
    NewJob,
    Output,
    Priority,
    QueueStats,
)
from domain.jobs.retention import Pruned, prunable, prune, pruned_in_parts
from domain.jobs.submit import enter, remembered, ring, submit, submit_many
from domain.jobs.updates import following, opening, watch

__all__ = [
    "AUDIO_ANALYZE",
    "CALLBACKS",
    "COMMIT_RENDER",
    "ENDED",
    "KINDS",
    "MELODY_TO_MUSIC",
    "MUSIC_GENERATE",
    "PARTICLE_RENDER",
    "JobFilter",
    "JobOptions",
    "JobStatus",
    "JobUpdate",
    "Kind",
    "NewJob",
    "Output",
    "Priority",
    "Pruned",
    "QueueStats",
    "STEM_DIFF",
    "STEM_SEPARATE",
    "Seen",
    "announce",
    "attempts_of",
    "by_prefix",
    "cancel",
    "cancel_topic",
    "count",
    "enter",
    "delete",
    "find",
    "following",
    "following_all",
    "get",
    "kind_of",
    "known",
    "opening",
    "opening_all",
    "outputs_for",
    "page",
    "pages_by_subject",
    "prunable",
    "prune",
    "pruned_in_parts",
    "queue_stats",
    "register",
    "remembered",
    "retried_by_for",
    "retry",
    "ring",
    "submit",
    "submit_many",
    "topic",
    "watch",
    "watch_all",
]
