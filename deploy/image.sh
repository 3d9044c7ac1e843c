#!/usr/bin/env bash
# The image of every role:  deploy/image.sh [TAG]     (default tally:dev)
#
# Builds a statically linked `tally` with the cluster's adapters and puts it alone into an image. Needs Rust, protoc with its
# well-known types (Debian: protobuf-compiler libprotobuf-dev), ca-certificates and Docker.
#   TALLY_IMAGE_TARGET   where cargo builds; the default is target/image, apart from dynamically linked builds
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
tag=${1:-tally:dev}
target=${TALLY_IMAGE_TARGET:-$root/target/image}

command -v protoc >/dev/null || { echo "error: protoc is missing: install protobuf-compiler and libprotobuf-dev" >&2; exit 5; }
docker info >/dev/null 2>&1 || { echo "error: Docker does not answer: start it, or run deploy/kind/cluster.sh up" >&2; exit 5; }
triple=$(rustc -vV | sed -n 's/^host: //p')
# `--target` keeps the flags away from build scripts and procedural macros, which cannot be static.
RUSTFLAGS="${RUSTFLAGS:-} -C target-feature=+crt-static" CARGO_PROFILE_RELEASE_STRIP=symbols \
  cargo build --manifest-path "$root/Cargo.toml" --release --locked --package tally --features cluster \
  --target "$triple" --target-dir "$target"

context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
certificates=/etc/ssl/certs/ca-certificates.crt
[ -e "$certificates" ] || { echo "error: $certificates is missing: install ca-certificates" >&2; exit 5; }
install -m 0644 "$certificates" "$context/"
install -m 0755 "$target/$triple/release/tally" "$context/tally"
if readelf -d "$context/tally" 2>/dev/null | grep -q NEEDED; then
  echo "error: the binary wants shared libraries, which the image does not have" >&2
  exit 70
fi
docker build --quiet --tag "$tag" --file "$root/deploy/Dockerfile" "$context" >/dev/null
echo "$tag: $(docker image inspect --format '{{.Size}}' "$tag" | awk '{ printf "%.1f MB", $1 / 1e6 }')"
