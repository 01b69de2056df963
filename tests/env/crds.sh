#!/usr/bin/env bash
# Writes src/schema/crds/*.yaml, the embedded copies of the platform's CRDs, from their source modules.
# A maintainer runs it after a change of a version below and commits what it writes. Nothing runs it in a test.
# Needs go (fetches sources only, builds nothing) and python3 with PyYAML.
# reconcilers.nebari.dev_nebariapps.yaml is written by hand and is left alone.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here/../../src/schema/crds}
mkdir -p "$out"

# copy MODULE@VERSION FOLDER PLURAL...
copy() {
  local module=$1 folder=$2 dir
  shift 2
  dir=$(cd / && go mod download -json "$module" | python3 -c 'import json, sys; print(json.load(sys.stdin)["Dir"])')
  python3 "$here/crds.py" "$module" "$dir/$folder" "$out" "$@"
}

copy sigs.k8s.io/gateway-api@v1.4.1 config/crd/standard \
  gatewayclasses gateways httproutes grpcroutes referencegrants
copy github.com/cert-manager/cert-manager@v1.18.6 deploy/crds \
  certificates certificaterequests issuers clusterissuers
copy github.com/envoyproxy/gateway@v1.6.3 charts/gateway-helm/crds/generated \
  securitypolicies httproutefilters backends clienttrafficpolicies backendtrafficpolicies envoyproxies
