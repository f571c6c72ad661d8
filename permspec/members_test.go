package permspec_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/onnx-rebasin/onnx-rebasin/internal/shared"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
)

var members = flag.Int("members", 2, "random members tried on each model")

// Random members of a model's group leave its outputs unchanged, in ONNX Runtime
// and in the executor here, each where it runs the model. What is not in the
// group changes them: an exchange of slots that may not move, and an exchange of
// slots that may in one weight alone.
//
//	go test ./permspec -run TestMembersOfModels -members 20 -v
//
// A member changes the order in which numbers are added and so rounds
// otherwise. How much that may move an output depends on the model: thresholds
// and quantisation turn one unit in the last place into a whole step. So the
// yardstick is the model itself with the last bit of its permuted weights drawn
// anew: a member may move an output by 16 times what that does, or by 1e-5 of
// the output's largest number.
func TestMembersOfModels(t *testing.T) {
	runs := manifest(t)
	ran, frozen, alone := map[string]int{}, &control{}, &control{}
	for _, path := range modelFiles(t) {
		name := modelName(path)
		t.Run(name, func(t *testing.T) {
			r := newTrial(t, path, runs[filepath.Base(name)])
			first := true
			for _, backend := range []string{"onnxruntime", "onnx-go"} {
				if st, err := os.Stat(path); err == nil && st.Size() > 1e6 && !first && *members < 20 {
					continue // large ones run on both only in the whole sweep
				}
				if err := r.on(backend); err != nil {
					t.Logf("%s: %v", backend, err)
					continue
				}
				ran[backend]++
				for seed := range uint64(*members) {
					r.member(seed)
				}
				if first {
					frozen.count(r.changed(r.still()))
					alone.count(r.changed(r.loose()))
				}
				first = false
			}
			if first {
				t.Skip("no backend here runs it")
			}
		})
	}
	t.Logf("%v; exchanges of frozen slots tell in %v models, of free ones in one weight in %v", ran, frozen, alone)
	if frozen.told < frozen.tried*3/4 || alone.told < alone.tried*9/10 {
		t.Errorf("exchanges outside the group change too few models: %v by frozen slots, %v by free ones", frozen, alone)
	}
}

// control counts the models that a transposition outside the group changes.
type control struct{ told, tried int }

func (c *control) count(changed, tried bool) {
	if tried {
		c.tried++
	}
	if changed {
		c.told++
	}
}

func (c *control) String() string { return fmt.Sprintf("%d of %d", c.told, c.tried) }

// modelFiles lists the exports among the fixtures and, where they are, the
// shared trained pairs, the published models and the published pairs.
func modelFiles(t *testing.T) []string {
	patterns := []string{"../fixtures/exports/*.onnx"}
	if dir, ok := shared.Find(t); ok && !testing.Short() {
		patterns = append(patterns, dir+"/models/*/a.onnx", dir+"/zoo/*.onnx", dir+"/zoopairs/*/?.onnx")
	}
	var out []string
	for _, pattern := range patterns {
		found, err := filepath.Glob(filepath.FromSlash(pattern))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, found...)
	}
	return out
}

// modelName is the file's name, with the folder's where that is what tells.
func modelName(path string) string {
	base := strings.TrimSuffix(filepath.Base(path), ".onnx")
	if len(base) == 1 {
		return filepath.Base(filepath.Dir(path)) + "/" + base
	}
	return base
}

// manifest tells how published models want to be run: "--set", "x=1x3" gives
// input x a shape, "--val", "x=2" a value, "--ints", "256" bounds integers.
func manifest(t *testing.T) map[string][]string {
	dir, ok := shared.Find(t)
	if !ok {
		return nil
	}
	data, err := os.ReadFile(filepath.Join(dir, "zoo", "MANIFEST.json"))
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
func (r *trial) still() []exchange {
	layouts := r.layouts()
	var out []exchange
	for _, w := range slices.Backward(r.model.Weights()) {
		if !w.Type.IsFloat() || len(w.Shape) < 2 || !w.Replaceable() {
			continue
		}
		for k, d := range w.Shape {
			if l := layouts[w]; d > 1 && (l == nil || l[k].String() == fmt.Sprintf("#%d", d)) {
				out = append(out, exchange{w, k})
			}
		}
	}
	return out
}

// loose lists the axes of floating-point matrices that are one free group.
func (r *trial) loose() []exchange {
	var out []exchange
	for _, w := range slices.Backward(r.spec.Weights) {
		for k, a := range w.Layout {
			if w.Weight.Type.IsFloat() && len(w.Layout) > 1 && len(a) == 1 && len(a[0]) == 1 && a[0][0].Name != "" && !a[0][0].Frozen {
				out = append(out, exchange{w.Weight, k})
			}
		}
	}
	return out
}

func (r *trial) layouts() map[*onnxgraph.Weight]permspec.Layout {
	out := map[*onnxgraph.Weight]permspec.Layout{}
	for _, w := range r.spec.Weights {
		out[w.Weight] = w.Layout
	}
	return out
}

// exchange is one of the first and the last slot of an axis of one weight, and
// of no other: it is not in the group.
type exchange struct {
	weight *onnxgraph.Weight
	axis   int
}

// changed makes up to four of the exchanges, one after another, until the
// outputs change. It also reports whether there was one to make.
func (r *trial) changed(list []exchange) (changed, tried bool) {
	limits := r.limits()
	for _, x := range list[:min(len(list), 4)] {
		m := r.model.With(map[*onnxgraph.Weight]onnxgraph.Content{x.weight: func() ([]byte, error) { return transposed(r.model, x.weight, x.axis) }})
		for name, d := range r.distance(m) {
			if d > limits[name] {
				return true, true
			}
		}
	}
	return false, len(list) > 0
}
