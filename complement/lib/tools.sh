# Finds or installs the programs the run needs on Debian 12: a Go toolchain and a Docker engine's.

# The first release of Go that compiles Complement; Debian 12's own package is older.
readonly GO_MINOR_MIN=25

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi
}

can_be_root() {
  [ "$(id -u)" -eq 0 ] || sudo -n true 2>/dev/null
}

fail() {
  echo "complement: $*" >&2
  exit 2
}

require_go() {
  command -v go >/dev/null ||
    fail "Go 1.$GO_MINOR_MIN or newer is missing; Debian 12's package golang-go is too old," \
      "install a newer one and put it on PATH"
  local minor
  minor=$(go env GOVERSION | sed -E 's/^go1\.([0-9]+).*/\1/')
  [ "$minor" -ge "$GO_MINOR_MIN" ] ||
    fail "$(go env GOVERSION) is too old, Complement needs Go 1.$GO_MINOR_MIN or newer"
}

require_docker_package() {
  if command -v docker >/dev/null && command -v dockerd >/dev/null; then return; fi
  can_be_root || fail "Docker is missing and cannot be installed without root: install docker.io"
  as_root apt-get update -qq
  as_root apt-get install -y -qq --no-install-recommends docker.io iptables >&2 ||
    fail "apt could not install docker.io"
}
