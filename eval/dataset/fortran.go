package dataset

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"runtime/debug"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// fortranRows reads an array whose first index runs fastest, as numpy stores
// transposed arrays and the columns of a data frame. A sample lies all over it,
// so the whole is in the address space: mapped, or read.
type fortranRows struct {
	what    string // the array in messages
	dtype   onnxgraph.DataType
	shape   []int
	done    int // rows already read
	data    []byte
	order   binary.ByteOrder
	release func() error
}

func (r *fortranRows) Close() error { return r.release() }

// next gathers rows. A mapped file that is cut short faults where it is touched:
// that is an error here.
func (r *fortranRows) next(n int) (t *onnxgraph.Tensor, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if recover() != nil {
			t, err = nil, fmt.Errorf("dataset: %s: the data ends early", r.what)
		}
	}()
	row, size := r.shape[1:], r.dtype.Size()
	per, _ := count(row)
	out := make([]byte, n*per*size)
	for j := range per {
		from := (fortranPlace(row, j)*r.shape[0] + r.done) * size
		for i := range n {
			copy(out[(i*per+j)*size:][:size], r.data[from+i*size:])
		}
	}
	r.done += n
	return &onnxgraph.Tensor{Type: r.dtype, Shape: append([]int{n}, row...), Data: decode(out, r.dtype, r.order)}, nil
}

// fortranPlace is where element j of an array, counted with the last index
// fastest, stands when the first index is fastest.
func fortranPlace(shape []int, j int) int {
	stride := 1
	for _, d := range shape {
		stride *= d
	}
	place := 0
	for k := len(shape) - 1; k >= 0; k-- {
		stride /= shape[k]
		place += j % shape[k] * stride
		j /= shape[k]
	}
	return place
}

// readFortran reads such an array from a stream, which it closes.
func readFortran(what string, h *npyHeader, stream io.ReadCloser) (rows, error) {
	defer stream.Close()
	n, _ := count(h.shape)
	want := n * h.dtype.Size()
	data, err := io.ReadAll(io.LimitReader(stream, int64(want)))
	if err == nil && len(data) < want || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("the data ends early")
	}
	if err == nil { // checksums are compared when the end is reached
		if _, err = stream.Read(make([]byte, 1)); errors.Is(err, io.EOF) {
			err = nil
		}
	}
	if err != nil {
		return nil, fmt.Errorf("dataset: %s: %w", what, err)
	}
	return &fortranRows{what, h.dtype, h.shape, 0, data, h.order, func() error { return nil }}, nil
}
