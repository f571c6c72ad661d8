package solver

import (
	"encoding/binary"
	"math"

	"github.com/onnx-rebasin/onnx-rebasin/internal/half"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// Content encodes numbers as a weight of the given floating-point type.
func Content[T float32 | float64](t onnxgraph.DataType, in []T) onnxgraph.Content {
	out := make([]byte, 0, len(in)*t.Size())
	le := binary.LittleEndian
	for _, v := range in {
		switch t {
		case onnxgraph.Float64:
			out = le.AppendUint64(out, math.Float64bits(float64(v)))
		case onnxgraph.Float32:
			out = le.AppendUint32(out, math.Float32bits(float32(v)))
		case onnxgraph.Float16:
			out = le.AppendUint16(out, half.ToFloat16(float32(v)))
		case onnxgraph.BFloat16:
			out = le.AppendUint16(out, half.ToBFloat16(float32(v)))
		}
	}
	return func() ([]byte, error) { return out, nil }
}
