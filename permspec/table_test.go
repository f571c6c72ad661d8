package permspec_test

import (
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/onnx-rebasin/onnx-rebasin/eval/exec"
	"github.com/onnx-rebasin/onnx-rebasin/eval/ort"
	"github.com/onnx-rebasin/onnx-rebasin/internal/opcase"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
)

var update = flag.Bool("update", false, "rewrite the expected layouts of "+casesFile)

// casesFile holds the cases of the operator table.
const casesFile = "testdata/operators.txt"

// readCases reads the cases of testdata/operators.txt.
func readCases(t testing.TB) []opcase.Case {
	t.Helper()
	cases, err := opcase.Read(casesFile)
	if err != nil {
		t.Fatal(err)
	}
	return cases
}

// Every rule of the operator table is true: its layouts are those written down,
// and permuting the inputs of a node by any member of the group they leave free
// permutes its outputs as the outputs' layouts say.
func TestOperatorTable(t *testing.T) {
	cases := readCases(t)
	got := map[int]string{}
	for _, c := range cases {
		t.Run(fmt.Sprintf("%d_%s", c.Line, c.Op), func(t *testing.T) {
			m, steer, err := c.Model()
			if err != nil {
				t.Fatal(err)
			}
			spec, outs, err := permspec.InferOutputs(m)
			if err != nil {
				t.Fatalf("%s\n%v", c.Text, err)
			}
			got[c.Line] = layoutsOf(c, m, spec, outs, steer)
			if got[c.Line] != c.Want && !*update {
				t.Errorf("%s\n got %s\nwant %s", c.Text, got[c.Line], c.Want)
			}
			checkCase(t, c, m, spec, outs, steer)
		})
	}
	if *update {
		rewrite(t, got)
	}
}

// layoutsOf writes the layouts of inputs and outputs and what is nested in what.
func layoutsOf(c opcase.Case, m *onnxgraph.Model, spec *permspec.Spec, outs []permspec.WeightLayout, steer map[int]bool) string {
	byName := map[string]permspec.Layout{}
	for _, w := range spec.Weights {
		byName[w.Weight.Name] = w.Layout
	}
	shapes := map[string][]int64{}
	for _, w := range m.Weights() {
		shapes[w.Name] = w.Shape
	}
	var in, out []string
	for i, text := range c.Inputs {
		name := fmt.Sprintf("x%d", i)
		l, free := byName[name]
		switch {
		case text == "-":
			in = append(in, "-")
		case free:
			in = append(in, l.String())
		case steer[i]:
			in = append(in, "~")
		default:
			in = append(in, still(shapes[name]))
		}
	}
	for _, w := range outs {
		out = append(out, w.Layout.String())
	}
	text := strings.Join(in, ", ") + " -> " + strings.Join(out, ", ")
	for _, g := range spec.Groups {
		for k, u := range g.Under {
			if k == 0 {
				text += " | " + g.Name + " under"
			}
			text += " " + spec.Groups[u].Name
		}
	}
	return strings.TrimSpace(text)
}

// still is the layout of a tensor that does not move.
func still(shape []int64) string {
	var axes []string
	for _, d := range shape {
		if d == 1 {
			axes = append(axes, "1")
		} else {
			axes = append(axes, fmt.Sprintf("#%d", d))
		}
	}
	return strings.Join(axes, " ")
}

// rewrite puts the layouts found into the file of cases.
func rewrite(t *testing.T, got map[int]string) {
	data, err := os.ReadFile(casesFile)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for i, line := range strings.Split(string(data), "\n") {
		if strings.HasPrefix(line, " ") {
			continue
		}
		out = append(out, line)
		if text, ok := got[i+1]; ok {
			out = append(out, "    "+text)
		}
	}
	if err := os.WriteFile(casesFile, []byte(strings.Join(out, "\n")), 0o666); err != nil {
		t.Fatal(err)
	}
}

