#!/usr/bin/env bash
# Plays a new user's first minutes on a machine that has nothing but the program,
# and prints what the terminal shows as Markdown:
#
#   experiments/first-run.sh > docs/first-run.md
#
# The program is built from this checkout, or is $REBASIN. It runs in an empty
# folder with an empty home and no environment.
set -euo pipefail
cd "$(dirname "$0")/.."
machine=$(mktemp -d)
trap 'rm -rf "$machine"' EXIT
mkdir "$machine/bin" "$machine/home"
if [ -n "${REBASIN:-}" ]; then
  cp "$REBASIN" "$machine/bin/onnx-rebasin"
else
  CGO_ENABLED=0 go build -trimpath -o "$machine/bin/onnx-rebasin" ./cmd/onnx-rebasin
fi
cd "$machine/home"

# shows runs a command line and prints it with all it prints; a failing one is
# followed by its exit code.
shows() {
  printf '$ %s\n' "$1"
  local code=0
  env -i HOME="$PWD" PATH="$machine/bin:/usr/bin:/bin" bash --noprofile --norc -c "$1" 2>&1 || code=$?
  [ "$code" -eq 0 ] || printf '[exit code %d]\n' "$code"
}

# session prints commands, one an argument, as one block.
session() {
  echo '```'
  for line; do shows "$line"; done
  echo '```'
  echo
}

cat <<'TEXT'
# First run

What a terminal shows to a new user on a machine that has nothing but the program; written by `experiments/first-run.sh`.

## What is this?

TEXT
session 'onnx-rebasin'
echo 'There is an example inside.'
echo
session 'onnx-rebasin demo example' 'ls example'
echo '## What is in these files?'
echo
session 'onnx-rebasin inspect example/a.onnx' 'onnx-rebasin eval example/a.onnx --data example/mnist_test.npz'
echo '## Merging, with slips'
echo
session 'onnx-rebasin mrege example/a.onnx example/b.onnx' \
  'onnx-rebasin merge example/a.onnx example/b.onnx' \
  'onnx-rebasin merge example/a.onnx example/b.onnx -o m.onnx --lamda 0.4' \
  'onnx-rebasin merge example/a.onnx nowhere.onnx -o m.onnx' \
  'onnx-rebasin merge example/a.onnx example/b.onnx -o example/a.onnx --force' \
  'onnx-rebasin merge example/a.onnx example/b.onnx -o m.onnx --lambda 0.4 --data example/mnist_test.npz --max-drop 2% --report card.md' \
  'onnx-rebasin inspect m.onnx | head -4'
echo '## A gate that says no'
echo
session "onnx-rebasin merge example/a.onnx example/b.onnx -o n.onnx --data example/mnist_test.npz --require 'accuracy>=0.99'" 'ls'
echo '## Is it really the same function?'
echo
session 'onnx-rebasin permute example/b.onnx --seed 3 -o shuffled.onnx' 'onnx-rebasin verify example/b.onnx shuffled.onnx' \
  'onnx-rebasin verify example/a.onnx shuffled.onnx' 'onnx-rebasin diff example/b.onnx shuffled.onnx' \
  'onnx-rebasin align example/b.onnx shuffled.onnx -o - | cmp - example/b.onnx && echo the same bytes'
echo '## Which of these files are related?'
echo
session 'onnx-rebasin zoo . --cache none'
echo '## What lies between them'
echo
session 'onnx-rebasin barrier example/a.onnx example/b.onnx --data example/mnist_test.npz --points 5 --plot curve.svg' 'ls curve.svg'
echo '## What runs models here?'
echo
session "onnx-rebasin doctor | sed -n '1,/^\$/p'"
