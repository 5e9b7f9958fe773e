# The collector and usagectl in an image without a shell, running as a user
# without rights. Build: docker build -t otelcol-usage .
# For another processor: docker buildx build --platform linux/arm64 -t otelcol-usage .
#
# Mount the configuration at /etc/otelcol-usage/config.yaml; the queue on disk
# lives in the volume /var/lib/otelcol-usage.

# The compiler runs where you build and writes for where it will run.
FROM --platform=$BUILDPLATFORM golang:1.26.8-bookworm AS build
WORKDIR /src
# Modules change seldom, code often: a layer of their own keeps builds short.
COPY go.mod go.sum ./
COPY distribution/go.mod distribution/go.sum distribution/
RUN --mount=type=cache,target=/go/pkg/mod \
    go mod download && go mod download -C distribution
COPY . .
ARG TARGETOS TARGETARCH
ENV CGO_ENABLED=0 GOFLAGS=-buildvcs=false GOOS=$TARGETOS GOARCH=$TARGETARCH
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    go build -C distribution -trimpath -ldflags '-s -w' -o /out/otelcol-usage . && \
    go build -trimpath -ldflags '-s -w' -o /out/usagectl ./cmd/usagectl && \
    mkdir -p /out/queue

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /out/otelcol-usage /out/usagectl /usr/bin/
COPY --from=build --chown=65532:65532 /out/queue /var/lib/otelcol-usage
COPY examples/container.yaml /etc/otelcol-usage/config.yaml
COPY LICENSE THIRD_PARTY_NOTICES /usr/share/doc/otelcol-usage/
USER 65532:65532
VOLUME /var/lib/otelcol-usage
# OTLP over gRPC, OTLP over HTTP, the query API, health.
EXPOSE 4317 4318 8080 13133
ENTRYPOINT ["/usr/bin/otelcol-usage"]
CMD ["--config", "/etc/otelcol-usage/config.yaml"]
