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
    dependencies = [('starling', '0001_initial')]

    initial = False

    operations = [
        ops.CreateModel(
            name='WebhookDelivery',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                ('job_id', fields.UUIDField()),
                ('owner_id', fields.UUIDField()),
                ('url', fields.TextField(unique=False)),
                ('host', fields.TextField(unique=False)),
                ('payload', fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ('state', fields.CharField(db_default='PENDING', max_length=12)),
                ('attempt', fields.IntField(db_default=0)),
                ('due_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('last_error', fields.CharField(null=True, max_length=100)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('ended_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'webhook_deliveries', 'app': 'starling', 'indexes': [PostgreSQLIndex(fields=['due_at'], name='webhook_deliveries_due', condition={'state': 'PENDING'}), Index(fields=['ended_at'], name='webhook_deliveries_by_end')], 'pk_attr': 'id', 'table_description': 'One call that says that one job ended. While a try is under way `due_at` is the end of its lease.'},
            bases=['Model'],
        ),
        ops.AddConstraint(
            model_name='WebhookDelivery',
            constraint=UniqueConstraint(fields=('job_id',), name='webhook_deliveries_one_a_job'),
        ),
        ops.AddConstraint(
            model_name='WebhookDelivery',
            constraint=CheckConstraint(check="state IN ('PENDING', 'DELIVERED', 'GIVEN_UP')", name='webhook_deliveries_state_known'),
        ),
        ops.AddConstraint(
            model_name='WebhookDelivery',
            constraint=CheckConstraint(check="(state = 'PENDING') = (ended_at IS NULL)", name='webhook_deliveries_ended_has_a_time'),
        ),
        ops.AddConstraint(
            model_name='WebhookDelivery',
            constraint=CheckConstraint(check='attempt >= 0', name='webhook_deliveries_attempts_in_range'),
        ),
    ]
