package zoo_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/csv"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	rebasin "github.com/onnx-rebasin/onnx-rebasin"
	"github.com/onnx-rebasin/onnx-rebasin/internal/shared"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
	"github.com/onnx-rebasin/onnx-rebasin/zoo"
)

// copyOf writes a relative of a model: with noise, in relation to each number, and
// with its units shuffled.
func copyOf(t *testing.T, from, to string, noise float32, shuffle bool) {
	t.Helper()
	m, err := onnxgraph.Load(from)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	rng := rand.New(rand.NewPCG(3, 4))
	contents := map[*onnxgraph.Weight]onnxgraph.Content{}
	for _, w := range m.Weights() {
		if w.Type != onnxgraph.Float32 || noise == 0 {
			continue
		}
		x, err := m.Float32s(w)
		if err != nil {
			t.Fatal(err)
		}
		y := slices.Clone(x)
		for i := range y {
			y[i] += noise * y[i] * float32(rng.NormFloat64())
		}
		contents[w] = func() ([]byte, error) { return binary.Append(nil, binary.LittleEndian, y) }
	}
	out := m.With(contents)
	if shuffle {
		spec, err := permspec.Infer(m, permspec.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if out, err = spec.Apply(out, spec.Random(rng)); err != nil {
			t.Fatal(err)
		}
	}
	if err := out.Save(to, onnxgraph.SaveOptions{}); err != nil {
		t.Fatal(err)
	}
}

// animals fills a folder with relatives and strangers.
func animals(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	fixtures := filepath.Join("..", "fixtures")
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, k := range []struct {
		from, to string
		noise    float32
		shuffle  bool
	}{
		{"mlp/a.onnx", "a.onnx", 0, false}, {"mlp/a.onnx", "again.onnx", 0, false}, {"mlp/a.onnx", "shuffled.onnx", 0, true},
		{"mlp/a.onnx", "tuned.onnx", .3, false}, {"mlp/a.onnx", "tuned-shuffled.onnx", .1, true}, {"mlp/b.onnx", "other.onnx", 0, false},
		{"resnet/a.onnx", "r.onnx", 0, false}, {"resnet/b.onnx", "sub/s.onnx", 0, false}, {"exports/vgg_classic12.onnx", "alone.onnx", 0, false},
	} {
		os.MkdirAll(filepath.Dir(at(k.to)), 0o755)
		copyOf(t, filepath.Join(fixtures, k.from), at(k.to), k.noise, k.shuffle)
	}
	for name, content := range map[string]string{"broken.onnx": "no model", "empty.ONNX": "", "notes.txt": "not looked at"} {
		if err := os.WriteFile(at(name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// relation finds what is said of two files.
func relation(t *testing.T, r *zoo.Result, a, b string) (rebasin.Relation, bool) {
	t.Helper()
	for _, f := range r.Families {
		for _, p := range f.Pairs {
			x, y := filepath.Base(p.A), filepath.Base(p.B)
			if x == a && y == b || x == b && y == a {
				if p.Kinship == nil {
					t.Fatalf("%s and %s: %s", a, b, p.Problem)
				}
				return p.Relation, p.Exact
			}
		}
	}
	return "", false
}

// Families, copies, shuffled copies and fine-tunes are found for what they are, and
// what cannot be read stops nothing.
func TestSurvey(t *testing.T) {
	dir := animals(t)
	r, err := zoo.Survey(context.Background(), []string{dir, filepath.Join(dir, "a.onnx"), filepath.Join(dir, "gone")}, zoo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Models) != 9 || len(r.Families) != 2 || len(r.Families[0].Members) != 6 || len(r.Families[1].Members) != 2 || len(r.Unreadable) != 3 {
		t.Fatalf("%d models, %d families, left out %v", len(r.Models), len(r.Families), r.Unreadable)
	}
	for _, k := range []struct {
		a, b  string
		want  rebasin.Relation
		exact bool
	}{
		{"a.onnx", "again.onnx", rebasin.Same, true},
		{"a.onnx", "shuffled.onnx", rebasin.Shuffled, true},
		{"again.onnx", "tuned.onnx", rebasin.FineTuned, false},
		{"a.onnx", "tuned-shuffled.onnx", rebasin.ShuffledRelated, false},
		{"shuffled.onnx", "tuned.onnx", rebasin.ShuffledRelated, false},
		{"a.onnx", "other.onnx", rebasin.Apart, false},
		{"r.onnx", "s.onnx", rebasin.Apart, false},
		{"a.onnx", "r.onnx", "", false},
	} {
		if got, exact := relation(t, r, k.a, k.b); got != k.want || exact != k.exact {
			t.Errorf("%s and %s: %q, exact %v, want %q", k.a, k.b, got, exact, k.want)
		}
	}
	if len(r.Duplicates) != 1 || len(r.Duplicates[0]) != 2 {
		t.Errorf("duplicates %v", r.Duplicates)
	}
	f := r.Families[0]
	if len(f.Kin) != 1 || len(f.Kin[0]) != 5 || slices.ContainsFunc(f.Kin[0], func(p string) bool { return filepath.Base(p) == "other.onnx" }) {
		t.Errorf("kin %v", f.Kin)
	}
	for _, n := range f.Nearest {
		if filepath.Base(n.Model) == "a.onnx" && filepath.Base(n.To) != "again.onnx" {
			t.Errorf("the nearest relative of %s is %s", n.Model, n.To)
		}
	}
	if near := f.Relatives(); len(near) != 10 || near[0].After > near[9].After {
		t.Errorf("%d related pairs", len(near))
	}
	matrix(t, r)
}

// matrix holds the table of distances to the pairs.
func matrix(t *testing.T, r *zoo.Result) {
	t.Helper()
	var b bytes.Buffer
	if err := r.WriteMatrixCSV(&b); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&b).ReadAll()
	if err != nil || len(rows) != 9 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for i, row := range rows[1:] {
		for j, cell := range row[1:] {
			family := (i < 6) == (j < 6)
			if (cell != "") != family || i == j && cell != "0" {
				t.Errorf("%s and %s: %q", row[0], rows[0][j+1], cell)
			}
		}
	}
}

// A second survey takes all from the cache, whatever the files are called now; what
// is damaged in it is found anew.
func TestCache(t *testing.T) {
	dir, cache := t.TempDir(), filepath.Join(t.TempDir(), "new", "cache")
	for _, name := range []string{"a.onnx", "b.onnx", "c.onnx"} {
		copyOf(t, filepath.Join("..", "fixtures", "mlp", name), filepath.Join(dir, name), 0, false)
	}
	survey := func(version string) *zoo.Result {
		t.Helper()
		r, err := zoo.Survey(context.Background(), []string{dir}, zoo.Options{Cache: cache, Version: version})
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Families) != 1 || len(r.Families[0].Pairs) != 3 {
			t.Fatalf("families %+v", r.Families)
		}
		return r
	}
	first := survey("1")
	entries, _ := filepath.Glob(filepath.Join(cache, "*.json"))
	if len(entries) != 3 {
		t.Fatalf("%d entries", len(entries))
	}
	if err := os.Rename(filepath.Join(dir, "a.onnx"), filepath.Join(dir, "z.onnx")); err != nil {
		t.Fatal(err)
	}
	before := times(t, cache)
	again := survey("1")
	if !slices.Equal(before, times(t, cache)) {
		t.Error("entries were written again")
	}
	if x, _ := relation(t, first, "a.onnx", "b.onnx"); x != rebasin.Apart {
		t.Errorf("relation %q", x)
	}
	if x, y := first.Families[0].Pairs[0], again.Families[0].Pairs[1]; x.A != filepath.Join(dir, "a.onnx") || y.B != filepath.Join(dir, "z.onnx") || *x.Kinship != *y.Kinship {
		t.Errorf("%v and %v differ", x, y)
	}
	data, err := os.ReadFile(entries[0])
	if err != nil {
		t.Fatal(err)
	}
	for i, damage := range [][]byte{nil, data[:len(data)/2], bytes.Replace(data, []byte("apart"), []byte("same!"), 1), []byte(`{"sum":"","body":{}}`)} {
		if err := os.WriteFile(entries[0], damage, 0o644); err != nil {
			t.Fatal(err)
		}
		survey("1")
		if mended, err := os.ReadFile(entries[0]); err != nil || !bytes.Equal(mended, data) {
			t.Errorf("damage %d was not mended: %v", i, err)
		}
	}
	survey("2")
	if all, _ := filepath.Glob(filepath.Join(cache, "*")); len(all) != 6 {
		t.Errorf("%d entries after another version's survey", len(all))
	}
}

// times lists when the files of a folder were written.
func times(t *testing.T, dir string) []int64 {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []int64
	for _, e := range list {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, info.ModTime().UnixNano())
	}
	return out
}

// A survey ends with its context, and says so when there is nothing to look at.
func TestSurveyEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := zoo.Survey(ctx, []string{"../fixtures/mlp"}, zoo.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if _, err := zoo.Survey(context.Background(), []string{t.TempDir()}, zoo.Options{}); err == nil || !strings.Contains(err.Error(), "no .onnx file") {
		t.Errorf("error %v", err)
	}
}

// Among the published models exactly those are relatives that are known to be.
func TestSurveyPublished(t *testing.T) {
	dir := shared.Dir(t)
	r, err := zoo.Survey(context.Background(), []string{filepath.Join(dir, "zoo"), filepath.Join(dir, "zoopairs"), filepath.Join(dir, "models")}, zoo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var got, kin []string
	name := func(p string) string { rel, _ := filepath.Rel(dir, p); return filepath.ToSlash(rel) }
	for _, f := range r.Families {
		var members []string
		for _, m := range f.Members {
			members = append(members, name(m))
		}
		got = append(got, strings.Join(members, " "))
		for _, p := range f.Relatives() {
			kin = append(kin, string(p.Relation)+" "+name(p.A)+" "+name(p.B))
		}
	}
	var want []string
	for _, pair := range []string{"models/cifar10_resnet", "models/cifar10_resnet_folded", "models/cifar10_vgg", "models/cifar10_vgg_folded", "models/mnist_concat",
		"models/mnist_gru", "models/mnist_vit", "models/mnist_vit_op17", "zoopairs/godot_simple_reach"} {
		want = append(want, pair+"/a.onnx "+pair+"/b.onnx")
	}
	want = append(want,
		"models/mnist_mlp/a.onnx models/mnist_mlp/b.onnx models/mnist_mlp_split/a.onnx models/mnist_mlp_split/b.onnx",
		"zoopairs/wakeword_computer/a.onnx zoopairs/wakeword_computer/b.onnx zoopairs/wakeword_hal/a.onnx zoopairs/wakeword_hal/b.onnx",
		"zoo/esp_streaming.onnx zoopairs/esp_streaming/a.onnx zoopairs/esp_streaming/b.onnx",
		"zoo/waifu2x_upconv7.onnx zoopairs/waifu2x_noise1_noise2/a.onnx zoopairs/waifu2x_noise1_noise2/b.onnx",
		"zoo/mlsd_tiny.onnx zoopairs/mlsd_tiny_320_512/a.onnx")
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("families\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	wantKin := []string{
		"fine-tuned zoo/waifu2x_upconv7.onnx zoopairs/waifu2x_noise1_noise2/b.onnx",
		"fine-tuned zoopairs/waifu2x_noise1_noise2/a.onnx zoopairs/waifu2x_noise1_noise2/b.onnx",
		"same zoo/esp_streaming.onnx zoopairs/esp_streaming/a.onnx",
		"same zoo/mlsd_tiny.onnx zoopairs/mlsd_tiny_320_512/a.onnx",
		"same zoo/waifu2x_upconv7.onnx zoopairs/waifu2x_noise1_noise2/a.onnx",
	}
	slices.Sort(kin)
	if !slices.Equal(kin, wantKin) {
		t.Errorf("kin\n%s\nwant\n%s", strings.Join(kin, "\n"), strings.Join(wantKin, "\n"))
	}
}
