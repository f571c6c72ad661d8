package ort

import (
	"fmt"
	"runtime"
	"unsafe"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// bytesOf returns the memory of a tensor's Data. ONNX Runtime reads numbers in
// the machine's own byte order, as Go does.
func bytesOf(t *onnxgraph.Tensor) ([]byte, error) {
	switch d := t.Data.(type) {
	case []float32:
		return memory(d), nil
	case []float64:
		return memory(d), nil
	case []int8:
		return memory(d), nil
	case []int16:
		return memory(d), nil
	case []int32:
		return memory(d), nil
	case []int64:
		return memory(d), nil
	case []uint8:
		return d, nil
	case []uint16:
		return memory(d), nil
	case []uint32:
		return memory(d), nil
	case []uint64:
		return memory(d), nil
	case []bool:
		return memory(d), nil
	}
	return nil, fmt.Errorf("ort: tensors held as %T are not supported", t.Data)
}

func memory[T any](s []T) []byte {
	if len(s) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&s[0])), len(s)*int(unsafe.Sizeof(s[0])))
}

// newTensor makes a tensor of n elements and gives its memory too. Strings have
// none.
func newTensor(dtype onnxgraph.DataType, shape []int, n int) (*onnxgraph.Tensor, []byte, error) {
	t := &onnxgraph.Tensor{Type: dtype, Shape: shape}
	switch dtype {
	case onnxgraph.Float32:
		t.Data = make([]float32, n)
	case onnxgraph.Float64:
		t.Data = make([]float64, n)
	case onnxgraph.Int8:
		t.Data = make([]int8, n)
	case onnxgraph.Int16:
		t.Data = make([]int16, n)
	case onnxgraph.Int32:
		t.Data = make([]int32, n)
	case onnxgraph.Int64:
		t.Data = make([]int64, n)
	case onnxgraph.Uint8:
		t.Data = make([]uint8, n)
	case onnxgraph.Uint16, onnxgraph.Float16, onnxgraph.BFloat16:
		t.Data = make([]uint16, n)
	case onnxgraph.Uint32:
		t.Data = make([]uint32, n)
	case onnxgraph.Uint64:
		t.Data = make([]uint64, n)
	case onnxgraph.Bool:
		t.Data = make([]bool, n)
	case onnxgraph.String:
		t.Data = make([]string, n)
		return t, nil, nil
	default:
		return nil, nil, fmt.Errorf("ort: tensors of type %v are not supported", dtype)
	}
	b, err := bytesOf(t)
	return t, b, err
}

// elements multiplies the axes; false when one is negative or the product
// overflows.
func elements(shape []int) (int, bool) {
	n := 1
	for _, d := range shape {
		if d < 0 || d != 0 && n > (1<<62)/d {
			return 0, false
		}
		n *= d
	}
	return n, true
}

// toValue makes an OrtValue of a tensor. Numbers are not copied: the tensor's
// memory is pinned until pin is unpinned, which must come after the value is
// released.
func (l *Library) toValue(t *onnxgraph.Tensor, pin *runtime.Pinner) (uintptr, error) {
	n, ok := elements(t.Shape)
	if !ok {
		return 0, fmt.Errorf("ort: a tensor cannot have shape %v", t.Shape)
	}
	shape := make([]int64, len(t.Shape)+1) // one more, so that scalars have an address
	for i, d := range t.Shape {
		shape[i] = int64(d)
	}
	if t.Type == onnxgraph.String {
		return l.stringValue(t, shape, n)
	}
	data, err := bytesOf(t)
	if err != nil {
		return 0, err
	}
	if len(data) != n*t.Type.Size() {
		return 0, fmt.Errorf("ort: a tensor of type %v and shape %v wants %d bytes, not the %d of its %T", t.Type, t.Shape, n*t.Type.Size(), len(data), t.Data)
	}
	first := new(byte) // where an empty tensor points
	if len(data) > 0 {
		first = &data[0]
	}
	pin.Pin(first)
	return l.create(fnCreateTensorWithDataAsOrtValue, l.memory, uintptr(unsafe.Pointer(first)), uintptr(len(data)),
		uintptr(unsafe.Pointer(&shape[0])), uintptr(len(t.Shape)), uintptr(t.Type))
}

