#!/bin/sh
# The barrier falls as networks widen.
#
#   experiments/widths.sh DIR [KIND ...]        KIND: mlp resnet
#
# DIR/widths is made by fixtures/make_experiments.py --only widths. Prints a table a kind and draws widths-KIND.svg. The
# repaired path of the ResNet has its statistics estimated anew from 1,000 training images.
. "$(dirname "$0")/lib.sh"
[ $# -gt 0 ] || set -- mlp resnet

for kind; do
	: >"$out/points.csv"
	case $kind in resnet) repair=bn ;; *) repair=rescale ;; esac
	printf '\n| %s, width | naive loss barrier | aligned | aligned, `%s` |\n|---|---|---|---|\n' "$kind" $repair
	for b in $(ls "$from/widths/$kind" | sed -n 's/^b-\(.*\)\.onnx/\1/p' | sort -n); do
		"$rebasin" barrier "$from/widths/$kind/a-$b.onnx" "$from/widths/$kind/b-$b.onnx" --data "$from/test.npz" --points 5 \
			--calib "$from/calib.npz" --repair $repair --json 2>/dev/null |
			awk -v width="$b" -v points="$out/points.csv" '
				/^  "barrier"/ { on = 1 }
				on && /"(naive|aligned|repaired)": {/ { gsub(/[": {]/, ""); path = $0 }
				on && /"loss":/ { loss[path] = $2 + 0 }
				on && /"accuracy":/ { accuracy[path] = 100 * $2 }
				END {
					printf "| %s | %+.4f | %+.4f | %+.4f |\n", width, loss["naive"], loss["aligned"], loss["repaired"]
					n = split("naive aligned repaired", paths)
					for (i = 1; i <= n; i++) printf "loss barrier,%s,%s,%s\n\"accuracy barrier, points\",%s,%s,%s\n", paths[i], log(width) / log(2), loss[paths[i]], paths[i], log(width) / log(2), accuracy[paths[i]] >>points
				}'
	done
	draw "widths-$kind.svg" "barriers by width, $kind" "width, log₂"
done
