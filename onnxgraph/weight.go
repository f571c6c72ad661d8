package onnxgraph

import (
	"fmt"
	"math/bits"
	"strconv"

	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
)

// Weight is one constant tensor of the file, wherever it is kept: initializer,
// Constant node, or any other tensor-valued attribute. It is the place, not the
// numbers: those are asked of a Model, and two Models may hold different numbers
// for one Weight. A weight of a local function is one Weight however often the
// function is called.
type Weight struct {
	Name   string // unique in its model
	Type   DataType
	Shape  []int64
	Sparse bool // kept as a sparse tensor: readable (dense), not replaceable

	file    *file
	index   int      // among all tensors of the file; -1 for inline ones
	away    bool     // its numbers are in an external file
	indices int      // of a sparse tensor, the tensor of its indices
	values  int      // of a sparse tensor, how many values it lists
	inline  []byte   // raw bytes of a Constant node that keeps no tensor
	strings []string // the same for strings
}

// Elements returns the number of elements.
func (w *Weight) Elements() int64 {
	n := int64(1)
	for _, d := range w.Shape {
		n *= d
	}
	return n
}

// Replaceable reports whether Model.With can give the weight other numbers: all
// but sparse tensors, strings, and Constant nodes that keep a number in an
// attribute instead of a tensor.
func (w *Weight) Replaceable() bool {
	return !w.Sparse && w.index >= 0 && w.Type.Bits() > 0
}

// External reports whether the weight is kept in a file of its own beside the
// model's, which only Save writes.
func (w *Weight) External() bool { return w.away }

// String returns the weight's name, type and shape as messages give them.
func (w *Weight) String() string {
	return fmt.Sprintf("%q (%v %v)", w.Name, w.Type, w.Shape)
}

// size returns the number of bytes of the raw layout. It fits: the builder has
// checked that.
func (w *Weight) size() int {
	n, _ := w.Type.rawSize(w.Elements())
	return n
}

// weight returns the Weight of a tensor, one for each tensor of the file.
func (b *builder) weight(t *onnxpb.TensorProto, name string) (*Weight, error) {
	if t == nil {
		return nil, fmt.Errorf("attribute %q says it is a tensor and holds none", name)
	}
	i := siteIndex(t)
	if w := b.weights[i]; w != nil {
		return w, nil
	}
	w := &Weight{Name: b.unique(name), Type: DataType(t.GetDataType()), Shape: t.GetDims(), file: b.file, index: i}
	w.away = isExternal(t)
	err := checkShape(w.Type, w.Shape)
	if err == nil && !w.away {
		err = b.file.checkSize(w)
	}
	if err != nil {
		return nil, fmt.Errorf("tensor %q: %w", name, err)
	}
	b.weights[i] = w
	return w, nil
}

// sparse returns the Weight of a sparse tensor.
func (b *builder) sparse(t *onnxpb.SparseTensorProto, name string) (*Weight, error) {
	if t.GetValues() == nil || t.GetIndices() == nil {
		return nil, fmt.Errorf("sparse tensor %q lacks its values or indices", name)
	}
	i := siteIndex(t.GetValues())
	if w := b.weights[i]; w != nil {
		return w, nil
	}
	w := &Weight{
		Name: b.unique(name), Type: DataType(t.GetValues().GetDataType()), Shape: t.GetDims(), Sparse: true,
		file: b.file, index: i, indices: siteIndex(t.GetIndices()),
	}
	err := checkShape(w.Type, w.Shape)
	if err == nil && len(t.GetValues().GetDims()) != 1 {
		err = fmt.Errorf("its values have %d axes, want 1", len(t.GetValues().GetDims()))
	}
	if err == nil {
		err = checkShape(w.Type, t.GetValues().GetDims())
	}
	if err != nil {
		return nil, fmt.Errorf("sparse tensor %q: %w", name, err)
	}
	w.values = int(t.GetValues().GetDims()[0])
	b.weights[i] = w
	return w, nil
}

// unique returns the name, with a number added when another weight has it.
func (b *builder) unique(name string) string {
	free := name
	for _, taken := b.names[free]; taken; _, taken = b.names[free] {
		b.names[name]++
		free = name + "#" + strconv.Itoa(b.names[name])
	}
	b.names[free] = 1
	return free
}

// checkShape reports sizes below zero and tensors too large to address.
func checkShape(t DataType, shape []int64) error {
	n := uint64(1)
	zero := false
	for _, d := range shape {
		if d < 0 {
			return fmt.Errorf("shape %v has a negative size", shape)
		}
		hi, lo := bits.Mul64(n, uint64(max(d, 1)))
		if n = lo; hi != 0 || n > uint64(maxInt) {
			return fmt.Errorf("shape %v has too many elements", shape)
		}
		zero = zero || d == 0
	}
	if zero {
		n = 0
	}
	if _, ok := t.rawSize(int64(n)); !ok && t.Bits() > 0 {
		return fmt.Errorf("shape %v of %v takes too many bytes", shape, t)
	}
	return nil
}

// checkSize compares the length of a payload with the type and shape, where
// that takes no reading.
func (f *file) checkSize(w *Weight) error {
	site := f.sites[w.index]
	if site.added != nil {
		return nil
	}
	num, err := site.field(f.data)
	if err != nil || w.Type.Bits() == 0 {
		return err
	}
	if num == 0 {
		return sizeError(0, w.size())
	}
	if err := checkField(num, w.Type); err != nil {
		return err
	}
	if b, ok := site.contiguous(f.data, num); ok {
		return sizeError(len(b), w.size())
	}
	return nil
}
