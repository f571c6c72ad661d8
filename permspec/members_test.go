package permspec_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/onnx-rebasin/onnx-rebasin/internal/half"
	"github.com/onnx-rebasin/onnx-rebasin/internal/shared"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
)

var members = flag.Int("members", 2, "random members tried on each model")

// Random members of a model's group leave its outputs unchanged, and an
// exchange of slots outside the group does not.
//
// A member changes the order in which numbers are added and so rounds
// otherwise. How much that may move an output depends on the model: thresholds
// and quantisation turn one unit in the last place into a whole step. So the
// yardstick is the model itself with the last bit of its permuted weights drawn
// anew: a member may move an output by 16 times what that does, or by 1e-5 of
// the output's largest number.
func TestMembersOfModels(t *testing.T) {
	if testing.Short() {
		t.Skip("50 models")
	}
	models := modelFiles(t)
	runs := manifest(t)
	tried, told := 0, 0
	for _, path := range models {
		name := modelName(path)
		t.Run(name, func(t *testing.T) {
			r := newTrial(t, path, runs[name])
			for seed := range uint64(*members) {
				r.member(seed)
			}
			if r.frozen() {
				tried++
				if r.outside() {
					told++
				} else {
					t.Logf("exchanging frozen slots changed nothing")
				}
			}
		})
	}
	t.Logf("%d of %d models change when slots outside the group are exchanged", told, tried)
	if told < tried*3/4 {
		t.Errorf("only %d of %d models change when slots outside the group are exchanged", told, tried)
	}
}

// modelFiles lists the shared trained pairs, the published models and the
// exports among the fixtures.
func modelFiles(t *testing.T) []string {
	dir := shared.Dir(t)
	var out []string
	for _, pattern := range []string{dir + "/models/*/a.onnx", dir + "/zoo/*.onnx", "../fixtures/exports/*.onnx"} {
		found, err := filepath.Glob(filepath.FromSlash(pattern))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, found...)
	}
	return out
}

func modelName(path string) string {
	base := strings.TrimSuffix(filepath.Base(path), ".onnx")
	if base == "a" {
		return filepath.Base(filepath.Dir(path))
	}
	return base
}

// manifest tells how published models want to be run: "--set", "x=1x3" gives
// input x a shape, "--val", "x=2" a value, "--ints", "256" bounds integers.
func manifest(t *testing.T) map[string][]string {
	data, err := os.ReadFile(filepath.Join(shared.Dir(t), "zoo", "MANIFEST.json"))
	if err != nil {
		t.Fatal(err)
	}
	var list []struct {
		Name string
		Run  []string
	}
	if err := json.Unmarshal(data, &list); err != nil {
		t.Fatal(err)
	}
	out := map[string][]string{}
	for _, x := range list {
		out[x.Name] = x.Run
	}
	return out
}

// trial is one model, its outputs on random inputs, and how far they move when
// it rounds otherwise.
type trial struct {
	*testing.T
	model  *onnxgraph.Model
	spec   *permspec.Spec
	open   func(*onnxgraph.Model) (session, error)
	inputs map[string]*onnxgraph.Tensor
	want   map[string][]float64
	noise  map[string]float64 // the largest change of each output
}

