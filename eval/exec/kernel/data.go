package kernel

import (
	"fmt"
	"math"
	"reflect"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// Sequence is the Type of a tensor that stands for a sequence: its Data is a
// []*Tensor, its Shape the one length.
const Sequence DataType = -1

// sliceType returns the type of the slice that holds elements of type t, nil if
// no kernel can take them.
func sliceType(t DataType) reflect.Type {
	if t == Sequence {
		return reflect.TypeFor[[]*Tensor]()
	}
	if t < 0 || int(t) >= len(sliceTypes) {
		return nil
	}
	return sliceTypes[t]
}

var sliceTypes = [...]reflect.Type{
	onnxgraph.Float32:  reflect.TypeFor[[]float32](),
	onnxgraph.Float64:  reflect.TypeFor[[]float64](),
	onnxgraph.Float16:  reflect.TypeFor[[]uint16](),
	onnxgraph.BFloat16: reflect.TypeFor[[]uint16](),
	onnxgraph.Int4:     reflect.TypeFor[[]int8](), // one to a byte
	onnxgraph.Uint4:    reflect.TypeFor[[]uint8](),
	onnxgraph.Int8:     reflect.TypeFor[[]int8](),
	onnxgraph.Int16:    reflect.TypeFor[[]int16](),
	onnxgraph.Int32:    reflect.TypeFor[[]int32](),
	onnxgraph.Int64:    reflect.TypeFor[[]int64](),
	onnxgraph.Uint8:    reflect.TypeFor[[]uint8](),
	onnxgraph.Uint16:   reflect.TypeFor[[]uint16](),
	onnxgraph.Uint32:   reflect.TypeFor[[]uint32](),
	onnxgraph.Uint64:   reflect.TypeFor[[]uint64](),
	onnxgraph.Bool:     reflect.TypeFor[[]bool](),
	onnxgraph.String:   reflect.TypeFor[[]string](),
}

// CheckTensor tells whether a tensor's data have the Go type and the number of
// elements that its type and shape name.
func CheckTensor(t *Tensor) error {
	n, err := elements(t.Shape)
	if err != nil {
		return err
	}
	want := sliceType(t.Type)
	if want == nil {
		return fmt.Errorf("element type %v is not supported", t.Type)
	}
	if got := reflect.TypeOf(t.Data); got != want {
		return fmt.Errorf("elements of type %v are held in %v, got %v", t.Type, want, got)
	}
	if got := length(t.Data); got != n {
		return fmt.Errorf("shape %v has %d elements, the data %d", t.Shape, n, got)
	}
	return nil
}

func makeData(t reflect.Type, n int) any { return reflect.MakeSlice(t, n, n).Interface() }

func length(data any) int { return reflect.ValueOf(data).Len() }

func capacity(data any) int { return reflect.ValueOf(data).Cap() }

// bytesOf is the memory that holds data, without what its elements point to.
func bytesOf(data any) int64 {
	v := reflect.ValueOf(data)
	return int64(v.Cap()) * int64(v.Type().Elem().Size())
}

func resized(data any, n int) any { return reflect.ValueOf(data).Slice(0, n).Interface() }

func zero(data any) { reflect.ValueOf(data).Clear() }

// clone copies the elements to fresh memory.
func clone(data any) any {
	v := reflect.ValueOf(data)
	out := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
	reflect.Copy(out, v)
	return out.Interface()
}

// elements returns the number of elements of a shape, or an error when the
// shape is absurd.
func elements(shape []int) (int, error) {
	n := 1
	for _, d := range shape {
		if d < 0 || d > 0 && n > math.MaxInt32*16/d {
			return 0, fmt.Errorf("a tensor of shape %v is out of range", shape)
		}
		n *= d
	}
	return n, nil
}

// size returns the number of elements of a shape known to be sound.
func size(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// joined copies the elements of two slices of one type one after the other.
func joined(a, b any) any {
	return reflect.AppendSlice(reflect.ValueOf(clone(a)), reflect.ValueOf(b)).Interface()
}
