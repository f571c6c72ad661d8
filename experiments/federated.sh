#!/bin/sh
# A simulated federation of five unequal clients: each round they train and are merged, weighted by
# what data they have, and the next round starts from the merged model.
#
#   experiments/federated.sh DIR MNIST [ROUNDS]
#
# DIR/test.npz is made by fixtures/make_experiments.py, MNIST is the folder of its IDX files; $PYTHON trains. Three
# federations are run: naive averages; aligned ones; and aligned ones repaired by 1,000 training images. In the
# first round every client starts from weights of its own.
. "$(dirname "$0")/lib.sh"
mnist=$1 rounds=${2:-4} python=${PYTHON:-python}
: >"$out/points.csv"
printf '| round | federation | loss | accuracy |\n|---|---|---|---|\n'
for how in "naive --method none" "aligned" "aligned,lsq --calib $from/calib.npz --repair lsq"; do
	name=${how%% *} flags=
	[ "$how" = "$name" ] || flags=${how#* }
	name=$(echo "$name" | sed 's/,/, /')
	start=
	for round in $(seq "$rounds"); do
		"$python" fixtures/make_clients.py --data "$mnist" --out "$out/clients" --round "$round" $start
		merge "$out"/clients/client-*.onnx --weights "$(cat "$out/clients/sizes.txt")" $flags
		row "$round | $name" merged
		points "$name" merged "$round"
		cp "$out/merged.onnx" "$out/global.onnx"
		start="--from $out/global.onnx"
	done
done
draw federated.svg "five unequal clients, merged every round" "round"
