package onnxgraph_test

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
	"github.com/onnx-rebasin/onnx-rebasin/internal/shared"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// away returns a float32 tensor whose data is in an external file, described by
// pairs of key and value.
func away(name string, n int64, pairs ...string) *onnxpb.TensorProto {
	t := tensor(name, onnxgraph.Float32, n)
	t.DataLocation = onnxpb.TensorProto_EXTERNAL.Enum()
	for i := 0; i < len(pairs); i += 2 {
		t.ExternalData = append(t.ExternalData, &onnxpb.StringStringEntryProto{Key: &pairs[i], Value: &pairs[i+1]})
	}
	return t
}

// listing returns the files below a folder.
func listing(t *testing.T, dir string) []string {
	t.Helper()
	names := []string{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err == nil && p != dir {
			rel, _ := filepath.Rel(dir, p)
			names = append(names, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func readFile(t *testing.T, parts ...string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(parts...))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// wantFloats checks the numbers of a weight of the model in a file.
func wantFloats(t *testing.T, path, name string, want ...float32) {
	t.Helper()
	m := load(t, path)
	got, err := m.Float32s(weight(t, m, name))
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%s: weight %q is %v, %v, want %v", filepath.Base(path), name, got, err, want)
	}
}

// External data is read from where the file says, and written to the same place
// of a file of the same name; what no tensor uses survives.
func TestExternalLayout(t *testing.T) {
	data := slices.Concat([]byte("head"), rawFloats(1, 2), []byte("gap!"), rawFloats(3), []byte("tail"))
	pb := chain(
		away("a", 2, "location", "sub/w.bin", "offset", "4", "length", "8"),
		away("b", 1, "location", "./sub/w.bin", "offset", "16"),
		away("c", 2, "location", "c.bin"),
		floats("d", 7))
	file := marshal(t, pb)
	m := load(t, write(t, "m.onnx", file, "sub/w.bin", data, "c.bin", rawFloats(5, 6)))
	out := t.TempDir()
	if err := m.Save(filepath.Join(out, "n.onnx"), onnxgraph.SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := listing(t, out); !slices.Equal(got, []string{"c.bin", "n.onnx", "sub", "sub/w.bin"}) {
		t.Errorf("files %q", got)
	}
	if !bytes.Equal(readFile(t, out, "n.onnx"), file) || !bytes.Equal(readFile(t, out, "sub/w.bin"), data) {
		t.Error("an unchanged model is saved otherwise")
	}
	out = t.TempDir()
	if err := put(t, put(t, m, "b", rawFloats(30)), "d", rawFloats(70)).Save(filepath.Join(out, "n.onnx"), onnxgraph.SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	want := slices.Concat([]byte("head"), rawFloats(1, 2), []byte("gap!"), rawFloats(30), []byte("tail"))
	if !bytes.Equal(readFile(t, out, "sub/w.bin"), want) {
		t.Errorf("external file %q, want %q", readFile(t, out, "sub/w.bin"), want)
	}
	wantFloats(t, filepath.Join(out, "n.onnx"), "d", 70)
}

// In a folder where the names are taken, external data gets names of its own,
// and the model refers to them.
func TestExternalNameTaken(t *testing.T) {
	path := write(t, "m.onnx", marshal(t, chain(away("a", 1, "location", "sub/w.bin"))), "sub/w.bin", rawFloats(1))
	dir := filepath.Dir(path)
	m := put(t, load(t, path), "a", rawFloats(2))
	out := filepath.Join(dir, "n.onnx")
	if err := m.Save(out, onnxgraph.SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	wantFloats(t, path, "a", 1)
	wantFloats(t, out, "a", 2)
	if got := listing(t, dir); !slices.Equal(got, []string{"m.onnx", "n.onnx", "sub", "sub/n.w.bin", "sub/w.bin"}) {
		t.Errorf("files %q", got)
	}
	if err := os.Remove(out); err != nil {
		t.Fatal(err)
	}
	if err := m.Save(out, onnxgraph.SaveOptions{}); err != nil { // the same content is there
		t.Error(err)
	}
	wantFloats(t, out, "a", 2)
	if err := m.Save(out, onnxgraph.SaveOptions{}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("existing model: error %v", err)
	}
	// Other content never replaces a file: the model moves to it, then the old data goes.
	for x := range 3 {
		if err := put(t, m, "a", rawFloats(float32(x))).Save(out, onnxgraph.SaveOptions{Force: true}); err != nil {
			t.Error(err)
		}
		wantFloats(t, out, "a", float32(x))
		if got := listing(t, dir); len(got) != 5 {
			t.Errorf("files %q", got)
		}
	}
	wantFloats(t, path, "a", 1)
}

// Tensors that share bytes stay shared while they agree and part when they do
// not; a tensor that was not replaced keeps its numbers.
func TestExternalShared(t *testing.T) {
	pb := chain(
		away("a", 2, "location", "w", "length", "8"),
		away("b", 2, "location", "w", "offset", "0"),
		away("c", 2, "location", "w", "offset", "12", "checksum", "0"),
		away("d", 2, "location", "w", "offset", "12", "checksum", "0"))
	m := load(t, write(t, "m.onnx", marshal(t, pb), "w", rawFloats(1, 2, 3, 4, 5, 6)))
	out := filepath.Join(t.TempDir(), "n.onnx")
	save := func(m *onnxgraph.Model) {
		t.Helper()
		if err := m.Save(out, onnxgraph.SaveOptions{Force: true}); err != nil {
			t.Fatal(err)
		}
	}
	save(put(t, put(t, m, "a", rawFloats(8, 9)), "b", rawFloats(8, 9)))
	wantFloats(t, out, "a", 8, 9)
	wantFloats(t, out, "b", 8, 9)
	if n := len(readFile(t, filepath.Dir(out), "w")); n != 24 {
		t.Errorf("shared data takes %d bytes, want 24", n)
	}
	out = filepath.Join(t.TempDir(), "n.onnx")
	save(put(t, put(t, put(t, m, "a", rawFloats(8, 9)), "b", rawFloats(7, 9)), "d", rawFloats(0, 1)))
	wantFloats(t, out, "a", 8, 9)
	wantFloats(t, out, "b", 7, 9)
	wantFloats(t, out, "c", 4, 5)
	wantFloats(t, out, "d", 0, 1)
	sum := sha1.Sum(readFile(t, filepath.Dir(out), "w"))
	if !bytes.Contains(readFile(t, out), []byte(hex.EncodeToString(sum[:]))) {
		t.Error("checksum not brought up to date")
	}
}

// Tensors may share a part of an external file, or have parts of their own, but
// not parts that overlap.
func TestExternalOverlap(t *testing.T) {
	for _, c := range []struct {
		ok   bool
		name string
		a, b []string // beside the location of tensors of 2 and 3 elements
	}{
		{true, "apart", []string{"location", "w"}, []string{"location", "w", "offset", "8"}},
		{true, "other files", []string{"location", "w"}, []string{"location", "v"}},
		{false, "one in the other", []string{"location", "w"}, []string{"location", "w"}},
		{false, "the end of one", []string{"location", "w", "offset", "8"}, []string{"location", "w"}},
		{false, "one byte", []string{"location", "w", "offset", "11"}, []string{"location", "w"}},
		{false, "other spelling", []string{"location", "w", "offset", "8"}, []string{"location", "./w"}},
	} {
		_, err := onnxgraph.Parse(marshal(t, chain(away("a", 2, c.a...), away("b", 3, c.b...))), t.TempDir())
		if c.ok != (err == nil) || err != nil && !strings.Contains(err.Error(), `"a" and "b"`) && !strings.Contains(err.Error(), `"b" and "a"`) {
			t.Errorf("%s: error %v", c.name, err)
		}
	}
	m := parse(t, chain(away("a", 2, "location", "w"), away("b", 2, "location", "w", "offset", "0")))
	if len(m.Weights()) != 2 {
		t.Error("tensors that share a part are refused")
	}
}

// edges lists the files of zoo-edge, and what goes wrong when their weights are
// read; "" for those that are read and saved as they are.
var edges = map[string]string{
	"test_arbitrary_external_file.onnx":     "leads out of the model's folder",
	"test_evil_weights.onnx":                "an address in the memory of another program",
	"missing_external_data.onnx":            "no such file",
	"conv_qdq_external_ini.onnx":            "",
	"java-external-matmul.onnx":             "",
	"model_with_external_initializers.onnx": "",
	"model_with_orig_ext_data.onnx":         "",
	"conv.int4_weights.qdq.onnx":            "",
	"dup_qdq_bfloat16.onnx":                 "",
	"function_with_variadics.onnx":          "",
	"gh_issue_18338.onnx":                   "",
	"sparse_initializer_handling.onnx":      "",
	"te.cast_fp8_1_fp32.onnx":               "",
}

// The files of zoo-edge do what their names say: all are listed, none is read
// beyond its folder, and those that are fine come out byte for byte.
func TestEdgeFiles(t *testing.T) {
	dir := filepath.Join(shared.Dir(t), "zoo-edge")
	found, err := filepath.Glob(filepath.Join(dir, "*.onnx"))
	if err != nil || len(found) != len(edges) {
		t.Errorf("%d files, %d are listed, %v", len(found), len(edges), err)
	}
	for _, path := range found {
		name := filepath.Base(path)
		want, listed := edges[name]
		if !listed {
			t.Errorf("%s is not listed", name)
		}
		m := load(t, path)
		for _, w := range m.Weights() {
			if _, err := m.Tensor(w); err != nil && (want == "" || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), w.Name)) {
				t.Errorf("%s: error %v, want %q", name, err, want)
			}
		}
		out := t.TempDir()
		err := m.Save(filepath.Join(out, name), onnxgraph.SaveOptions{})
		if want != "" {
			if got := listing(t, out); err == nil || !strings.Contains(err.Error(), want) || len(got) > 0 {
				t.Errorf("%s: saved as %q, error %v", name, got, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, f := range listing(t, out) {
			if !bytes.Equal(readFile(t, out, f), readFile(t, dir, f)) {
				t.Errorf("%s: %s differs", name, f)
			}
		}
	}
	m := load(t, filepath.Join(dir, "sparse_initializer_handling.onnx"))
	for _, v := range m.Graph.Nodes[0].Inputs {
		if v.Weight != nil && (!v.Weight.Sparse || v.Weight.Replaceable()) {
			t.Errorf("%v is not sparse", v.Weight)
		}
	}
}

// Files that were read are never replaced, others only with Force, and what is
// no file never.
func TestSaveRefuses(t *testing.T) {
	pb := chain(away("a", 1, "location", "w"))
	path := write(t, "m.onnx", marshal(t, pb), "w", rawFloats(1), "other", []byte("other"))
	dir := filepath.Dir(path)
	m := put(t, load(t, path), "a", rawFloats(2))
	at := func(name string) string { return filepath.Join(dir, name) }
	for name, link := range map[string]func(string, string) error{"soft": os.Symlink, "hard": os.Link} {
		if err := link(path, at(name)); err != nil {
			t.Skip(err)
		}
	}
	if err := os.Mkdir(at("folder"), 0o777); err != nil {
		t.Fatal(err)
	}
	before := listing(t, dir)
	for _, c := range []struct {
		name  string
		force bool
	}{
		{"m.onnx", true}, {"m.onnx", false}, {"w", true}, {"soft", true}, {"hard", true}, {"other", false},
		{"folder", true}, {"nowhere/n.onnx", true}, {"input", true},
	} {
		opts := onnxgraph.SaveOptions{Force: c.force}
		if c.name == "input" {
			c.name, opts.Inputs = "other", []string{at("other")}
		}
		if err := m.Save(at(c.name), opts); err == nil {
			t.Errorf("saved over %s", c.name)
		}
	}
	if got := listing(t, dir); !slices.Equal(got, before) {
		t.Errorf("files %q, want %q", got, before)
	}
	if err := m.Save(at("other"), onnxgraph.SaveOptions{Force: true}); err != nil {
		t.Error(err)
	}
	wantFloats(t, at("other"), "a", 2)
	wantFloats(t, path, "a", 1)
}

// A save that fails leaves nothing behind, in whatever file it fails.
func TestSaveFailsClean(t *testing.T) {
	pb := chain(away("a", 1, "location", "sub/w"), floats("b", 1), away("c", 1, "location", "sub/v"))
	m := load(t, write(t, "m.onnx", marshal(t, pb), "sub/w", rawFloats(1), "sub/v", rawFloats(1)))
	for _, name := range []string{"a", "b", "c"} {
		broken := m.With(map[*onnxgraph.Weight]onnxgraph.Content{
			weight(t, m, name): func() ([]byte, error) { return nil, errors.New("broken") },
		})
		out := t.TempDir()
		if err := broken.Save(filepath.Join(out, "n.onnx"), onnxgraph.SaveOptions{}); err == nil {
			t.Error("no error")
		}
		if got := listing(t, out); len(got) > 0 {
			t.Errorf("weight %s failed and left %q", name, got)
		}
	}
}

// Metadata is replaced by key or added at the end; the rest of the file stays.
func TestMetadata(t *testing.T) {
	pb := chain(floats("w", 1))
	for _, k := range []string{"one", "two", "one"} {
		pb.MetadataProps = append(pb.MetadataProps, &onnxpb.StringStringEntryProto{Key: proto.String(k), Value: proto.String("old")})
	}
	m := parse(t, pb).WithMetadata(onnxgraph.Property{Key: "one", Value: "1"}).WithMetadata(onnxgraph.Property{Key: "three", Value: "3"}, onnxgraph.Property{Key: "one", Value: "first"})
	want := []onnxgraph.Property{{"one", "first"}, {"two", "old"}, {"three", "3"}}
	if got := m.Metadata(); !slices.Equal(got, want) {
		t.Errorf("metadata %q, want %q", got, want)
	}
	var b bytes.Buffer
	if _, err := m.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	pb.MetadataProps = nil
	for _, p := range want {
		pb.MetadataProps = append(pb.MetadataProps, &onnxpb.StringStringEntryProto{Key: &p.Key, Value: &p.Value})
	}
	again := new(onnxpb.ModelProto)
	if err := proto.Unmarshal(b.Bytes(), again); err != nil || !proto.Equal(again, pb) {
		t.Errorf("written %v, %v", again, err)
	}
	if full, err := m.Proto(); err != nil || !proto.Equal(full, pb) {
		t.Errorf("message %v, %v", full, err)
	}
}

// A closed model says so.
func TestClosed(t *testing.T) {
	m := load(t, write(t, "m.onnx", marshal(t, chain(floats("w", 1)))))
	w := m.Weights()[0]
	for range 2 {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := m.Bytes(w); err == nil {
		t.Error("read after Close")
	}
	if _, err := m.WriteTo(new(bytes.Buffer)); err == nil {
		t.Error("written after Close")
	}
}

// A file beyond 2 GB, which protobuf cannot decode, is read where it lies; only
// the parts that are asked for are touched.
func TestHugeFile(t *testing.T) {
	if strconv.IntSize < 64 {
		t.Skip("no room in 32 bits")
	}
	huge := int64(5) << 29 // bytes; a hole in the file
	before, after := floats("before", 1, 2), floats("after", 3, 4)
	w := tensor("huge", onnxgraph.Float32, huge/4)
	head := marshal(t, w)
	head = protowire.AppendVarint(protowire.AppendTag(head, 9, protowire.BytesType), uint64(huge))
	graph := protowire.AppendTag(nil, 5, protowire.BytesType)
	graph = protowire.AppendBytes(graph, marshal(t, before))
	graph = protowire.AppendTag(graph, 5, protowire.BytesType)
	graph = protowire.AppendVarint(graph, uint64(len(head))+uint64(huge))
	graph = append(graph, head...)
	rest := protowire.AppendBytes(protowire.AppendTag(nil, 5, protowire.BytesType), marshal(t, after))
	file := protowire.AppendTag(nil, 7, protowire.BytesType)
	file = protowire.AppendVarint(file, uint64(len(graph)+len(rest))+uint64(huge))
	file = append(file, graph...)

	path := filepath.Join(t.TempDir(), "huge.onnx")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(file); err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(rest, int64(len(file))+huge); err != nil {
		t.Skip(err)
	}
	m := load(t, path)
	b, err := m.Bytes(weight(t, m, "huge"))
	if err != nil || int64(len(b)) != huge || b[huge-1] != 0 {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	wantFloats(t, path, "before", 1, 2)
	wantFloats(t, path, "after", 3, 4)
}
