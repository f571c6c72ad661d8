// Command coverage prints how much of each model's weights can be permuted, as
// the table of docs/coverage.md:
//
//	go run ./internal/tools/coverage ../shared/zoo ../shared/models fixtures/exports
package main

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: coverage DIR…")
		os.Exit(2)
	}
	fmt.Println("| model | nodes | groups | free slots | permutable parameters | what is frozen most, by parameters of weights without a free axis | s |")
	fmt.Println("|---|---:|---:|---:|---:|---|---:|")
	failed := false
	for _, dir := range os.Args[1:] {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(path) != ".onnx" {
				return err
			}
			name, _ := filepath.Rel(filepath.Dir(dir), path)
			if err := row(filepath.ToSlash(name), path); err != nil {
				fmt.Printf("| %s | | | | | %s | |\n", name, err)
			}
			return nil
		})
		if err != nil {
			fmt.Fprintln(os.Stderr, "coverage:", err)
			failed = true
		}
	}
	if failed {
		os.Exit(1)
	}
}

func row(name, path string) error {
	m, err := onnxgraph.Load(path)
	if err != nil {
		return err
	}
	defer m.Close()
	start := time.Now()
	s, err := permspec.Infer(m, permspec.Options{})
	if err != nil {
		return err
	}
	share := "–"
	if s.Parameters > 0 {
		share = fmt.Sprintf("%.1f %%", 100*float64(s.Permutable())/float64(s.Parameters))
	}
	fmt.Printf("| %s | %d | %d | %d | %s | %s | %.2f |\n", name, nodes(m.Graph), len(s.Groups), s.FreeSlots(), share, causes(m, s), time.Since(start).Seconds())
	return nil
}

func nodes(g *onnxgraph.Graph) int {
	n := len(g.Nodes)
	for _, node := range g.Nodes {
		for _, a := range node.Attrs {
			for _, body := range append(a.Graphs, a.Graph) {
				if body != nil {
					n += nodes(body)
				}
			}
		}
	}
	return n
}

// causes names the two reasons that keep the most parameters from moving.
func causes(m *onnxgraph.Model, s *permspec.Spec) string {
	size, free := map[string]int64{}, map[string]bool{}
	for _, w := range m.Weights() {
		size[w.Name] = w.Elements()
	}
	for _, w := range s.Weights {
		free[w.Weight.Name] = true
	}
	lost := map[string]int64{}
	counted := map[string]bool{}
	for _, f := range s.Frozen {
		if !free[f.Weight] && !counted[f.Weight] {
			lost[f.Reason] += size[f.Weight]
			counted[f.Weight] = true
		}
	}
	var reasons []string
	for r := range lost {
		reasons = append(reasons, r)
	}
	slices.SortFunc(reasons, func(a, b string) int { return cmp.Or(cmp.Compare(lost[b], lost[a]), cmp.Compare(a, b)) })
	var out []string
	for _, r := range reasons[:min(2, len(reasons))] {
		out = append(out, fmt.Sprintf("%s (%d)", strings.ReplaceAll(r, "|", "\\|"), lost[r]))
	}
	return strings.Join(out, "; ")
}
