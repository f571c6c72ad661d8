// Command coverage writes how much of each model can be permuted, and whether a
// planted permutation is found again: docs/coverage.md.
//
//	go run ./internal/tools/coverage -planted fixtures/exports ../shared/models ../shared/zoo ../shared/zoopairs > docs/coverage.md
package main

import (
	_ "embed"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
)

//go:embed about.md
var about string

// notes says of models that stay below 95 % what keeps them there, a line each.
//
//go:embed notes.txt
var notes string

func main() {
	plant := flag.Bool("planted", false, "permute every model, align it with itself, and tell whether it comes back")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: coverage [-planted] DIR…")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() == 0 {
		flag.Usage()
		os.Exit(2)
	}
	fmt.Println(strings.ReplaceAll(about, "ARGUMENTS", strings.Join(os.Args[1:], " ")))
	fmt.Println("| model | nodes | groups | free slots | parameters | hidden axes | frozen | planted | s |")
	fmt.Println("|---|---:|---:|---:|---:|---:|---|---|---:|")
	failed := false
	for _, dir := range flag.Args() {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(path) != ".onnx" || filepath.Base(path) == "b.onnx" {
				return err
			}
			name, _ := filepath.Rel(filepath.Dir(dir), path)
			name = strings.TrimSuffix(strings.TrimSuffix(filepath.ToSlash(name), ".onnx"), "/a")
			if err := row(name, path, *plant); err != nil {
				fmt.Printf("| %s | | | | | | %s | | |\n", name, err)
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

func row(name, path string, plant bool) error {
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
	why := note(name)
	if why == "" {
		why = h.reasons()
	}
	found := ""
	if plant {
		found = planted(m, s)
	}
	fmt.Printf("| %s | %d | %d | %d | %s | %s | %s | %s | %.2f |\n", name, nodes(m.Graph), len(s.Groups), s.FreeSlots(),
		share(s.Permutable(), s.Parameters), share(h.free, h.all), why, found, seconds)
	return nil
}

// note returns what notes.txt says of a model: a line "name: text", the name
// possibly ending in *.
func note(name string) string {
	for _, line := range strings.Split(notes, "\n") {
		pattern, text, ok := strings.Cut(line, ": ")
		if match, _ := filepath.Match(pattern, name); ok && match {
			return text
		}
	}
	return ""
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
