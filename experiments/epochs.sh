#!/bin/sh
# The barrier between two MLPs over their training, as in the paper's first figure.
#
#   experiments/epochs.sh SERIES
#
# SERIES is made by fixtures/make_series.py. Prints the table and draws docs/series.svg.
set -eu
rebasin=${REBASIN:-onnx-rebasin}
files() { ls "$1/$2"-*.onnx | paste -sd, -; }
"$rebasin" barrier --series "$(files "$1" a)" --with "$(files "$1" b)" --data "$1/test.npz" --train-data "$1/train.npz" \
	--plot "${PICTURES:-$(dirname "$0")/../docs}/series.svg" --force
