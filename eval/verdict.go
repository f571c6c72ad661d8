package eval

import (
	"fmt"
	"strings"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// verdict sums a comparison up.
func (c *comparison) verdict() *Verification {
	v := &Verification{Samples: c.samples, Inputs: c.inputs, Verdict: Same}
	used := -1.0
	for _, o := range c.outputs {
		d := OutputDifference{Name: o.name, MaxAbs: o.total.maxAbs, MaxRel: o.maxRel, Atol: o.tol.atol, Rtol: o.tol.rtol, Noise: o.noise,
			OK: !o.failed, Informative: o.informative, Reason: o.reason}
		if o.total.n > 0 {
			d.MeanAbs = o.total.sumAbs / float64(o.total.n)
		}
		if o.total.sumA > 0 {
			d.MeanRel = o.total.sumAbs / o.total.sumA
		}
		v.Outputs = append(v.Outputs, d)
		v.MaxAbs, v.MaxRel = max(v.MaxAbs, d.MaxAbs), max(v.MaxRel, d.MaxRel)
		if o.used > used {
			used, v.Atol, v.Rtol, v.Noise = o.used, d.Atol, d.Rtol, d.Noise
		}
		if o.failed && v.Verdict == Same {
			v.Verdict = Different
			v.Reason = fmt.Sprintf("output %q differs by %.3g, where %s is allowed", d.Name, d.MaxAbs, o.allowed(d.MaxAbs))
			if o.reason != "" {
				v.Reason = fmt.Sprintf("output %q differs: %s", d.Name, o.reason)
			}
		}
	}
	c.doubt(v)
	v.OK = v.Verdict == Same
	return v
}

// doubt turns a Same that the runs do not carry into Inconclusive, and says
// what else is to be known.
func (c *comparison) doubt(v *Verification) {
	if c.unsure != "" {
		v.Verdict, v.Reason = Inconclusive, c.unsure
		return
	}
	if v.Verdict != Same {
		return
	}
	var mute []string
	for _, o := range c.outputs {
		if why := o.muteness(); why != "" {
			mute = append(mute, fmt.Sprintf("%q %s", o.name, why))
		}
	}
	if unseen := c.unseen(); len(unseen) > 0 {
		v.Verdict = Inconclusive
		v.Reason = fmt.Sprintf("the check could not tell: no output that weight %q reaches told anything about it (%s); give data", unseen[0].Name, strings.Join(mute, ", "))
		return
	}
	var notes []string
	if len(mute) > 0 {
		notes = append(notes, strings.Join(mute, ", ")+" and told nothing, but no weights depend on that alone")
	}
	for _, o := range c.outputs {
		if shaky := o.runs - o.steady; shaky > 0 {
			notes = append(notes, fmt.Sprintf("%q was unstable in %d of %d runs: rounding alone moves it there, and they count for nothing", o.name, shaky, o.runs))
		}
	}
	if untaken := c.untaken(); untaken != "" {
		notes = append(notes, untaken)
	}
	v.Reason = strings.Join(notes, "; ")
}

// unstable is the part of an output that rounding moves beyond which changes do
// not show beside it: the tolerance is 20 times the noise, and an output has to
// change by ten times that.
const unstable = 1. / 400

// muteness says why an output has told too little, "" when it has told enough.
func (o *observed) muteness() string {
	switch {
	case o.missing:
		return "is not a tensor"
	case o.told():
		return ""
	case !o.informative && o.sense > unstable:
		return fmt.Sprintf("was unstable: the last bits of the weights alone move it by %.1g of its size", o.sense)
	case !o.informative:
		return "was constant"
	case o.isDeaf():
		return "hardly depended on any weights"
	}
	return "was saturated"
}

// unseen lists the floating-point weights, of more than one element, that reach
// outputs but none that has told enough.
func (c *comparison) unseen() []*onnxgraph.Weight {
	told, silent := newReach(), newReach()
	for _, o := range c.outputs {
		if o.told() {
			told.value(o.a)
		} else {
			silent.value(o.a)
		}
	}
	var out []*onnxgraph.Weight
	for _, w := range c.a.Model.Weights() {
		if silent.weights[w] && !told.weights[w] && w.Type.IsFloat() && w.Elements() > 1 {
			out = append(out, w)
		}
	}
	return out
}

// reach gathers what some values are computed from.
type reach struct {
	nodes   map[*onnxgraph.Node]bool
	weights map[*onnxgraph.Weight]bool
}

func newReach() *reach {
	return &reach{map[*onnxgraph.Node]bool{}, map[*onnxgraph.Weight]bool{}}
}

func (r *reach) value(v *onnxgraph.Value) {
	if v == nil {
		return
	}
	if v.Weight != nil {
		r.weights[v.Weight] = true
	}
	if v.Producer == nil || r.nodes[v.Producer] {
		return
	}
	r.node(v.Producer)
}

// node takes a node with its inputs and all that its bodies read.
func (r *reach) node(n *onnxgraph.Node) {
	r.nodes[n] = true
	for _, in := range n.Inputs {
		r.value(in)
	}
	for _, a := range n.Attrs {
		if a.Weight != nil {
			r.weights[a.Weight] = true
		}
		for _, w := range a.Weights {
			r.weights[w] = true
		}
		for _, body := range append([]*onnxgraph.Graph{a.Graph}, a.Graphs...) {
			if body == nil {
				continue
			}
			for _, out := range body.Outputs {
				r.value(out)
			}
			everyNode(body, func(n *onnxgraph.Node) {
				for _, in := range n.Inputs {
					r.value(in)
				}
			})
		}
	}
}
