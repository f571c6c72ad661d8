package eval

import (
	"errors"
	"fmt"
	"math"
	"reflect"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// observed is what the runs so far have shown of one output.
type observed struct {
	name string
	a, b *onnxgraph.Value // in the two models
	tol  tolerance
	ends *[2]float64 // what the output's last operator saturates at

	first  *onnxgraph.Tensor // of the first model in the first run that was steady
	limit  float64           // what was allowed there
	runs   int
	steady int // runs in which the noise was small beside the output
	total  gap // of the steady runs, of all while there was none
	maxRel float64
	used   float64 // the largest part of the tolerance that was used
	noise  float64 // the largest difference to the jittered model
	sense  float64 // the largest such difference in relation to the output
	deaf   float64 // below which that is as good as nothing, see deafness

	failed      bool
	reason      string
	informative bool      // has changed with the inputs
	saturated   bool      // in every run
	missing     bool      // not a tensor
	before      *observed // what goes into the last operator
}

// told reports whether the output has told enough: it has changed, and small
// differences would have shown.
func (o *observed) told() bool {
	return o.informative && !o.saturated && !o.isDeaf() || o.before != nil && o.before.informative && !o.before.isDeaf()
}

// isDeaf reports whether the output has changed with the inputs but hardly
// depends on the weights, as behind gates that are all the way open or shut.
// Outputs of whole numbers, such as classes, do not depend on last bits anyway.
func (o *observed) isDeaf() bool { return o.sense < o.deaf && o.total.fraction }

// endsOf gives the limits that the last operator of an output approaches, nil
// for none.
func endsOf(v *onnxgraph.Value) *[2]float64 {
	n := lastOperator(v)
	if n == nil {
		return nil
	}
	switch n.Op {
	case "Softmax", "Sigmoid", "HardSigmoid":
		return &[2]float64{0, 1}
	case "Tanh", "Softsign", "Erf":
		return &[2]float64{-1, 1}
	}
	return nil
}

// observe compares an output of the two models, and of the first one jittered,
// in one run.
func (o *observed) observe(x, y, z *onnxgraph.Tensor) error {
	switch {
	case x == nil && y == nil:
		o.missing = true
		return nil
	case x == nil || y == nil:
		return errors.New("only one of the models computes it")
	case x.Type == onnxgraph.String:
		o.strings(x, y)
		return nil
	}
	noise := 0.0
	if z != nil {
		g, err := gapOf(x, z)
		if err != nil {
			return err
		}
		noise = g.maxAbs
		o.listen(g)
	}
	g, err := gapOf(x, y)
	if err != nil {
		return err
	}
	steady := noise <= unstable*g.maxA
	o.add(g, noise, steady)
	switch {
	case g.shapes:
		o.reason = fmt.Sprintf("its shape is %v in one model and %v in the other", x.Shape, y.Shape)
	case g.broken > 0:
		o.reason = fmt.Sprintf("%d of %d elements are infinite or not numbers in one model only", g.broken, g.n)
	case o.tol.meanOnly(g, noise):
		o.reason = fmt.Sprintf("by %.3g in the mean, where %.3g is allowed", g.mean(), o.tol.meanLimit(g))
	}
	if !steady {
		return nil
	}
	return o.vary(x, g, noise)
}

// listen notes how far the jittered model's output is away.
func (o *observed) listen(g gap) {
	o.noise = max(o.noise, g.maxAbs)
	if g.shapes || g.broken > 0 || g.maxA == 0 {
		return
	}
	o.sense = max(o.sense, g.maxAbs/g.maxA)
}

func (o *observed) strings(x, y *onnxgraph.Tensor) {
	if !reflect.DeepEqual(x.Data, y.Data) {
		o.failed, o.reason = true, "the texts differ"
	}
	if o.first == nil {
		o.first = x
	}
	o.informative = o.informative || !reflect.DeepEqual(x.Data, o.first.Data)
}

// add sums the differences up. Where the output is unstable only one beyond the
// noise counts.
func (o *observed) add(g gap, noise float64, steady bool) {
	o.failed = o.failed || !o.tol.holds(g, noise)
	o.runs++
	switch {
	case steady:
		if o.steady++; o.steady == 1 && !o.failed {
			o.total, o.maxRel, o.used = gap{}, 0, 0
		}
	case o.steady > 0 && !o.failed:
		return
	}
	o.total.n += g.n
	o.total.sumAbs += g.sumAbs
	o.total.sumA += g.sumA
	o.total.maxAbs = max(o.total.maxAbs, g.maxAbs)
	o.total.fraction = o.total.fraction || g.fraction
	if g.maxAbs > 0 {
		o.maxRel = max(o.maxRel, g.relative())
		o.used = max(o.used, g.maxAbs/max(o.tol.limit(g, noise), math.SmallestNonzeroFloat32))
	}
}

// allowed is what was allowed of a difference, in words.
func (o *observed) allowed(difference float64) string {
	limit := difference / max(o.used, 1e-300)
	if limit <= 2*math.SmallestNonzeroFloat32 { // add divides by no less
		return "none"
	}
	return fmt.Sprintf("%.3g", limit)
}

// vary notes whether the output has changed with the inputs, by ten times what
// the tolerance lets pass, of the largest or of the mean: only then could a
// difference have shown.
func (o *observed) vary(x *onnxgraph.Tensor, g gap, noise float64) error {
	if g.n == 0 || g.nonsense == g.n {
		return nil
	}
	if o.ends != nil {
		data, err := floats(x)
		if err != nil {
			return err
		}
		o.saturated = o.first == nil || o.saturated
		o.saturated = o.saturated && saturated(data, *o.ends, o.tol.limit(g, noise))
	}
	if o.first == nil {
		o.first, o.limit = x, o.tol.limit(g, noise)
		return nil
	}
	change, err := gapOf(o.first, x)
	if err != nil {
		return err
	}
	shows := change.maxAbs > 10*max(o.limit, o.tol.limit(change, noise)) || o.tol.mean > 0 && change.sumAbs > 10*o.tol.mean*change.sumA
	if change.shapes || change.broken > 0 || shows {
		o.informative = true
	}
	return nil
}

// saturated reports whether nine elements in ten stand at the ends, as those of
// a softmax do that is certain.
func saturated(data []float64, ends [2]float64, limit float64) bool {
	at := 0
	for _, v := range data {
		if math.Abs(v-ends[0]) <= limit || math.Abs(v-ends[1]) <= limit {
			at++
		}
	}
	return at*10 >= len(data)*9
}
