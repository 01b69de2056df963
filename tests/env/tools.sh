# shellcheck shell=bash
# Sourced by tests/run: what must be on the machine, found, installed where that is allowed, or named all at once.

readonly java_version=17 # the oldest that Keycloak runs on

declare -A missing=()

# Notes each TOOL that is not there. Nothing is installed and nothing fails before `get_tools`.
need() { # TOOL...
  local tool
  for tool in "$@"; do
    has "$tool" || missing[$tool]=1
  done
}

# Installs what is missing, or says what it is and how to get it.
get_tools() {
  local tool packages=()
  ((${#missing[@]})) || return 0
  if [[ $EUID -eq 0 ]] && type -P apt-get >/dev/null; then
    quietly apt-get update # before it, a fresh machine knows of no package
    for tool in "${!missing[@]}"; do
      mapfile -t -O ${#packages[@]} packages < <(packages_of "$tool")
    done
    if ((${#packages[@]})); then
      say "installing ${packages[*]}"
      DEBIAN_FRONTEND=noninteractive quietly apt-get install -y --no-install-recommends "${packages[@]}"
    fi
    for tool in "${!missing[@]}"; do
      ! has "$tool" || unset "missing[$tool]"
    done
  fi
  ((${#missing[@]})) || return 0
  {
    echo "tests/run: missing on this machine:"
    for tool in "${!missing[@]}"; do
      echo "  $(remedy "$tool")"
    done | sort
  } >&2
  exit 1
}

has() { # TOOL: is it there, new enough?
  case $1 in
    cargo) at_least "$(cargo --version | cut -d' ' -f2)" "$(rust_version)" ;;
    clippy) cargo clippy --version ;;
    rustfmt) cargo fmt --version ;;
    go) go_is_new_enough ;;
    java) at_least "$("$(java_program)" -version 2>&1 | sed -nE 's/.* version "([0-9.]+).*/\1/p')" "$java_version" ;;
    setpriv) type -P setpriv && type -P flock ;;
    *) type -P "$1" ;;
  esac &>/dev/null
}

packages_of() { # TOOL: what apt calls it, one a line; nothing where it has none that is new enough
  local version
  case $1 in
    cc) echo build-essential ;;
    curl | openssl | unzip) echo "$1" ;;
    go) if at_least "$(candidate golang-go)" 1.21; then echo golang-go; fi ;;
    java)
      for version in 25 21 17; do
        if [[ $(candidate "openjdk-$version-jre-headless") ]]; then
          echo "openjdk-$version-jre-headless"
          break
        fi
      done
      ;;
    mvn) echo maven ;;
    setpriv) echo util-linux ;;
  esac
}

remedy() { # TOOL
  local package
  package=$(packages_of "$1")
  case $1 in
    cargo) echo "Rust $(rust_version) or newer: install it with rustup, or 'rustup update stable'" ;;
    clippy | rustfmt) echo "$1: 'rustup component add $1'" ;;
    cc) echo "a C compiler: install $package" ;;
    go) echo "Go $(go_version) or newer (from 1.21 on the go command fetches it by itself): install ${package:-it from go.dev}" ;;
    java) echo "Java $java_version or newer: install ${package:-a JRE}, or set JAVA_HOME" ;;
    *) echo "$1: install ${package:-it}" ;;
  esac
}

rust_version() { sed -nE 's/^rust-version *= *"(.*)"/\1/p' "$root/Cargo.toml"; }

go_version() { sed -n 's/^go //p' "$root"/tests/env/*/go.mod | sort -V | tail -n 1; }

go_is_new_enough() {
  local lock
  # Asked in each folder: from 1.21 on, a go command that is too old fetches and becomes the one that go.mod wants.
  for lock in "$root"/tests/env/*/go.mod; do
    at_least "$(cd "$(dirname "$lock")" && go env GOVERSION | tr -d 'a-z ')" "$(sed -n 's/^go //p' "$lock")" || return
  done
}

java_program() { if [[ ${JAVA_HOME:-} ]]; then echo "$JAVA_HOME/bin/java"; else type -P java; fi; }

candidate() { # PACKAGE: the version that apt would install, without epoch
  apt-cache policy "$1" 2>/dev/null | sed -nE 's/^ *Candidate: ([0-9]+:)?([0-9][^ ]*)/\2/p'
}

at_least() { # VERSION MINIMUM
  [[ $1 ]] && printf '%s\n' "$2" "$1" | sort -V -C
}
