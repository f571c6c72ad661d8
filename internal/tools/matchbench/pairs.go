package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	rebasin "github.com/onnx-rebasin/onnx-rebasin"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/solver"
)

func median(times []float64) float64 {
	slices.Sort(times)
	return times[len(times)/2]
}

// pairs matches the trained pairs with every effort. The pair mnist_mlp is also
// matched by the reference's script.
func pairs(shared string) error {
	mlp := filepath.Join(shared, "models/mnist_mlp")
	out, err := python(filepath.Join(shared, "reference/bench.py"), "match", filepath.Join(mlp, "a.onnx"), filepath.Join(mlp, "b.onnx"))
	if err != nil {
		return err
	}
	fmt.Printf("numpy and scipy on mnist_mlp:\n\n")
	for s := bufio.NewScanner(strings.NewReader(out)); s.Scan(); {
		fmt.Println("   ", s.Text())
	}
	dirs, err := filepath.Glob(filepath.Join(shared, "models/*/a.onnx"))
	if err != nil {
		return err
	}
	fmt.Println("\n| pair | before | fast | s on 1, 2 threads | default | s | max | s |")
	fmt.Println("|---|---:|---:|---:|---:|---:|---:|---:|")
	for _, a := range dirs {
		line, before := "", 0.0
		for _, effort := range []string{"fast", "default", "max"} {
			for _, threads := range []int{1, 2} {
				r, err := measured(threads, a, filepath.Join(filepath.Dir(a), "b.onnx"), effort)
				if err != nil {
					return err
				}
				if before = r.Before; threads == 2 {
					line += fmt.Sprintf(", %.2f", r.Processor)
					continue
				}
				line += fmt.Sprintf(" | %.4f | %.2f", r.After, r.Processor)
				if effort == "max" {
					break
				}
			}
		}
		fmt.Printf("| %s | %.4f%s |\n", filepath.Base(filepath.Dir(a)), before, line)
	}
	return nil
}

// run is one matching in a process of its own.
type run struct {
	Before, After    float64 // distances
	Clock, Processor float64 // seconds of the matching alone
	Peak             int64   // memory of the process, in bytes
}

// measured runs match in a process of its own.
func measured(threads int, a, b, effort string) (run, error) {
	var r run
	self, err := os.Executable()
	if err != nil {
		return r, err
	}
	c := exec.Command(self, "match", a, b, effort)
	c.Env = append(os.Environ(), fmt.Sprint("GOMAXPROCS=", threads))
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		return r, fmt.Errorf("match %s: %w", a, err)
	}
	_, err = fmt.Sscan(string(out), &r.Before, &r.After, &r.Clock, &r.Processor, &r.Peak)
	return r, err
}

// match aligns two files and prints the distances, the seconds it takes, of the
// clock and of the processor, and the most memory the process has had.
func match(a, b, effort string) error {
	_, r, err := aligned(a, b, effort)
	if err != nil {
		return err
	}
	fmt.Println(r.Before, r.After, r.Clock, r.Processor, r.Peak)
	return nil
}

// aligned aligns two files, and measures it.
func aligned(a, b, effort string) (*rebasin.Alignment, run, error) {
	e, err := solver.ParseEffort(effort)
	if err != nil {
		return nil, run{}, err
	}
	var models [2]*onnxgraph.Model
	for k, path := range []string{a, b} {
		if models[k], err = onnxgraph.Load(path); err != nil {
			return nil, run{}, err
		}
		defer models[k].Close()
	}
	began, before := time.Now(), processor()
	al, err := rebasin.Align(context.Background(), models[0], models[1], rebasin.Options{NoVerify: true, Match: solver.Options{Effort: e}})
	if err != nil {
		return nil, run{}, err
	}
	return al, run{al.Match.L2Before, al.Match.L2After, time.Since(began).Seconds(), (processor() - before).Seconds(), peak()}, nil
}

// peak is the most memory the process has had since it began to run this program,
// in bytes; 0 where /proc does not tell. (What getrusage tells counts the process
// that started this one.)
func peak() int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	var kb int64
	fmt.Sscan(after, &kb)
	return kb * 1024
}
