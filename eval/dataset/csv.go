package dataset

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// maxClasses bounds the names of classes that a file of text labels may have.
const maxClasses = 1 << 16

// table is a CSV file: what a first pass over it has found.
type table struct {
	path    string
	header  []string // nil when the first row is a sample
	columns int
	label   int // column of the labels, -1 for none
	rows    int
	classes map[string]int // of text labels
	whole   bool           // all labels are whole numbers
}

// openCSV reads the file once to count and check its rows. Its arrays are x,
// all columns but the labels as one row of numbers, and y.
func openCSV(path string, opts Options) (*source, error) {
	t := &table{path: path, whole: true, classes: map[string]int{}}
	if err := t.scan(opts); err != nil {
		return nil, fmt.Errorf("dataset: %s: %w", filepath.Base(path), err)
	}
	features := t.columns
	s := &source{what: "column"}
	if t.label >= 0 {
		features--
	}
	s.arrays = []array{{name: "x", dtype: onnxgraph.Float64, shape: []int{t.rows, features},
		open: func() (rows, error) { return t.open(false) }}}
	if t.label < 0 {
		return s, nil
	}
	y := array{name: "y", dtype: onnxgraph.Float64, shape: []int{t.rows}, open: func() (rows, error) { return t.open(true) }}
	if len(t.classes) > 0 {
		s.classes = t.nameClasses()
	}
	if t.whole || s.classes != nil {
		y.dtype = onnxgraph.Int64
	}
	s.arrays, s.labels = append(s.arrays, y), y.name
	s.hints = append(s.hints, fmt.Sprintf("%s: the labels are column %s", filepath.Base(path), t.columnName(t.label)))
	return s, nil
}

// nameClasses numbers text labels in alphabetical order.
func (t *table) nameClasses() []string {
	var names []string
	for name := range t.classes {
		names = append(names, name)
	}
	slices.Sort(names)
	for i, name := range names {
		t.classes[name] = i
	}
	return names
}

func (t *table) columnName(i int) string {
	if t.header != nil {
		return strconv.Quote(t.header[i])
	}
	return strconv.Itoa(i + 1)
}

// reader opens the file at its first row. The number of fields of every row
// must be that of the first.
func (t *table) reader() (*csv.Reader, io.Closer, error) {
	f, err := os.Open(t.path)
	if err != nil {
		return nil, nil, err
	}
	text := bufio.NewReaderSize(f, 1<<16)
	r := csv.NewReader(text)
	r.Comma, r.ReuseRecord, r.TrimLeadingSpace = separator(t.path, text), true, true
	return r, f, nil
}

// separator is what stands between the fields of the first row: a tab in a .tsv
// file, else a comma, or a tab or semicolon where there is no comma.
func separator(path string, text *bufio.Reader) rune {
	if strings.EqualFold(filepath.Ext(path), ".tsv") {
		return '\t'
	}
	head, _ := text.Peek(text.Size())
	row, _, _ := bytes.Cut(head, []byte("\n"))
	for _, comma := range ",\t;" {
		if bytes.ContainsRune(row, comma) {
			return comma
		}
	}
	return ','
}

func (t *table) scan(opts Options) error {
	r, closer, err := t.reader()
	if err != nil {
		return err
	}
	defer closer.Close()
	first, second, err := firstRows(r)
	if err != nil {
		return err
	}
	t.columns = len(first)
	if isHeader(first, second) {
		t.header = first
		for i, name := range first {
			first[i] = strings.TrimSpace(name)
		}
	}
	if t.label, err = t.labelColumn(opts); err != nil {
		return err
	}
	for _, record := range [][]string{first, second} {
		if record != nil && (t.header == nil || &record[0] != &first[0]) {
			if err := t.note(record); err != nil {
				return err
			}
		}
	}
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = t.note(record)
		}
		if err != nil {
			return err
		}
	}
}

// firstRows reads two rows; the second is nil when there is only one.
func firstRows(r *csv.Reader) (first, second []string, err error) {
	if first, err = r.Read(); err != nil {
		if errors.Is(err, io.EOF) {
			err = errors.New("it is empty")
		}
		return nil, nil, err
	}
	first = slices.Clone(first)
	if second, err = r.Read(); errors.Is(err, io.EOF) {
		return first, nil, nil
	}
	return first, slices.Clone(second), err
}

