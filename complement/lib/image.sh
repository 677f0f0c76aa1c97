# Lays out the image's root file system and builds the image. Nothing is pulled: the binary comes
# from the release build and its libraries from this machine.

readonly IMAGE=localhost/hearth-complement:latest

release_binary() {
  if [ -n "${HEARTH_COMPLEMENT_BINARY:-}" ]; then
    echo "$HEARTH_COMPLEMENT_BINARY"
  elif [ -x "$root/dev" ]; then
    "$root/dev" path
  else
    echo "${CARGO_TARGET_DIR:-$HOME/.cache/hearth/target}/release/hearth"
  fi
}

# shared_libraries BINARY: the paths of the loader and of every library, empty for a static binary.
shared_libraries() {
  # Both ldd and grep fail on a static binary, which is no failure here.
  { ldd "$1" 2>/dev/null || true; } | { grep -oE '/[^ ]+' || true; } | sort -u
}

# lay_out BINARY DIRECTORY: everything the image holds, under its final paths.
lay_out() {
  local binary=$1 directory=$2 library
  mkdir -p "$directory/usr/local/bin" "$directory/etc" "$directory/data" "$directory/run"
  install -d -m 1777 "$directory/tmp"
  install -m 755 "$binary" "$directory/usr/local/bin/hearth"
  CGO_ENABLED=0 go build -C "$here" -o "$directory/usr/local/bin/entrypoint" ./entrypoint
  shared_libraries "$binary" | while read -r library; do
    install -D -m 755 "$library" "$directory$library"
  done
  # host.docker.internal is an entry of the container's hosts file.
  echo 'hosts: files dns' >"$directory/etc/nsswitch.conf"
}

build_image() {
  local binary context previous
  binary=$(release_binary)
  [ -x "$binary" ] || fail "no release binary at $binary, build it first: ./dev build"
  context=$cache/complement/context
  rm -rf "$context"
  lay_out "$binary" "$context/rootfs"
  previous=$(docker images -q "$IMAGE")
  # The classic builder needs no plugin and no network.
  DOCKER_BUILDKIT=0 docker build --quiet --network none --tag "$IMAGE" \
    --file "$here/Dockerfile" "$context" 2>"$cache/complement/build.log" >/dev/null || {
    cat "$cache/complement/build.log" >&2
    fail "the image could not be built"
  }
  if [ -n "$previous" ] && [ "$previous" != "$(docker images -q "$IMAGE")" ]; then
    docker rmi -f "$previous" >/dev/null 2>&1 || true
  fi
}
