#!/usr/bin/env bash
# Asks an API server whether it would take what is in deploy/eks:  deploy/eks/check.sh CONTEXT
#
# A server-side dry run of every overlay, in namespaces of its own (tally-check-*), which are made for it and removed again: a
# platform that runs on that cluster is left alone. Any cluster will do, such as kind's; nothing of AWS is asked.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
context=${1:?usage: deploy/eks/check.sh CONTEXT}
kube() { kubectl --context "$context" "$@"; }

spaces=(tally-check-system tally-check-store tally-check-workers tally-check-load)
trap 'kube delete namespace --ignore-not-found "${spaces[@]}" >/dev/null' EXIT
for space in "${spaces[@]}"; do kube create namespace "$space" --dry-run=client -o yaml | kube apply -f - >/dev/null; done

failed=0
for overlay in "$here"/overlays/*/; do
  name=$(basename "$overlay")
  wanted=$(kubectl kustomize "$overlay" | grep -c '^kind:')
  told=$(TALLY_RENAME='s/\btally-\(system\|store\|workers\|load\)\b/tally-check-\1/g' \
    "$here/../apply.sh" "$context" "$overlay" --dry-run=server 2>&1) || failed=1
  taken=$(grep -c '(server dry run)' <<<"$told") || true
  [ "$taken" = "$wanted" ] || failed=1
  echo "$name: $taken of $wanted objects accepted"
  grep -v '(server dry run)' <<<"$told" | head -n 5 || true
done
exit "$failed"
