//go:build linux

package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// bench is a folder with two inputs and an output that runs go to. There are two
// commands that write it, whose outputs differ.
type bench struct {
	bin, in, out string // program, folder of the inputs, folder of the output
	rng          *rand.Rand
	inputs       map[string][32]byte // digests by path
	versions     map[string]string   // which command a digest of the output's weights comes from
	takes        time.Duration
	page         bool     // runs write a page about what they did, too
	first        []string // files of the first output: those stay, see onnxgraph.Model.Save
}

// newBench makes the inputs by bigmodel, and learns what both commands give.
func newBench(dir, bin string, external bool, seed uint64) (*bench, error) {
	b := &bench{bin: bin, in: filepath.Join(dir, "in"), out: filepath.Join(dir, "out"), rng: rand.New(rand.NewPCG(seed, 1)),
		page:   true,
		inputs: map[string][32]byte{}, versions: map[string]string{}}
	for _, d := range []string{b.in, b.out} {
		if err := os.MkdirAll(d, 0o777); err != nil {
			return nil, err
		}
	}
	for k, name := range []string{"a.onnx", "b.onnx"} {
		args := []string{"run", "./internal/tools/bigmodel", "-layers", "2", "-width", "128", "-ffn", "512", "-heads", "4", "-head", "32", "-vocab", "4096",
			"-seed", fmt.Sprint(k), "-o", filepath.Join(b.in, name), fmt.Sprintf("-inline=%v", !external)}
		if err := command("go", args...); err != nil {
			return nil, err
		}
	}
	var err error
	if b.inputs, err = digests(b.in); err != nil {
		return nil, err
	}
	for _, lambda := range []string{"0.3", "0.6"} {
		began := time.Now()
		if err := b.merge(lambda).Run(); err != nil {
			return nil, fmt.Errorf("merge with λ = %s: %w", lambda, err)
		}
		b.takes = time.Since(began)
		sum, err := weights(b.model())
		if err != nil {
			return nil, err
		}
		b.versions[sum] = lambda
		if b.first == nil {
			b.first = b.files()
		}
	}
	if len(b.versions) != 2 {
		return nil, errors.New("both commands give the same output")
	}
	return b, nil
}

func (b *bench) model() string  { return filepath.Join(b.out, "m.onnx") }
func (b *bench) report() string { return filepath.Join(b.out, "report.html") }

// merge is a command that writes the output.
func (b *bench) merge(lambda string) *exec.Cmd {
	args := []string{"merge", filepath.Join(b.in, "a.onnx"), filepath.Join(b.in, "b.onnx"), "-o", b.model(), "--force", "--lambda", lambda, "--method", "none", "--no-verify", "--quiet"}
	if b.page {
		args = append(args, "--report", b.report())
	}
	return exec.Command(b.bin, args...)
}

// lambda draws one of both commands.
func (b *bench) lambda() string { return []string{"0.3", "0.6"}[b.rng.IntN(2)] }

// sound returns what is wrong with the inputs or the output.
func (b *bench) sound() error {
	now, err := digests(b.in)
	if err != nil {
		return err
	}
	for name, sum := range b.inputs {
		if now[name] != sum {
			return fmt.Errorf("input %s has changed", name)
		}
	}
	if len(now) != len(b.inputs) {
		return fmt.Errorf("the inputs' folder has %d files, had %d", len(now), len(b.inputs))
	}
	sum, err := weights(b.model())
	if err != nil {
		return fmt.Errorf("the output is not readable: %w", err)
	}
	if b.versions[sum] == "" {
		return errors.New("the output is neither the old one nor the new one")
	}
	if page, _ := os.ReadFile(b.report()); b.page && !bytes.HasSuffix(bytes.TrimSpace(page), []byte("</html>")) {
		return errors.New("the report is not whole")
	}
	return nil
}

// tidy returns what a whole run leaves beside its output.
func (b *bench) tidy() error {
	lambda := b.lambda()
	if out, err := b.merge(lambda).CombinedOutput(); err != nil {
		return fmt.Errorf("the next run fails: %w: %s", err, out)
	}
	if err := b.sound(); err != nil {
		return err
	}
	if sum, _ := weights(b.model()); b.versions[sum] != lambda {
		return errors.New("the next run did not write its output")
	}
	known := map[string]bool{}
	for _, f := range b.first {
		known[f] = true
	}
	extra := 0
	for _, f := range b.files() {
		if known[f] {
			continue
		}
		if extra++; !strings.HasPrefix(path.Base(f), "m.") || extra > 1 { // its own data
			return fmt.Errorf("left: %q", b.files())
		}
	}
	return nil
}

// files lists the output's folder.
func (b *bench) files() []string {
	var out []string
	filepath.WalkDir(b.out, func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(b.out, p)
			out = append(out, filepath.ToSlash(rel))
		}
		return nil
	})
	return out
}

// digests hashes the files of a folder.
func digests(dir string) (map[string][32]byte, error) {
	out := map[string][32]byte{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(p)
		out[p] = sha256.Sum256(data)
		return err
	})
	return out, err
}

// weights hashes the numbers of a model.
func weights(path string) (string, error) {
	m, err := onnxgraph.Load(path)
	if err != nil {
		return "", err
	}
	defer m.Close()
	h := sha256.New()
	for _, w := range m.Weights() {
		b, err := m.Bytes(w)
		if err != nil {
			return "", err
		}
		h.Write([]byte(w.Name))
		h.Write(b)
	}
	return string(h.Sum(nil)), nil
}
