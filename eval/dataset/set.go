package dataset

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// usualLabels are the names under which labels are looked for.
var usualLabels = []string{"y", "labels", "label", "targets", "target"}

// usualSamples are the names under which the only input is looked for.
var usualSamples = []string{"x", "X", "images", "input", "inputs", "data"}

// stored is a Set over the arrays of a source.
type stored struct {
	src    *source
	inputs []fed
	labels array // of no name when there are none
	length int
}

// fed is one input and how it is made from an array.
type fed struct {
	name  string
	array array
	how   adapter
	exact bool // the array has just the input's shape
}

// newSet finds the inputs and labels among the arrays of a source.
func newSet(name string, src *source, opts Options) (*Set, error) {
	st := &stored{src: src}
	s := &Set{Name: name, Classes: src.classes, Hints: src.hints, close: src.close, largest: 1 << 30}
	if err := st.findLabels(s, opts); err != nil {
		return nil, err
	}
	inputs := opts.Inputs
	if inputs == nil {
		inputs = st.asStored()
	}
	if err := st.findInputs(s, inputs, opts); err != nil {
		return nil, err
	}
	if err := st.checkLengths(name); err != nil {
		return nil, err
	}
	s.length = st.length
	if opts.Limit > 0 {
		s.length = min(s.length, opts.Limit)
	}
	s.open = st.open
	return s, nil
}

// findLabels sets the array of labels, or the reason there is none.
func (st *stored) findLabels(s *Set, opts Options) error {
	want := usualLabels
	switch {
	case opts.Labels == "none":
		s.noLabel = fmt.Errorf("dataset: %s was opened without labels", s.Name)
		return nil
	case st.src.labels != "":
		want = []string{st.src.labels}
	case opts.Labels != "":
		want = []string{opts.Labels}
	}
	if st.src.labels == "" && opts.Labels == "" {
		want = append(slices.Clone(want), st.src.pairedLabels()...)
	}
	for _, name := range want {
		a, ok := st.src.array(name)
		if ok && a.err != nil {
			return a.err
		}
		if ok && len(a.shape) > 0 {
			st.labels, s.labels = a, name
			return nil
		}
	}
	s.noLabel = fmt.Errorf("dataset: %s has no %s %q (it has %s)", s.Name, st.src.what, want[0], st.src.names())
	if st.src.what == "file" {
		s.noLabel = fmt.Errorf("dataset: there is no file of labels beside %s", s.Name)
	}
	if opts.Labels != "" {
		return s.noLabel
	}
	return nil
}

// asStored makes inputs of all arrays but the labels, leaving out what cannot be used unless there is nothing else.
func (st *stored) asStored() []Input {
	usable := func(a array) bool { return a.name != st.labels.name && a.err == nil }
	some := slices.ContainsFunc(st.src.arrays, usable)
	var inputs []Input
	for _, a := range st.src.arrays {
		if a.name != st.labels.name && (usable(a) || !some) {
			inputs = append(inputs, Input{Name: a.name})
		}
	}
	return inputs
}

// findInputs chooses an array for each input: the one of the same name or, for
// a model of one input, the one of a usual name or the only one left.
func (st *stored) findInputs(s *Set, inputs []Input, opts Options) error {
	var missing []string
	for _, in := range inputs {
		a, ok := st.src.array(in.Name)
		if !ok && len(inputs) == 1 {
			a, ok = st.onlyArray()
		}
		if !ok {
			missing = append(missing, fmt.Sprintf("%q", in.Name))
			continue
		}
		if a.err != nil {
			return a.err
		}
		how, hint, err := adapt(in, a, opts)
		if err != nil {
			return fmt.Errorf("dataset: %s: %s %q %w", s.Name, st.src.what, a.name, err)
		}
		if hint != "" {
			s.Hints = append(s.Hints, fmt.Sprintf("%s: %s %q is %s", s.Name, st.src.what, a.name, hint))
		}
		st.inputs = append(st.inputs, fed{in.Name, a, how, isExact(in, a)})
	}
	if len(missing) > 0 {
		what := "input"
		if len(missing) > 1 {
			what = "inputs"
		}
		return fmt.Errorf("dataset: %s has no %s for the model's %s %s (it has %s)", s.Name, st.src.what, what, joinAnd(missing), st.src.names())
	}
	if st.src.labels == "" && opts.Labels == "" && s.labels != "" && !slices.Contains(usualLabels, s.labels) {
		s.Hints = append(s.Hints, fmt.Sprintf("%s: the samples are %s %q, the labels %q", s.Name, st.src.what, st.inputs[0].array.name, s.labels))
	}
	st.findWholes()
	for i, f := range st.inputs {
		s.limitBatch(inputs[i], f.array, f.how)
	}
	return nil
}

// findWholes tells the arrays that are one input for all samples: they have
// just the shape of their input, and not as many rows as there are samples.
func (st *stored) findWholes() {
	n := 0
	for _, a := range append(st.sampled(), st.labels) {
		if a.name != "" {
			n = max(n, a.shape[0])
		}
	}
	if st.labels.name != "" {
		n = st.labels.shape[0]
	}
	for i, f := range st.inputs {
		if f.exact && f.array.shape[0] != n {
			st.inputs[i].how.whole = true
		}
	}
}

