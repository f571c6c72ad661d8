package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"

	rebasin "github.com/onnx-rebasin/onnx-rebasin"
	"github.com/onnx-rebasin/onnx-rebasin/eval"
	"github.com/onnx-rebasin/onnx-rebasin/eval/repair"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
)

// hostile is a name that would be markup if it were not escaped.
const hostile = `<script>alert("1")</script>|` + "`*_"

// full is a report that has something to say in every part.
func full() *rebasin.Report {
	lambda := 0.5
	metrics := func(loss float64) *eval.Metrics {
		return &eval.Metrics{Loss: loss, Accuracy: 1 - loss, LossInterval: eval.Interval{loss - .01, loss + .01}, AccuracyInterval: eval.Interval{.9 - loss, 1.1 - loss}}
	}
	r := &rebasin.Report{
		Version: "v1", Command: "merge", Method: "weight", Lambda: &lambda, Backend: "onnx-go",
		Inputs: []rebasin.FileDigest{{Path: "dir/" + hostile, SHA256: "0a"}, {Path: "b.onnx", SHA256: "0b"}}, Output: &rebasin.FileDigest{Path: "m.onnx", SHA256: "0c"},
		Spec: &permspec.Document{Groups: 1, FreeSlots: 4, Parameters: 20, Permutable: 10,
			Frozen:    []permspec.FrozenAxis{{Weight: hostile, Axis: 1, Node: "n", Reason: "it meets " + hostile}, {Weight: "w", Reason: "it is sorted"}},
			GroupList: []permspec.GroupDocument{{Name: "a", Size: 4, Members: []permspec.Member{{Weight: hostile}}}}},
		Match:   &rebasin.MatchReport{L2Before: 2, L2After: 1, Moved: 1},
		Verify:  &eval.Verification{OK: true, Samples: 3, Inputs: hostile, Outputs: []eval.OutputDifference{{Name: hostile, OK: true}}},
		Repair:  &repair.Report{Kind: repair.LSQ, Tensors: 2, Samples: 9, Judge: "loss", Tried: []repair.Trial{{Kind: repair.LSQ, Loss: .1, Accuracy: .9}, {Kind: repair.BN, Loss: math.NaN()}}},
		Eval:    &rebasin.EvalReport{Samples: 10, A: metrics(.1), B: metrics(.2), Naive: metrics(.8), Merged: metrics(.15)},
		Moves:   []rebasin.GroupMove{{Name: "a", Size: 4, Rows: 1, Moved: 1}},
		Layers:  []rebasin.LayerDistance{{Weight: hostile, Shape: []int64{2, 2}, RelativeBefore: 1.4, RelativeAfter: .7, Share: .9}, {Weight: "mean", Shape: []int64{}, Statistics: true}},
		Kinship: &rebasin.Kinship{Relation: rebasin.Apart, Before: 1.4, Chance: 1.4},
		Correlation: &rebasin.Correlation{Group: "a", Size: 4, By: "weights", Shown: []int{0, 2},
			Before: rebasin.Matrix{{0, .5}, {-.5, 0}}, After: rebasin.Matrix{{.5, 0}, {0, -.5}}},
		Barrier:     &rebasin.BarrierReport{Naive: &eval.Barrier{Loss: .7}, Aligned: &eval.Barrier{Loss: .02}},
		Hints:       []string{hostile},
		Arguments:   []string{"merge", "it's", "-o", "m.onnx"},
		Environment: rebasin.ThisEnvironment(),
	}
	for _, l := range eval.Lambdas(5) {
		r.Curve = append(r.Curve, rebasin.CurvePoint{Lambda: l, Naive: metrics(.1 + 2*l*(1-l)), Aligned: metrics(.1)})
	}
	return r
}

// parsed is a page taken apart.
type parsed struct {
	elements map[string]int
	ids      []string
	refs     []string // ids that something refers to
	text     string
	outside  []string // whatever would be fetched
	nameless int      // pictures without a text
}

func parse(t *testing.T, page []byte) *parsed {
	t.Helper()
	p := &parsed{elements: map[string]int{}}
	d := xml.NewDecoder(bytes.NewReader(page))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	var text strings.Builder
	for {
		k, err := d.Token()
		if errors.Is(err, io.EOF) {
			p.text = text.String()
			return p
		}
		if err != nil {
			t.Fatal(err)
		}
		switch k := k.(type) {
		case xml.CharData:
			text.Write(k)
		case xml.StartElement:
			p.see(k)
		}
	}
}

