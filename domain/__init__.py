"""What the product means: use cases and rules, one module or package a noun.

No HTTP, no GraphQL, no queue.
"""
