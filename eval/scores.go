package eval

import (
	"fmt"
	"math"

	"github.com/onnx-rebasin/onnx-rebasin/internal/half"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// floats gives the elements of a numeric tensor in float64.
func floats(t *onnxgraph.Tensor) ([]float64, error) {
	switch d := t.Data.(type) {
	case []float32:
		return widened(d), nil
	case []float64:
		return d, nil
	case []int8:
		return widened(d), nil
	case []int16:
		return widened(d), nil
	case []int32:
		return widened(d), nil
	case []int64:
		return widened(d), nil
	case []uint8:
		return widened(d), nil
	case []uint32:
		return widened(d), nil
	case []uint64:
		return widened(d), nil
	case []uint16:
		return widenedHalf(t.Type, d), nil
	case []bool:
		out := make([]float64, len(d))
		for i, v := range d {
			if v {
				out[i] = 1
			}
		}
		return out, nil
	}
	return nil, fmt.Errorf("a tensor of %T holds no numbers", t.Data)
}

func widened[T int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64 | float32](in []T) []float64 {
	out := make([]float64, len(in))
	for i, v := range in {
		out[i] = float64(v)
	}
	return out
}

func widenedHalf(t onnxgraph.DataType, in []uint16) []float64 {
	out := make([]float64, len(in))
	for i, v := range in {
		switch t {
		case onnxgraph.Float16:
			out[i] = float64(half.Float16(v))
		case onnxgraph.BFloat16:
			out[i] = float64(half.BFloat16(v))
		default:
			out[i] = float64(v)
		}
	}
	return out
}

// scores are what a model says about some samples: for each of n samples and
// each of its places (one, or the positions of a sequence or picture) the
// log-probability of each class. For MSE they are the plain numbers.
type scores struct {
	n, places, classes int
	rows               [][]float64 // n·places rows of classes numbers
}

// labels are the right answers for n samples: class numbers, or target numbers
// for MSE.
type labels struct {
	classes []int64
	targets []float64
	places  int // labels per sample
}

// samplesOf checks that an output has n samples along its first axis, or more
// when the batch was filled up, and returns the numbers per sample.
func samplesOf(t *onnxgraph.Tensor, n int) (per int, err error) {
	total := 1
	for _, d := range t.Shape {
		total *= d
	}
	if len(t.Shape) == 0 || t.Shape[0] < n || total == 0 {
		return 0, fmt.Errorf("the output has shape %v, want %d samples along its first axis", t.Shape, n)
	}
	return total / t.Shape[0], nil
}

// guessPlaces tells how many rows of classes a sample has when there are no
// labels: those of a sequence [n, t, classes] or picture [n, classes, h, w].
func guessPlaces(shape []int) int {
	switch {
	case len(shape) == 3 && shape[2] > 1:
		return shape[1]
	case len(shape) > 3:
		places := 1
		for _, d := range shape[2:] {
			places *= d
		}
		return places
	}
	return 1
}

// takesLabels reports whether an output can be read as so many rows of classes a
// sample: with more than one, classes are an axis of their own, the last or the
// first after the samples, or there is one number for each label.
func takesLabels(shape []int, per, places int) bool {
	if places <= 1 || per == places {
		return places > 0
	}
	rank := len(shape)
	return rank > 2 && (per == places*shape[rank-1] || per == places*shape[1])
}

// rowsOf says where the rows of an output lie: class c of place p of sample i is
// element i·per + p·step + c·stride. Classes are the last axis or, when a sample
// has several labels and its second axis fits them, the first after the samples:
// [n, classes, height, width].
type rowsOf struct{ n, places, classes, per, step, stride int }

func (r *rowsOf) at(row, class int) int {
	return row/r.places*r.per + row%r.places*r.step + class*r.stride
}

// findRows finds the rows of the first n samples of an output.
func findRows(t *onnxgraph.Tensor, n, places int, loss Loss) (*rowsOf, error) {
	per, err := samplesOf(t, n)
	if err != nil {
		return nil, err
	}
	if !takesLabels(t.Shape, per, places) {
		return nil, fmt.Errorf("the output has shape %v, which does not go with %d labels per sample", t.Shape, places)
	}
	r := &rowsOf{n: n, places: places, classes: per / places, per: per, stride: 1, step: per / places}
	if places > 1 && len(t.Shape) > 2 && t.Shape[1] == r.classes && t.Shape[len(t.Shape)-1] != r.classes {
		r.stride, r.step = places, 1
	}
	if (loss == LossBinary || loss == LossBinaryLogits) && r.classes != 1 {
		return nil, fmt.Errorf("the loss %q wants one number per label, and the output of shape %v has %d", loss, t.Shape, r.classes)
	}
	return r, nil
}

// readScores takes the first n samples of an output apart.
func readScores(t *onnxgraph.Tensor, n, places int, loss Loss) (*scores, error) {
	at, err := findRows(t, n, places, loss)
	if err != nil {
		return nil, err
	}
	data, err := floats(t)
	if err != nil {
		return nil, err
	}
	s := &scores{n: n, places: places, classes: at.classes, rows: make([][]float64, 0, n*places)}
	for i := range n * places {
		row := make([]float64, at.classes)
		for c := range row {
			row[c] = data[at.at(i, c)]
		}
		row = loss.scores(row)
		if loss != LossMSE {
			logSoftmax(row)
		}
		s.rows, s.classes = append(s.rows, row), len(row)
	}
	return s, nil
}

// readLabels reads the labels of n samples, for outputs of per numbers each.
// Class numbers may be stored in any numeric type, or as one-hot rows, which
// are labels each for its own number with a binary loss.
func readLabels(t *onnxgraph.Tensor, n, per int, loss Loss) (labels, error) {
	values, err := floats(t)
	if err != nil {
		return labels{}, fmt.Errorf("the labels: %w", err)
	}
	if loss == LossMSE {
		if len(values) != n*per {
			return labels{}, fmt.Errorf("the targets of shape %v have %d numbers per sample, the output has %d", t.Shape, len(values)/n, per)
		}
		return labels{targets: values, places: 1}, nil
	}
	if last := t.Shape[len(t.Shape)-1]; len(t.Shape) > 1 && last > 1 && len(values) == n*per && loss != LossBinary && loss != LossBinaryLogits {
		if hot, ok := oneHot(values, last); ok {
			return labels{classes: hot, places: per / last}, nil
		}
	}
	l := labels{classes: make([]int64, len(values)), places: len(values) / n}
	for i, v := range values {
		if v != math.Trunc(v) {
			return labels{}, fmt.Errorf("label %v is not a class number; for targets that are measured, choose the loss %q", v, LossMSE)
		}
		l.classes[i] = int64(v)
	}
	return l, nil
}

// oneHot finds the class of rows that have a single 1 among zeros.
func oneHot(values []float64, classes int) ([]int64, bool) {
	var hot []int64
	for at := 0; at < len(values); at += classes {
		found := -1
		for c, v := range values[at : at+classes] {
			if v == 1 && found < 0 {
				found = c
			} else if v != 0 {
				return nil, false
			}
		}
		if found < 0 {
			return nil, false
		}
		hot = append(hot, int64(found))
	}
	return hot, true
}