func (l *Library) stringValue(t *onnxgraph.Tensor, shape []int64, n int) (uintptr, error) {
	words, ok := t.Data.([]string)
	if !ok || len(words) != n {
		return 0, fmt.Errorf("ort: a string tensor of shape %v wants %d strings", t.Shape, n)
	}
	value, err := l.create(fnCreateTensorAsOrtValue, l.allocator, uintptr(unsafe.Pointer(&shape[0])), uintptr(len(t.Shape)), uintptr(t.Type))
	if err != nil || n == 0 {
		return value, err
	}
	var pin runtime.Pinner
	defer pin.Unpin()
	pointers, err := cStrings(words, &pin)
	if err == nil {
		err = l.call(fnFillStringTensor, value, uintptr(unsafe.Pointer(&pointers[0])), uintptr(n))
	}
	if err != nil {
		l.release(fnReleaseValue, value)
		return 0, err
	}
	return value, nil
}

// cStrings returns an array of C strings, with one place more so that it always
// has an address. The strings are pinned.
func cStrings(words []string, pin *runtime.Pinner) ([]*byte, error) {
	pointers := make([]*byte, len(words)+1)
	for i, w := range words {
		c, err := cString(w)
		if err != nil {
			return nil, err
		}
		pin.Pin(&c[0])
		pointers[i] = &c[0]
	}
	pin.Pin(&pointers[0])
	return pointers, nil
}

// fromValue copies an OrtValue into a tensor.
func (l *Library) fromValue(value uintptr) (*onnxgraph.Tensor, error) {
	kind := new(int32)
	if err := l.call(fnGetValueType, value, uintptr(unsafe.Pointer(kind))); err != nil {
		return nil, err
	}
	if *kind != onnxTypeTensor {
		return nil, fmt.Errorf("ort: the value is not a tensor but a %s", kindName(*kind))
	}
	dtype, shape, err := l.typeAndShape(value)
	if err != nil {
		return nil, err
	}
	n, ok := elements(shape)
	if !ok {
		return nil, fmt.Errorf("ort: ONNX Runtime returned a tensor of shape %v", shape)
	}
	t, to, err := newTensor(dtype, shape, n)
	if err != nil {
		return nil, err
	}
	if dtype == onnxgraph.String {
		return t, l.readStrings(value, t.Data.([]string))
	}
	from, err := l.create(fnGetTensorMutableData, value)
	if err != nil {
		return nil, err
	}
	if len(to) > 0 {
		copy(to, unsafe.Slice((*byte)(pointer(from)), len(to)))
	}
	return t, nil
}

func kindName(kind int32) string {
	names := []string{"value of unknown kind", "tensor", "sequence", "map", "value of opaque type", "sparse tensor", "optional"}
	if kind < 0 || int(kind) >= len(names) {
		kind = 0
	}
	return names[kind]
}

func (l *Library) typeAndShape(value uintptr) (onnxgraph.DataType, []int, error) {
	info, err := l.create(fnGetTensorTypeAndShape, value)
	if err != nil {
		return 0, nil, err
	}
	defer l.release(fnReleaseTensorTypeAndShapeInfo, info)
	dtype, rank := new(int32), new(uintptr)
	if err := l.call(fnGetTensorElementType, info, uintptr(unsafe.Pointer(dtype))); err != nil {
		return 0, nil, err
	}
	if err := l.call(fnGetDimensionsCount, info, uintptr(unsafe.Pointer(rank))); err != nil {
		return 0, nil, err
	}
	if *rank > maxTensorRank {
		return 0, nil, fmt.Errorf("ort: ONNX Runtime returned a tensor of %d axes", *rank)
	}
	sizes := make([]int64, *rank+1)
	if err := l.call(fnGetDimensions, info, uintptr(unsafe.Pointer(&sizes[0])), *rank); err != nil {
		return 0, nil, err
	}
	shape := make([]int, *rank)
	for i := range shape {
		shape[i] = int(sizes[i])
	}
	return onnxgraph.DataType(*dtype), shape, nil
}

func (l *Library) readStrings(value uintptr, words []string) error {
	if len(words) == 0 {
		return nil
	}
	length := new(uintptr)
	if err := l.call(fnGetStringTensorDataLength, value, uintptr(unsafe.Pointer(length))); err != nil {
		return err
	}
	text := make([]byte, *length+1)
	starts := make([]uintptr, len(words)+1)
	err := l.call(fnGetStringTensorContent, value, uintptr(unsafe.Pointer(&text[0])), *length,
		uintptr(unsafe.Pointer(&starts[0])), uintptr(len(words)))
	if err != nil {
		return err
	}
	starts[len(words)] = *length
	for i := range words {
		words[i] = string(text[starts[i]:starts[i+1]])
	}
	return nil
}
