from tortoise import migrations
from tortoise.migrations import operations as ops
from orjson import loads
from tortoise.fields.data import JSON_DUMPS
from uuid import uuid4
from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

class Migration(migrations.Migration):
    dependencies = [('starling', '0004_audio_analyses')]

    initial = False

    operations = [
        ops.CreateModel(
            name='Branch',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                ('repository_id', fields.UUIDField()),
                ('name', fields.CharField(max_length=100)),
                ('head', fields.BigIntField()),
                ('is_default', fields.BooleanField(db_default=False)),
                ('is_protected', fields.BooleanField(db_default=False)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'branches', 'app': 'starling', 'pk_attr': 'id', 'table_description': 'A name that moves with the commits that are made on it.'},
            bases=['Model'],
        ),
        ops.AddConstraint(
            model_name='Branch',
            constraint=UniqueConstraint(fields=('repository_id', 'name'), name='branches_one_name_a_repository'),
        ),
        ops.AddConstraint(
            model_name='Branch',
            constraint=UniqueConstraint(fields=('repository_id',), name='branches_one_default_a_repository', condition='is_default'),
        ),
        ops.AddConstraint(
            model_name='Branch',
            constraint=CheckConstraint(check='head > 0', name='branches_head_is_a_number'),
        ),
        ops.CreateModel(
            name='Commit',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                ('repository_id', fields.UUIDField()),
                ('number', fields.BigIntField()),
                ('origin_id', fields.UUIDField()),
                ('parent', fields.BigIntField(null=True)),
                ('merged', fields.BigIntField(null=True)),
                ('reach', fields.BigIntField()),
                ('author_id', fields.UUIDField()),
                ('message', fields.TextField(unique=False)),
                ('bpm', fields.FloatField(null=True)),
                ('key_signature', fields.CharField(null=True, max_length=32)),
                ('generation_params', fields.JSONField(null=True, encoder=JSON_DUMPS, decoder=loads)),
                ('render_id', fields.UUIDField(null=True)),
                ('stem_set_id', fields.UUIDField()),
                ('blame', fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'commits', 'app': 'starling', 'indexes': [Index(fields=['stem_set_id'], name='commits_by_stem_set'), Index(fields=['render_id'], name='commits_by_render')], 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.AddConstraint(
            model_name='Commit',
            constraint=UniqueConstraint(fields=('repository_id', 'number'), name='commits_one_a_number'),
        ),
        ops.AddConstraint(
            model_name='Commit',
            constraint=UniqueConstraint(fields=('repository_id', 'origin_id'), name='commits_one_copy_a_repository'),
        ),
        ops.AddConstraint(
            model_name='Commit',
            constraint=CheckConstraint(check='number > 0 AND reach > 0', name='commits_count_from_one'),
        ),
        ops.AddConstraint(
            model_name='Commit',
            constraint=CheckConstraint(check='parent > 0 AND parent < number', name='commits_parent_is_older'),
        ),
        ops.AddConstraint(
            model_name='Commit',
            constraint=CheckConstraint(check='merged > 0 AND merged < number', name='commits_merged_is_older'),
        ),
        ops.AddConstraint(
            model_name='Commit',
            constraint=CheckConstraint(check='merged IS NULL OR (parent IS NOT NULL AND merged <> parent)', name='commits_merge_has_two_parents'),
        ),
        ops.CreateModel(
            name='CommitTag',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                ('repository_id', fields.UUIDField()),
                ('name', fields.CharField(max_length=100)),
                ('number', fields.BigIntField()),
                ('message', fields.TextField(null=True, unique=False)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'commit_tags', 'app': 'starling', 'pk_attr': 'id', 'table_description': 'A name that stays with one commit.'},
            bases=['Model'],
        ),
        ops.AddConstraint(
            model_name='CommitTag',
            constraint=UniqueConstraint(fields=('repository_id', 'name'), name='commit_tags_one_name_a_repository'),
        ),
        ops.AddConstraint(
            model_name='CommitTag',
            constraint=CheckConstraint(check='number > 0', name='commit_tags_number_is_one'),
        ),
        ops.CreateModel(
            name='Repository',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                ('owner_id', fields.UUIDField()),
                ('name', fields.CharField(max_length=100)),
                ('description', fields.TextField(unique=False)),
                ('is_public', fields.BooleanField(db_default=False)),
                ('genre', fields.CharField(max_length=50)),
                ('forked_from_id', fields.UUIDField(null=True)),
                ('last_number', fields.BigIntField(db_default=0)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'repositories', 'app': 'starling', 'indexes': [Index(fields=['owner_id', 'created_at', 'id'], name='repositories_of_owner_by_age'), Index(fields=['created_at', 'id'], name='repositories_by_age')], 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.AddConstraint(
            model_name='Repository',
            constraint=UniqueConstraint(fields=('owner_id', 'name'), name='repositories_one_name_an_owner'),
        ),
        ops.AddConstraint(
            model_name='Repository',
            constraint=CheckConstraint(check='last_number >= 0', name='repositories_numbers_count_up'),
        ),
        ops.CreateModel(
            name='Stem',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                ('type', fields.CharField(max_length=8)),
                ('asset_id', fields.UUIDField()),
                ('gain', fields.FloatField()),
                ('content', fields.CharField(max_length=64)),
                ('duration', fields.FloatField(null=True)),
            ],
            options={'table': 'stems', 'app': 'starling', 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.AddConstraint(
            model_name='Stem',
            constraint=UniqueConstraint(fields=('asset_id', 'type', 'gain'), name='stems_once'),
        ),
        ops.AddConstraint(
            model_name='Stem',
            constraint=CheckConstraint(check="type IN ('DRUMS', 'BASS', 'VOCALS', 'MELODY', 'OTHER')", name='stems_type_known'),
        ),
        ops.AddConstraint(
            model_name='Stem',
            constraint=CheckConstraint(check='gain >= 0', name='stems_gain_not_negative'),
        ),
        ops.CreateModel(
            name='StemSet',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                ('digest', fields.CharField(unique=True, max_length=64)),
            ],
            options={'table': 'stem_sets', 'app': 'starling', 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='StemSetPart',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('set_id', fields.UUIDField()),
                ('type', fields.CharField(max_length=8)),
                ('stem_id', fields.UUIDField()),
            ],
            options={'table': 'stem_set_parts', 'app': 'starling', 'indexes': [Index(fields=['stem_id'], name='stem_set_parts_by_stem')], 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.AddConstraint(
            model_name='StemSetPart',
            constraint=UniqueConstraint(fields=('set_id', 'type'), name='stem_set_parts_one_a_type'),
        ),
    ]
