package report

import (
	"strconv"

	rebasin "github.com/onnx-rebasin/onnx-rebasin"
)

// distances is a table of how far models are from each other.
type distances struct {
	Name    string
	Letters []string
	Rows    []distanceRow
}

type distanceRow struct {
	Letter string
	Cells  []distanceCell
}

// distanceCell is the distance of two models, and how near that is as a percentage: 100 where they are the same, 0
// for the two farthest of all.
type distanceCell struct {
	Value float64
	Near  int
	Self  bool
}

// between tells the distances of three models and more, as they came and aligned.
func between(m *rebasin.ManyReport) []distances {
	if m == nil || m.Before == nil || len(m.Solutions) == 0 || m.Before.Distances == nil {
		return nil
	}
	before, after := m.Before.Distances, m.Solutions[len(m.Solutions)-1].Distances
	farthest := 0.0
	for _, table := range [][][]float64{before, after} {
		for _, row := range table {
			for _, d := range row {
				farthest = max(farthest, d)
			}
		}
	}
	return []distances{newDistances("as they came", before, farthest), newDistances("aligned", after, farthest)}
}

func newDistances(name string, table [][]float64, farthest float64) distances {
	t := distances{Name: name}
	for i, row := range table {
		r := distanceRow{Letter: letter(i)}
		for j, d := range row {
			c := distanceCell{Value: d, Self: i == j}
			if farthest > 0 {
				c.Near = int(100 * (1 - d/farthest))
			}
			r.Cells = append(r.Cells, c)
		}
		t.Letters, t.Rows = append(t.Letters, r.Letter), append(t.Rows, r)
	}
	return t
}

// letter names model k in tables: A, B, …, Z, A2, B2, ….
func letter(k int) string {
	s := string(rune('A' + k%26))
	if k >= 26 {
		s += strconv.Itoa(k/26 + 1)
	}
	return s
}
