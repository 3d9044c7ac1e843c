#!/bin/bash
# shellcheck disable=SC2034 # settings are read by the scripts that source this file
# Shared settings and helpers of the scripts in this folder (sourced, not run).
#
# Everything is built from Debian packages; the mirror is whatever apt on this
# machine is configured to use.  All downloads and build results live under one
# cache folder, so a second run is quick and the folder can be deleted at will.

set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
CACHE=${TALLY_KIND_CACHE:-/var/cache/kind-node}    # downloads, sources, binaries
SUITE=bookworm                                     # Debian release of node and sources
KIND_SUITE=trixie                                  # first release that ships `kind`
KUBE_VERSION=v1.20.2                               # what SUITE's source package holds
NODE_IMAGE=localhost/kind-node:$KUBE_VERSION

say() { printf '\n== %s  (%s)\n' "$*" "$(date +%T)" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

[ "$(id -u)" = 0 ] || die "run as root"
mkdir -p "$CACHE"

# install_packages PKG...: apt-get install what is missing, updating the lists
# only when something has to be fetched.
install_packages() {
  local p missing=()
  for p in "$@"; do
    dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing+=("$p")
  done
  [ ${#missing[@]} = 0 ] && return
  say "apt-get install ${missing[*]}"
  apt-get -q -o DPkg::Lock::Timeout=600 update >/dev/null
  DEBIAN_FRONTEND=noninteractive apt-get -qy -o DPkg::Lock::Timeout=600 --no-install-recommends install "${missing[@]}" >/dev/null
}

# debian_mirror: the base URI apt uses for Debian's main archive.
debian_mirror() {
  local uri
  uri=$(debian_main)
  if [ -z "$uri" ]; then          # lists not downloaded yet
    apt-get -q update >/dev/null
    uri=$(debian_main)
  fi
  [ -n "$uri" ] || die "no Debian archive found in apt's configuration"
  printf '%s\n' "${uri%/}"
}
debian_main() {
  # shellcheck disable=SC2016 # apt's own variables
  apt-get indextargets --format '$(ORIGIN) $(COMPONENT) $(REPO_URI) $(LABEL)' 'Created-By: Packages' |
    awk '$1 == "Debian" && $2 == "main" && $4 == "Debian" { print $3; exit }'
}

# apt_side NAME TYPE SUITE: prepare a private apt configuration (own sources
# and lists) so that nothing under /etc/apt is touched.  Use it with
# `apt_side_get NAME ...`.
apt_side() {
  local d=$CACHE/apt/$1
  mkdir -p "$d/lists/partial" "$d/cache/archives/partial"
  printf '%s [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' \
    "$2" "$(debian_mirror)" "$3" > "$d/sources.list"
  apt_side_get "$1" -q update >/dev/null
}
apt_side_get() {
  local d=$CACHE/apt/$1; shift
  apt-get -o Dir::Etc::SourceList="$d/sources.list" -o Dir::Etc::SourceParts=/dev/null \
    -o Dir::State::Lists="$d/lists" -o Dir::Cache="$d/cache" -o APT::Sandbox::User=root "$@"
}
