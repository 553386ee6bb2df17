from tortoise import migrations
from tortoise.migrations import operations as ops
from orjson import loads
from tortoise.fields.data import JSON_DUMPS
from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint

class Migration(migrations.Migration):
    dependencies = [('starling', '0003_worker_tallies')]

    initial = False

    operations = [
        ops.CreateModel(
            name='AudioAnalysis',
            fields=[
                ('sha256', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                ('version', fields.IntField()),
                ('facts', fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
            ],
            options={'table': 'audio_analyses', 'app': 'starling', 'pk_attr': 'sha256'},
            bases=['Model'],
        ),
        ops.AddConstraint(
            model_name='AudioAnalysis',
            constraint=CheckConstraint(check='version > 0', name='audio_analyses_version_positive'),
        ),
    ]
