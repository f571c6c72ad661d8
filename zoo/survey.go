package zoo

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	rebasin "github.com/onnx-rebasin/onnx-rebasin"
	"github.com/onnx-rebasin/onnx-rebasin/internal/parallel"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// Options direct Survey. The zero value is usable.
type Options struct {
	Cache    string // a folder for what was found; "": none is kept
	Version  string // of the program: what others found is found anew
	Workers  int    // models and pairs looked at side by side; 0: as many as there are cores
	Progress func(stage string, done, total int)
}

// Result is what a survey found.
type Result struct {
	Models     []*Model   `json:"models"`               // by path
	Unreadable []Problem  `json:"unreadable,omitempty"` // files and folders left out
	Families   []*Family  `json:"families"`             // of two models or more, the largest first
	Duplicates [][]string `json:"duplicates,omitempty"` // files of the same bytes
}

// Model is one file.
type Model struct {
	Path       string `json:"path"`
	SHA256     string `json:"sha256"` // of the file, and of those that hold its weights
	Bytes      int64  `json:"bytes"`
	Parameters int64  `json:"parameters"` // floating-point
	Nodes      int    `json:"nodes"`

	fingerprint onnxgraph.Fingerprint
}

// Problem is something that could not be read or compared.
type Problem struct {
	Path   string `json:"path"`
	Reason string `json:"reason"`
}

// Family is the models of one architecture.
type Family struct {
	Models  []*Model     `json:"-"`             // by path
	Members []string     `json:"members"`       // their paths
	Pairs   []*Pair      `json:"pairs"`         // all of them, by path
	Nearest []*Neighbour `json:"nearest"`       // of each member
	Kin     [][]string   `json:"kin,omitempty"` // members that have an ancestor in common
}

// Pair is two models of one family. In what is said of them, A is the model
// whose digest is the smaller; nothing depends on that but the last digits.
type Pair struct {
	A string `json:"a"` // paths
	B string `json:"b"`
	Finding
	Problem string `json:"problem,omitempty"` // why nothing was found

	a, b *Model
}

// Finding is what the comparison of two models found.
type Finding struct {
	*rebasin.Kinship
	L2Before float64 `json:"l2_before"`
	L2After  float64 `json:"l2_after"`
	Moved    float64 `json:"moved"` // fraction of the free slots that changed place
}

// Neighbour is the nearest relative of a model, after alignment.
type Neighbour struct {
	Model string `json:"model"`
	To    string `json:"to,omitempty"` // "": none could be compared
	*Finding
}

// Survey looks at every model below the given files and folders. What cannot be
// read is listed, and does not stop it; it fails when there is no model, and when
// ctx ends. Memory is that of a few models.
func Survey(ctx context.Context, paths []string, opts Options) (*Result, error) {
	if opts.Workers <= 0 {
		opts.Workers = runtime.GOMAXPROCS(0)
	}
	if opts.Progress == nil {
		opts.Progress = func(string, int, int) {}
	}
	r := &Result{Models: []*Model{}, Families: []*Family{}}
	files := r.find(paths)
	if len(files) == 0 {
		return nil, errors.New("there is no .onnx file in " + strings.Join(paths, ", "))
	}
	if err := r.read(ctx, files, opts); err != nil {
		return nil, err
	}
	r.Duplicates = duplicates(r.Models)
	if err := r.sort(ctx, opts); err != nil {
		return nil, err
	}
	for _, f := range r.Families {
		f.pair()
	}
	if err := r.compare(ctx, opts); err != nil {
		return nil, err
	}
	for _, f := range r.Families {
		f.relate()
	}
	return r, nil
}

// find lists the model files, each once, by path.
func (r *Result) find(paths []string) []string {
	var out []string
	for _, root := range paths {
		filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error { // errors are listed
			switch {
			case err != nil:
				r.fail(path, err)
			case !d.IsDir() && (path == root || strings.EqualFold(filepath.Ext(path), ".onnx")):
				out = append(out, filepath.Clean(path))
			}
			return nil
		})
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (r *Result) fail(path string, err error) {
	r.Unreadable = append(r.Unreadable, Problem{path, err.Error()})
}

// read reads what is to be known of each file.
func (r *Result) read(ctx context.Context, files []string, opts Options) error {
	models, failed := make([]*Model, len(files)), make([]error, len(files))
	err := each(ctx, len(files), opts.Workers, func(i int) { models[i], failed[i] = look(files[i]) }, func(done int) { opts.Progress("reading", done, len(files)) })
	for i, m := range models {
		if m != nil {
			r.Models = append(r.Models, m)
		} else if failed[i] != nil {
			r.fail(files[i], failed[i])
		}
	}
	return err
}

// look reads a file's digest and fingerprint.
func look(path string) (*Model, error) {
	m, err := onnxgraph.Load(path)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	out := &Model{Path: path, Nodes: len(m.Graph.Nodes)}
	for _, w := range m.Weights() {
		if w.Type.IsFloat() {
			out.Parameters += w.Elements()
		}
	}
	if out.SHA256, out.Bytes, err = digest(m.Files()); err != nil {
		return nil, err
	}
	out.fingerprint, err = m.Fingerprint()
	return out, err
}

// duplicates lists the files of one digest.
func duplicates(models []*Model) [][]string {
	paths := map[string][]string{}
	for _, m := range models {
		paths[m.SHA256] = append(paths[m.SHA256], m.Path)
	}
	var out [][]string
	for _, m := range models {
		if p := paths[m.SHA256]; len(p) > 1 && p[0] == m.Path {
			out = append(out, p)
		}
	}
	return out
}

// each calls do for 0 to n-1, some side by side, and tell after each. It ends
// early with the error of ctx.
func each(ctx context.Context, n, workers int, do func(int), tell func(done int)) error {
	var mu sync.Mutex
	done := 0
	parallel.For(workers, n, func(i int) {
		if ctx.Err() != nil {
			return
		}
		do(i)
		mu.Lock()
		defer mu.Unlock()
		done++
		tell(done)
	})
	return ctx.Err()
}
