# The service with the model in the box. It answers without a network: `docker compose up`, or
#
#   docker build -t secondpass . && docker run --rm --read-only --tmpfs /tmp -p 127.0.0.1:8080:8080 secondpass
#
# Another model: arguments behind the image's name, such as `--model BAAI/bge-reranker-v2-m3`.

ARG PYTHON=3.12

FROM python:${PYTHON}-slim AS build
# Where torch comes from: wheels for CPUs are a tenth of those for GPUs.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
RUN python -m venv /opt/secondpass
WORKDIR /build
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY core core
COPY integrations integrations
RUN --mount=type=cache,target=/root/.cache/pip \
    /opt/secondpass/bin/pip install --constraint constraints.txt --extra-index-url "${TORCH_INDEX}" ".[serve]"

FROM python:${PYTHON}-slim
# Models of the hub are kept in /models; the rest of the file system may be read-only.
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin secondpass \
    && install --directory --owner=secondpass --group=secondpass /models
COPY --from=build /opt/secondpass /opt/secondpass
ENV PATH=/opt/secondpass/bin:$PATH \
    HF_HOME=/models \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 10001
EXPOSE 8080
HEALTHCHECK --interval=15s --timeout=5s --start-period=120s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8080/ready', timeout=4)"]
ENTRYPOINT ["secondpass", "serve", "--host", "0.0.0.0", "--port", "8080"]
CMD ["--model", "secondpass/mini"]
