# The service over a folder of saved fits, which is only read:
#   docker build -t bayesmmm . && docker run --rm -p 8000:8000 -e BAYESMMM_TOKEN=... -v "$PWD/fits:/fits:ro" bayesmmm
FROM python:3.12-slim
WORKDIR /app
COPY pyproject.toml README.md LICENSE ./
COPY bayesmmm bayesmmm
COPY data data
RUN pip install --no-cache-dir ".[serve]" \
    && useradd --create-home planner
USER planner
# Kernels are compiled once, here, and not at the first question.
RUN python -c "import bayesmmm.kernels"
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD \
    python -c "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/health', timeout=4)"
ENTRYPOINT ["bayesmmm", "serve", "--host", "0.0.0.0"]
CMD ["/fits"]
