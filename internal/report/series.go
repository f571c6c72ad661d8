package report

import (
	"fmt"
	"math"
	"strings"

	rebasin "github.com/onnx-rebasin/onnx-rebasin"
	"github.com/onnx-rebasin/onnx-rebasin/eval"
)

// seriesPaths are those that barriers over training time are of.
var seriesPaths = []struct {
	class, name string
	of          func(*rebasin.BarrierReport) *eval.Barrier
}{
	{"naive", "naive", func(b *rebasin.BarrierReport) *eval.Barrier { return b.Naive }},
	{"aligned", "aligned", func(b *rebasin.BarrierReport) *eval.Barrier { return b.Aligned }},
	{"repaired", "repaired", func(b *rebasin.BarrierReport) *eval.Barrier { return b.Repaired }},
}

// seriesTable is the barriers on one data set, a row a time.
type seriesTable struct {
	Name  string
	Paths []string
	Rows  []seriesRow
}

type seriesRow struct {
	Time     float64
	A, B     string // files
	Barriers []*eval.Barrier
}

// seriesTables lists barriers over training time, on the test data and, where it was given, the training data.
func seriesTables(list []rebasin.SeriesPoint) []seriesTable {
	if len(list) == 0 {
		return nil
	}
	out := []seriesTable{newSeriesTable("test data", list, func(p rebasin.SeriesPoint) *rebasin.BarrierReport { return p.Barrier })}
	if list[0].TrainBarrier != nil {
		out = append(out, newSeriesTable("training data", list, func(p rebasin.SeriesPoint) *rebasin.BarrierReport { return p.TrainBarrier }))
	}
	return out
}

func newSeriesTable(name string, list []rebasin.SeriesPoint, on func(rebasin.SeriesPoint) *rebasin.BarrierReport) seriesTable {
	t := seriesTable{Name: name}
	for k, p := range list {
		row := seriesRow{Time: p.Time, A: p.A, B: p.B}
		for _, path := range seriesPaths {
			if b := path.of(on(p)); b != nil {
				row.Barriers = append(row.Barriers, b)
				if k == 0 {
					t.Paths = append(t.Paths, path.name)
				}
			}
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// seriesPlots draws the barriers on the test data over training time.
func seriesPlots(list []rebasin.SeriesPoint) *plots {
	var out plots
	for _, m := range []struct {
		name string
		at   func(float64, *eval.Barrier) value
	}{
		{"loss barrier", func(t float64, b *eval.Barrier) value { return value{t, b.Loss, b.LossInterval} }},
		{"accuracy barrier, points", func(t float64, b *eval.Barrier) value {
			return value{t, 100 * b.Accuracy, scaled(b.AccuracyInterval, 100)}
		}},
	} {
		var tracks []track
		for _, path := range seriesPaths {
			t := track{class: path.class, name: path.name}
			for _, p := range list {
				if b := path.of(p.Barrier); b != nil {
					t.values = append(t.values, m.at(p.Time, b))
				}
			}
			if t.values != nil {
				tracks = append(tracks, t)
			}
		}
		p := newPlot(m.name, "training time", tracks)
		if p == nil {
			continue
		}
		p.marks(round(p.from, p.to)...)
		for _, t := range tracks {
			for _, x := range t.values {
				p.dot("fill-"+t.class, t.name, x)
			}
		}
		p.Summary = strings.Join(fallen(list), " ")
		out.Charts, out.Legend = append(out.Charts, p), legend(tracks)
	}
	if out.Charts == nil {
		return nil
	}
	return &out
}

// fallen says, path by path, what became of the barriers between the first time and the last.
func fallen(list []rebasin.SeriesPoint) []string {
	var out []string
	first, last := list[0], list[len(list)-1]
	for _, path := range seriesPaths {
		b, e := path.of(first.Barrier), path.of(last.Barrier)
		if b == nil || e == nil {
			continue
		}
		text := fmt.Sprintf("The %s loss barrier is %s at time %s", path.name, number(b.Loss), plain(first.Time))
		if len(list) > 1 {
			text += fmt.Sprintf(" and %s at time %s", number(e.Loss), plain(last.Time))
		}
		if !math.IsNaN(e.Accuracy) {
			text += fmt.Sprintf(", where it costs %s points of accuracy", strings.TrimPrefix(points(e.Accuracy), "+"))
		}
		out = append(out, text+".")
	}
	return out
}

// trainings names two trainings by their first and last files.
func trainings(list []rebasin.SeriesPoint) string {
	first, last := list[0], list[len(list)-1]
	names := shortest([]string{first.A, last.A, first.B, last.B})
	if len(list) == 1 {
		return names[0] + " to " + names[2]
	}
	return fmt.Sprintf("%s … %s to %s … %s", names[0], names[1], names[2], names[3])
}
