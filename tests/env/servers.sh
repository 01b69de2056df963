# shellcheck shell=bash
# Sourced by tests/run: etcd, kube-apiserver, kube-controller-manager and Keycloak as plain processes on free ports.
#
# All of it lives below one folder and ends with this script, however that ends: the kernel kills each server when its
# parent is gone (setpriv --pdeathsig), also after a kill -9, and the folder is removed by a process that waits for it.

readonly server_programs=(crds etcd kube-apiserver kube-controller-manager kubectl helm kc.sh)
readonly server_tools=(curl java openssl setpriv)

declare -A server=() # name -> process id
dir=

# Starts what takes longest to be ready and returns; `servers_ready` waits. There may be a compiler to run in between.
start_servers() {
  dir=$(mktemp -d "${PACKCTL_TEST_DIR:-${TMPDIR:-/tmp}}/packctl-test.XXXXXX")
  trap stop_servers EXIT
  # shellcheck disable=SC2016 # the inner shell expands them
  setsid bash -c 'tail --pid="$0" -f /dev/null; rm -rf -- "$1"' $$ "$dir" &>/dev/null </dev/null &

  start_keycloak
  start_etcd
  write_tokens
  apiserver_url=$(free_url https)
  start_apiserver kube-apiserver "$apiserver_url" --audit-policy-file "$recipes/audit-policy.yaml" \
    --audit-log-path "$dir/audit.log" --audit-log-maxsize 10000
  # One more, for the tests that change the CRDs of the platform: they must not change under the other tests.
  releases_url=$(free_url https)
  start_apiserver releases "$releases_url" --etcd-prefix /releases
}

servers_ready() {
  ready etcd 30 curl -fs "$etcd_url/health"
  ready kube-apiserver 60 apiserver_answers kube-apiserver "$apiserver_url"
  write_kubeconfig "$dir/kubeconfig" kube-apiserver "$apiserver_url" "$admin_token"
  write_kubeconfig "$dir/controllers.kubeconfig" kube-apiserver "$apiserver_url" "$controllers_token"
  ready releases 60 apiserver_answers releases "$releases_url"
  write_kubeconfig "$dir/releases.kubeconfig" releases "$releases_url" "$admin_token"
  start_controllers
  install_crds
  ready kube-controller-manager 60 controllers_work
  ready keycloak 180 keycloak_answers
  export_servers
}

stop_servers() {
  # Nothing here outlives the run, so nothing is asked to end well.
  { kill -KILL "${server[@]}" && wait "${server[@]}"; } 2>/dev/null || true
  rm -rf -- "$dir"
}

# --- the servers -----------------------------------------------------------------------------------------------

start_etcd() {
  local peers
  etcd_url=$(free_url http)
  peers=$(free_url http)
  start etcd "${program[etcd]}" --data-dir "$dir/etcd" --unsafe-no-fsync --log-level warn \
    --listen-client-urls "$etcd_url" --advertise-client-urls "$etcd_url" \
    --listen-peer-urls "$peers" --initial-advertise-peer-urls "$peers" --initial-cluster "default=$peers"
}

write_tokens() {
  admin_token=$(random)
  controllers_token=$(random)
  {
    echo "$admin_token,packctl-test,packctl-test,system:masters"
    echo "$controllers_token,kube-controller-manager,kube-controller-manager,system:masters"
    # People without any right but what a test gives them.
    for user in alice bob carol; do
      echo "$(random),$user,$user"
    done
  } >"$dir/tokens.csv"
  openssl genrsa -out "$dir/sa.key" 2048 2>/dev/null
  openssl rsa -in "$dir/sa.key" -pubout -out "$dir/sa.pub" 2>/dev/null
}

# Admission stays as it is but for ServiceAccount, which wants a token mounted in pods that nothing here runs.
start_apiserver() { # NAME URL ARGUMENT...
  # The advertised address and its reconciler: a machine without a default route has no other address.
  start "$1" "${program[kube-apiserver]}" --etcd-servers "$etcd_url" --cert-dir "$dir/$1.certs" \
    --bind-address 127.0.0.1 --secure-port "${2##*:}" --advertise-address 127.0.0.1 --endpoint-reconciler-type none \
    --service-account-issuer https://kubernetes.default.svc --service-account-key-file "$dir/sa.pub" \
    --service-account-signing-key-file "$dir/sa.key" --service-cluster-ip-range 10.96.0.0/16 \
    --authorization-mode RBAC --token-auth-file "$dir/tokens.csv" --disable-admission-plugins ServiceAccount "${@:3}"
}
apiserver_answers() { curl -fs --cacert "$dir/$1.certs/apiserver.crt" "$2/readyz"; } # NAME URL

# Those that packctl's work meets. No workload runs: Deployments and Jobs stay as a test writes their status.
start_controllers() {
  local controllers=namespace-controller,garbage-collector-controller,serviceaccount-controller
  start kube-controller-manager "${program[kube-controller-manager]}" --kubeconfig "$dir/controllers.kubeconfig" \
    --controllers "$controllers,clusterrole-aggregation-controller" --leader-elect=false --secure-port 0
}
controllers_work() { kubectl get serviceaccount default -n default; }

