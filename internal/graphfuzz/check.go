package graphfuzz

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"google.golang.org/protobuf/proto"

	rebasin "github.com/onnx-rebasin/onnx-rebasin"
	"github.com/onnx-rebasin/onnx-rebasin/eval/exec"
	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
	"github.com/onnx-rebasin/onnx-rebasin/internal/outside"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
	"github.com/onnx-rebasin/onnx-rebasin/solver"
)

// Finding is what a model showed.
type Finding struct {
	Broken  []string        // laws that do not hold: none may be here
	NotRun  string          // why the executor did not run it; "" when it did
	Vague   bool            // its outputs are no numbers
	Wide    bool            // it was checked in float64
	Groups  int             // of its symmetry
	Moved   map[string]bool // operators of the table whose output a member permuted
	Planted string          // how a planted permutation came back: "exact", "alike", "missed", or "" for none
	Outside string          // what an exchange outside the group did: "changed", "same", or "" for none tried
}

// Members is how many random members of a model's group are tried.
const Members = 2

// Check holds a model to the laws:
//
//   - what is read is written byte for byte as it came;
//   - its Spec, written as JSON, is a Spec of the model again;
//   - random members of its group leave its outputs unchanged;
//   - a member planted in it is found by aligning, so far as weights tell units
//     apart.
//
// Outputs are compared in float64 where the executor has all operators for that:
// thresholds then do not turn the rounding of sums into steps. Otherwise a member
// has to change the outputs on most of several inputs to be called wrong.
func Check(m *Model) *Finding {
	f := &Finding{Moved: map[string]bool{}}
	narrow, err := load(m.Proto)
	if err != nil {
		f.broken("it cannot be read: %v", err)
		return f
	}
	spec, err := permspec.Infer(narrow.Model, permspec.Options{})
	if err != nil {
		f.broken("it has no symmetry: %v", err)
		return f
	}
	f.Groups = len(spec.Groups)
	f.unchangedFile(narrow)
	if _, err := spec.Restrict(spec.Document(), narrow.Model); err != nil {
		f.broken("its own Spec is refused: %v", err)
	}
	f.members(m, narrow, spec)
	f.planted(narrow.Model, spec)
	return f
}

func (f *Finding) broken(format string, args ...any) {
	f.Broken = append(f.Broken, fmt.Sprintf(format, args...))
}

// loaded is a model and the bytes it was read from.
type loaded struct {
	*onnxgraph.Model
	data []byte
}

func load(m *onnxpb.ModelProto) (*loaded, error) {
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		return nil, err
	}
	model, err := onnxgraph.Parse(data, "")
	return &loaded{model, data}, err
}

func (f *Finding) unchangedFile(m *loaded) {
	var out bytes.Buffer
	if _, err := m.WriteTo(&out); err != nil {
		f.broken("it cannot be written: %v", err)
	} else if !bytes.Equal(out.Bytes(), m.data) {
		f.broken("it is written otherwise than it was read")
	}
}

// planted permutes the model and aligns the result with it: by one start of the
// search, and where that misses by as many as are usual.
func (f *Finding) planted(m *onnxgraph.Model, spec *permspec.Spec) {
	if len(spec.Groups) == 0 {
		return
	}
	moved, err := spec.Apply(m, spec.Random(rand.New(rand.NewPCG(11, 12))))
	if err != nil {
		f.broken("a member cannot be applied: %v", err)
		return
	}
	for _, starts := range []int{1, 0} {
		if f.recover(m, moved, spec, starts); f.Planted != "missed" {
			return
		}
	}
}

