#!/usr/bin/env bash
# The kind cluster Tally runs on:  cluster.sh COMMAND [--name NAME]
#
#   up              create the cluster, or bring back the one there is; prints its context and the gateway's address
#   load IMAGE...   put images of the local Docker daemon onto its nodes
#   address         where the gateway answers, HOST:PORT
#   down            remove the cluster; removing nothing is success
#
# NAME is $TALLY_KIND_CLUSTER or `tally`. Nodes run $TALLY_KIND_NODE_IMAGE if it is set; else the image that node-image/
# has made here before; else kind's own; and where that cannot be pulled, node-image/ makes one from Debian packages (as
# root on Debian 12; some ten minutes the first time). Docker, kind and kubectl (1.27 or newer) are installed the same way. Exit 2: wrong use; 5: something is missing here.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
debian_image=localhost/kind-node:v1.20.2

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $1"; exit "${2:-5}"; }

# tools: Docker answers, kind and kubectl are there; or all of that is set up here.
tools() {
  if docker info >/dev/null 2>&1 && command -v kind >/dev/null && command -v kubectl >/dev/null; then return; fi
  on_debian "Docker does not answer, or kind or kubectl is missing: install and start them"
  "$here/node-image/host-setup.sh" >&2
}

# on_debian REMEDY: ends with the remedy where we cannot help ourselves.
on_debian() {
  if [ "$(id -u)" != 0 ] || ! [ -e /etc/debian_version ]; then
    die "$1; or run this as root on Debian 12, where it makes all it needs from Debian's packages"
  fi
}

exists() { kind get clusters 2>/dev/null | grep -qx "$name"; }

# debian_node_image: made here from Debian's packages.
debian_node_image() {
  on_debian "kind's node image cannot be pulled: set TALLY_KIND_NODE_IMAGE to one you have"
  say "no node image to be had: making one from Debian packages"
  "$here/node-image/build-kubernetes.sh" >&2
  "$here/node-image/build-node-image.sh" >&2
}

# configuration IMAGE: the cluster's configuration; our image brings its own pod network.
configuration() {
  cat "$here/cluster.yaml"
  if is_ours "$1"; then printf 'networking: {disableDefaultCNI: true}\n'; fi
}
is_ours() { [ -n "$1" ] && docker image inspect -f '{{json .Config.Entrypoint}}' "$1" 2>/dev/null | grep -q /kind/bin/entrypoint; }

# create IMAGE: with kind's own image if none is named.
create() {
  local image=${1:-}
  configuration "$image" |
    kind create cluster --name "$name" ${image:+--image "$image"} --config - --wait 300s >&2 ||
    { kind delete cluster --name "$name" >/dev/null 2>&1; return 1; }
}

# can_pull: whether kind's own node image is there or can be had. kind names it only in its own program.
can_pull() {
  local image
  image=$(grep -aom1 'kindest/node:v[0-9][0-9.]*' "$(command -v kind)" | head -n1) || return 1
  docker image inspect "$image" >/dev/null 2>&1 || timeout 900 docker pull -q "$image" >/dev/null 2>&1
}

up() {
  tools
  if exists; then
    say "cluster $name is there: using it"
    # shellcheck disable=SC2046 # several names
    docker start $(kind get nodes --name "$name") >/dev/null
    kind export kubeconfig --name "$name" >/dev/null 2>&1
  elif [ -n "${TALLY_KIND_NODE_IMAGE:-}" ]; then
    create "$TALLY_KIND_NODE_IMAGE" || die "kind could not create a cluster of $TALLY_KIND_NODE_IMAGE"
  elif docker image inspect "$debian_image" >/dev/null 2>&1; then
    create "$debian_image" || die "kind could not create a cluster of $debian_image"
  elif can_pull; then
    create || die "kind could not create a cluster of its own image"
  else
    debian_node_image
    create "$debian_image" || die "kind could not create a cluster of $debian_image"
  fi
  ready
  say "cluster $name is ready"
  printf 'context=kind-%s\ngateway=%s\n' "$name" "$(address)"
}

# ready: nodes answer, and pods can be measured.
ready() {
  local control="$name-control-plane" i
  for i in $(seq 120); do
    if kube get namespace default >/dev/null 2>&1; then break; fi
    [ "$i" -lt 120 ] || die "the API server of $name does not answer"
    sleep 1
  done
  kube wait --for=condition=Ready node --all --timeout=300s >/dev/null || die "a node of $name does not become ready"
  refuse_unserved
  if docker exec "$control" test -e /kind/manifests/metrics.yaml; then
    docker exec "$control" kubectl --kubeconfig /etc/kubernetes/admin.conf apply -f /kind/manifests/metrics.yaml >/dev/null
    kube -n kube-system rollout status deployment/metrics --timeout=300s >/dev/null
  elif ! kube get apiservice v1beta1.metrics.k8s.io >/dev/null 2>&1; then
    say "warning: no metrics.k8s.io in this cluster: install metrics-server before you scale by CPU (deploy/README.md)"
  fi
}

# refuse_unserved: a packet to a service that nobody serves at the moment must not leave the node. Without this a connection that is
# opened between two changes of kube-proxy's rules goes to the default route, and where a proxy there answers for every address
# the API server keeps it, and takes the proxy's 404 for those of the aggregated API from then on.
refuse_unserved() {
  local control="$name-control-plane" range node chain
  range=$(docker exec "$control" grep -oP -- '--service-cluster-ip-range=\K[^ ,]+' /etc/kubernetes/manifests/kube-apiserver.yaml) || return 0
  for node in $(kind get nodes --name "$name"); do
    for chain in OUTPUT FORWARD; do
      docker exec -i "$node" sh -c "iptables -w -C $chain -d $range -p tcp -j REJECT --reject-with tcp-reset 2>/dev/null ||
        iptables -w -A $chain -d $range -p tcp -j REJECT --reject-with tcp-reset" ||
        say "warning: node $node does not refuse packets to services that nobody serves"
    done
  done
}

kube() { kubectl --context "kind-$name" "$@"; }

address() { docker port "$name-control-plane" 30080/tcp | head -n1; }

load() {
  [ $# -gt 0 ] || die "load: which image?" 2
  kind load docker-image --name "$name" "$@" >&2
}

command=${1:-}
[ $# = 0 ] || shift
name=${TALLY_KIND_CLUSTER:-tally}
arguments=()
while [ $# -gt 0 ]; do
  case $1 in
    --name) name=${2:?--name wants a name}; shift 2 ;;
    *) arguments+=("$1"); shift ;;
  esac
done
[[ $name =~ ^[a-z0-9][a-z0-9.-]*$ ]] || die "\`$name\` is no name for a cluster" 2

case $command in
  up) up ;;
  load) load "${arguments[@]}" ;;
  address) address ;;
  down) if command -v kind >/dev/null && docker info >/dev/null 2>&1; then kind delete cluster --name "$name" >&2; fi ;;
  *) sed -n '2,/^set /{/^set /!s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac
