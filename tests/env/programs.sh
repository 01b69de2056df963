# shellcheck shell=bash
# Sourced by tests/run: the programs that the servers are, cargo-deny, and the CRDs of the platform's releases.
#
# A program is taken from the first place that has it in a fitting version: KUBEBUILDER_ASSETS, PATH, the cache. What
# none of them has is built into the cache, once: the pins are the files in the folders beside this file, a folder of
# the cache carries their hash in its name, and a changed pin is a new folder.

readonly recipes=$root/tests/env
readonly cache=${PACKCTL_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/packctl-test}

pinned() { # PART MODULE: its version in the part's go.mod
  sed -nE "s,^(require)?[[:space:]]+$2 v([^ ]+).*,\2,p" "$recipes/$1/go.mod"
}
etcd_version=$(pinned etcd go.etcd.io/etcd/server/v3)
kube_version=$(pinned kube k8s.io/kubernetes)
helm_version=$(pinned helm helm.sh/helm/v3)
keycloak_version=$(sed -nE 's,.*keycloak-quarkus-dist-(.*)\.zip$,\1,p' "$recipes/keycloak/sha256sum")
deny_version=$(<"$recipes/deny/version")
readonly etcd_version kube_version helm_version keycloak_version deny_version

# Where each program is; set by `want`, there after `build_wanted`.
declare -A program=()
declare -A to_build=()

# Looks for each PROGRAM, and notes what has to be built and the tools for that.
want() { # PROGRAM...
  local name part folder found
  for name in "$@"; do
    part=$(part_of "$name")
    folder=$(folder_of "$part")
    program[$name]=$folder/bin/$name
    for found in "${KUBEBUILDER_ASSETS:+$KUBEBUILDER_ASSETS/$name}" "$(type -P "$name" || true)"; do
      if [[ -x $found ]] && fits "$name" "$found"; then
        program[$name]=$found
        continue 2
      fi
      [[ ! -x $found || -d $folder ]] || say "$found is not taken: it is of another version"
    done
    if [[ ! -d $folder ]]; then
      to_build[$part]=1
      "tools_$part"
    fi
  done
}

build_wanted() {
  local part
  for part in crds deny etcd helm keycloak kube; do # in one order, whatever the array's hash says
    [[ ! ${to_build[$part]:-} ]] || build "$part"
  done
}

fits() { # PROGRAM PATH: a version that can stand for the pinned one?
  local says
  case $1 in
    etcd) says=$("$2" --version) && [[ $says == "etcd Version: ${etcd_version%.*}."* ]] ;;
    kube-*) says=$("$2" --version) && [[ $says == "Kubernetes v${kube_version%.*}."* ]] ;;
    kubectl) says=$("$2" version --client) && [[ $says == "Client Version: v${kube_version%.*}."* ]] ;;
    helm) says=$("$2" version --short) && [[ $says == v3.* ]] ;;
    cargo-deny) says=$("$2" --version) && at_least "${says#cargo-deny }" "$deny_version" ;;
    # A Keycloak is started from a copy of ours, never from somebody's own; CRDs are no program.
    *) false ;;
  esac 2>/dev/null
}

part_of() { # PROGRAM
  case $1 in
    kube-apiserver | kube-controller-manager | kubectl) echo kube ;;
    cargo-deny) echo deny ;;
    kc.sh) echo keycloak ;;
    *) echo "$1" ;;
  esac
}

folder_of() { # PART: its folder in the cache
  local pins
  # The recipe is a pin too: other flags make another program.
  pins=$(cat "$recipes/$1"/* && declare -f "build_$1" && uname -sm)
  echo "$cache/$1-$(sha256sum <<<"$pins" | cut -c1-12)"
}

# Builds beside the folder and renames, so that a folder which is there is whole.
build() { # PART
  local folder new log start=$SECONDS lock
  folder=$(folder_of "$1")
  new=$cache/.new-$1
  log=$cache/$1.log
  mkdir -p "$cache"
  exec {lock}>"$cache/lock"
  if ! flock -n "$lock"; then
    say "another run is building: waiting for it"
    flock "$lock"
  fi
  if [[ ! -d $folder ]]; then
    say "building $("about_$1"), once, into $folder"
    rm -rf "$new"
    mkdir -p "$new/bin"
    "build_$1" "$new" &>"$log" {lock}>&- || fail "$1 could not be built" "$log"
    mv -T "$new" "$folder"
    rm -f "$log"
    say "built $1 in $((SECONDS - start)) s"
  fi
  exec {lock}>&-
}

# Each part: the tools its recipe needs, what is said while it runs, and the recipe, one chain of commands that writes
# into the folder $1.

tools_etcd() { need go; }
about_etcd() { echo "etcd $etcd_version (1 minute on 2 cores)"; }
build_etcd() { go_build etcd "$1" "-s -w" .; }

tools_kube() { need go; }
about_kube() { echo "kube-apiserver, kube-controller-manager and kubectl $kube_version (8 minutes on 2 cores)"; }
build_kube() {
  local flags="-s -w" of minor=${kube_version#1.}
  # Without them the server calls itself v0.0.0, which clients refuse, and kubectl does so in the audit log.
  for of in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    flags+=" -X $of.gitVersion=v$kube_version -X $of.gitMajor=1 -X $of.gitMinor=${minor%.*}"
  done
  go_build kube "$1" "$flags" \
    k8s.io/kubernetes/cmd/{kube-apiserver,kube-controller-manager,kubectl}
}

tools_helm() { need go; }
about_helm() { echo "helm $helm_version (3 minutes on 2 cores)"; }
build_helm() {
  go_build helm "$1" "-s -w -X helm.sh/helm/v3/internal/version.version=v$helm_version" helm.sh/helm/v3/cmd/helm
}

tools_keycloak() { need java mvn unzip; }
about_keycloak() { echo "Keycloak $keycloak_version (1 minute)"; }
build_keycloak() {
  local name=keycloak-$keycloak_version
  mvn -q -B -C -f "$recipes/keycloak/pom.xml" dependency:copy -DoutputDirectory="$1" &&
    (cd "$1" && sha256sum --strict -c "$recipes/keycloak/sha256sum") &&
    unzip -q "$1/keycloak-quarkus-dist-$keycloak_version.zip" -d "$1" &&
    rm "$1/keycloak-quarkus-dist-$keycloak_version.zip" &&
    rmdir "$1/bin" && mv "$1/$name"/* "$1" && rmdir "$1/$name" &&
    compile_keycloak "$1"
}

# The first start-dev compiles its configuration into its own folder, half of the time until it answers, and then
# starts itself again. Here that second start is cut off; every later start finds the work done.
compile_keycloak() { # FOLDER
  local once=$1/java-once
  cat >"$once" <<EOF
#!/bin/sh
case "\$*" in *-Dkc.config.built=true*) exit 0 ;; esac
exec "$(java_program)" "\$@"
EOF
  chmod +x "$once" && env -i PATH="$PATH" HOME="$1" JAVA="$once" "$1/bin/kc.sh" start-dev --db=dev-mem && rm "$once"
}

# A folder for each release, `bin/crds/gateway-api-1.2.1`, with the kinds that packctl writes.
tools_crds() { need go; }
about_crds() { echo "the CRDs of $(grep -c '^[a-z]' "$recipes/crds/releases") releases (1 minute)"; }
build_crds() {
  local project version sum module folder kinds kind from to
  while read -r project version sum; do
    case $project in
      gateway-api)
        module=sigs.k8s.io/gateway-api folder=config/crd/standard
        kinds="gatewayclasses gateways httproutes grpcroutes referencegrants"
        ;;
      cert-manager) module=github.com/cert-manager/cert-manager folder=deploy/crds kinds=certificates ;;
      envoy-gateway)
        module=github.com/envoyproxy/gateway folder=charts/gateway-crds-helm/templates/generated
        kinds="securitypolicies httproutefilters"
        ;;
      *) continue ;;
    esac
    from=$(module_of "$module@v$version" "$sum") || return
    to=$1/bin/crds/$project-$version
    mkdir -p "$to" || return
    for kind in $kinds; do
      # Lines of a chart's template: labels, and conditions around the whole.
      grep -hv '{{' "$from/$folder"/*[_-]"$kind".yaml >"$to/$kind.yaml" || return
    done
  done <"$recipes/crds/releases"
}

# The folder of a Go module, whose content has this sum.
module_of() { # MODULE@VERSION SUM
  local answer
  answer=$(cd / && go mod download -json "$1") || return
  [[ $answer == *"\"Sum\": \"$2\""* ]] || { echo "$1 is not what $recipes/crds/releases says: $answer"; return 1; } >&2
  sed -nE 's/^[[:space:]]*"Dir": "(.*)",?$/\1/p' <<<"$answer"
}

tools_deny() { need cargo cc; }
about_deny() { echo "cargo-deny $deny_version (5 minutes on 2 cores)"; }
build_deny() { cargo install cargo-deny --version "$deny_version" --locked --root "$1"; }

go_build() { # PART FOLDER LDFLAGS PACKAGE...
  # -mod=readonly: what the lock file does not say is an error, never a new line in it.
  (cd "$recipes/$1" && CGO_ENABLED=0 GOFLAGS='' GOWORK=off \
    go build -mod=readonly -trimpath -buildvcs=false -ldflags "$3" -o "$2/bin/" "${@:4}")
}
