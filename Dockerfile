# One image for every service; compose.yaml says which one a container runs.
FROM python:3.13-slim AS build

ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/venv

# Requirements first: this layer stays as long as they do. They serve as constraints, so that only what a service imports
# is installed and not the lab's own servers and load generator. The versions are pinned by it, the hashes are not: older
# versions of pip refuse hashes in constraints.
COPY requirements.txt /tmp/requirements.txt
RUN sed -E '/^ *(--hash|#)/d; s/ *\\$//' /tmp/requirements.txt > /tmp/versions.txt \
    && /opt/venv/bin/pip install --constraint /tmp/versions.txt \
      aiohttp aiokafka aiomysql asyncpg fastapi prometheus-client "psycopg[binary]" psycopg-pool redis tenacity \
      "uvicorn[standard]"


FROM python:3.13-slim

RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin shop
COPY --from=build /opt/venv /opt/venv

WORKDIR /app
COPY resilience resilience
COPY services services

# The file system is read-only when it runs, so the bytecode is written now.
RUN /opt/venv/bin/python -m compileall -q resilience services
ENV PATH=/opt/venv/bin:$PATH PYTHONPATH=/app PYTHONUNBUFFERED=1
USER shop

# A default for `docker run`; compose.yaml names its own command for each service.
CMD ["uvicorn", "--factory", "services.gateway.app:main"]
