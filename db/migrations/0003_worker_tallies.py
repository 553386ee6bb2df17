from tortoise import migrations
from tortoise.migrations import operations as ops
from orjson import loads
from tortoise.fields.data import JSON_DUMPS
from tortoise import fields

class Migration(migrations.Migration):
    dependencies = [('starling', '0002_webhooks')]

    initial = False

    operations = [
        ops.CreateModel(
            name='WorkerTotal',
            fields=[
                ('series', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=255)),
                ('value', fields.FloatField()),
            ],
            options={'table': 'worker_totals', 'app': 'starling', 'pk_attr': 'series', 'table_description': 'What workers that are gone have counted, by series: so that no total falls when a worker ends.'},
            bases=['Model'],
        ),
        ops.AddField(
            model_name='Worker',
            name='tallies',
            field=fields.JSONField(db_default={}, encoder=JSON_DUMPS, decoder=loads),
        ),
    ]
