package kernel

import (
	"context"
	"fmt"
)

// Call is one application of a kernel.
type Call struct {
	Ctx     context.Context
	In      []*Tensor // nil for an input left out
	Out     []*Value  // to be filled with New, Over or Alias; nil for an output nobody reads
	Values  []*Value  // the inputs as counted values
	Last    []bool    // which inputs have this call as their last reader
	Pool    *Pool
	Threads int

	scratch []*Value
}

// Has tells whether input i is given.
func (c *Call) Has(i int) bool { return i < len(c.In) && c.In[i] != nil }

// Input returns input i, or nil if it is left out.
func (c *Call) Input(i int) *Tensor {
	if i >= len(c.In) {
		return nil
	}
	return c.In[i]
}

// New makes output i with arbitrary contents.
func (c *Call) New(i int, typ DataType, shape ...int) (*Tensor, error) {
	v, err := c.Pool.get(typ, shape)
	if err != nil {
		return nil, err
	}
	c.set(i, v)
	return &v.Tensor, nil
}

// set makes v output i; an output nobody reads lives as long as the call.
func (c *Call) set(i int, v *Value) {
	if i >= len(c.Out) {
		c.scratch = append(c.scratch, v)
		return
	}
	c.Out[i] = v
}

// Zeros makes output i filled with zeros.
func (c *Call) Zeros(i int, typ DataType, shape ...int) (*Tensor, error) {
	t, err := c.New(i, typ, shape...)
	if err == nil {
		zero(t.Data)
	}
	return t, err
}

// Over makes output i, in the memory of one of the inputs js when the type and
// the shape are the same and nobody reads that input afterwards. The contents
// are arbitrary for the caller, who must write an element only after reading
// the same element of those inputs.
func (c *Call) Over(i int, typ DataType, shape []int, js ...int) (*Tensor, error) {
	for _, j := range js {
		if j >= len(c.In) || c.In[j] == nil || !c.Last[j] || !c.Values[j].exclusive() {
			continue
		}
		if in := c.In[j]; in.Type == typ && equalShape(in.Shape, shape) {
			c.Values[j].Retain()
			c.set(i, c.Values[j])
			return in, nil
		}
	}
	return c.New(i, typ, shape...)
}

// Alias makes output i another shape of input j, without copying.
func (c *Call) Alias(i, j int, shape []int) error {
	in := c.In[j]
	if n, err := elements(shape); err != nil {
		return err
	} else if n != length(in.Data) {
		return fmt.Errorf("cannot reshape %v to %v", in.Shape, shape)
	}
	c.set(i, c.Pool.view(c.Values[j], in.Type, shape))
	return nil
}

// Floats returns n floats of scratch memory with arbitrary contents, which the
// kernel may use until it returns.
func (c *Call) Floats(n int) []float32 {
	v, err := c.Pool.get(1, []int{n})
	if err != nil {
		return make([]float32, n)
	}
	c.scratch = append(c.scratch, v)
	return v.Data.([]float32)
}

// End releases the scratch memory of the call.
func (c *Call) End() {
	for i, v := range c.scratch {
		v.Release()
		c.scratch[i] = nil
	}
	c.scratch = c.scratch[:0]
}

func equalShape(a, b []int) bool {
	if len(a) != len(b) {
		return false
	}
	for i, d := range a {
		if b[i] != d {
			return false
		}
	}
	return true
}

// sub is a call of another kernel with one output, for a kernel that is made of
// several.
func (c *Call) sub(in ...*Tensor) *Call {
	s := &Call{Ctx: c.Ctx, In: in, Out: make([]*Value, 1), Values: make([]*Value, len(in)), Last: make([]bool, len(in)),
		Pool: c.Pool, Threads: c.Threads}
	for i, t := range in {
		if t != nil {
			s.Values[i] = Foreign(t)
		}
	}
	return s
}
