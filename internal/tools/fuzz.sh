#!/usr/bin/env bash
# Runs every fuzz target, one after the other, for so long each:
#
#	internal/tools/fuzz.sh 10m
#
# What it finds is kept as a seed in the package's testdata/fuzz, where go test
# runs it from then on. The last line of each target says how many executions
# there were.
set -uo pipefail
cd "$(dirname "$0")/../.."
time=${1:-10m}
failed=0
while IFS=: read -r file name; do
  package=./$(dirname "$file")
  printf '%s %s\n' "$package" "$name"
  GOMEMLIMIT=${GOMEMLIMIT:-2GiB} go test "$package" -run '^$' -fuzz "^$name\$" -fuzztime "$time" -parallel "${PARALLEL:-1}" | tail -n 3 || failed=1
done < <(git grep -o 'func Fuzz[A-Za-z]*' -- '*_test.go' | sed 's/:func /:/')
exit $failed
