package permspec

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxtest"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// handGroups are two groups nested two deep and some that stand by themselves.
var handGroups = []GroupDocument{
	{Name: "a", Size: 3}, {Name: "b", Size: 2, Under: []string{"a"}}, {Name: "c", Size: 4, Under: []string{"a", "b"}},
	{Name: "d", Size: 5}, {Name: "e", Size: 3, Under: []string{"d"}},
}

// handLayouts use them in every form the notation has, on weights whose
// elements are 1, 2, 4 and 8 bytes wide.
var handLayouts = []struct {
	layout string
	shape  []int64
	kind   onnxgraph.DataType
}{
	{"d", []int64{5}, onnxgraph.Float32},
	{"a b c", []int64{3, 2, 4}, onnxgraph.Float32},
	{"c #2 (a b)", []int64{4, 2, 6}, onnxgraph.Float64},
	{"(a b c) d", []int64{24, 5}, onnxgraph.Int8},
	{"d (#2 (a+d)) #3", []int64{5, 16, 3}, onnxgraph.Float16},
	{"(a b)+(a b)+#2 d", []int64{14, 5}, onnxgraph.Float32},
	{"A#2 (#3 {A:d|(a+#2)}) 1", []int64{2, 15, 1}, onnxgraph.Float32},
	{"a b c (d e)", []int64{3, 2, 4, 15}, onnxgraph.Uint8},
	{"(a (b+#1)) (d #2)", []int64{9, 10}, onnxgraph.Float64},
}

func handSpec(t *testing.T) (*onnxgraph.Model, *Spec) {
	t.Helper()
	g := &onnxpb.GraphProto{Name: proto.String("g")}
	d := Document{GroupList: handGroups}
	rng := rand.New(rand.NewPCG(1, 2))
	for i, h := range handLayouts {
		name := string(rune('p' + i))
		n := h.kind.Size()
		for _, k := range h.shape {
			n *= int(k)
		}
		raw := make([]byte, n)
		for j := range raw {
			raw[j] = byte(rng.Uint32())
		}
		g.Initializer = append(g.Initializer, &onnxpb.TensorProto{Name: &name, DataType: proto.Int32(int32(h.kind)), Dims: h.shape, RawData: raw})
		d.LayoutTexts = append(d.LayoutTexts, LayoutDocument{name, h.shape, h.layout})
	}
	m := onnxtest.Parse(t, &onnxpb.ModelProto{Graph: g, OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(17)}}})
	s, err := FromDocument(d, m)
	if err != nil {
		t.Fatal(err)
	}
	return m, s
}

// equalModels compares all weights bit for bit.
func equalModels(t *testing.T, a, b *onnxgraph.Model) bool {
	t.Helper()
	for _, w := range a.Weights() {
		x, err := a.Bytes(w)
		if err != nil {
			t.Fatal(err)
		}
		y, err := b.Bytes(w)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(x, y) {
			return false
		}
	}
	return true
}

