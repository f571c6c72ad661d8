// Command speed times models on the onnx-go backend and on ONNX Runtime side by side, as the table of
// docs/performance.md:
//
//	go run ./internal/tools/speed mlp:256 ../shared/models/cifar10_vgg/a.onnx:64
//
// An argument is a model's file, or "mlp" for a 784-512-512-10 network of random weights, and the size of the batch.
// The two backends take turns, so that whatever else the machine does slows both; the medians of all rounds are
// printed. On one thread the processor time of a run is counted, on all of them what a clock shows too.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

func main() {
	rounds := flag.Int("rounds", 9, "rounds of each backend")
	span := flag.Duration("span", 200*time.Millisecond, "how long a round lasts")
	threads := flag.String("threads", fmt.Sprintf("1,%d", runtime.NumCPU()), "numbers of threads")
	library := flag.String("ort-lib", "", "ONNX Runtime's shared library or its folder")
	flag.Parse()
	if flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "usage: speed [flags] MODEL[:BATCH]…")
		os.Exit(2)
	}
	fmt.Println("| model | batch | threads | ours, cpu ms | ONNX Runtime, cpu ms | ratio | ours, ms | ONNX Runtime, ms | ratio | ours, allocated in a run |")
	fmt.Println("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
	failed := false
	for _, n := range strings.Split(*threads, ",") {
		for _, arg := range flag.Args() {
			c := contest{library: *library, rounds: *rounds, span: *span}
			c.threads, _ = strconv.Atoi(n)
			if err := c.run(arg); err != nil {
				fmt.Fprintln(os.Stderr, "speed:", err)
				failed = true
			}
		}
	}
	if failed {
		os.Exit(1)
	}
}

// model opens what an argument names.
func model(arg string) (m *onnxgraph.Model, name string, batch int, err error) {
	path, size, found := strings.Cut(arg, ":")
	batch = 1
	if found {
		if batch, err = strconv.Atoi(size); err != nil {
			return nil, "", 0, fmt.Errorf("%s: the batch %q is no number", path, size)
		}
	}
	if path == "mlp" {
		m, err = mlp(784, 512, 512, 10)
		return m, "MLP 784-512-512-10", batch, err
	}
	m, err = onnxgraph.Load(path)
	return m, filepath.ToSlash(filepath.Join(filepath.Base(filepath.Dir(path)), filepath.Base(path))), batch, err
}
