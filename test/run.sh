#!/bin/sh
# Runs tests of what `npm run build` has built, four files side by side: most of a test's time is waiting.
#   test/run.sh test         those of *.test.ts, which need nothing but Node
#   test/run.sh system-test  those of *.system-test.ts: they start other programs, or take long
set -eu
cd "$(dirname "$0")/.."
# What Node 20 does by itself; later ones write for people everywhere, and then the summary is not the last that they say.
if [ -t 1 ]; then reporter=spec; else reporter=tap; fi
files=$(find dist/test -name "*.$1.js" | sort)
if [ -z "$files" ]; then
  echo "There are no tests dist/test/**/*.$1.js; run npm run build first." >&2
  exit 1
fi
# shellcheck disable=SC2086 # No name of a test has a blank.
exec node --test --test-concurrency=4 --test-timeout=300000 --test-reporter="$reporter" $files
