#!/usr/bin/env bash
# Applies an overlay:  deploy/apply.sh CONTEXT OVERLAY [FLAG...]
#
#   deploy/apply.sh kind-tally deploy/kind/overlays/scaling-hpa-cpu
#   deploy/apply.sh kind-tally deploy/eks/overlays/scaling-threshold --dry-run=server
#
# Flags go to `kubectl apply`. Autoscalers are written as autoscaling/v2; to a server from before 1.23 they go as v2beta2,
# which has the same fields. $TALLY_RENAME is one more sed expression for what is applied (deploy/eks/check.sh has use for it).
set -euo pipefail

[ $# -ge 2 ] || { sed -n '2,/^set /{/^set /!s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}" >&2; exit 2; }
context=$1 overlay=$2
shift 2
served=$(kubectl --context "$context" api-versions)
version=autoscaling/v2
grep -qx autoscaling/v2 <<<"$served" || version=autoscaling/v2beta2
kubectl kustomize "$overlay" | sed "s|^apiVersion: autoscaling/v2\$|apiVersion: $version|; ${TALLY_RENAME:-}" |
  kubectl --context "$context" apply --filename - "$@"
