# syntax=docker/dockerfile:1
# Topicwire in a container; docs/deploy.md explains how to run it. It builds on amd64 and arm64 from ready-made wheels.
FROM python:3.13-slim-bookworm AS build
WORKDIR /build
RUN python -m venv /opt/topicwire
ENV PATH=/opt/topicwire/bin:$PATH PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements/postgres.txt requirements/
RUN pip install --no-compile --only-binary :all: --require-hashes -r requirements/postgres.txt
COPY pyproject.toml README.md LICENSE ./
COPY launcher launcher
COPY bot bot
COPY cogs cogs
# Compiled here, because nothing can be written at run time. The compiled files do not depend on times that a copy may change.
RUN pip install --no-compile --no-deps --no-build-isolation . \
    && python -m compileall -q --invalidation-mode unchecked-hash /opt/topicwire/lib

FROM python:3.13-slim-bookworm
# For sources of kind git.
RUN apt-get update && apt-get install -y --no-install-recommends git && rm -rf /var/lib/apt/lists/*
RUN groupadd --gid 10001 topicwire \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin topicwire \
    && install -d -o topicwire -g topicwire -m 700 /data
COPY --from=build /opt/topicwire /opt/topicwire
COPY --chmod=644 deploy/health.py /opt/topicwire/health.py
ENV PATH=/opt/topicwire/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    TOPICWIRE_DATABASE__URL=/data/topicwire.db \
    TOPICWIRE_HTTP__LISTEN=127.0.0.1:8080
# The only directory that the bot writes to. config.yaml is read from here, too.
WORKDIR /data
VOLUME /data
USER 10001:10001
# Unhealthy after a minute and a half with late messages or without a connection to Discord.
HEALTHCHECK --interval=30s --timeout=10s --start-period=120s --retries=3 CMD ["python", "/opt/topicwire/health.py"]
ENTRYPOINT ["topicwire"]
CMD ["run"]
