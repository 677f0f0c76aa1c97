# Starts a Docker engine when none answers, and removes what a broken run left in it.

# How long one attempt at starting the engine may take.
readonly ENGINE_START_SECONDS=40

engine_answers() {
  docker info >/dev/null 2>&1
}

# start_engine [DOCKERD OPTION...]: true once the engine answers, false once it gave up.
start_engine() {
  local log=$cache/dockerd.log waited=0
  # The group gives the socket to whoever runs this; descriptor 9 is the lock of this run.
  as_root env PATH="$engine_path" dockerd --group "$(id -g)" "$@" >"$log" 2>&1 </dev/null 9>&- &
  local engine=$!
  disown "$engine"
  while [ "$waited" -lt "$((ENGINE_START_SECONDS * 5))" ]; do
    if engine_answers; then return 0; fi
    if ! kill -0 "$engine" 2>/dev/null; then return 1; fi
    sleep 0.2
    waited=$((waited + 1))
  done
  kill "$engine" 2>/dev/null || true
  return 1
}

# A kernel without nf_tables needs the older iptables first on the engine's PATH.
use_legacy_iptables() {
  local legacy tool
  legacy=$(command -v iptables-legacy || echo /usr/sbin/iptables-legacy)
  [ -x "$legacy" ] || return 1
  mkdir -p "$cache/iptables-legacy"
  for tool in iptables ip6tables; do
    ln -sf "$(dirname "$legacy")/$tool-legacy" "$cache/iptables-legacy/$tool"
  done
  engine_path=$cache/iptables-legacy:$engine_path
}

require_engine() {
  if engine_answers; then return; fi
  can_be_root || fail "no Docker engine answers; start dockerd (package docker.io) as root"
  engine_path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
  if start_engine; then return; fi
  if grep -qiE 'iptables|nf_tables|nft' "$cache/dockerd.log" && use_legacy_iptables; then
    if start_engine; then return; fi
  fi
  # Works on any file system, at the price of whole copies of every layer.
  if start_engine --storage-driver vfs; then return; fi
  tail -n 5 "$cache/dockerd.log" >&2
  fail "dockerd does not start, its log is $cache/dockerd.log"
}

# Complement labels all it makes, and cleans up only when its own process ends well.
remove_leftovers() {
  local label=label=complement_context
  docker ps -aq --filter $label | xargs -r docker rm -f >/dev/null
  docker network ls -q --filter $label | xargs -r docker network rm >/dev/null
  docker images -q --filter $label | sort -u | xargs -r docker rmi -f >/dev/null
}
