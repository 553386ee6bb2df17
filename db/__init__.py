"""Tables, named queries, migrations and the connection: the only home of tortoise and asyncpg."""
