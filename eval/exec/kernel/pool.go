package kernel

import (
	"fmt"
	"reflect"
	"slices"
)

// Value is a tensor whose memory is counted, so that it goes back to its Pool
// when nobody reads it any more.
type Value struct {
	Tensor
	refs   int
	pool   *Pool  // where the memory came from; nil if it is not ours to reuse
	parent *Value // owner of the memory, if this is another shape of it
	idle   int    // runs for which the value has been lying in the pool
}

// Foreign wraps a tensor whose memory belongs to somebody else: a weight, an
// input of the caller. Its readers are not counted, so that several goroutines
// may read it.
func Foreign(t *Tensor) *Value { return &Value{Tensor: *t} }

// Retain counts one more reader.
func (v *Value) Retain() {
	if v.pool != nil {
		v.refs++
	}
}

// Release counts one reader less, and gives the memory back after the last.
func (v *Value) Release() {
	if v.pool == nil {
		return
	}
	if v.refs--; v.refs > 0 {
		return
	}
	if v.parent != nil {
		v.parent.Release()
		v.parent = nil
		v.pool.views = append(v.pool.views, v)
		return
	}
	v.pool.put(v)
}

// Detach returns the tensor for keeps. When nobody else reads it the memory
// leaves the pool; else it is copied.
func (v *Value) Detach() *Tensor {
	t := v.Tensor
	t.Shape = slices.Clone(t.Shape)
	if v.exclusive() {
		for ; v != nil; v = v.parent {
			v.pool = nil
		}
		return &t
	}
	if v.pool != nil {
		v.pool.spent += bytesOf(t.Data) // what comes next finds nothing left
	}
	t.Data = clone(t.Data)
	return &t
}

// exclusive tells whether the memory may be overwritten by the last reader.
func (v *Value) exclusive() bool {
	for ; v != nil; v = v.parent {
		if v.refs != 1 || v.pool == nil {
			return false
		}
	}
	return true
}

// Pool keeps the memory of intermediate tensors from run to run. It is used by
// one goroutine at a time.
type Pool struct {
	Budget Budget

	free    map[reflect.Type][]*Value // by type of Data
	views   []*Value
	spent   int64 // bytes of the budget
	entered int   // bodies of the budget
}

// maxIdle is how many runs unused memory is kept for.
const maxIdle = 2

// get returns a tensor with arbitrary contents.
func (p *Pool) get(typ DataType, shape []int) (*Value, error) {
	n, err := elements(shape)
	if err != nil {
		return nil, err
	}
	t := sliceType(typ)
	if t == nil {
		return nil, fmt.Errorf("element type %v is not supported", typ)
	}
	v := p.take(t, n)
	if v == nil {
		if err := p.spend(n, t.Elem().Size()); err != nil {
			return nil, fmt.Errorf("a tensor of shape %v: %w", shape, err)
		}
		v = &Value{pool: p}
		v.Data = makeData(t, n)
	} else if length(v.Data) != n {
		v.Data = resized(v.Data, n)
	}
	v.Type, v.refs, v.idle = typ, 1, 0
	v.Shape = append(v.Shape[:0], shape...)
	return v, nil
}

// take finds the smallest free memory for n elements that is not wasteful.
func (p *Pool) take(t reflect.Type, n int) *Value {
	list, best, size := p.free[t], -1, 0
	for i, v := range list {
		if c := capacity(v.Data); c >= n && c <= 2*n+64 && (best < 0 || c < size) {
			best, size = i, c
		}
	}
	if best < 0 {
		return nil
	}
	v := list[best]
	last := len(list) - 1
	list[best], list[last] = list[last], nil
	p.free[t] = list[:last]
	return v
}

func (p *Pool) put(v *Value) {
	if p.free == nil {
		p.free = make(map[reflect.Type][]*Value)
	}
	t := reflect.TypeOf(v.Data)
	p.free[t] = append(p.free[t], v)
}

// view returns another shape of v's memory.
func (p *Pool) view(v *Value, typ DataType, shape []int) *Value {
	var w *Value
	if last := len(p.views) - 1; last >= 0 {
		w, p.views = p.views[last], p.views[:last]
	} else {
		w = &Value{pool: p}
	}
	v.Retain()
	w.parent, w.refs = v, 1
	w.Type, w.Data = typ, v.Data
	w.Shape = append(w.Shape[:0], shape...)
	return w
}

// empty lets the free memory go.
func (p *Pool) empty() {
	for t, list := range p.free {
		for _, v := range list {
			p.spent -= bytesOf(v.Data)
		}
		delete(p.free, t)
	}
}

// Trim ends a run: memory that the last runs did not need is let go, and what is
// kept counts for the next one.
func (p *Pool) Trim() {
	p.spent, p.entered = 0, 0
	for k, list := range p.free {
		keep := list[:0]
		for _, v := range list {
			if v.idle++; v.idle <= maxIdle {
				keep = append(keep, v)
				p.spent += bytesOf(v.Data)
			}
		}
		clear(list[len(keep):])
		p.free[k] = keep
	}
}
