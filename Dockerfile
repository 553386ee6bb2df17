# syntax=docker/dockerfile:1
# One image for `api`, `worker` and `migrate`; the command says which. Engines come from URLs, not from inside.

# The scripts of the documentation pages, by their own lock.
FROM node:24-slim AS pages
WORKDIR /pages
COPY app/pages/package.json app/pages/package-lock.json ./
RUN npm ci --no-audit --no-fund

FROM python:3.11-slim AS packages
COPY requirements.lock /
RUN python -m venv /opt/venv \
 && /opt/venv/bin/pip install --no-cache-dir --require-hashes -r /requirements.lock

FROM python:3.11-slim
# The kernels are compiled here, for a processor that is named and not for the one that builds, so that a
# container starts warm on any machine of that kind. "generic" is for older ones.
ARG NUMBA_CPU_NAME=x86-64-v3
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/srv/starling \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    NUMBA_CPU_NAME=$NUMBA_CPU_NAME \
    NUMBA_CPU_FEATURES="" \
    NUMBA_CACHE_DIR=/var/cache/starling \
    STARLING_HOME=/var/lib/starling
RUN useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin starling \
 && install --directory --owner=starling --group=starling /var/cache/starling /var/lib/starling
COPY --from=packages /opt/venv /opt/venv
COPY db /srv/starling/db
COPY domain /srv/starling/domain
COPY resolvers /srv/starling/resolvers
COPY schema /srv/starling/schema
COPY workers /srv/starling/workers
COPY render /srv/starling/render
COPY app /srv/starling/app
COPY --from=pages /pages/node_modules /srv/starling/app/pages/node_modules
RUN python -m compileall -q /srv/starling/app /srv/starling/db /srv/starling/domain /srv/starling/render \
    /srv/starling/resolvers /srv/starling/schema /srv/starling/workers
USER starling
WORKDIR /var/lib/starling
RUN python -P -c "from render.particles.warm import warm; warm()"
# A new named volume at this path is filled with the compiled kernels.
VOLUME ["/var/cache/starling", "/var/lib/starling"]
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health', timeout=2)"]
ENTRYPOINT ["python", "-P", "-m", "app.cli"]
CMD ["api", "--host", "0.0.0.0"]
