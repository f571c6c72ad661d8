package dataset

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"runtime/debug"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// mappedRows reads an array of fixed-size elements from a file in the address
// space: its pages are read when they are touched and belong to the system, which
// drops them when memory is short.
type mappedRows struct {
	what    string // the array in messages
	dtype   onnxgraph.DataType
	row     []int  // shape of one row
	left    []byte // rows not yet read
	order   binary.ByteOrder
	release func() error
}

func (r *mappedRows) Close() error { return r.release() }

// next copies rows out. A file that is cut short while it is mapped faults where
// it is touched: that is an error here.
func (r *mappedRows) next(n int) (t *onnxgraph.Tensor, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if recover() != nil {
			t, err = nil, fmt.Errorf("dataset: %s: the data ends early", r.what)
		}
	}()
	per, _ := count(r.row)
	size := n * per * r.dtype.Size()
	if size > len(r.left) {
		return nil, fmt.Errorf("dataset: %s: the data ends early", r.what)
	}
	data := r.left[:size]
	if r.dtype == onnxgraph.Uint8 {
		data = bytes.Clone(data) // decode takes these as they are
	}
	t = &onnxgraph.Tensor{Type: r.dtype, Shape: append([]int{n}, r.row...), Data: decode(data, r.dtype, r.order)}
	r.left = r.left[size:]
	return t, nil
}