// checkCase runs the case on every backend that knows the operator.
func checkCase(t *testing.T, c opcase.Case, m *onnxgraph.Model, spec *permspec.Spec, outs []permspec.WeightLayout, steer map[int]bool) {
	ran := 0
	for name, open := range backends {
		run := func(m *onnxgraph.Model) (map[string]*onnxgraph.Tensor, error) {
			s, err := open(m)
			if err != nil {
				return nil, err
			}
			defer s.Close()
			return s.Run(context.Background(), nil, nil)
		}
		before, err := run(m)
		if err != nil {
			t.Logf("%s: %s: %v", c.Text, name, err)
			continue
		}
		ran++
		for seed := range uint64(4) {
			p := spec.Random(rand.New(rand.NewPCG(seed, 7)))
			permuted, err := spec.Apply(m, p)
			if err != nil {
				t.Fatal(err)
			}
			after, err := run(permuted)
			if err != nil {
				t.Fatalf("%s: permuted: %v", name, err)
			}
			for i := range outs {
				compare(t, c.Text+" on "+name, spec, &outs[i], p, before, after)
			}
		}
		if !c.Slack {
			controlCase(t, c, name, m, spec, before, run)
		}
	}
	if ran == 0 {
		if haveRuntime() {
			t.Errorf("no backend runs %s", c.Text)
		} else {
			t.Skipf("no backend here runs %s", c.Text)
		}
	}
}

// controlCase transposes two slots of an axis that the rule freezes, in one input:
// the outputs must change.
func controlCase(t *testing.T, c opcase.Case, name string, m *onnxgraph.Model, spec *permspec.Spec, before map[string]*onnxgraph.Tensor, run func(*onnxgraph.Model) (map[string]*onnxgraph.Tensor, error)) {
	for _, w := range m.Weights() {
		if !w.Type.IsFloat() {
			continue
		}
		layout := permspec.Layout{}
		for _, wl := range spec.Weights {
			if wl.Weight == w {
				layout = wl.Layout
			}
		}
		for k, d := range w.Shape {
			if d < 2 || len(layout) > 0 && layout[k].String() != fmt.Sprintf("#%d", d) {
				continue
			}
			after, err := run(m.With(map[*onnxgraph.Weight]onnxgraph.Content{w: func() ([]byte, error) { return transposed(m, w, k) }}))
			if err != nil {
				continue // the operator refuses what moved
			}
			if same(before, after) {
				t.Errorf("%s on %s: exchanging slots of the frozen axis %d of %q changes nothing", c.Text, name, k, w.Name)
			}
		}
	}
}

// transposed returns the bytes of w with the first and the last slot of axis k
// exchanged.
func transposed(m *onnxgraph.Model, w *onnxgraph.Weight, k int) ([]byte, error) {
	data, err := m.Bytes(w)
	if err != nil {
		return nil, err
	}
	out := slices.Clone(data)
	inner := w.Type.Size()
	for _, d := range w.Shape[k+1:] {
		inner *= int(d)
	}
	whole := inner * int(w.Shape[k])
	for at := 0; at < len(data); at += whole {
		copy(out[at:at+inner], data[at+whole-inner:at+whole])
		copy(out[at+whole-inner:at+whole], data[at:at+inner])
	}
	return out, nil
}

func same(a, b map[string]*onnxgraph.Tensor) bool {
	for name, x := range a {
		if y := b[name]; y == nil || !slices.Equal(raw(x), raw(y)) {
			return false
		}
	}
	return true
}

