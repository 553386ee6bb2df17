from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint

class Migration(migrations.Migration):
    dependencies = [('starling', '0005_repositories')]

    initial = False

    operations = [
        ops.CreateModel(
            name='SoundPortrait',
            fields=[
                ('sha256', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                ('version', fields.IntField()),
                ('loudness_lufs', fields.FloatField(null=True)),
                ('cells', fields.BinaryField()),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
            ],
            options={'table': 'sound_portraits', 'app': 'starling', 'pk_attr': 'sha256'},
            bases=['Model'],
        ),
        ops.AddConstraint(
            model_name='SoundPortrait',
            constraint=CheckConstraint(check='version > 0', name='sound_portraits_version_positive'),
        ),
        ops.AddField(
            model_name='StemSet',
            name='render_id',
            field=fields.UUIDField(null=True),
        ),
        ops.AddIndex(
            model_name='StemSet',
            index=Index(fields=['render_id'], name='stem_sets_by_render'),
        ),
    ]
