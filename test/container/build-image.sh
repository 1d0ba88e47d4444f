#!/usr/bin/env bash
# Builds the Dockerfile, looks into the image and starts it, where no Docker engine is to be had: with buildah, as root,
# on a stand-in for the Node image that is made from a `node` of this machine and the libraries it needs.
#
#   test/container/build-image.sh
#   NODE_BINARY=/path/to/node26 test/container/build-image.sh
#
# Needs buildah, Node with npm, iproute2, procps and util-linux. npm's registry settings are those of the caller.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
work=$(mktemp -d)
# Images, containers and temporary files of buildah's go with the directory.
export TMPDIR=$work CONTAINERS_STORAGE_CONF=$work/storage.conf BUILDAH_ISOLATION=chroot
cat >"$CONTAINERS_STORAGE_CONF" <<TOML
[storage]
driver = "vfs"
graphroot = "$work/storage"
runroot = "$work/run"
TOML

say() { printf '%s\n' "$*"; }
fail() {
  printf 'FAILED: %s\n' "$*" >&2
  exit 1
}

clean_up() {
  local code=$?
  trap - EXIT
  buildah umount --all >/dev/null 2>&1 || true
  buildah rm --all >/dev/null 2>&1 || true
  rm -rf "$work"
  exit "$code"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

for tool in buildah node npm ip unshare setpriv pgrep; do
  command -v "$tool" >/dev/null || fail "$tool is not installed"
done
[ "$(id -u)" = 0 ] || fail 'root is needed, for chroot and namespaces'

base=$(sed -n 's/^FROM \(node:[^ ]*\) AS base$/docker.io\/library\/\1/p' "$root/Dockerfile")
[ -n "$base" ] || fail 'the Dockerfile names no base image'
node=$(readlink -f "${NODE_BINARY:-$(command -v node)}")

make_stand_in() {
  local rootfs=$work/rootfs npm program file made
  local programs=(/bin/sh /usr/bin/env /bin/chmod /bin/ln)
  mkdir -p "$rootfs"/{dev,etc,proc,root,run,sys,tmp,usr/{bin,lib,lib64,local/bin,local/lib/node_modules}}
  ln -s usr/bin usr/lib usr/lib64 "$rootfs"
  chmod 1777 "$rootfs/tmp"
  printf '%s\n' 'root:x:0:0:root:/root:/bin/sh' 'node:x:1000:1000::/home/node:/bin/sh' >"$rootfs/etc/passwd"
  printf '%s\n' 'root:x:0:' 'node:x:1000:' >"$rootfs/etc/group"
  cp "$node" "$rootfs/usr/local/bin/node"
  for program in "${programs[@]}"; do
    cp "$(readlink -f "$program")" "$rootfs/usr/bin/$(basename "$program")"
  done
  for program in "$node" "${programs[@]}"; do ldd "$program"; done | grep -o '/[^ ]*' | sort -u >"$work/libraries"
  while read -r file; do
    mkdir -p "$rootfs$(dirname "$file")"
    cp -L "$file" "$rootfs$file"
  done <"$work/libraries"
  npm=$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")
  cp -RL "$npm" "$rootfs/usr/local/lib/node_modules/npm"
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$rootfs/usr/local/bin/npm"

  made=$(buildah from scratch)
  buildah copy --quiet "$made" "$rootfs" / >/dev/null
  buildah config --env PATH=/usr/local/bin:/usr/bin:/bin --cmd node "$made"
  buildah commit --quiet --format docker "$made" "$base" >/dev/null
  buildah rm "$made" >/dev/null
  rm -rf "$rootfs"
  say "stand-in for $base: Node $("$node" --version) of this machine"
}

# What npm needs to reach the caller's registry.
write_npmrc() {
  local settings
  install -m 600 /dev/null "$work/npmrc"
  settings=$(npm config get userconfig 2>/dev/null)
  if [ -r "$settings" ]; then cat "$settings" >>"$work/npmrc"; fi
  printf '\nregistry=%s\n' "$(npm config get registry 2>/dev/null)" >>"$work/npmrc"
  if [ -r "$cafile" ]; then printf 'cafile=%s\n' "$cafile" >>"$work/npmrc"; fi
}

build() {
  local context=$work/context volume=() cafile
  cafile=$(npm config get cafile 2>/dev/null)
  if [ -r "$cafile" ]; then volume=(--volume "$cafile:$cafile:ro"); fi
  write_npmrc
  # Beside the sources lies what must not get in, as on a user's disk.
  mkdir -p "$context/secrets" "$context/dist/src"
  cp -a "$root"/{Dockerfile,.dockerignore,.npmrc,package.json,package-lock.json,tsconfig.json,LICENSE,src,test} "$context"
  echo canary-of-this-test >"$context/secrets/maas_api_key"
  echo MAAS_API_KEY=canary-of-this-test >"$context/.env"
  echo canary-of-this-test >"$context/dist/src/stale.js"
  # --format docker: an OCI image has no health check.
  buildah bud --isolation chroot --storage-driver vfs --format docker --pull-never \
    --secret "id=npmrc,src=$work/npmrc" "${volume[@]}" --tag maas-auth-proxy "$context" >"$work/build.log" 2>&1 || {
    cat "$work/build.log" >&2
    fail 'the build'
  }
  container=$(buildah from --pull-never maas-auth-proxy)
  mounted=$(buildah mount "$container")
  say "built: $(du -sm "$mounted" | cut -f1) MiB, of which /app takes $(du -sm "$mounted/app" | cut -f1) MiB"
}

names_of() { node -p "Object.keys(require('$root/package.json').$1).join('\n')"; }

look_inside() {
  local found name
  found=$(LC_ALL=C ls -A "$mounted/app")
  [ "$found" = $'LICENSE\ndist\nnode_modules\npackage.json' ] || fail "/app holds more or less than it should: $found"
  found=$(ls -A "$mounted/app/dist")
  [ "$found" = src ] || fail "/app/dist holds more than src: $found"
  if grep -rqs canary-of-this-test "$mounted"/{app,root,run,tmp}; then fail 'a key, .env or old files got in'; fi
  [ ! -s "$mounted/root/.npmrc" ] || fail "npm's settings got in"
  found=$(find "$mounted/app/dist" -name '*.ts' -o -name '*.map' -o -name '*test.js')
  [ -z "$found" ] || fail "sources or tests got in: $found"
  for name in $(names_of peerDependencies); do
    [ -e "$mounted/app/node_modules/$name" ] || fail "the optional dependency $name is missing"
  done
  for name in $(comm -23 <(names_of devDependencies | sort) <(names_of peerDependencies | sort)); do
    [ ! -e "$mounted/app/node_modules/$name" ] || fail "the development dependency $name got in"
  done
  for name in $(names_of dependencies); do
    [ -e "$mounted/app/node_modules/$name" ] || fail "the dependency $name is missing"
  done
  found=$(find "$mounted/app" ! -type l \( ! -user 0 -o -perm /022 \))
  [ -z "$found" ] || fail "others than root may change $found"
  say 'inside: the program and its production dependencies, all of it owned by root;' \
    "no sources, tests, .env, keys or settings of npm"
}

look_at_configuration() {
  local script="
    const assert = require('node:assert/strict');
    const image = JSON.parse(require('node:fs').readFileSync(0, 'utf8'));
    const { User, Entrypoint, StopSignal, Healthcheck, Env, Labels, Volumes } = image.Docker.config;
    assert.match(User, /^[1-9]\d*:[1-9]\d*\$/);
    assert.deepEqual(Entrypoint, ['node', '/app/dist/src/cli.js']);
    assert.match(StopSignal, /^(?:SIGTERM|15)\$/);
    assert.deepEqual(Healthcheck.Test, ['CMD', 'maas-auth-proxy', 'healthcheck']);
    assert(Env.includes('NODE_OPTIONS=--v8-pool-size=1'));
    assert(Env.includes('HOST=0.0.0.0'));
    assert.deepEqual(Env.filter((line) => /KEY|SECRET|ALLOW/.test(line)), []);
    assert.equal(Labels['org.opencontainers.image.version'], require(process.argv[1]).version);
    assert.deepEqual(Volumes ?? {}, {});
  "
  buildah inspect --type image maas-auth-proxy | node -e "$script" "$root/package.json" ||
    fail "the image's configuration"
  say 'configuration: numeric user, entry point, stop signal, health check, labels'
}

make_stand_in
build
look_inside
look_at_configuration
# A network of its own: there the image's own ports are free, and nobody else reaches them.
CONTAINER=$container MOUNTED=$mounted WORK=$work \
  unshare --net --mount --propagation private -- bash "$here/start-image.sh"
say 'the image is as it should be'