install_crds() {
  local crds=("$root"/src/schema/crds/*.yaml)
  [[ -e ${crds[0]} ]] || return 0
  {
    kubectl apply --server-side --field-manager platform -f "$root/src/schema/crds" &&
      kubectl wait --for condition=Established --timeout 60s crd --all
  } &>"$dir/crds.log" || fail "the API server does not take the CRDs of src/schema/crds" "$dir/crds.log"
}

# A copy of its own, since start-dev writes into its own folder. It starts Java as a child, which has to end too.
start_keycloak() {
  keycloak_url=$(free_url http)
  keycloak_password=$(random)
  cp -a "$(dirname "$(dirname "${program[kc.sh]}")")" "$dir/keycloak"
  printf '#!/bin/sh\nexec setpriv --pdeathsig KILL -- "%s" "$@"\n' "$(java_program)" >"$dir/java"
  chmod +x "$dir/java"
  # C1 alone: no test lasts long enough to earn back what the second compiler takes from the two cores.
  start keycloak env JAVA="$dir/java" JAVA_OPTS_KC_HEAP="-Xms64m -Xmx512m" JAVA_OPTS_APPEND=-XX:TieredStopAtLevel=1 \
    KC_BOOTSTRAP_ADMIN_USERNAME=admin KC_BOOTSTRAP_ADMIN_PASSWORD="$keycloak_password" \
    "$dir/keycloak/bin/kc.sh" start-dev --db=dev-mem --http-host 127.0.0.1 --http-port "${keycloak_url##*:}"
}
keycloak_answers() { curl -fs "$keycloak_url/realms/master"; }

# --- what the tests and people need to reach them ----------------------------------------------------------------

export_servers() {
  export PACKCTL_TEST_KUBECONFIG=$dir/kubeconfig PACKCTL_TEST_APISERVER=$apiserver_url
  export PACKCTL_TEST_TOKEN=$admin_token PACKCTL_TEST_TOKENS=$dir/tokens.csv PACKCTL_TEST_AUDIT_LOG=$dir/audit.log
  export PACKCTL_TEST_KUBECTL=${program[kubectl]} PACKCTL_TEST_HELM=${program[helm]}
  export PACKCTL_TEST_KEYCLOAK_URL=$keycloak_url
  export PACKCTL_TEST_RELEASES_KUBECONFIG=$dir/releases.kubeconfig PACKCTL_TEST_CRDS=${program[crds]}
  export PACKCTL_TEST_KEYCLOAK_USERNAME=admin PACKCTL_TEST_KEYCLOAK_PASSWORD=$keycloak_password
}

write_kubeconfig() { # FILE NAME URL TOKEN
  cat >"$1" <<EOF
apiVersion: v1
kind: Config
clusters:
- name: test
  cluster: {server: "$3", certificate-authority-data: $(base64 -w0 "$dir/$2.certs/apiserver.crt")}
users:
- name: test
  user: {token: $4}
contexts:
- name: test
  context: {cluster: test, user: test}
current-context: test
EOF
  chmod 600 "$1"
}

kubectl() { "${program[kubectl]}" --kubeconfig "$dir/kubeconfig" "$@"; }

# What a fresh Nebari cluster has before the first pack, for people who try packctl by hand; the tests make their own.
install_platform() {
  local token
  kubectl apply --server-side --field-manager platform -f "$recipes/platform.yaml" &&
    kubectl create secret generic -n keycloak nebari-realm-admin-credentials \
      --from-literal=username=admin --from-literal=password="$keycloak_password" || return
  token=$(curl -fsS "$keycloak_url/realms/master/protocol/openid-connect/token" -d client_id=admin-cli \
    -d grant_type=password -d username=admin -d password="$keycloak_password" | sed -E 's/.*"access_token":"([^"]+)".*/\1/') &&
    curl -fsS "$keycloak_url/admin/realms" -H "authorization: Bearer $token" -H 'content-type: application/json' \
      -d '{"realm": "nebari", "enabled": true}'
}

# --- processes -------------------------------------------------------------------------------------------------

# The parent is this shell and no subshell of it, or the server would end with the subshell.
start() { # NAME COMMAND...
  setpriv --pdeathsig KILL -- env -i PATH="$PATH" HOME="$dir" "${@:2}" &>"$dir/$1.log" </dev/null &
  server[$1]=$!
}

ready() { # NAME SECONDS COMMAND...: waits until COMMAND succeeds
  local deadline=$((SECONDS + $2))
  until "${@:3}" &>/dev/null; do
    kill -0 "${server[$1]}" 2>/dev/null || fail "$1 has ended" "$dir/$1.log"
    ((SECONDS < deadline)) || fail "$1 is not ready after $2 s" "$dir/$1.log"
    sleep 0.1
  done
}

until_one_ends() {
  local name
  while sleep 1; do
    for name in "${!server[@]}"; do
      kill -0 "${server[$name]}" 2>/dev/null || fail "$name has ended" "$dir/$name.log"
    done
  done
}

free_url() { echo "$1://127.0.0.1:$(free_port)"; } # SCHEME

# Below the ports that the kernel gives to clients, so that none of them takes it in between.
free_port() {
  local port
  while port=$((20000 + RANDOM % 12000)); do
    (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
  done
  echo "$port"
}

random() { openssl rand -hex 16; }
