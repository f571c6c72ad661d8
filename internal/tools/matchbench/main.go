// Command matchbench measures weight matching, as the tables of
// docs/performance.md:
//
//	go run ./internal/tools/matchbench lap ../shared/reference      assignments, beside scipy
//	go run ./internal/tools/matchbench pairs ../shared              trained pairs, beside the reference
//	go run ./internal/tools/matchbench shapes                       ResNet-50 and ViT-B with random weights, networks that grow
//	go run ./internal/tools/matchbench starts A.onnx B.onnx max     what each kind of start brings
//
// Seconds are of processor time, user and system, unless they are said to be of
// the clock. PYTHON is the interpreter that has numpy, scipy and onnx.
package main

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/onnx-rebasin/onnx-rebasin/internal/cputime"
)

func main() {
	var err error
	switch args := os.Args[1:]; {
	case len(args) == 2 && args[0] == "lap":
		err = lap(args[1])
	case len(args) == 2 && args[0] == "pairs":
		err = pairs(args[1])
	case len(args) == 1 && args[0] == "shapes":
		err = shapes()
	case len(args) == 4 && args[0] == "starts":
		err = starts(args[1], args[2], args[3])
	case len(args) == 4 && args[0] == "match":
		err = match(args[1], args[2], args[3])
	default:
		fmt.Fprintln(os.Stderr, "usage: matchbench lap REFERENCE | pairs SHARED | shapes | starts A.onnx B.onnx EFFORT | match A.onnx B.onnx EFFORT")
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "matchbench:", err)
		os.Exit(1)
	}
}

// processor is the processor time this process has taken.
func processor() time.Duration {
	return time.Duration(cputime.Seconds() * float64(time.Second))
}

// python runs a script of the reference on one thread and returns what it prints.
func python(script string, args ...string) (string, error) {
	c := exec.Command(cmp.Or(os.Getenv("PYTHON"), "python3"), append([]string{script}, args...)...)
	c.Env = append(os.Environ(), "OPENBLAS_NUM_THREADS=1", "OMP_NUM_THREADS=1")
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		err = fmt.Errorf("%s: %w", script, err)
	}
	return string(out), err
}