func apply(t *testing.T, s *Spec, m *onnxgraph.Model, p Perms) *onnxgraph.Model {
	t.Helper()
	out, err := s.Apply(m, p)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Apply is a group action, bit for bit.
func TestApplyIsAGroupAction(t *testing.T) {
	m, s := handSpec(t)
	if !equalModels(t, m, apply(t, s, m, s.Identity())) || s.Moved(s.Identity()) != 0 {
		t.Error("the identity moves something")
	}
	rng := rand.New(rand.NewPCG(3, 4))
	for range 50 {
		p, q, r := s.Random(rng), s.Random(rng), s.Random(rng)
		pm := apply(t, s, m, p)
		if equalModels(t, m, pm) {
			t.Fatal("a random member moves nothing")
		}
		if !equalModels(t, m, apply(t, s, pm, s.Invert(p))) {
			t.Fatal("Apply(Apply(m, p), Invert(p)) is not m")
		}
		if !equalModels(t, apply(t, s, pm, q), apply(t, s, m, s.Then(p, q))) {
			t.Fatal("Apply(Apply(m, p), q) is not Apply(m, Then(p, q))")
		}
		if !reflect.DeepEqual(s.Then(p, s.Invert(p)), s.Identity()) || !reflect.DeepEqual(s.Then(s.Invert(p), p), s.Identity()) {
			t.Fatal("p after its inverse is not the identity")
		}
		if !reflect.DeepEqual(s.Then(s.Then(p, q), r), s.Then(p, s.Then(q, r))) {
			t.Fatal("Then is not associative")
		}
		if !reflect.DeepEqual(s.Invert(s.Invert(p)), p) {
			t.Fatal("Invert is not its own inverse")
		}
	}
}

// The meaning of Perms, element by element, as spec.go states it.
func TestPermsOfNestedGroups(t *testing.T) {
	m, s := handSpec(t)
	p := s.Random(rand.New(rand.NewPCG(5, 6)))
	w := &s.Weights[1] // a b c
	data, err := m.Bytes(w.Weight)
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Permute(w, p, data)
	if err != nil {
		t.Fatal(err)
	}
	at := func(b []byte, i, j, k int) string { return string(b[4*((i*2+j)*4+k):][:4]) }
	for i := range 3 {
		for j := range 2 {
			for k := range 4 {
				from := at(data, int(p[0][i]), int(p[1][i*2+j]), int(p[2][(i*2+j)*4+k]))
				if at(got, i, j, k) != from {
					t.Fatalf("element %d %d %d is not the one that Perms name", i, j, k)
				}
			}
		}
	}
}

// Blocks cover every element exactly once.
func TestBlocksCover(t *testing.T) {
	_, s := handSpec(t)
	for _, w := range s.Weights {
		seen := make([]int, w.Weight.Elements())
		for _, b := range w.Blocks {
			var visit func(at int64, digits []Digit)
			visit = func(at int64, digits []Digit) {
				if len(digits) == 0 {
					seen[at]++
					return
				}
				for i := range digits[0].Size {
					visit(at+int64(i)*digits[0].Stride, digits[1:])
				}
			}
			visit(b.Offset, b.Digits)
		}
		if slices.ContainsFunc(seen, func(n int) bool { return n != 1 }) {
			t.Errorf("the blocks of %s do not cover it once: %v", w.Layout, seen)
		}
	}
}

func TestCheckRefuses(t *testing.T) {
	m, s := handSpec(t)
	for what, spoil := range map[string]func(p Perms) Perms{
		"too few groups":    func(p Perms) Perms { return p[1:] },
		"a short group":     func(p Perms) Perms { p[3] = p[3][1:]; return p },
		"one row for all":   func(p Perms) Perms { p[1] = p[1][:2]; return p },
		"a repeated slot":   func(p Perms) Perms { p[0][0] = p[0][1]; return p },
		"a slot too large":  func(p Perms) Perms { p[0][0] = 3; return p },
		"a slot below zero": func(p Perms) Perms { p[2][7] = -1; return p },
		"a row repeated across rows": func(p Perms) Perms {
			p[1][0], p[1][1], p[1][2], p[1][3] = 0, 0, 1, 1
			return p
		},
	} {
		p := spoil(s.Identity())
		if s.Check(p) == nil {
			t.Errorf("%s: accepted", what)
		}
		if _, err := s.Apply(m, p); err == nil {
			t.Errorf("%s: applied", what)
		}
	}
	if _, err := s.Permute(&s.Weights[0], s.Identity(), make([]byte, 7)); err == nil {
		t.Error("7 bytes for 5 elements are permuted")
	}
}

// A Spec written as JSON and read back has the same groups and blocks.
func TestDocumentRoundTrip(t *testing.T) {
	m, s := handSpec(t)
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var d Document
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	again, err := FromDocument(d, m)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(s.Groups, again.Groups) || !reflect.DeepEqual(s.Weights, again.Weights) {
		t.Errorf("read back as %+v", again)
	}
}

func TestFromDocumentRefuses(t *testing.T) {
	m, _ := handSpec(t)
	for what, d := range map[string]Document{
		"no such weight":   {GroupList: handGroups, LayoutTexts: []LayoutDocument{{"none", nil, "d"}}},
		"wrong rank":       {GroupList: handGroups, LayoutTexts: []LayoutDocument{{"p", nil, "d a"}}},
		"wrong size":       {GroupList: handGroups, LayoutTexts: []LayoutDocument{{"p", nil, "a"}}},
		"unknown group":    {GroupList: handGroups, LayoutTexts: []LayoutDocument{{"p", nil, "z"}}},
		"nested alone":     {GroupList: handGroups, LayoutTexts: []LayoutDocument{{"q", nil, "a b c"}, {"p", nil, "b+#3"}}},
		"laid out twice":   {GroupList: handGroups, LayoutTexts: []LayoutDocument{{"p", nil, "d"}, {"p", nil, "d"}}},
		"under what comes": {GroupList: []GroupDocument{{Name: "a", Size: 3, Under: []string{"b"}}, {Name: "b", Size: 2}}},
		"named twice":      {GroupList: []GroupDocument{{Name: "a", Size: 3}, {Name: "a", Size: 2}}},
		"no slots":         {GroupList: []GroupDocument{{Name: "a"}}},
	} {
		if _, err := FromDocument(d, m); err == nil {
			t.Errorf("%s: accepted", what)
		}
	}
}

// TestPermuteFew: a weight of four bits an element may have one element, or none.
func TestPermuteFew(t *testing.T) {
	s := &Spec{Groups: []Group{{Name: "a", Size: 1}}}
	for n, data := range [][]byte{{}, {5}} {
		w := &WeightLayout{Weight: &onnxgraph.Weight{Name: "w", Type: onnxgraph.Int4, Shape: []int64{int64(n)}}}
		for range n {
			w.Blocks = append(w.Blocks, Block{Digits: []Digit{{Group: 0, Size: 1, Stride: 1}}})
		}
		if got, err := s.Permute(w, s.Identity(), data); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%d elements: %v, %v", n, got, err)
		}
	}
}