func (p *parsed) see(k xml.StartElement) {
	name := k.Name.Local
	p.elements[name]++
	attr := map[string]string{}
	for _, a := range k.Attr {
		attr[a.Name.Local] = a.Value
	}
	if attr["id"] != "" {
		p.ids = append(p.ids, attr["id"])
	}
	p.refs = append(p.refs, strings.Fields(attr["aria-labelledby"])...)
	for _, key := range []string{"src", "href"} {
		if v := attr[key]; v != "" && !strings.HasPrefix(v, "data:") {
			p.outside = append(p.outside, v)
		}
	}
	named := attr["alt"] != "" || attr["aria-label"] != "" || attr["aria-labelledby"] != ""
	if name == "img" && attr["alt"] == "" || name == "svg" && !named && attr["aria-hidden"] != "true" {
		p.nameless++
	}
}

// The page has all its parts, takes nothing from elsewhere, names its pictures,
// and shows names as text, whatever they are.
func TestHTML(t *testing.T) {
	var b bytes.Buffer
	if err := Write(&b, "html", full()); err != nil {
		t.Fatal(err)
	}
	p := parse(t, b.Bytes())
	for _, id := range []string{"models", "curve", "layers", "groups", "correlation", "repair", "verify", "frozen", "again"} {
		if !slices.Contains(p.ids, id) {
			t.Errorf("the page has no part %q", id)
		}
	}
	for _, ref := range p.refs {
		if !slices.Contains(p.ids, ref) {
			t.Errorf("something is labelled by %q, which is not there", ref)
		}
	}
	if ids := slices.Sorted(slices.Values(p.ids)); len(slices.Compact(ids)) != len(p.ids) {
		t.Errorf("ids occur twice: %v", p.ids)
	}
	if len(p.outside) > 0 || regexp.MustCompile(`url\(|@import|https?:`).Match(b.Bytes()) {
		t.Errorf("the page takes %v from elsewhere", p.outside)
	}
	if p.elements["script"] != 1 || p.elements["img"] != 2 || p.elements["h1"] != 1 || p.nameless != 0 {
		t.Errorf("%d scripts, %d images, %d titles, %d pictures without a text", p.elements["script"], p.elements["img"], p.elements["h1"], p.nameless)
	}
	if strings.Contains(b.String(), "ZgotmplZZ") {
		t.Error("a value was refused by the template")
	}
	if n := strings.Count(p.text, hostile); n < 8 {
		t.Errorf("the hostile name is shown %d times", n)
	}
	for _, want := range []string{"2.0000 → 1.0000", "-50.0 % by reordering", "were trained apart", `\&#39;&#39;s`} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

// A page of a report that says little has only these parts.
func TestHTMLOfLittle(t *testing.T) {
	var b bytes.Buffer
	if err := Write(&b, "html", &rebasin.Report{Command: "align", Inputs: []rebasin.FileDigest{{Path: "a.onnx"}}}); err != nil {
		t.Fatal(err)
	}
	p := parse(t, b.Bytes())
	if slices.Contains(p.ids, "curve") || slices.Contains(p.ids, "models") || p.elements["img"] != 0 || !slices.Contains(p.ids, "again") {
		t.Errorf("parts %v, %d images", p.ids, p.elements["img"])
	}
}

// A page about several models names them apart, and says how far each is from each.
func TestMany(t *testing.T) {
	near := func(d ...float64) [][]float64 { return [][]float64{{0, d[0], d[1]}, {d[0], 0, d[2]}, {d[1], d[2], 0}} }
	r := &rebasin.Report{Version: "v1", Command: "merge", Method: "weight",
		Inputs: []rebasin.FileDigest{{Path: "x/a.onnx"}, {Path: "y/a.onnx"}, {Path: hostile}},
		Many: &rebasin.ManyReport{Method: "joint", Before: &rebasin.Solution{L2: 9.25, Distances: near(7, 8, 12.5)},
			Solutions: []rebasin.Solution{{Method: "joint", L2: 3.75, Distances: near(1, 2, 6.25)}},
			Models:    []*rebasin.ManyModel{{Path: "x/a.onnx"}, {Path: "y/a.onnx", Moved: .5, Verify: &eval.Verification{OK: true}}, {Path: hostile, Verify: &eval.Verification{OK: true}}}}}
	var b bytes.Buffer
	if err := Write(&b, "html", r); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	for _, want := range []string{"x/a.onnx &#43; y/a.onnx &#43; ", "between them went from ", "Each of the 2 that were reordered", "12.50", "6.250", "--near: 50%", "--near: 0%", "--near: 92%"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(text, "<script>alert") || strings.Contains(text, "ZgotmplZ") {
		t.Error("the page has what is not escaped, or is lost")
	}
}

// A page about two trainings has pictures and a table over time, and so has its card.
func TestSeries(t *testing.T) {
	at := func(time, naive, aligned float64) rebasin.SeriesPoint {
		return rebasin.SeriesPoint{Time: time, A: "a/" + plain(time) + ".onnx", B: hostile, Barrier: &rebasin.BarrierReport{
			Naive: &eval.Barrier{Loss: naive, Accuracy: naive / 10}, Aligned: &eval.Barrier{Loss: aligned, Accuracy: math.NaN()}}}
	}
	r := &rebasin.Report{Command: "barrier", Series: []rebasin.SeriesPoint{at(0.5, .25, .1), at(2, 1.5, .75), at(10, 2, math.Inf(1))}}
	var page, md bytes.Buffer
	if err := errors.Join(Write(&page, "html", r), Write(&md, "md", r)); err != nil {
		t.Fatal(err)
	}
	p := parse(t, page.Bytes())
	if !slices.Contains(p.ids, "times") || !slices.Contains(p.ids, "series-0") || p.nameless > 0 || strings.Count(page.String(), `<circle class="fill-naive"`) != 6 || strings.Count(page.String(), `<circle class="fill-aligned"`) != 2 {
		t.Errorf("parts %v, pictures without a text %d", p.ids, p.nameless)
	}
	for _, want := range []string{"a/0.5.onnx … a/10.onnx to ", "compared at 3 times", "The naive loss barrier is 0.2500 at time 0.5 and 2.0000 at time 10, where it costs 20.00 points", "The aligned loss barrier is 0.1000 at time 0.5 and – at time 10."} {
		if !strings.Contains(p.text, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if !strings.Contains(md.String(), "| 2 | `a/2.onnx` | "+code(hostile)+" | 1.5000 | +15.00 | 0.7500 | – |") {
		t.Errorf("the card has no row of time 2:\n%s", md.String())
	}
}

// The card holds what the page does, with names as code or escaped; JSON is read back.
func TestCardAndJSON(t *testing.T) {
	var b bytes.Buffer
	if err := Write(&b, "md", full()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"# m.onnx", "| merged | 0.1500", "## Distance by layer", "## What may not move", "barrier from A to B is 0.7000, aligned 0.0200", `'it'\''s'`} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the card has no %q", want)
		}
	}
	for line := range strings.Lines(b.String()) {
		if outside := regexp.MustCompile("``.*``|`[^`]*`").ReplaceAllString(line, ""); strings.Contains(outside, "<script>") {
			t.Errorf("markup got into the card: %s", line)
		}
		if strings.HasPrefix(line, "| ``") && strings.Count(strings.ReplaceAll(line, `\|`, ""), "|") != 6 && !strings.Contains(line, "0a") {
			t.Errorf("a name broke a row of a table: %s", line)
		}
	}
	b.Reset()
	if err := Write(&b, "json", full()); err != nil {
		t.Fatal(err)
	}
	var back struct {
		Layers []struct{ Weight string }
		Curve  []any
	}
	if err := json.Unmarshal(b.Bytes(), &back); err != nil || len(back.Curve) != 5 || back.Layers[0].Weight != hostile {
		t.Errorf("%v: %+v", err, back)
	}
	if err := Write(io.Discard, "pdf", full()); err == nil {
		t.Error("no error for a format that does not exist")
	}
}

func TestFormatOf(t *testing.T) {
	for path, want := range map[string]string{"r.html": "html", "d.d/R.JSON": "json", "card.md": "md", "r.pdf": "", "html": "", "r.html.gz": ""} {
		if got, err := FormatOf(path); got != want || (err == nil) == (want == "") {
			t.Errorf("%s: %q, %v", path, got, err)
		}
	}
}

// Ticks are round and within the axis.
func TestRound(t *testing.T) {
	for _, ends := range [][2]float64{{0, 1}, {-.03, .98}, {87, 99}, {1e-9, 3e-9}, {0, 12345}} {
		ticks := round(ends[0], ends[1])
		if len(ticks) < 2 || len(ticks) > 7 || ticks[0] < ends[0] || ticks[len(ticks)-1] > ends[1] {
			t.Errorf("%v: %v", ends, ticks)
		}
	}
}

// A curve that is nowhere finite is left out; one that is in parts is broken.
func TestCurveNotFinite(t *testing.T) {
	r := full()
	r.Lambda = nil
	r.Curve[2].Naive.Loss = math.Inf(1)
	for i := range r.Curve {
		r.Curve[i].Naive.Accuracy, r.Curve[i].Aligned.Accuracy = math.NaN(), math.NaN()
	}
	p := curves(r)
	list, legend := p.Charts, p.Legend
	if len(list) != 1 || len(legend) != 2 || strings.Count(list[0].Lines[0].Path, "M") != 2 || strings.Count(list[0].Lines[1].Path, "M") != 1 {
		t.Errorf("%d curves, legend %v, %+v", len(list), legend, list)
	}
}