// compare holds the outputs of the permuted node to the permuted outputs.
func compare(t *testing.T, what string, spec *permspec.Spec, w *permspec.WeightLayout, p permspec.Perms, before, after map[string]*onnxgraph.Tensor) {
	t.Helper()
	x, y := before[w.Weight.Name], after[w.Weight.Name]
	if x == nil || y == nil || !slices.Equal(x.Shape, y.Shape) || !fitsShape(x.Shape, w.Weight.Shape) {
		t.Fatalf("%s: output %q has shape %v, permuted %v, inferred %v", what, w.Weight.Name, x, y, w.Weight.Shape)
	}
	if w.Weight.Elements() == 0 {
		return
	}
	moved, err := spec.Permute(w, p, raw(x))
	if err != nil {
		t.Fatal(err)
	}
	want, got := numbers(x.Type, moved), numbers(y.Type, raw(y))
	scale := 0.0
	for _, v := range want {
		if !math.IsInf(v, 0) {
			scale = max(scale, math.Abs(v))
		}
	}
	for i := range want {
		if want[i] == got[i] || math.IsNaN(want[i]) && math.IsNaN(got[i]) {
			continue
		}
		if d := math.Abs(want[i] - got[i]); !(x.Type.IsFloat() && d <= 1e-5*scale) {
			t.Errorf("%s: output %q: element %d is %v, want %v (layout %v)", what, w.Weight.Name, i, got[i], want[i], w.Layout)
			return
		}
	}
}

func fitsShape(a []int, b []int64) bool {
	return slices.EqualFunc(a, b, func(x int, y int64) bool { return int64(x) == y })
}

// raw returns the little-endian bytes of a tensor.
func raw(t *onnxgraph.Tensor) []byte {
	b, err := binary.Append(nil, binary.LittleEndian, t.Data)
	if err != nil {
		panic(err)
	}
	return b
}

// numbers decodes raw bytes.
func numbers(dt onnxgraph.DataType, b []byte) []float64 {
	w := dt.Size()
	out := make([]float64, len(b)/w)
	for i := range out {
		switch e := b[i*w:]; {
		case dt == onnxgraph.Float32:
			out[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(e)))
		case dt == onnxgraph.Float64:
			out[i] = math.Float64frombits(binary.LittleEndian.Uint64(e))
		case w == 8:
			out[i] = float64(int64(binary.LittleEndian.Uint64(e)))
		case w == 4:
			out[i] = float64(int32(binary.LittleEndian.Uint32(e)))
		case w == 2:
			out[i] = float64(binary.LittleEndian.Uint16(e))
		case dt == onnxgraph.Int8:
			out[i] = float64(int8(e[0]))
		default:
			out[i] = float64(e[0])
		}
	}
	return out
}

// session is what both backends offer.
type session interface {
	Run(ctx context.Context, inputs map[string]*onnxgraph.Tensor, outputs []string) (map[string]*onnxgraph.Tensor, error)
	Close() error
}

var backends = map[string]func(*onnxgraph.Model) (session, error){
	"onnx-go": func(m *onnxgraph.Model) (session, error) { return exec.New(m, exec.Options{Threads: 1}) },
	"onnxruntime": func(m *onnxgraph.Model) (session, error) {
		return ort.New(m, ort.Options{Threads: 1, Optimize: ort.OptimizeNone})
	},
}

// haveRuntime reports whether ONNX Runtime is here.
func haveRuntime() bool {
	_, err := ort.Find("")
	return !errors.Is(err, ort.ErrNotFound)
}

// uncovered lists operators without a case, with the reason.
var uncovered = map[string]string{
	"NonMaxSuppression":       "how many boxes it gives depends on the numbers",
	"ms.RelativePositionBias": "ONNX Runtime has it for GPUs only",
	"ms.NhwcConv":             "ONNX Runtime has it for GPUs only",
	"ms.NhwcFusedConv":        "ONNX Runtime has it for float16 on some processors only",
}

// Every row of the operator table has a case.
func TestOperatorTableCovered(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range readCases(t) {
		seen[c.Op] = true
	}
	for _, op := range permspec.Operators() {
		if reason, known := uncovered[op]; seen[op] == known {
			t.Errorf("%s: it has a case: %t; reason for having none: %q", op, seen[op], reason)
		}
		delete(seen, op)
	}
	for op := range seen {
		t.Errorf("%s has a case and is not in the table", op)
	}
}
