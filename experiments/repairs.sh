#!/bin/sh
# Judges each matching and repair on pairs of models, one line each: the pair, the
# options, loss and accuracy on the test images. Calibration images are training images.
#
#   experiments/repairs.sh SHARED [PAIR ...]
#
# SHARED holds models/PAIR/{a,b}.onnx and data/{mnist,cifar10}_{calib,test}.npz.
set -eu
shared=$1
shift
rebasin=${REBASIN:-onnx-rebasin}
command -v "$rebasin" >/dev/null || {
	echo "repairs.sh: there is no $rebasin: REBASIN says where onnx-rebasin is" >&2
	exit 1
}
out=$(mktemp -d)
trap 'rm -r "$out"' EXIT
[ $# -gt 0 ] || set -- mnist_mlp mnist_mlp_split mnist_gru mnist_vit mnist_concat cifar10_vgg cifar10_vgg_folded cifar10_resnet cifar10_resnet_folded

judge() {
	pair=$1
	shift
	case $pair in cifar10*) data=cifar10 ;; *) data=mnist ;; esac
	"$rebasin" merge "$shared/models/$pair/a.onnx" "$shared/models/$pair/b.onnx" -o "$out/m.onnx" --force --json \
		--calib "$shared/data/${data}_calib.npz" --data "$shared/data/${data}_test.npz" "$@" >"$out/report.json" 2>"$out/errors" || {
		cat "$out/errors" >&2
		exit 1
	}
	sed -n '/"merged": {/,/}/{s/.*"loss": \([0-9.]*\).*/\1/p;s/.*"accuracy": \([0-9.]*\).*/\1/p;}' "$out/report.json" |
		tr '\n' ' ' | awk -v pair="$pair" -v how="$*" '{ printf "%-22s %-50s loss %.4f  accuracy %.2f %%\n", pair, how, $1, 100*$2 }'
}

for pair; do
	judge "$pair" --repair none
	case $pair in cifar10_vgg | cifar10_resnet) judge "$pair" --repair bn ;; esac
	judge "$pair" --repair rescale
	judge "$pair" --repair lsq
	judge "$pair" --method activation --repair lsq
	judge "$pair" --method activation --mix 0.5 --repair lsq
done
