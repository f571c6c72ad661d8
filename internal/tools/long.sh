#!/usr/bin/env bash
# Runs every check that is too long for go test, hours in all, and ends with those
# that failed:
#
#	internal/tools/long.sh [TIME]
#
# TIME is how long each fuzz target runs, ten minutes if nothing is said. See
# docs/reliability.md for what each of them holds.
set -uo pipefail
cd "$(dirname "$0")/../.."
failed=()

check() {
  local name=$1
  shift
  printf '\n== %s: %s\n' "$name" "$*"
  "$@" || failed+=("$name")
}

check load go test . -run '^TestLoad$' -v -long -timeout 60m
check limits go test ./cmd/onnx-rebasin -count=1 -run 'Limits|Cores|Kernels'
check kernels go test ./internal/f32 -count=1 -gcflags=all=-d=checkptr
check race go test -race ./internal/f32 ./solver ./zoo .
check writing go run ./internal/tools/crash -kills 200 -signals 40
check graphs go run ./internal/tools/graphfuzz -n 10000
check fuzzing internal/tools/fuzz.sh "${1:-10m}"

if [ ${#failed[@]} -gt 0 ]; then
  printf '\nfailed: %s\n' "${failed[*]}"
  exit 1
fi
printf '\nall hold\n'
