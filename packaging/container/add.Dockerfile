# Adds svcd to an image that there is already, from its files (see Dockerfile) and without a package. IMAGE is Debian bookworm
# or made from it, and has libsystemd0 and libstdc++6, as each image with apt does. Copy the two lines below FROM into your own.
ARG IMAGE=debian:bookworm
FROM ${IMAGE}
COPY --from=svcd-files / /
ENTRYPOINT ["svcd", "--container", "--"]