// recover aligns a permuted model with itself and notes how that went.
func (f *Finding) recover(m, moved *onnxgraph.Model, spec *permspec.Spec, starts int) {
	back, err := rebasin.Align(context.Background(), m, moved, rebasin.Options{NoVerify: true, Match: solver.Options{Starts: starts, Threads: 1}})
	if err != nil {
		f.broken("it cannot be aligned with itself: %v", err)
		return
	}
	f.Planted = "exact"
	for _, w := range spec.Weights {
		x, err := m.Bytes(w.Weight)
		y, err2 := back.Model.Bytes(w.Weight)
		if err != nil || err2 != nil {
			f.broken("weight %q: %v, %v", w.Weight.Name, err, err2)
			return
		}
		if !bytes.Equal(x, y) {
			f.Planted = "alike"
		}
	}
	if f.Planted == "alike" && back.Match.L2After > 1e-9*back.Match.L2Before {
		f.Planted = "missed"
	}
}

// feeds are random inputs; an open axis gets the size its model was grown with.
func feeds(m *Model, kind onnxgraph.DataType, seed uint64) map[string]*onnxgraph.Tensor {
	rng := rand.New(rand.NewPCG(m.Seed, seed))
	out := map[string]*onnxgraph.Tensor{}
	for _, v := range m.Proto.Graph.Input {
		shape := slices.Clone(m.sizes[v.GetName()])
		x := make([]float64, value{shape: shape}.elements())
		for i := range x {
			x[i] = rng.NormFloat64()
		}
		out[v.GetName()] = &onnxgraph.Tensor{Type: kind, Shape: shape, Data: x}
		if kind == onnxgraph.Float32 {
			out[v.GetName()].Data = float32s(x)
		}
	}
	return out
}

func float32s(x []float64) []float32 {
	out := make([]float32, len(x))
	for i, v := range x {
		out[i] = float32(v)
	}
	return out
}

// evaluate runs a model once.
func evaluate(m *onnxgraph.Model, inputs map[string]*onnxgraph.Tensor, names []string) (map[string][]float64, error) {
	s, err := exec.New(m, exec.Options{Threads: 1})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	out, err := s.Run(context.Background(), inputs, names)
	if err != nil {
		return nil, err
	}
	values := map[string][]float64{}
	for name, t := range out {
		values[name] = numbers(t)
	}
	return values, nil
}

// finite tells whether all outputs are numbers of sensible size.
func finite(outputs map[string][]float64) bool {
	for _, x := range outputs {
		for _, v := range x {
			if !(math.Abs(v) < 1e15) {
				return false
			}
		}
	}
	return true
}

// negligible is how small an output may be that is told from zero: sums that
// cancel leave what rounding makes of them.
const negligible = 1e-6

// apart is the largest difference of two runs, in units of the output's largest
// number, and the output's name.
func apart(a, b map[string][]float64) (float64, string) {
	worst, where := 0.0, ""
	for name, x := range a {
		y, largest, most := b[name], negligible, 0.0
		if len(y) != len(x) {
			return math.Inf(1), name
		}
		for i := range x {
			largest = max(largest, math.Abs(x[i]))
			most = max(most, math.Abs(x[i]-y[i]))
		}
		if d := most / largest; d > worst || math.IsNaN(d) {
			worst, where = d, name
		}
	}
	return worst, where
}

// Tolerances of outputs, in units of their largest number.
const (
	wideTolerance   = 1e-7
	narrowTolerance = 1e-3
	manyInputs      = 6
)

// members tries random members of the model's group.
func (f *Finding) members(m *Model, narrow *loaded, spec *permspec.Spec) {
	inputs := feeds(m, onnxgraph.Float32, 1)
	want, err := evaluate(narrow.Model, inputs, nil)
	if err != nil {
		f.NotRun = err.Error()
		return
	}
	if f.Vague = !finite(want); f.Vague || len(spec.Groups) == 0 {
		return
	}
	wide := f.widen(m, spec)
	for seed := range uint64(Members) {
		p := spec.Random(rand.New(rand.NewPCG(seed, 13)))
		moved, err := spec.Apply(narrow.Model, p)
		if err != nil {
			f.broken("a member cannot be applied: %v", err)
			return
		}
		if wide != nil {
			f.wideMember(wide, p)
		}
		got, err := evaluate(moved, inputs, nil)
		if err != nil {
			f.broken("a member of it does not run: %v", err)
			return
		}
		if d, where := apart(want, got); d > narrowTolerance && wide == nil && f.mostly(m, narrow.Model, moved) {
			f.broken("a member changes the output %q by %.2g", where, d)
			return
		}
		if seed == 0 {
			f.reached(m, narrow.Model, moved, inputs)
			f.outside(narrow.Model, spec, inputs, want)
		}
	}
}

