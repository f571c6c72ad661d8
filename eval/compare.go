package eval

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/onnx-rebasin/onnx-rebasin/eval/exec"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// comparison is a Verify under way.
type comparison struct {
	a, b  *Runner
	rough *Runner // the first model jittered; nil when noise is not measured
	opts  VerifyOptions

	shapes   *onnxgraph.ShapeInfo
	base     tolerance
	outputs  []*observed
	branches []*branch

	samples int
	inputs  string                       // description
	last    map[string]*onnxgraph.Tensor // the inputs of the last run, or of the first that differed
	failed  bool
	unsure  string // why no verdict is possible whatever the numbers
}

func newComparison(a, b *Runner, opts VerifyOptions) (*comparison, error) {
	c := &comparison{a: a, b: b, opts: opts, shapes: onnxgraph.Shapes(a.Model)}
	c.base = precisionOf(a.Model, c.shapes)
	if opts.Atol == 0 && opts.Rtol == 0 {
		if m := jittered(a.Model, opts.Seed); m != nil {
			var err error
			open := opts.Open
			open.Backend = a.Backend
			if c.rough, err = Open(m, open); err != nil {
				return nil, err
			}
		}
	}
	if c.rough == nil && c.base == toleranceFloat32 {
		c.base = tolerancePlain
	}
	fine := c.rough != nil && (c.base == toleranceFloat32 || c.base == toleranceFloat64) // no coarser numbers between
	c.base = c.base.or(opts.Atol, opts.Rtol)
	for i, w := range counterparts(a.Model.Graph.Outputs, b.Model.Graph.Outputs) {
		v := a.Model.Graph.Outputs[i]
		c.outputs = append(c.outputs, &observed{name: v.Name, a: v, b: w, tol: c.base.forType(v.Type), ends: endsOf(v)})
		if fine {
			c.outputs[i].deaf = deafness(v)
		}
	}
	c.branches = branchesOf(a.Model)
	return c, nil
}

func (c *comparison) close() {
	if c.rough != nil {
		c.rough.Close()
	}
}

// onData compares the models on every batch of a data set. It takes two batches
// at least, so that outputs can be seen to change.
func (c *comparison) onData(ctx context.Context) error {
	size := c.opts.Batch
	if size <= 0 {
		size = 64
	}
	size = min(size, (c.opts.Data.Len()+1)/2)
	c.inputs = fmt.Sprintf("%d samples of %s", c.opts.Data.Len(), c.opts.Data.Name)
	done := 0
	for batch, err := range c.opts.Data.Batches(size) {
		if err == nil {
			err = c.run(ctx, batch.Inputs)
		}
		if err != nil {
			return err
		}
		if done == 0 && batch.N == c.opts.Data.Len() {
			if err := c.run(ctx, halved(batch.Inputs)); err != nil {
				return err
			}
		}
		done += batch.N
		c.progress(done, c.opts.Data.Len())
	}
	return nil
}

func (c *comparison) progress(done, total int) {
	if c.opts.Progress != nil {
		c.opts.Progress(done, total)
	}
}

// halved gives inputs of half the size, where they are float32.
func halved(inputs map[string]*onnxgraph.Tensor) map[string]*onnxgraph.Tensor {
	out := make(map[string]*onnxgraph.Tensor, len(inputs))
	for name, t := range inputs {
		out[name] = t
		if d, ok := t.Data.([]float32); ok {
			half := make([]float32, len(d))
			for i, v := range d {
				half[i] = v / 2
			}
			out[name] = &onnxgraph.Tensor{Type: t.Type, Shape: t.Shape, Data: half}
		}
	}
	return out
}

// largeInput is the number of elements beyond which inputs are not batched and
// fewer are tried.
const largeInput = 1 << 18

// onRandom compares the models on generated inputs: on those of the usual
// styles, then, while outputs tell too little, on the others and on more; while
// indices are left that nothing has looked up, and the models are small, on more
// of these; at last with other controls, where the graph has branches that were
// not taken.
func (c *comparison) onRandom(ctx context.Context) error {
	p, err := c.plan(ctx, c.opts.Inputs)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return &ungeneratedError{err}
	}
	c.inputs = p.describe()
	if drawing(c.a.Model) {
		if err := c.repeatable(ctx, p); err != nil || c.unsure != "" {
			return err
		}
	}
	samples := c.opts.Samples
	if samples <= 0 {
		samples = someSamples
		switch {
		case p.elements() > largeInput:
			samples = fewSamples
		case p.cheap(c.a.Model):
			samples = cheapSamples
		}
	}
	k := 0
	more := func(n int, among []style, while func() bool) error {
		for end := k + n; k < end && while(); k++ {
			if err := c.runSample(ctx, p, k, among[k%len(among)]); err != nil {
				return err
			}
			c.progress(k+1, end)
		}
		return nil
	}
	usual, rare := styles[:usualStyles], styles[usualStyles:]
	if err := more(samples, usual, func() bool { return true }); err != nil {
		return err
	}
	if !c.failed && !c.settled() {
		c.lookBefore()
		if err := more(2*len(rare), rare, func() bool { return !c.failed && !c.settled() }); err != nil {
			return err
		}
	}
	if c.opts.Samples <= 0 && parameters(c.a.Model) < smallModel {
		if err := more(moreIndices, usual, func() bool { return !c.failed && p.undealt(k) }); err != nil {
			return err
		}
	}
	c.inputs = p.describe() + p.dealt(k)
	return c.otherControls(ctx, p)
}

// cheap reports whether runs cost next to nothing: then there are more and larger
// ones, for some units of a network wake only now and then.
func (p *plan) cheap(m *onnxgraph.Model) bool {
	return p.elements() <= cheapBatch*2048 && parameters(m) < smallModel
}