// pairedLabels lists the arrays whose names make them the labels of another, as
// y_test is of x_test: those of a test set first.
func (s *source) pairedLabels() []string {
	var test, other []string
	for _, a := range s.arrays {
		for _, name := range partners(a.name, 0, 1) {
			switch _, ok := s.array(name); {
			case ok && strings.Contains(name, "test"):
				test = append(test, name)
			case ok:
				other = append(other, name)
			}
		}
	}
	return append(test, other...)
}

// partners lists the names that go with a name when its word number from, of a
// usual pair, becomes the other one.
func partners(name string, from, to int) []string {
	var out []string
	for _, words := range usualPairs {
		if other := replaceWord(name, words[from], words[to]); other != name {
			out = append(out, other)
		}
	}
	return out
}

func (st *stored) onlyArray() (array, bool) {
	for _, name := range append(slices.Clone(usualSamples), partners(st.labels.name, 1, 0)...) {
		if a, ok := st.src.array(name); ok && name != st.labels.name {
			return a, true
		}
	}
	var left []array
	for _, a := range st.src.arrays {
		if a.name != st.labels.name && len(a.shape) > 0 && !slices.Contains(usualLabels, a.name) {
			left = append(left, a)
		}
	}
	if len(left) != 1 {
		return array{}, false
	}
	return left[0], true
}

// limitBatch keeps batches to a reasonable memory, and to the size that the
// model fixes.
func (s *Set) limitBatch(in Input, a array, how adapter) {
	if how.whole {
		return
	}
	if per, ok := count(rowShape(a.shape)); ok && per > 0 {
		s.largest = min(s.largest, max(1, largestBatch/(per*a.dtype.Size())))
	}
	switch {
	case how.single:
		s.batch = 1
	case in.Shape != nil && in.Shape[0] > 0:
		s.batch = int(in.Shape[0])
	}
}

// checkLengths makes sure that all arrays have equally many samples.
func (st *stored) checkLengths(name string) error {
	var first array
	for _, a := range append(st.sampled(), st.labels) {
		switch {
		case a.name == "":
		case first.name == "":
			first, st.length = a, a.shape[0]
		case a.shape[0] != st.length:
			return fmt.Errorf("dataset: %s: %q has %d samples but %q has %d", name, first.name, st.length, a.name, a.shape[0])
		}
		if slices.Contains(a.shape[min(1, len(a.shape)):], 0) { // a few bytes may claim any number of them
			return fmt.Errorf("dataset: %s: the samples of %q have shape %v, which is empty", name, a.name, a.shape[1:])
		}
	}
	if st.length == 0 {
		return fmt.Errorf("dataset: %s has no samples", name)
	}
	return nil
}

// sampled lists the arrays of inputs that are cut into samples.
func (st *stored) sampled() []array {
	var arrays []array
	for _, f := range st.inputs {
		if !f.how.whole {
			arrays = append(arrays, f.array)
		}
	}
	return arrays
}

// open starts reading at the first sample.
func (st *stored) open() (reader, error) {
	r := &storedReader{st: st, wholes: map[string]*onnxgraph.Tensor{}, rows: make([]rows, len(st.inputs))}
	for i, f := range st.inputs {
		var err error
		if r.rows[i], err = f.array.open(); err != nil {
			return nil, errors.Join(err, r.Close())
		}
		if f.how.whole {
			if r.wholes[f.name], err = f.readWhole(r.rows[i]); err != nil {
				return nil, errors.Join(err, r.Close())
			}
		}
	}
	if st.labels.name != "" {
		var err error
		if r.labels, err = st.labels.open(); err != nil {
			return nil, errors.Join(err, r.Close())
		}
	}
	return r, nil
}

// readWhole reads an array that is given as it is with every batch.
func (f fed) readWhole(from rows) (*onnxgraph.Tensor, error) {
	n := 1
	if len(f.array.shape) > 0 {
		n = f.array.shape[0]
	}
	t, err := from.next(n)
	if err != nil {
		return nil, err
	}
	t.Shape = f.array.shape
	return f.how.apply(t), nil
}

type storedReader struct {
	st     *stored
	rows   []rows
	labels rows
	wholes map[string]*onnxgraph.Tensor
}

func (r *storedReader) next(n int) (*Batch, error) {
	b := &Batch{N: n, Inputs: make(map[string]*onnxgraph.Tensor, len(r.rows))}
	for i, f := range r.st.inputs {
		if f.how.whole {
			b.Inputs[f.name] = r.wholes[f.name]
			continue
		}
		t, err := r.rows[i].next(n)
		if err != nil {
			return nil, err
		}
		b.Inputs[f.name] = f.how.apply(t)
	}
	if r.labels != nil {
		var err error
		if b.Labels, err = r.labels.next(n); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func (r *storedReader) Close() error {
	var errs []error
	for _, c := range append(r.rows, r.labels) {
		if c != nil {
			errs = append(errs, c.Close())
		}
	}
	return errors.Join(errs...)
}

// shapeText writes a shape for messages: 3×32×32.
func shapeText[T int | int64](shape []T) string {
	if len(shape) == 0 {
		return "a single value"
	}
	words := make([]string, len(shape))
	for i, d := range shape {
		words[i] = fmt.Sprint(d)
		if d < 0 {
			words[i] = "N"
		}
	}
	return strings.Join(words, "×")
}
