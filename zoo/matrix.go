package zoo

import (
	"encoding/csv"
	"io"
	"math"
	"strconv"
)

// Matrix is the relative distances between all models that have relatives, family
// by family: as they stand above the diagonal, aligned below it. NaN stands where
// models are not of one family, or could not be compared.
func (r *Result) Matrix() (paths []string, distances [][]float64) {
	at := map[string]int{}
	for _, f := range r.Families {
		for _, m := range f.Members {
			at[m] = len(paths)
			paths = append(paths, m)
		}
	}
	for i := range paths {
		row := make([]float64, len(paths))
		for j := range row {
			if i != j {
				row[j] = math.NaN()
			}
		}
		distances = append(distances, row)
	}
	for _, f := range r.Families {
		for _, p := range f.Pairs {
			if p.Kinship != nil {
				i, j := at[p.A], at[p.B]
				distances[min(i, j)][max(i, j)], distances[max(i, j)][min(i, j)] = p.Before, p.After
			}
		}
	}
	return paths, distances
}

// WriteMatrixCSV writes Matrix as a table, empty where there is no number.
func (r *Result) WriteMatrixCSV(w io.Writer) error {
	paths, distances := r.Matrix()
	t := csv.NewWriter(w)
	t.Write(append([]string{"as they stand above, aligned below"}, paths...))
	for i, row := range distances {
		line := []string{paths[i]}
		for _, v := range row {
			text := ""
			if !math.IsNaN(v) {
				text = strconv.FormatFloat(v, 'g', 6, 64)
			}
			line = append(line, text)
		}
		t.Write(line)
	}
	t.Flush()
	return t.Error()
}