// smallModel is the number of parameters below which up to moreIndices more
// inputs are tried to see all indices.
const (
	smallModel  = 1 << 22
	moreIndices = 32
)

// parameters counts the elements of a model's weights.
func parameters(m *onnxgraph.Model) int64 {
	n := int64(0)
	for _, w := range m.Weights() {
		n += w.Elements()
	}
	return n
}

func (c *comparison) runSample(ctx context.Context, p *plan, k int, s style) error {
	inputs, err := p.sample(c.opts.Seed, k, s)
	if err != nil {
		return err
	}
	return c.run(ctx, inputs)
}

// ungeneratedError says that no generated inputs run.
type ungeneratedError struct{ error }

func (e *ungeneratedError) Unwrap() error { return e.error }

// plan finds generated inputs that the first model takes.
func (c *comparison) plan(ctx context.Context, specs map[string]InputSpec) (*plan, error) {
	var first error
	var firstInputs string
	tried := map[string]bool{}
	for _, sizes := range candidates {
		p, err := planInputs(c.a.Model, c.b.Model, c.shapes, specs, sizes)
		if err != nil {
			return nil, err
		}
		if tried[p.describe()] || sizes.batch > 1 && p.elements() > largeInput || sizes.batch == cheapBatch && !p.cheap(c.a.Model) {
			continue
		}
		tried[p.describe()] = true
		inputs, err := p.sample(c.opts.Seed, 0, styles[0])
		if err != nil {
			return nil, err
		}
		if _, err = c.a.Run(ctx, inputs, nil); err == nil {
			return p, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		var budget *exec.BudgetError
		if errors.As(err, &budget) && !budget.Memory {
			return nil, err // others would take as long
		}
		if first == nil {
			first, firstInputs = err, p.describe()
		}
	}
	return nil, fmt.Errorf("eval: no generated inputs were taken, such as %s: %w", firstInputs, first)
}

// drawing reports whether a model has operators that draw random numbers.
func drawing(m *onnxgraph.Model) bool {
	found := false
	everyNode(m.Graph, func(n *onnxgraph.Node) {
		switch {
		case strings.HasPrefix(n.Op, "Random"), n.Op == "Multinomial", n.Op == "Bernoulli", n.Op == "Dropout", n.Op == "Sampling":
			found = true
		}
	})
	return found
}

// repeatable runs the first model twice on one input: a model whose output is
// drawn cannot be compared.
func (c *comparison) repeatable(ctx context.Context, p *plan) error {
	inputs, err := p.sample(c.opts.Seed, 0, styles[0])
	if err != nil {
		return err
	}
	x, err := c.a.Run(ctx, inputs, nil)
	if err != nil {
		return err
	}
	y, err := c.a.Run(ctx, inputs, nil)
	if err != nil {
		return err
	}
	for _, o := range c.outputs {
		if x[o.name] == nil || x[o.name].Type == onnxgraph.String {
			continue
		}
		g, err := gapOf(x[o.name], y[o.name])
		if err != nil {
			return err
		}
		if !o.tol.holds(g, 0) {
			c.unsure = fmt.Sprintf("output %q is not the same in two runs of one model on one input", o.name)
		}
	}
	return nil
}

// run runs both models on one input and notes what it shows.
func (c *comparison) run(ctx context.Context, inputs map[string]*onnxgraph.Tensor) error {
	var namesA, namesB []string // nil for the graph's outputs
	if len(c.outputs) > len(c.a.Model.Graph.Outputs) || len(c.branches) > 0 {
		for _, o := range c.outputs {
			if !o.missing {
				namesA, namesB = append(namesA, o.a.Name), append(namesB, o.b.Name)
			}
		}
	}
	x, err := c.a.Run(ctx, inputs, c.withConditions(namesA))
	if err != nil {
		return err
	}
	y, err := c.b.Run(ctx, renamed(inputs, c.a.Model, c.b.Model), namesB)
	if err != nil {
		return err
	}
	var z map[string]*onnxgraph.Tensor
	if c.rough != nil {
		if z, err = c.rough.Run(ctx, inputs, namesA); err != nil {
			return err
		}
	}
	c.samples++
	if !c.failed {
		c.last = inputs
	}
	for _, o := range c.outputs {
		if err := o.observe(x[o.a.Name], y[o.b.Name], z[o.a.Name]); err != nil {
			return fmt.Errorf("eval: output %q: %w", o.name, err)
		}
		c.failed = c.failed || o.failed
	}
	for _, b := range c.branches {
		b.see(x, inputs)
	}
	return nil
}

// settled reports whether the outputs have told enough.
func (c *comparison) settled() bool {
	for _, o := range c.outputs {
		if !o.missing && !o.told() {
			return false
		}
	}
	return true
}

// lookBefore also compares what goes into the last operator of saturated
// outputs, where the models compute them alike.
func (c *comparison) lookBefore() {
	if c.opts.OutputsOnly {
		return
	}
	for _, o := range c.outputs {
		if !o.saturated || o.before != nil {
			continue
		}
		n, m := lastOperator(o.a), lastOperator(o.b)
		if n == nil || m == nil || n.Op != m.Op || n.Inputs[0] == nil || m.Inputs[0] == nil || n.Inputs[0].Weight != nil || n.Graph.Outer != nil {
			continue
		}
		o.before = &observed{name: n.Inputs[0].Name, a: n.Inputs[0], b: m.Inputs[0], tol: c.base, deaf: o.deaf}
		c.outputs = append(c.outputs, o.before)
	}
}
