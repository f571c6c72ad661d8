#!/bin/sh
# Loss and accuracy along λ between two networks of each kind, by every matching and repair.
#
#   experiments/curves.sh DIR [KIND ...]        KIND: mlp vgg resnet transformer gru
#
# DIR/pairs is made by fixtures/make_experiments.py --only pairs. Prints a table a kind, of the barriers and
# of what comes out at λ = ½, and draws KIND.svg. Repairs learn from the first 500 training images; all is judged on the
# first 1,000 test images, at $POINTS values of λ (9).
. "$(dirname "$0")/lib.sh"
[ $# -gt 0 ] || set -- mlp vgg resnet transformer gru

# path NAME COLUMN FLAGS… walks from A to B, and keeps one path of the table under a name.
path() {
	name=$1 column=$2
	shift 2
	"$rebasin" barrier "$from/pairs/$kind/a.onnx" "$from/pairs/$kind/b.onnx" --data "$from/test.npz" --limit 1000 --points "${POINTS:-9}" \
		--csv "$out/curve.csv" --force --quiet --calib "$from/calib.npz" --calib-limit 500 "$@" 2>/dev/null
	awk -F, -v name="$name" -v column="$column" '$2 == column { printf "loss,\"%s\",%s,%s\n\"accuracy, %%\",\"%s\",%s,%s\n", name, $3, $4, name, $3, 100 * $7 }' "$out/curve.csv" >>"$out/points.csv"
	awk -F, -v name="$name" -v column="$column" '$2 == column { at[$3] = $4; acc[$3] = 100 * $7 }
		END {
			for (l in at) {
				over = at[l] - (1 - l) * at[0] - l * at[1]
				if (l > 0 && l < 1 && (worst == "" || over > worst)) worst = over
			}
			printf "| %s | %+.4f | %.4f | %.2f %% |\n", name, worst, at[0.5], acc[0.5]
		}' "$out/curve.csv"
}

for kind; do
	: >"$out/points.csv"
	printf '\n### %s\n\n| path | loss barrier | loss at ½ | accuracy at ½ |\n|---|---|---|---|\n' "$kind"
	path naive naive --repair none
	path weight aligned --repair none
	case $kind in vgg | resnet) path "weight, bn" repaired --repair bn ;; esac
	path "weight, rescale" repaired --repair rescale
	path "weight, lsq" repaired --repair lsq
	path activation aligned --method activation --repair none
	path "activation, lsq" repaired --method activation --repair lsq
	path "activation, distil" repaired --method activation --repair distil
	path ste aligned --method ste --repair none
	path "ste, lsq" repaired --method ste --repair lsq
	draw "$kind.svg" "$kind: from A to B" "λ, the part of B"
done
