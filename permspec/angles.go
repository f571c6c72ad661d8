package permspec

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/onnx-rebasin/onnx-rebasin/internal/half"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// Rotary embeddings turn pairs of slots by fixed angles. Permuting the pairs
// together with the angles changes nothing, but models that are to be merged
// have the same angles, and the average of angles in different orders is none of
// them. So angles, their cosines and sines keep their order, and by that what
// they turn. Networks whose activation is a sine take no cosine, and stay free.

// wave is the rule of Sin and Cos.
func wave(c *call) (string, error) {
	taken := map[string]bool{}
	if v := c.in(0); v != nil {
		for _, u := range v.Uses {
			taken[u.Node.Op] = true
		}
	}
	if taken["Sin"] && taken["Cos"] {
		c.reason = "its slots are angles, whose sine and cosine are both taken"
		return text("#x.. -> #x..")(c)
	}
	return text("x.. -> x..")(c)
}

// carriers lists the operators that hand on elements of their first input, or
// of all in the case of Concat.
var carriers = map[string]bool{
	"Identity": true, "Cast": true, "Gather": true, "Slice": true, "Split": true, "Squeeze": true, "Unsqueeze": true,
	"Reshape": true, "Transpose": true, "Expand": true, "Tile": true, "Concat": true,
}

// factors collects the floating-point weights whose elements the product n takes.
func (inf *inference) factors(n *onnxgraph.Node) {
	var trace func(v *onnxgraph.Value)
	seen := map[*onnxgraph.Value]bool{}
	trace = func(v *onnxgraph.Value) {
		if v == nil || seen[v] {
			return
		}
		seen[v] = true
		if w := v.Weight; w != nil {
			if _, wide := width(w.Type); wide && w.Elements() >= minAngles && !inf.isFactor[w] {
				inf.isFactor[w] = true
				inf.factor = append(inf.factor, w)
			}
			return
		}
		p := v.Producer
		if p == nil || p.Domain != "" || !carriers[p.Op] {
			return
		}
		ins := p.Inputs
		if p.Op != "Concat" {
			ins = ins[:min(1, len(ins))]
		}
		for _, in := range ins {
			trace(in)
		}
	}
	for _, v := range n.Inputs {
		trace(v)
	}
}

// minAngles is the fewest elements of a table of cosines: of a few numbers the
// squares may add up alike by chance.
const minAngles = 8

// freezeAngles freezes the factors that hold the cosines and sines of the same
// angles: one each, or both as the halves of one's last axis.
func (inf *inference) freezeAngles() {
	alike := map[string][]circle{}
	var order []string
	for _, w := range inf.factor {
		c, ok := inf.circle(w)
		if !ok {
			continue
		}
		if c.turns(c, w.Shape[len(w.Shape)-1]/2) {
			inf.freezeAll(inf.weightLayout(w), &cause{nil, "it holds the cosines and sines of angles"})
			continue
		}
		key := fmt.Sprint(w.Type, w.Shape)
		if alike[key] == nil {
			order = append(order, key)
		}
		alike[key] = append(alike[key], c)
	}
	for _, key := range order {
		list := alike[key]
		for i, a := range list {
			for _, b := range list[i+1:] {
				if a.turns(b, 0) {
					why := &cause{nil, fmt.Sprintf("%q and %q hold the cosines and sines of the same angles", a.weight.Name, b.weight.Name)}
					inf.freezeAll(inf.weightLayout(a.weight), why)
					inf.freezeAll(inf.weightLayout(b.weight), why)
				}
			}
		}
	}
}

// circle is a table that may hold one coordinate of points on a circle.
type circle struct {
	weight *onnxgraph.Weight
	data   []byte
}

func (inf *inference) circle(w *onnxgraph.Weight) (circle, bool) {
	if len(w.Shape) == 0 || inf.isUniform(w, len(w.Shape)-1) {
		return circle{}, false
	}
	data, err := inf.model.Bytes(w)
	return circle{w, data}, err == nil
}

// turns reports whether a[i]² + b[i+shift]² is one number for all i and a[i]² is
// not, for gains that are all one turn nothing; with a shift only for i in the
// first half of the last axis.
func (a circle) turns(b circle, shift int64) bool {
	w := a.weight
	last := w.Shape[len(w.Shape)-1]
	if a.weight == b.weight && (shift == 0 || 2*shift != last) {
		return false
	}
	tolerance, _ := width(w.Type)
	radius, first, varies := -1.0, 0.0, false
	for i := range w.Elements() {
		if shift > 0 && i%last >= shift {
			continue
		}
		x, y := number(w.Type, a.data, i), number(w.Type, b.data, i+shift)
		r := x*x + y*y
		if radius < 0 {
			radius, first = r, x*x
		}
		if !(math.Abs(r-radius) <= tolerance*radius) {
			return false
		}
		varies = varies || math.Abs(x*x-first) > tolerance*radius
	}
	return varies
}

// width returns how exactly a type holds a number near one, false for types
// that hold no angles.
func width(t onnxgraph.DataType) (float64, bool) {
	switch t {
	case onnxgraph.Float32, onnxgraph.Float64:
		return 1e-4, true
	case onnxgraph.Float16:
		return 4e-3, true
	case onnxgraph.BFloat16:
		return 3e-2, true
	}
	return 0, false
}

// number returns element i of raw data.
func number(t onnxgraph.DataType, data []byte, i int64) float64 {
	switch e := data[i*int64(t.Size()):]; t {
	case onnxgraph.Float32:
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(e)))
	case onnxgraph.Float64:
		return math.Float64frombits(binary.LittleEndian.Uint64(e))
	case onnxgraph.Float16:
		return float64(half.Float16(binary.LittleEndian.Uint16(e)))
	default:
		return float64(half.BFloat16(binary.LittleEndian.Uint16(e)))
	}
}
