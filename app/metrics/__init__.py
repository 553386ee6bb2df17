"""`/metrics` in Prometheus' text format: what this process counts, what all workers count, and the queue.

`families` says what is shown, `http` counts requests and sockets, `reading` asks the database and Redis,
`exposition` puts it into words. docs/operations.md tells people what to do with it.
"""
