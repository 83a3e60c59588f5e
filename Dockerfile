# Rotunda in a container: bundles, then the binary, then a small image that runs it as nobody.
# The database is a container of its own: docker-compose.yml.

FROM node:22-bookworm-slim AS web
WORKDIR /src
# Packages first: they change less often than sources.
COPY roomkit/package.json roomkit/package-lock.json roomkit/.npmrc roomkit/
RUN npm ci --prefix roomkit --no-audit --no-fund
COPY web/package.json web/package-lock.json web/.npmrc web/
RUN npm ci --prefix web --no-audit --no-fund
COPY roomkit roomkit
RUN npm run --prefix roomkit build
COPY web web
RUN npm run --prefix web build

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
COPY --from=web /src/roomkit/dist roomkit/dist
COPY --from=web /src/web/dist web/dist
ENV SQLX_OFFLINE=true
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    host=$(rustc -vV | sed -n 's/^host: //p') && \
    RUSTFLAGS='-C target-feature=+crt-static' \
    cargo build --profile dist --locked --package rotunda --target "$host" && \
    cp "target/$host/dist/rotunda" /rotunda
# The volume's mount point belongs to the user that writes there.
RUN mkdir /data && chown 65532:65532 /data && chmod 700 /data

# Certificates and time zones, no libraries, no shell, no package manager; `nonroot` is user 65532.
FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /rotunda /usr/local/bin/rotunda
COPY --from=build --chown=65532:65532 /data /data
COPY LICENSE THIRD_PARTY.md /usr/share/doc/rotunda/
ENV ROTUNDA_DATA=/data \
    ROTUNDA_SERVER__LISTEN=0.0.0.0 \
    ROTUNDA_LOG__FORMAT=json
VOLUME /data
EXPOSE 8443/tcp 8443/udp
HEALTHCHECK --interval=15s --timeout=6s --start-period=60s --retries=3 \
    CMD ["/usr/local/bin/rotunda", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/rotunda"]
CMD ["serve"]
