#!/bin/sh
# Two, three, five and eight MLPs merged into one.
#
#   experiments/many.sh DIR
#
# DIR/many is made by fixtures/make_experiments.py --only many. Prints the table and draws many.svg.
. "$(dirname "$0")/lib.sh"
: >"$out/points.csv"
printf '| models | merged by | loss | accuracy |\n|---|---|---|---|\n'
for n in 2 3 5 8; do
	set -- $(seq -f "$from/many/%g.onnx" $n)
	one() {
		how=$1
		shift
		merge "$@"
		row "$n | $how" merged
		points "$how" merged $n
	}
	merge "$@" --method none
	row "$n | naive average" merged
	points naive merged $n
	[ $n = 2 ] || one star "$@" --many star
	[ $n = 2 ] || one mean "$@" --many mean
	one joint "$@"
	one "joint, lsq" "$@" --calib "$from/calib.npz" --repair lsq
	row "$n | their ensemble" ensemble
	points ensemble ensemble $n
done
draw many.svg "n networks merged" "networks"