func newTrial(t *testing.T, path string, run []string) *trial {
	m, err := onnxgraph.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	spec, err := permspec.Infer(m, permspec.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := &trial{T: t, model: m, spec: spec, noise: map[string]float64{}}
	r.inputs = r.feeds(run)
	for _, name := range []string{"onnxruntime", "onnx-go"} {
		r.open = backends[name]
		if r.want, err = r.outputs(m); err == nil {
			break
		}
		t.Logf("%s: %v", name, err)
	}
	if err != nil {
		t.Skip("no backend here runs it")
	}
	for seed := range uint64(2) {
		for name, d := range r.distance(r.jiggled(seed)) {
			r.noise[name] = max(r.noise[name], d)
		}
	}
	return r
}

// feeds makes random inputs.
func (r *trial) feeds(run []string) map[string]*onnxgraph.Tensor {
	set, val, limit := map[string]string{}, map[string]float64{}, 2
	for i := 0; i+1 < len(run); i += 2 {
		name, v, _ := strings.Cut(run[i+1], "=")
		switch run[i] {
		case "--set":
			set[name] = v
		case "--val":
			val[name], _ = strconv.ParseFloat(v, 64)
		case "--ints":
			limit, _ = strconv.Atoi(name)
		}
	}
	rng := rand.New(rand.NewPCG(3, 4))
	out := map[string]*onnxgraph.Tensor{}
	for _, v := range r.model.Graph.Inputs {
		shape := []int{}
		n := 1
		for _, d := range v.Declared {
			size := 2
			if k, ok := d.Known(); ok {
				size = int(k)
			}
			shape, n = append(shape, size), n*size
		}
		if s, ok := set[v.Name]; ok {
			shape, n = shape[:0], 1
			for _, d := range dims(s) {
				shape, n = append(shape, int(d)), n*int(d)
			}
		}
		x, given := val[v.Name]
		out[v.Name] = &onnxgraph.Tensor{Type: v.Type, Shape: shape, Data: r.data(v, n, func() float64 {
			switch {
			case given:
				return x
			case v.Type.IsFloat():
				return rng.NormFloat64()
			}
			return float64(rng.IntN(limit))
		})}
	}
	return out
}

func (r *trial) data(v *onnxgraph.Value, n int, next func() float64) any {
	switch v.Type {
	case onnxgraph.Float32:
		return filled(n, func() float32 { return float32(next()) })
	case onnxgraph.Float64:
		return filled(n, next)
	case onnxgraph.Float16:
		return filled(n, func() uint16 { return half.ToFloat16(float32(next())) })
	case onnxgraph.Int64:
		return filled(n, func() int64 { return int64(next()) })
	case onnxgraph.Int32:
		return filled(n, func() int32 { return int32(next()) })
	case onnxgraph.Uint8:
		return filled(n, func() uint8 { return uint8(next() * 100) })
	case onnxgraph.Int8:
		return filled(n, func() int8 { return int8(next() * 100) })
	case onnxgraph.Bool:
		return filled(n, func() bool { return next() > 0 })
	}
	r.Skipf("input %q is of type %v", v.Name, v.Type)
	return nil
}

func filled[E any](n int, next func() E) []E {
	out := make([]E, n)
	for i := range out {
		out[i] = next()
	}
	return out
}

// outputs runs m.
func (r *trial) outputs(m *onnxgraph.Model) (map[string][]float64, error) {
	s, err := r.open(m)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	got, err := s.Run(context.Background(), r.inputs, nil)
	if err != nil {
		return nil, err
	}
	out := map[string][]float64{}
	for name, x := range got {
		switch data := x.Data.(type) {
		case []string:
		case []uint16:
			out[name] = make([]float64, len(data))
			for i, h := range data {
				out[name][i] = float64(half.Float16(h))
			}
		default:
			out[name] = numbers(x.Type, raw(x))
		}
	}
	return out, nil
}

// distance is how far each output of m is from the model's own.
func (r *trial) distance(m *onnxgraph.Model) map[string]float64 {
	r.Helper()
	got, err := r.outputs(m)
	if err != nil {
		r.Fatal(err)
	}
	out := map[string]float64{}
	for name, want := range r.want {
		if len(got[name]) != len(want) {
			out[name] = math.Inf(1)
			continue
		}
		for i, x := range want {
			y := got[name][i]
			if x == y || math.IsNaN(x) && math.IsNaN(y) {
				continue
			}
			d := math.Abs(x - y)
			if math.IsNaN(d) {
				d = math.Inf(1)
			}
			out[name] = max(out[name], d)
		}
	}
	return out
}

// jiggled draws the last bit of the floating-point weights that move, and of
// the scales of quantised ones, anew.
func (r *trial) jiggled(seed uint64) *onnxgraph.Model {
	contents := map[*onnxgraph.Weight]onnxgraph.Content{}
	jiggle := func(w *onnxgraph.Weight) {
		if w == nil || !w.Type.IsFloat() || !w.Replaceable() {
			return
		}
		rng := rand.New(rand.NewPCG(seed, uint64(len(contents))))
		data, err := r.model.Bytes(w)
		data = slices.Clone(data)
		for at := 0; at < len(data); at += w.Type.Size() {
			data[at] ^= byte(rng.IntN(2))
		}
		contents[w] = func() ([]byte, error) { return data, err }
	}
	for _, w := range r.spec.Weights {
		jiggle(w.Weight)
	}
	for _, n := range r.model.Graph.Nodes {
		if n.Op == "QuantizeLinear" || n.Op == "DequantizeLinear" {
			jiggle(n.Inputs[1].Weight)
		}
	}
	return r.model.With(contents)
}

// limits says how far each output may move.
func (r *trial) limits() map[string]float64 {
	out := map[string]float64{}
	for name, x := range r.want {
		scale := 0.0
		for _, v := range x {
			if !math.IsNaN(v) && !math.IsInf(v, 0) {
				scale = max(scale, math.Abs(v))
			}
		}
		out[name] = max(16*r.noise[name], 1e-5*scale)
	}
	return out
}

func (r *trial) member(seed uint64) {
	m, err := r.spec.Apply(r.model, r.spec.Random(rand.New(rand.NewPCG(seed, 5))))
	if err != nil {
		r.Fatal(err)
	}
	limits := r.limits()
	for name, d := range r.distance(m) {
		if d > limits[name] {
			r.Errorf("member %d moves output %q by %g; rounding moves it by %g", seed, name, d, r.noise[name])
		} else if d > limits[name]/16 {
			r.Logf("member %d moves output %q by %g; rounding moves it by %g", seed, name, d, r.noise[name])
		}
	}
}

// still lists the axes of floating-point matrices that may not move at all.
func (r *trial) still() map[*onnxgraph.Weight][]int {
	layouts := map[*onnxgraph.Weight]permspec.Layout{}
	for _, w := range r.spec.Weights {
		layouts[w.Weight] = w.Layout
	}
	out := map[*onnxgraph.Weight][]int{}
	for _, w := range r.model.Weights() {
		if !w.Type.IsFloat() || len(w.Shape) < 2 || !w.Replaceable() {
			continue
		}
		for k, d := range w.Shape {
			if l := layouts[w]; d > 1 && (l == nil || l[k].String() == fmt.Sprintf("#%d", d)) {
				out[w] = append(out[w], k)
			}
		}
	}
	return out
}

func (r *trial) frozen() bool { return len(r.still()) > 0 }

// outside exchanges the first and the last slot of a frozen axis, in up to four
// weights, until the outputs change.
func (r *trial) outside() bool {
	limits, still := r.limits(), r.still()
	tries := 0
	for _, w := range slices.Backward(r.model.Weights()) {
		for _, k := range still[w] {
			if tries++; tries > 4 {
				return false
			}
			m := r.model.With(map[*onnxgraph.Weight]onnxgraph.Content{w: func() ([]byte, error) { return transposed(r.model, w, k) }})
			for name, d := range r.distance(m) {
				if d > limits[name] {
					return true
				}
			}
		}
	}
	return false
}
