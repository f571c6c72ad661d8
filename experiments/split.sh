#!/bin/sh
# Networks trained on different data: A on 80 % of classes 0-4 and 20 % of 5-9, B on the rest.
#
#   experiments/split.sh DIR
#
# DIR/split is made by fixtures/make_experiments.py --only split. Prints the table and draws split.svg.
. "$(dirname "$0")/lib.sh"
a=$from/split/a.onnx b=$from/split/b.onnx
printf '| model | loss | accuracy |\n|---|---|---|\n'
merge "$a" "$b"
row "A" a
row "B" b
row "naive average" naive
row "aligned" merged
for repair in rescale lsq; do
	merge "$a" "$b" --calib "$from/calib.npz" --repair $repair
	row "aligned, \`$repair\`" merged
done
merge "$a" "$b" --calib "$from/calib.npz" --method activation --repair lsq
row "aligned by activations, \`lsq\`" merged
merge "$a" "$b" --calib "$from/calib.npz" --repair lsq --temperature auto
row "aligned, \`lsq\`, temperature" merged
row "ensemble of A and B" ensemble
merge "$from/split/all.onnx" "$from/split/all.onnx"
row "trained on all data" a
"$rebasin" barrier "$a" "$b" --data "$from/test.npz" --points 11 --calib "$from/calib.npz" --repair lsq --plot "$pictures/split.svg" --force --quiet 2>/dev/null
