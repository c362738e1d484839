# The same server as `./ratchet up`, on a CPU, by the launcher's own steps.
#   docker build -t ratchet .
#   docker run --init -p 127.0.0.1:7860:7860 -v ratchet:/home/ratchet/data ratchet

FROM python:3.11-slim AS build
WORKDIR /opt/ratchet
# The launcher and its lists are all that makes the environment, so a change of code does not make it anew.
COPY ratchet ./
COPY requirements requirements
RUN RATCHET_HARDWARE=cpu ./ratchet setup

FROM python:3.11-slim
RUN apt-get update && apt-get install -y --no-install-recommends libnuma1 libgomp1 && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 10001 ratchet && install -d -o ratchet /home/ratchet/data
WORKDIR /opt/ratchet
COPY --from=build /opt/ratchet/.venv .venv
COPY ratchet ./
COPY requirements requirements
COPY analytics analytics
COPY safety safety
COPY learner learner
COPY chatbot chatbot
USER ratchet
# Models that are downloaded stay in the volume.
ENV RATCHET_HOME=/home/ratchet/data RATCHET_HOST=0.0.0.0 HF_HOME=/home/ratchet/data/huggingface \
    PYTHONDONTWRITEBYTECODE=1
VOLUME /home/ratchet/data
EXPOSE 7860
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s --retries=3 \
    CMD ["/opt/ratchet/.venv/bin/python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:7860/readyz', timeout=4)"]
ENTRYPOINT ["./ratchet"]
CMD ["up"]
