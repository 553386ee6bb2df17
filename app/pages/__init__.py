"""The documentation pages: GraphiQL, Swagger UI and ReDoc, from this machine alone, offline too.

`python -m app.pages.install` (part of `make setup`) fetches what they load; `page_routes` serves it.
"""
