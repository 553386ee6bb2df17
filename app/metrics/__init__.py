"""`/metrics` in Prometheus' text format: what the API processes of this `serve` count (or this one alone),
what all workers count, and the queue.

`families` and `process` say what is shown, `http` counts requests and sockets, `siblings` adds up what
several processes count, `reading` asks the database and Redis, `exposition` puts it into words.
docs/operations.md tells people what to do with it.
"""