// mostly tells whether two models differ on most inputs.
func (f *Finding) mostly(m *Model, a, b *onnxgraph.Model) bool {
	differ := 0
	for seed := range uint64(manyInputs) {
		inputs := feeds(m, onnxgraph.Float32, 100+seed)
		want, err := evaluate(a, inputs, nil)
		got, err2 := evaluate(b, inputs, nil)
		if d, _ := apart(want, got); err != nil || err2 != nil || d > narrowTolerance {
			differ++
		}
	}
	return differ > manyInputs/2
}

// wideModel is the model in float64, with a Spec of its own and what it gives.
type wideModel struct {
	*onnxgraph.Model
	spec   *permspec.Spec
	inputs map[string]*onnxgraph.Tensor
	want   map[string][]float64
}

// widen makes the model in float64; nil when the executor does not run that.
func (f *Finding) widen(m *Model, spec *permspec.Spec) *wideModel {
	l, err := load(widened(m.Proto))
	if err != nil {
		return nil
	}
	w := &wideModel{Model: l.Model, inputs: feeds(m, onnxgraph.Float64, 1)}
	if w.want, err = evaluate(w.Model, w.inputs, nil); err != nil || !finite(w.want) {
		return nil
	}
	if w.spec, err = permspec.Infer(w.Model, permspec.Options{}); err != nil || len(w.spec.Groups) != len(spec.Groups) {
		f.broken("in float64 it has another symmetry: %v", err)
		return nil
	}
	f.Wide = true
	return w
}

func (f *Finding) wideMember(w *wideModel, p permspec.Perms) {
	moved, err := w.spec.Apply(w.Model, p)
	if err != nil {
		f.broken("a member cannot be applied in float64: %v", err)
		return
	}
	got, err := evaluate(moved, w.inputs, nil)
	if err != nil {
		f.broken("a member of it does not run in float64: %v", err)
		return
	}
	if d, where := apart(w.want, got); !(d <= wideTolerance) {
		f.broken("a member changes the output %q by %.2g", where, d)
	}
}

// reached notes the operators whose outputs the member has permuted.
func (f *Finding) reached(m *Model, a, b *onnxgraph.Model, inputs map[string]*onnxgraph.Tensor) {
	var names []string
	for _, list := range m.watched {
		for _, name := range list {
			if name != "" {
				names = append(names, name)
			}
		}
	}
	if len(names) == 0 {
		return
	}
	before, err := evaluate(a, inputs, names)
	after, err2 := evaluate(b, inputs, names)
	if err != nil || err2 != nil {
		return
	}
	for op, list := range m.watched {
		for _, name := range list {
			if d, _ := apart(map[string][]float64{"": before[name]}, map[string][]float64{"": after[name]}); d > 0.01 {
				f.Moved[op] = true
			}
		}
	}
}

// outside exchanges two slots as no member does: the outputs should change.
func (f *Finding) outside(m *onnxgraph.Model, spec *permspec.Spec, inputs map[string]*onnxgraph.Tensor, want map[string][]float64) {
	list, err := outside.Exchanges(m, spec, 1, 5)
	if err != nil || len(list) == 0 {
		return
	}
	got, err := evaluate(list[0].Of(m), inputs, nil)
	f.Outside = "same"
	if d, _ := apart(want, got); err != nil || d > 1e-6 {
		f.Outside = "changed"
	}
}
