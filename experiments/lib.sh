# What the experiments share. They are read from the repository's root, with the
# folder of the trainings, which fixtures/make_experiments.py makes, as the first argument.
set -eu
from=$(cd "$1" && pwd)
shift
cd "$(dirname "$0")/.."
rebasin=${REBASIN:-onnx-rebasin}
pictures=${PICTURES:-docs/experiments}
mkdir -p "$pictures"
out=$(mktemp -d)
trap 'rm -r "$out"' EXIT

# merge FILE … [FLAG …] merges quietly and leaves the report in $out/report.json.
merge() {
	"$rebasin" merge "$@" -o "$out/merged.onnx" --force --json --data "$from/test.npz" 2>"$out/errors" >"$out/report.json" || {
		cat "$out/errors" >&2
		return 1
	}
}

# judged MODEL prints loss and accuracy in % that the report has of a, b, ensemble,
# naive or merged.
judged() {
	awk -v want="\"$1\": {" 'index($0, want) { on = 1 }
		on && /"loss":/ { loss = $2 + 0 }
		on && /"accuracy":/ { printf "%.4f %.2f\n", loss, 100 * $2; exit }' "$out/report.json"
}

# row NAME MODEL prints a line of a table.
row() {
	judged "$2" | awk -v name="$1" '{ printf "| %s | %s | %s %% |\n", name, $1, $2 }'
}

# points NAME MODEL X adds a model of the report to the table that is drawn.
points() {
	judged "$2" | awk -v name="$1" -v x="$3" '{ printf "loss,\"%s\",%s,%s\n\"accuracy, %%\",\"%s\",%s,%s\n", name, x, $1, name, x, $2 }' >>"$out/points.csv"
}

# draw FILE TITLE LABEL draws that table: panel,line,x,y.
draw() {
	go run ./experiments/draw -title "$2" -x "$3" -o "$pictures/$1" <"$out/points.csv"
}
