#!/bin/bash
# Build Kubernetes from Debian's source package into $CACHE/bin:
#   kube-apiserver kube-controller-manager kube-scheduler kube-proxy
#   kubelet kubeadm kubectl      (static, stripped, version v1.20.2)
#   kind-addons                  (our own: cluster DNS, pod network, metrics; see addons/)
#   pause                        (our own, pause.c)
# Safe to run again: finished steps are skipped, and nothing is done for programs that are there already.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

GOPATH=$CACHE/gopath
TREE=$GOPATH/src/k8s.io/kubernetes
BIN=$CACHE/bin
mkdir -p "$BIN"

stamp=$(cat "$HERE"/addons/*.go "$HERE/pause.c" - <<<"$KUBE_VERSION" | sha256sum)
if [ "$(cat "$CACHE/bin-stamp" 2>/dev/null)" = "$stamp" ]; then
  say "Kubernetes $KUBE_VERSION is in $BIN"
  exit
fi

install_packages dpkg-dev make rsync gcc libc6-dev golang-go golang-github-modern-go-reflect2-dev

# --- sources ---------------------------------------------------------------
if [ ! -e "$CACHE/tree-ready" ]; then
  say "fetching the kubernetes source package"
  apt_side src deb-src "$SUITE"
  mkdir -p "$CACHE/src"
  (cd "$CACHE/src" && apt_side_get src -q --download-only source kubernetes >/dev/null)
  dsc=$(ls "$CACHE"/src/kubernetes_*.dsc)
  grep -q "^Version: .*${KUBE_VERSION#v}" "$dsc" || die "$dsc is not Kubernetes $KUBE_VERSION"
  rm -rf "$TREE"; mkdir -p "$(dirname "$TREE")"
  dpkg-source --no-check -x "$dsc" "$TREE" >/dev/null
  # The vendored reflect2 1.0.1 crashes when built with Go >= 1.18; Debian's
  # 1.0.2 has the same interface.
  rm -rf "$TREE/vendor/github.com/modern-go/reflect2"
  cp -r /usr/share/gocode/src/github.com/modern-go/reflect2 "$TREE/vendor/github.com/modern-go/reflect2"
  touch "$CACHE/tree-ready"
fi

# --- build -----------------------------------------------------------------
export GOPATH GO111MODULE=off CGO_ENABLED=0 GOFLAGS='' GOTOOLCHAIN=local
export GOCACHE=$CACHE/gocache HOME=$CACHE/home
mkdir -p "$HOME"
cat > "$CACHE/version.sh" <<V
KUBE_GIT_COMMIT='unknown'
KUBE_GIT_TREE_STATE='archive'
KUBE_GIT_VERSION='$KUBE_VERSION'
KUBE_GIT_MAJOR='1'
KUBE_GIT_MINOR='20'
V
export KUBE_GIT_VERSION_FILE=$CACHE/version.sh
cd "$TREE" || exit

if [ ! -e "$CACHE/generated-ready" ]; then
  say "generating code (OpenAPI)"
  make generated_files >"$CACHE/generate.log" 2>&1 || { tail -30 "$CACHE/generate.log" >&2; exit 1; }
  touch "$CACHE/generated-ready"
fi

# In GOPATH mode the version variables live under the vendored import path;
# -X with the plain path is silently ignored.
ldflags="-s -w"
for p in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
  for kv in gitVersion=$KUBE_VERSION gitMajor=1 gitMinor=20 gitTreeState=archive gitCommit=unknown; do
    ldflags+=" -X k8s.io/kubernetes/vendor/$p.$kv"
  done
done

programs=(kube-apiserver kube-controller-manager kube-scheduler kube-proxy kubelet kubeadm kubectl)
if [ ! -e "$CACHE/bin-ready" ]; then
  say "building ${programs[*]}"
  go build -ldflags "$ldflags" -o "$BIN/" "${programs[@]/#/./cmd/}"
  [ "$("$BIN/kubeadm" version -o short)" = "$KUBE_VERSION" ] || die "wrong version stamp"
  touch "$CACHE/bin-ready"
fi

say "building kind-addons and pause"
rm -rf cmd/kind-addons; mkdir cmd/kind-addons
cp "$HERE"/addons/*.go cmd/kind-addons/
go vet ./cmd/kind-addons
go build -ldflags "-s -w" -o "$BIN/" ./cmd/kind-addons
gcc -Os -static -s -o "$BIN/pause" "$HERE/pause.c"

# Only the programs are wanted again: 0.5 GB instead of 2.5.
echo "$stamp" > "$CACHE/bin-stamp"
chmod -R u+w "$GOPATH" "$GOCACHE"
rm -rf "$GOPATH" "$GOCACHE" "$CACHE"/{src,tree-ready,generated-ready,bin-ready}
say "done: $BIN"
