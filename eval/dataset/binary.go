package dataset

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// maxRow is the size in bytes that one sample may have, and largestBatch what a
// batch may have before it is made smaller.
const (
	maxRow       = 1 << 30
	largestBatch = 1 << 28
)

// deflateRatio is the most that deflate can shrink data: 1032 bytes into one.
// Data that claims more than that is lying about its size.
const deflateRatio = 1032

// binaryRows reads an array of fixed-size elements from a stream.
type binaryRows struct {
	what   string // the array in messages
	dtype  onnxgraph.DataType
	row    []int // shape of one row
	left   int   // rows not yet read
	order  binary.ByteOrder
	stream io.ReadCloser
}

func (r *binaryRows) Close() error { return r.stream.Close() }

func (r *binaryRows) next(n int) (*onnxgraph.Tensor, error) {
	per, _ := count(r.row)
	data := make([]byte, n*per*r.dtype.Size())
	if _, err := io.ReadFull(r.stream, data); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = errors.New("the data ends early")
		}
		return nil, fmt.Errorf("dataset: %s: %w", r.what, err)
	}
	if r.left -= n; r.left <= 0 {
		// Checksums are compared when the end is reached.
		if _, err := r.stream.Read(make([]byte, 1)); err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("dataset: %s: %w", r.what, err)
		}
	}
	t := &onnxgraph.Tensor{Type: r.dtype, Shape: append([]int{n}, r.row...)}
	t.Data = decode(data, r.dtype, r.order)
	return t, nil
}

// decode turns stored bytes into numbers.
func decode(b []byte, dtype onnxgraph.DataType, order binary.ByteOrder) any {
	switch dtype {
	case onnxgraph.Uint8:
		return b
	case onnxgraph.Bool:
		return each(b, 1, func(b []byte) bool { return b[0] != 0 })
	case onnxgraph.Int8:
		return each(b, 1, func(b []byte) int8 { return int8(b[0]) })
	case onnxgraph.Uint16, onnxgraph.Float16, onnxgraph.BFloat16:
		return each(b, 2, order.Uint16)
	case onnxgraph.Int16:
		return each(b, 2, func(b []byte) int16 { return int16(order.Uint16(b)) })
	case onnxgraph.Uint32:
		return each(b, 4, order.Uint32)
	case onnxgraph.Int32:
		return each(b, 4, func(b []byte) int32 { return int32(order.Uint32(b)) })
	case onnxgraph.Uint64:
		return each(b, 8, order.Uint64)
	case onnxgraph.Int64:
		return each(b, 8, func(b []byte) int64 { return int64(order.Uint64(b)) })
	case onnxgraph.Float64:
		return each(b, 8, func(b []byte) float64 { return math.Float64frombits(order.Uint64(b)) })
	}
	return each(b, 4, func(b []byte) float32 { return math.Float32frombits(order.Uint32(b)) })
}

func each[T any](b []byte, size int, get func([]byte) T) []T {
	out := make([]T, len(b)/size)
	for i := range out {
		out[i] = get(b[i*size:])
	}
	return out
}

// checkSize compares what an array claims with the bytes that are there: exactly
// when stored plainly, or by what compression can do.
func checkSize(what string, dtype onnxgraph.DataType, shape []int, have int64, compressed bool) error {
	n, ok := count(shape)
	if !ok {
		return fmt.Errorf("dataset: %s claims the impossible shape %v", what, shape)
	}
	want := int64(n) * int64(dtype.Size())
	if compressed && want > have*deflateRatio || !compressed && want > have {
		return fmt.Errorf("dataset: %s claims %d bytes of data but the file has only %d", what, want, have)
	}
	if len(shape) == 0 {
		return nil
	}
	if per, ok := count(shape[1:]); !ok || per*dtype.Size() > maxRow {
		return fmt.Errorf("dataset: %s has samples of shape %v, more than %d MiB each", what, shape[1:], maxRow>>20)
	}
	return nil
}

// newBinaryRows reads an array of the given shape from its first element on.
func newBinaryRows(what string, dtype onnxgraph.DataType, shape []int, order binary.ByteOrder, stream io.ReadCloser) *binaryRows {
	r := &binaryRows{what: what, dtype: dtype, row: rowShape(shape), left: 1, order: order, stream: stream}
	if len(shape) > 0 {
		r.left = shape[0]
	}
	return r
}

// rowShape is the shape without the axis of samples.
func rowShape(shape []int) []int {
	if len(shape) == 0 {
		return nil
	}
	return shape[1:]
}
