// Command coverage prints how much of each model's weights can be permuted, as
// the table of docs/coverage.md:
//
//	go run ./internal/tools/coverage ../shared/zoo ../shared/models fixtures/exports
package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: coverage DIR…")
		os.Exit(2)
	}
	fmt.Println("| model | nodes | groups | free slots | parameters | hidden axes | frozen | s |")
	fmt.Println("|---|---:|---:|---:|---:|---:|---|---:|")
	failed := false
	for _, dir := range os.Args[1:] {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(path) != ".onnx" {
				return err
			}
			name, _ := filepath.Rel(filepath.Dir(dir), path)
			if err := row(filepath.ToSlash(name), path); err != nil {
				fmt.Printf("| %s | | | | | | %s | |\n", name, err)
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
	seconds := time.Since(start).Seconds()
	h := hiddenAxes(m, s)
	fmt.Printf("| %s | %d | %d | %d | %s | %s | %s | %.2f |\n", name, nodes(m.Graph), len(s.Groups), s.FreeSlots(),
		share(s.Permutable(), s.Parameters), share(h.free, h.all), h.reasons(), seconds)
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
