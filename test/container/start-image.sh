#!/usr/bin/env bash
# Starts the image that build-image.sh has built, which calls this in a network and with mounts of its own.
# From there: CONTAINER, buildah's name of it; MOUNTED, its root; WORK, a directory to write to.
set -euo pipefail

: "${CONTAINER:?started by build-image.sh}" "${MOUNTED:?}" "${WORK:?}"
root=$(cd "$(dirname "$0")/../.." && pwd)
# The made-up key that docker-compose.yml gives to its demo.
key=$(sed -n 's/^ *MAAS_API_KEY: \(demo[^ ]*\)$/\1/p' "$root/docker-compose.yml")

say() { printf '%s\n' "$*"; }
fail() {
  printf 'FAILED: %s\n' "$*" >&2
  exit 1
}
run() { buildah run "$CONTAINER" -- "$@"; }

# The innermost of a chain of processes: the program, below buildah's own.
innermost() {
  local pid=$1 child
  while child=$(pgrep -P "$pid" | head -n 1) && [ -n "$child" ]; do pid=$child; done
  printf '%s' "$pid"
}

# Waits up to 30 s until a command succeeds; what it printed last is in $WORK/out.
await() {
  local what=$1 attempt
  shift
  for ((attempt = 0; attempt < 60; attempt++)); do
    if "$@" >"$WORK/out" 2>&1; then return 0; fi
    sleep 0.5
  done
  cat "$WORK"/*.log >&2
  fail "$what did not come up: $(cat "$WORK/out")"
}

# Ends a program as an engine does, and wants exit code 0.
stop() {
  local what=$1 pid=$2 code=0
  kill -TERM "$(innermost "$pid")"
  wait "$pid" || code=$?
  [ "$code" = 0 ] || {
    cat "$WORK"/*.log >&2
    fail "$what exits with $code on SIGTERM"
  }
  say "$what on SIGTERM: exit code 0"
}

status_of() { run node -e 'fetch(process.argv[1]).then((r) => console.log(r.status))' "$1"; }
maas_answers() { [ "$(status_of http://127.0.0.1:5240/MAAS/api/2.0/version/)" = 200 ]; }

commands() {
  local out code=0
  # shellcheck disable=SC2016 # JavaScript's own ${}
  out=$(run node -p '`${process.getuid()}:${process.getgid()}`')
  [ "$out" = 1000:1000 ] || fail "it runs as $out"
  say "user: $out"
  out=$(run maas-auth-proxy --version)
  [ "$out" = "$(node -p "require('$root/package.json').version")" ] || fail "--version says $out"
  say "--version: $out"
  out=$(run maas-auth-proxy --help)
  [[ $out == *'Usage: maas-auth-proxy'* ]] || fail "--help says $out"
  say '--help: says its usage'
  out=$(run node /app/dist/src/cli.js 2>&1) || code=$?
  [ "$code" = 2 ] || fail "without settings it exits with $code: $out"
  say "without settings: exit code 2, \"$(head -n 1 <<<"$out")\""
}

with_small_maas() {
  local maas proxy out
  buildah run "$CONTAINER" -- node /app/dist/src/cli.js demo --maas-only --maas-host 0.0.0.0 --maas-port 5240 \
    >"$WORK/maas.log" 2>&1 &
  maas=$!
  await 'the small MAAS' maas_answers
  buildah run --env MAAS_URL=http://127.0.0.1:5240 --env "MAAS_API_KEY=$key" --env ALLOW_UNAUTHENTICATED=true \
    "$CONTAINER" -- node /app/dist/src/cli.js >"$WORK/proxy.log" 2>&1 &
  proxy=$!
  await 'the proxy' run maas-auth-proxy healthcheck
  say "healthcheck: $(cat "$WORK/out")"
  out=$(run maas-auth-proxy healthcheck --ready) || fail "healthcheck --ready: $out"
  say "healthcheck --ready: $out"
  out=$(status_of http://127.0.0.1:5240/MAAS/api/2.0/machines/)
  [ "$out" = 400 ] || fail "an unsigned request to the small MAAS is answered $out"
  out=$(status_of http://127.0.0.1:8240/machines/)
  [ "$out" = 200 ] || fail "an unsigned request to the proxy is answered $out"
  say 'an unsigned GET of machines/: 400 from the small MAAS, 200 through the proxy'
  stop 'the proxy' "$proxy"
  if run maas-auth-proxy healthcheck >"$WORK/out" 2>&1; then fail 'the health check finds a proxy that has ended'; fi
  stop 'the small MAAS' "$maas"
  if grep -qF "${key##*:}" "$WORK/proxy.log"; then fail "the key's secret is in the log"; fi
}

# As docker-compose.yml has it: a read-only root, no capabilities, no new privileges, the key in a file; and as process 1.
confined() {
  local pid status jail=$WORK/jail
  # Where an engine puts a secret.
  mkdir -p "$jail" "$MOUNTED/run/secrets"
  install -m 400 -o 1000 -g 1000 /dev/stdin "$MOUNTED/run/secrets/maas_api_key" <<<"$key"
  mount --bind "$MOUNTED" "$jail"
  mount -o remount,bind,ro "$jail"
  setpriv --clear-groups --no-new-privs unshare --pid --fork --kill-child --root="$jail" --wd=/app \
    --setgid 1000 --setuid 1000 env -i PATH=/usr/local/bin:/usr/bin:/bin HOST=0.0.0.0 MAAS_URL=http://127.0.0.1:5240 \
    MAAS_API_KEY_FILE=/run/secrets/maas_api_key ALLOW_UNAUTHENTICATED=true node /app/dist/src/cli.js \
    >"$WORK/confined.log" 2>&1 &
  pid=$!
  await 'the confined proxy' run maas-auth-proxy healthcheck
  status=$(cat "/proc/$(innermost "$pid")/status")
  [[ $status =~ NSpid:[^$'\n']*[[:space:]]1$'\n' ]] || fail 'it is not process 1'
  [[ $status =~ CapEff:[[:space:]]*0+$'\n' ]] || fail 'it has capabilities'
  [[ $status =~ NoNewPrivs:[[:space:]]*1$'\n' ]] || fail 'it may get new privileges'
  [[ $status =~ Uid:[[:space:]]*1000[[:space:]] ]] || fail 'it is another user'
  say 'as process 1, with a read-only root, no capabilities, no new privileges and the key in a file: healthy'
  stop 'process 1' "$pid"
}

ip link set lo up
commands
with_small_maas
confined
