#!/bin/sh
# Two, three, five and eight MLPs merged into one.
#
#   experiments/many.sh DIR
#
# DIR/many is made by fixtures/make_experiments.py --only many. Prints the table and draws many.svg. Eight are
# aligned by star alone, for the time that the others take.
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
	star="--many star"
	[ $n -gt 2 ] || star= # two are aligned with each other, whatever the name
	one star "$@" $star
	one "star, lsq" "$@" $star --calib "$from/calib.npz" --repair lsq
	if [ $n -gt 2 ] && [ $n -lt 8 ]; then
		one mean "$@" --many mean
		one joint "$@" --many joint
	fi
	row "$n | their ensemble" ensemble
	points ensemble ensemble $n
done
draw many.svg "n networks merged" "networks"
