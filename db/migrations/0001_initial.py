from tortoise import migrations
from tortoise.migrations import operations as ops
from orjson import loads
from tortoise.contrib.postgres.indexes import PostgreSQLIndex
from tortoise.fields.data import JSON_DUMPS
from uuid import uuid4
from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

class Migration(migrations.Migration):
    initial = True

    operations = [
        ops.CreateModel(
            name='Asset',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                ('owner_id', fields.UUIDField()),
                ('kind', fields.CharField(max_length=8)),
                ('filename', fields.CharField(max_length=255)),
                ('content_type', fields.CharField(max_length=100)),
                ('size', fields.BigIntField()),
                ('sha256', fields.CharField(max_length=64)),
                ('key', fields.CharField(max_length=255)),
                ('duration', fields.FloatField(null=True)),
                ('width', fields.IntField(null=True)),
                ('height', fields.IntField(null=True)),
                ('sample_rate', fields.IntField(null=True)),
                ('channels', fields.IntField(null=True)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ('deleted_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'assets', 'app': 'starling', 'indexes': [Index(fields=['owner_id', 'created_at', 'id'], name='assets_by_age'), Index(fields=['key'], name='assets_by_key'), Index(fields=['sha256'], name='assets_by_content')], 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.AddConstraint(
            model_name='Asset',
            constraint=CheckConstraint(check="kind IN ('AUDIO', 'VIDEO', 'IMAGE', 'OTHER')", name='assets_kind_known'),
        ),
        ops.AddConstraint(
            model_name='Asset',
            constraint=CheckConstraint(check='size >= 0', name='assets_size_not_negative'),
        ),
        ops.AddConstraint(
            model_name='Asset',
            constraint=UniqueConstraint(fields=('owner_id', 'filename'), name='assets_one_name_an_owner', condition='deleted_at IS NULL'),
        ),
        ops.CreateModel(
            name='Job',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                ('kind', fields.CharField(max_length=32)),
                ('owner_id', fields.UUIDField()),
                ('params', fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ('state', fields.CharField(db_default='PENDING', max_length=12)),
                ('priority', fields.SmallIntField(db_default=1)),
                ('run_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('queue_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('attempt', fields.IntField(db_default=0)),
                ('max_attempts', fields.IntField(db_default=3)),
                ('crashes', fields.IntField(db_default=0)),
                ('epoch', fields.BigIntField(db_default=0)),
                ('lease_until', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('worker', fields.CharField(null=True, max_length=100)),
                ('dispatched_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('cancel_requested_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('retry_of', fields.UUIDField(null=True)),
                ('from_stage', fields.CharField(null=True, max_length=40)),
                ('callback_url', fields.TextField(null=True, unique=False)),
                ('progress', fields.FloatField(db_default=0.0)),
                ('message', fields.TextField(null=True, unique=False)),
                ('stages', fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ('eta_seconds', fields.FloatField(null=True)),
                ('version', fields.BigIntField(db_default=1)),
                ('result', fields.JSONField(null=True, encoder=JSON_DUMPS, decoder=loads)),
                ('error', fields.JSONField(null=True, encoder=JSON_DUMPS, decoder=loads)),
                ('cost_usd', fields.FloatField(db_default=0.0)),
                ('cached', fields.BooleanField(db_default=False)),
                ('cache_key', fields.CharField(null=True, max_length=64)),
                ('idempotency_key', fields.CharField(null=True, max_length=255)),
                ('idempotency_index', fields.IntField(db_default=0)),
                ('arguments_hash', fields.CharField(null=True, max_length=64)),
                ('subject_type', fields.CharField(null=True, max_length=24)),
                ('subject_id', fields.CharField(null=True, max_length=64)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('started_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('updated_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('completed_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'jobs', 'app': 'starling', 'indexes': [Index(fields=['owner_id', 'created_at', 'id'], name='jobs_by_age'), Index(fields=['subject_type', 'subject_id', 'created_at'], name='jobs_by_subject'), Index(fields=['retry_of'], name='jobs_by_retry'), Index(fields=['cache_key'], name='jobs_by_cache_key'), Index(fields=['owner_id', 'state'], name='jobs_by_state'), Index(fields=['owner_id', 'completed_at'], name='jobs_by_end'), PostgreSQLIndex(fields=['queue_at'], name='jobs_due', condition={'state': 'PENDING'}), PostgreSQLIndex(fields=['lease_until'], name='jobs_leased', condition={'state': 'PROCESSING'})], 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.AddConstraint(
            model_name='Job',
            constraint=CheckConstraint(check="state IN ('PENDING', 'PROCESSING', 'COMPLETED', 'FAILED', 'CANCELLED')", name='jobs_state_known'),
        ),
        ops.AddConstraint(
            model_name='Job',
            constraint=CheckConstraint(check="(state = 'PROCESSING') = (lease_until IS NOT NULL)", name='jobs_leased_while_processing'),
        ),
        ops.AddConstraint(
            model_name='Job',
            constraint=CheckConstraint(check="(state IN ('COMPLETED', 'FAILED', 'CANCELLED')) = (completed_at IS NOT NULL)", name='jobs_ended_has_a_time'),
        ),
        ops.AddConstraint(
            model_name='Job',
            constraint=CheckConstraint(check="(state = 'FAILED') = (error IS NOT NULL)", name='jobs_failed_says_why'),
        ),
        ops.AddConstraint(
            model_name='Job',
            constraint=CheckConstraint(check='progress BETWEEN 0 AND 100', name='jobs_progress_in_range'),
        ),
        ops.AddConstraint(
            model_name='Job',
            constraint=CheckConstraint(check='attempt BETWEEN 0 AND max_attempts', name='jobs_attempts_in_range'),
        ),
        ops.AddConstraint(
            model_name='Job',
            constraint=CheckConstraint(check='priority BETWEEN 0 AND 2', name='jobs_priority_known'),
        ),
        ops.AddConstraint(
            model_name='Job',
            constraint=UniqueConstraint(fields=('owner_id', 'idempotency_key', 'idempotency_index'), name='jobs_one_for_a_key', condition='idempotency_key IS NOT NULL'),
        ),
        ops.CreateModel(
            name='JobAttempt',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('job_id', fields.UUIDField()),
                ('epoch', fields.BigIntField()),
                ('attempt', fields.IntField()),
                ('worker', fields.CharField(max_length=100)),
                ('started_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('ended_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('outcome', fields.CharField(null=True, max_length=16)),
                ('error', fields.JSONField(null=True, encoder=JSON_DUMPS, decoder=loads)),
            ],
            options={'table': 'job_attempts', 'app': 'starling', 'pk_attr': 'id', 'table_description': 'One claim of one job, append-only but for its ending.'},
            bases=['Model'],
        ),
        ops.AddConstraint(
            model_name='JobAttempt',
            constraint=UniqueConstraint(fields=('job_id', 'epoch'), name='job_attempts_one_an_epoch'),
        ),
        ops.AddConstraint(
            model_name='JobAttempt',
            constraint=CheckConstraint(check="outcome IS NULL OR outcome IN ('COMPLETED', 'FAILED', 'CANCELLED', 'RETRIED', 'RELEASED', 'LOST')", name='job_attempts_outcome_known'),
        ),
        ops.CreateModel(
            name='JobEvent',
            fields=[
                ('position', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('xid', fields.BigIntField()),
                ('job_id', fields.UUIDField()),
                ('owner_id', fields.UUIDField()),
                ('version', fields.BigIntField()),
                ('epoch', fields.BigIntField()),
                ('state', fields.CharField(max_length=12)),
                ('progress', fields.FloatField()),
                ('stage', fields.CharField(null=True, max_length=40)),
                ('message', fields.TextField(null=True, unique=False)),
                ('at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'job_events', 'app': 'starling', 'indexes': [Index(fields=['xid', 'position'], name='job_events_in_order')], 'pk_attr': 'position', 'table_description': 'One change of one job, written in the transaction of the change.'},
            bases=['Model'],
        ),
        ops.AddConstraint(
            model_name='JobEvent',
            constraint=UniqueConstraint(fields=('job_id', 'version'), name='job_events_one_a_version'),
        ),
        ops.CreateModel(
            name='JobInput',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('job_id', fields.UUIDField()),
                ('asset_id', fields.UUIDField()),
            ],
            options={'table': 'job_inputs', 'app': 'starling', 'indexes': [Index(fields=['asset_id'], name='job_inputs_by_asset'), Index(fields=['job_id'], name='job_inputs_by_job')], 'pk_attr': 'id', 'table_description': 'An asset that a job reads: its bytes stay until the job has ended.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='JobOutput',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('job_id', fields.UUIDField()),
                ('asset_id', fields.UUIDField()),
                ('role', fields.CharField(max_length=16)),
            ],
            options={'table': 'job_outputs', 'app': 'starling', 'indexes': [Index(fields=['job_id'], name='job_outputs_by_job'), Index(fields=['asset_id'], name='job_outputs_by_asset')], 'pk_attr': 'id', 'table_description': 'An asset that a job made, with its role (video, audio, preview, a stem, ...).'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='ParticleSystem',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                ('owner_id', fields.UUIDField()),
                ('name', fields.CharField(max_length=200)),
                ('particle_type', fields.CharField(max_length=24)),
                ('config', fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ('audio_id', fields.UUIDField(null=True)),
                ('version', fields.BigIntField(default=1)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ('updated_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
            ],
            options={'table': 'particle_systems', 'app': 'starling', 'indexes': [Index(fields=['owner_id', 'created_at', 'id'], name='particle_systems_by_age')], 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.AddConstraint(
            model_name='ParticleSystem',
            constraint=CheckConstraint(check="particle_type IN ('SNOW', 'ZEN', 'ENHANCED', 'BOUNCING', 'CONTINUOUS_SPAWNING', 'NO_MUSIC')", name='particle_systems_type_known'),
        ),
        ops.CreateModel(
            name='User',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                ('username', fields.CharField(unique=True, max_length=64)),
                ('role', fields.CharField(max_length=16)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
            ],
            options={'table': 'users', 'app': 'starling', 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.AddConstraint(
            model_name='User',
            constraint=CheckConstraint(check="role IN ('ADMIN', 'EDITOR', 'VIEWER')", name='users_role_known'),
        ),
        ops.CreateModel(
            name='Worker',
            fields=[
                ('id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=100)),
                ('kinds', fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ('slots', fields.IntField()),
                ('started_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('seen_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'workers', 'app': 'starling', 'pk_attr': 'id', 'table_description': "A live worker process: `/ready` and the queue's figures count those seen lately."},
            bases=['Model'],
        ),
    ]
