package grad

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/onnx-rebasin/onnx-rebasin/eval/exec/kernel"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// check is one node whose gradients are held against differences.
type check struct {
	domain, op string
	version    int64 // 0: 17
	attrs      attrs
	in         []*Tensor // nil: left out
	fixed      []int     // floating-point inputs without a gradient
	outputs    int       // 0: 1
	silent     []int     // outputs whose gradient is nil
}

type attrs map[string]any

func (a attrs) attributes() map[string]onnxgraph.Attr {
	out := map[string]onnxgraph.Attr{}
	for name, v := range a {
		switch v := v.(type) {
		case int:
			out[name] = onnxgraph.Attr{Kind: onnxgraph.AttrInt, Int: int64(v)}
		case float64:
			out[name] = onnxgraph.Attr{Kind: onnxgraph.AttrFloat, Float: float32(v)}
		case string:
			out[name] = onnxgraph.Attr{Kind: onnxgraph.AttrString, String: v}
		case []string:
			out[name] = onnxgraph.Attr{Kind: onnxgraph.AttrStrings, Strings: v}
		case []int:
			a := onnxgraph.Attr{Kind: onnxgraph.AttrInts}
			for _, n := range v {
				a.Ints = append(a.Ints, int64(n))
			}
			out[name] = a
		}
	}
	return out
}

// between gives n different numbers between lo and hi in a random order, none
// near another, so that maxima are clear and steps stay on their side.
func between(lo, hi float64, shape ...int) *Tensor {
	n := size(shape)
	rng := rand.New(rand.NewPCG(uint64(n), uint64(len(shape))))
	x := make([]float32, n)
	for i, k := range rng.Perm(n) {
		x[i] = float32(lo + (hi-lo)*(float64(k)+0.3+0.4*rng.Float64())/float64(n))
	}
	return &Tensor{Type: onnxgraph.Float32, Shape: shape, Data: x}
}

// some gives numbers between -2 and 2.
func some(shape ...int) *Tensor { return between(-2, 2, shape...) }

func ints(n ...int64) *Tensor {
	return &Tensor{Type: onnxgraph.Int64, Shape: []int{len(n)}, Data: n}
}

func lengths(n ...int32) *Tensor {
	return &Tensor{Type: onnxgraph.Int32, Shape: []int{len(n)}, Data: n}
}

func int1(n int64) *Tensor { return &Tensor{Type: onnxgraph.Int64, Shape: nil, Data: []int64{n}} }

func shaped(t *Tensor, shape ...int) *Tensor {
	t.Shape = shape
	return t
}

func factors(x ...float32) *Tensor {
	return &Tensor{Type: onnxgraph.Float32, Shape: []int{len(x)}, Data: x}
}

func bools(b ...bool) *Tensor {
	return &Tensor{Type: onnxgraph.Bool, Shape: []int{len(b)}, Data: b}
}

func single(x float32) *Tensor { return &Tensor{Type: onnxgraph.Float32, Data: []float32{x}} }

func times32(t *Tensor, by float32) *Tensor {
	for i := range t.Data.([]float32) {
		t.Data.([]float32)[i] *= by
	}
	return t
}

// Every rule of the tables gives what central differences of the operator's
// kernel give, and no rule is without a case.
func TestGradients(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range checks() {
		seen[c.domain+"."+c.op] = true
		t.Run(c.op, func(t *testing.T) { c.run(t) })
	}
	all := append(slices.Clone(table), contrib)
	for k, family := range all {
		domain := ""
		if k == len(table) {
			domain = "com.microsoft"
		}
		for op := range family {
			if !seen[domain+"."+op] && !Stops(domain, op) {
				t.Errorf("no case for the gradient of %s %s", domain, op)
			}
		}
	}
}

func (k *check) node() *kernel.Node {
	n := &kernel.Node{Op: k.op, Domain: k.domain, Version: k.version, Attrs: k.attrs.attributes(), Const: make([]*Tensor, len(k.in))}
	if n.Version == 0 {
		n.Version = 17
	}
	for _, t := range k.in {
		n.Given = append(n.Given, t != nil)
	}
	for range max(1, k.outputs) {
		n.Wanted = append(n.Wanted, true)
	}
	return n
}

func (k *check) run(t *testing.T) {
	c := &Call{Ctx: context.Background(), Node: k.node(), In: k.in, Threads: 2}
	out, err := c.forward(k.in, c.Node.Wanted)
	if err != nil {
		t.Fatal(err)
	}
	c.Out = out
	rng := rand.New(rand.NewPCG(7, 7))
	for i, y := range out {
		c.Up = append(c.Up, nil)
		if y.Type.IsFloat() && !slices.Contains(k.silent, i) {
			c.Up[i] = make([]float32, size(y.Shape))
			for j := range c.Up[i] {
				c.Up[i][j] = float32(rng.NormFloat64())
			}
		}
	}
	for i, x := range k.in {
		c.Down = append(c.Down, nil)
		if x != nil && x.Type.IsFloat() && !slices.Contains(k.fixed, i) {
			c.Down[i] = slices.Repeat([]float32{1}, size(x.Shape)) // rules add to what is there
		}
	}
	rule, ok := Lookup(k.domain, k.op)
	if !ok {
		t.Fatalf("no gradient of %s", k.op)
	}
	if err := rule(c); err != nil {
		t.Fatal(err)
	}
	k.compare(t, c)
}

// compare holds the gradients against differences, in float64 where the kernel
// computes in it.
func (k *check) compare(t *testing.T, c *Call) {
	in, step, tol := doubled(k.in), 1e-4, 2e-4
	if _, err := c.forward(in, c.Node.Wanted); err != nil {
		in, step, tol = k.in, 2e-2, 5e-3
	}
	loss := func() float64 {
		out, err := c.forward(in, c.Node.Wanted)
		if err != nil {
			t.Fatal(err)
		}
		sum := 0.0
		for i, up := range c.Up {
			for j, u := range up {
				sum += float64(u) * at(out[i], j)
			}
		}
		return sum
	}
	for i, down := range c.Down {
		for j, got := range down {
			was := at(in[i], j)
			set(in[i], j, was+step)
			above := loss()
			set(in[i], j, was-step)
			want := (above - loss()) / (2 * step)
			set(in[i], j, was)
			if diff := math.Abs(float64(got) - 1 - want); !(diff <= tol*max(1, math.Abs(want))) {
				t.Fatalf("gradient by element %d of input %d is %g, differences say %g", j, i, got-1, want)
			}
		}
	}
}

func doubled(in []*Tensor) []*Tensor {
	out := slices.Clone(in)
	for i, x := range in {
		if x != nil && x.Type == onnxgraph.Float32 {
			d := make([]float64, size(x.Shape))
			for j, v := range x.Data.([]float32) {
				d[j] = float64(v)
			}
			out[i] = &Tensor{Type: onnxgraph.Float64, Shape: x.Shape, Data: d}
		}
	}
	return out
}

func at(t *Tensor, j int) float64 {
	if d, ok := t.Data.([]float64); ok {
		return d[j]
	}
	return float64(t.Data.([]float32)[j])
}

func set(t *Tensor, j int, v float64) {
	if d, ok := t.Data.([]float64); ok {
		d[j] = v
		return
	}
	t.Data.([]float32)[j] = float32(v)
}