// isHeader recognises a first row of names: none of them is a number, or one
// stands where the second row has a number.
func isHeader(first, second []string) bool {
	numbers := 0
	for i, field := range first {
		if isNumber(field) {
			numbers++
		} else if second != nil && isNumber(second[i]) {
			return true
		}
	}
	return numbers == 0
}

func isNumber(field string) bool {
	_, err := strconv.ParseFloat(strings.TrimSpace(field), 64)
	return err == nil
}

// labelColumn finds the column of labels: the one named, by its header or its
// number from 1, the first of a usual name, or the last. There is none when all columns are needed for the
// model's only input.
func (t *table) labelColumn(opts Options) (int, error) {
	if opts.Labels == "none" {
		return -1, nil
	}
	if opts.Labels == "" {
		if len(opts.Inputs) == 1 && takesAll(opts.Inputs[0], t.columns) {
			return -1, nil
		}
		for _, usual := range []string{"label", "labels", "target", "targets", "class", "y"} {
			if i := slices.IndexFunc(t.header, func(name string) bool { return strings.EqualFold(name, usual) }); i >= 0 {
				return i, nil
			}
		}
		return t.columns - 1, nil
	}
	if i := slices.Index(t.header, opts.Labels); i >= 0 {
		return i, nil
	}
	if i, err := strconv.Atoi(opts.Labels); err == nil && i >= 1 && i <= t.columns {
		return i - 1, nil
	}
	return 0, fmt.Errorf("there is no column %q among the %d", opts.Labels, t.columns)
}

// takesAll reports whether an input wants just so many numbers per sample.
func takesAll(in Input, columns int) bool {
	n := int64(1)
	for _, d := range in.Shape[min(1, len(in.Shape)):] {
		n *= d
	}
	return len(in.Shape) > 1 && n == int64(columns)
}

// note counts a row and looks at its label.
func (t *table) note(record []string) error {
	t.rows++
	if t.label < 0 {
		return nil
	}
	text := strings.TrimSpace(record[t.label])
	v, err := strconv.ParseFloat(text, 64)
	switch {
	case err != nil && len(t.classes) >= maxClasses:
		return fmt.Errorf("the column of labels %s has more than %d names", t.columnName(t.label), maxClasses)
	case err != nil:
		t.classes[strings.Clone(text)] = 0
	case v != float64(int64(v)):
		t.whole = false
	}
	return nil
}

func (t *table) open(labels bool) (rows, error) {
	r, closer, err := t.reader()
	if err == nil && t.header != nil {
		_, err = r.Read()
	}
	if err != nil {
		return nil, fmt.Errorf("dataset: %s: %w", filepath.Base(t.path), err)
	}
	return &tableRows{t, r, closer, labels}, nil
}

// tableRows reads either the labels or the other columns.
type tableRows struct {
	table  *table
	csv    *csv.Reader
	closer io.Closer
	labels bool
}

func (r *tableRows) Close() error { return r.closer.Close() }

func (r *tableRows) next(n int) (*onnxgraph.Tensor, error) {
	var values []float64
	for range n {
		record, err := r.csv.Read()
		if err == nil {
			values, err = r.read(values, record)
		}
		if err != nil {
			return nil, fmt.Errorf("dataset: %s: %w", filepath.Base(r.table.path), err)
		}
	}
	if !r.labels {
		return &onnxgraph.Tensor{Type: onnxgraph.Float64, Shape: []int{n, len(values) / n}, Data: values}, nil
	}
	if r.table.whole || len(r.table.classes) > 0 {
		return &onnxgraph.Tensor{Type: onnxgraph.Int64, Shape: []int{n}, Data: mapped(values, func(v float64) int64 { return int64(v) })}, nil
	}
	return &onnxgraph.Tensor{Type: onnxgraph.Float64, Shape: []int{n}, Data: values}, nil
}

// read appends the fields of a record that this reader gives.
func (r *tableRows) read(values []float64, record []string) ([]float64, error) {
	for i, field := range record {
		if (i == r.table.label) != r.labels {
			continue
		}
		field = strings.TrimSpace(field)
		if r.labels && len(r.table.classes) > 0 {
			values = append(values, float64(r.table.classes[field]))
			continue
		}
		v, err := strconv.ParseFloat(field, 64)
		if err != nil {
			line, _ := r.csv.FieldPos(i)
			return nil, fmt.Errorf("line %d, column %s: %q is not a number", line, r.table.columnName(i), field)
		}
		values = append(values, v)
	}
	return values, nil
}
