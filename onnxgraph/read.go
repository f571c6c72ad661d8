package onnxgraph

import (
	"errors"
	"fmt"
)

// Bytes returns the numbers of a weight as raw little-endian bytes in row-major
// order, the layout of raw_data, whatever form the file keeps them in; types
// narrower than a byte are packed from the lowest bits up. The result may be
// part of the mapped file: it must not be changed, nor used after Close. It is
// computed anew at each call unless the file holds it as it is. The elements of
// a String weight are had from Tensor.
func (m *Model) Bytes(w *Weight) ([]byte, error) {
	b, err := m.bytes(w)
	if err != nil {
		return nil, m.readError(w, err)
	}
	return b, nil
}

// readError says which weight of which file could not be read.
func (m *Model) readError(w *Weight, err error) error {
	if m.Path == "" {
		return fmt.Errorf("read weight %q: %w", w.Name, err)
	}
	return fmt.Errorf("read weight %q of %s: %w", w.Name, m.Path, err)
}

func (m *Model) bytes(w *Weight) ([]byte, error) {
	if err := m.check(w); err != nil {
		return nil, err
	}
	switch c := m.contents[w]; {
	case c != nil:
		return m.replaced(w, c)
	case w.Type.Bits() == 0:
		return nil, fmt.Errorf("elements of type %v have no bytes", w.Type)
	case w.Sparse:
		return m.file.dense(w)
	case w.index < 0:
		return w.inline, nil
	}
	return m.file.tensor(w.index, w.Type, w.size())
}

// check returns an error when the weight is none of the model's, or the model
// was closed.
func (m *Model) check(w *Weight) error {
	if w.file != m.file {
		return errors.New("it is a weight of another model")
	}
	return m.file.alive()
}

// replaced returns the content that With gave for a weight.
func (m *Model) replaced(w *Weight, c Content) ([]byte, error) {
	if !w.Replaceable() {
		return nil, errors.New("it cannot be replaced where it is kept")
	}
	b, err := c()
	if err != nil {
		return nil, err
	}
	return b, sizeError(len(b), w.size())
}

// tensor returns the payload of tensor i in the raw layout.
func (f *file) tensor(i int, t DataType, size int) ([]byte, error) {
	if a := f.sites[i].added; a != nil {
		return a.bytes()
	}
	h, err := f.header(i)
	if err != nil {
		return nil, err
	}
	if !isExternal(h) {
		return f.sites[i].raw(f.data, t, size)
	}
	r, err := parseReference(h)
	if err != nil {
		return nil, err
	}
	return f.read(r, size)
}

// strings returns the elements of a weight of strings.
func (m *Model) strings(w *Weight) ([]string, error) {
	if err := m.check(w); err != nil {
		return nil, err
	}
	switch {
	case m.contents[w] != nil, w.Sparse:
		return nil, errors.New("strings can neither be sparse nor replaced")
	case w.index < 0:
		return w.strings, nil
	}
	return m.file.sites[w.index].strings(m.file.data, w.Elements())
}

// maxDense bounds the bytes a sparse tensor may take once it is written out.
const maxDense = 1 << 30

// dense returns a sparse tensor in the raw layout. Its indices are one number
// for each value, into the flattened tensor, or one row of coordinates.
func (f *file) dense(w *Weight) ([]byte, error) {
	width := w.Type.Size()
	size := w.size()
	switch {
	case width == 0:
		return nil, fmt.Errorf("sparse tensors of %v are not read", w.Type)
	case size > maxDense:
		return nil, fmt.Errorf("a sparse tensor of %d bytes when written out", size)
	}
	values, err := f.tensor(w.index, w.Type, w.values*width)
	if err != nil {
		return nil, fmt.Errorf("its values: %w", err)
	}
	at, err := f.places(w)
	if err != nil {
		return nil, fmt.Errorf("its indices: %w", err)
	}
	out := make([]byte, size)
	for i, p := range at {
		copy(out[p*width:(p+1)*width], values[i*width:])
	}
	return out, nil
}

// places returns the flat index of each value of a sparse tensor.
func (f *file) places(w *Weight) ([]int, error) {
	h, err := f.header(w.indices)
	if err != nil {
		return nil, err
	}
	dims := h.GetDims()
	rank := len(w.Shape)
	flat := len(dims) == 1
	switch {
	case DataType(h.GetDataType()) != Int64:
		return nil, errors.New("they are not int64")
	case !flat && (len(dims) != 2 || dims[1] != int64(rank)), dims[0] != int64(w.values):
		return nil, fmt.Errorf("they have shape %v for %d values in %d axes", dims, w.values, rank)
	case flat:
		rank = 1
	}
	if _, ok := Int64.rawSize(int64(w.values) * int64(max(rank, 1))); !ok {
		return nil, errors.New("too many")
	}
	raw, err := f.tensor(w.indices, Int64, 8*w.values*rank)
	if err != nil {
		return nil, err
	}
	index := decode[int64](raw)
	out := make([]int, w.values)
	for i := range out {
		p := int64(0)
		for k := range rank {
			x, size := index[i*rank+k], w.Elements()
			if !flat {
				size = w.Shape[k]
			}
			if x < 0 || x >= size {
				return nil, fmt.Errorf("%d lies outside of shape %v", x, w.Shape)
			}
			p = p*size + x
		}
		out[i] = int(p)
	}
	return out, nil
}
