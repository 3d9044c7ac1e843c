#!/usr/bin/env bash
# The image of the metadata store for kind:  deploy/kind/etcd/image.sh [TAG]     (default tally-etcd:3.4)
#
# $TALLY_ETCD_IMAGE names an image of etcd that you have (its program must be /usr/bin/etcd or linked there); without it the
# image is made of Debian's package etcd-server, which needs Debian and no registry.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tag=${1:-tally-etcd:3.4}

if [ -n "${TALLY_ETCD_IMAGE:-}" ]; then
  docker tag "$TALLY_ETCD_IMAGE" "$tag"
  exit
fi
command -v apt-get >/dev/null || { echo "error: without Debian's apt-get, name an image of etcd in TALLY_ETCD_IMAGE" >&2; exit 5; }
context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
chmod 0755 "$context"
(cd "$context" && apt-get -q download etcd-server >/dev/null 2>&1) ||
  { echo "error: Debian's etcd-server cannot be fetched: run apt-get update, or name an image in TALLY_ETCD_IMAGE" >&2; exit 5; }
dpkg-deb -x "$context"/etcd-server_*.deb "$context/package"
mkdir -p "$context/image/usr/bin"
cp "$context/package/usr/bin/etcd" "$context/image/usr/bin/"
# The dynamic loader and what it would load, at the same paths.
ldd "$context/image/usr/bin/etcd" | grep -o '/[^ ]*' | while read -r library; do
  mkdir -p "$context/image$(dirname "$library")"
  cp -L "$library" "$context/image$library"
done || true # a static program has none
docker build --quiet --tag "$tag" --file "$here/Dockerfile" "$context/image" >/dev/null
echo "$tag: $(docker image inspect --format '{{.Size}}' "$tag" | awk '{ printf "%.1f MB", $1 / 1e6 }')"
