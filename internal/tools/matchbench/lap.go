package main

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"

	"github.com/onnx-rebasin/onnx-rebasin/solver"
)

// lap sets Assign beside scipy on the instances of the reference's bench.py.
func lap(reference string) error {
	dir, err := os.MkdirTemp("", "matchbench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "gains.f32")
	fmt.Println("| gains | n | scipy, float64, s | float32, s | times faster | float64, s | times faster | again from duals, s | values differ by | gap |")
	fmt.Println("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
	for _, n := range []int{2048, 4096} {
		for _, kind := range []string{"uniform", "gram", "heavy", "planted"} {
			out, err := python(filepath.Join(reference, "bench.py"), "lap", strconv.Itoa(n), kind, file)
			if err != nil {
				return err
			}
			var theirs, value float64
			if _, err := fmt.Sscanf(out, "scipy n=%d %s %f cpu s, objective %f", new(int), new(string), &theirs, &value); err != nil {
				return fmt.Errorf("bench.py says %q: %w", out, err)
			}
			single, double, err := readGains(file, n)
			if err != nil {
				return err
			}
			a, s := assign(single, solver.AssignOptions{})
			b, d := assign(double, solver.AssignOptions{})
			_, w := assign(double, solver.AssignOptions{Warm: b})
			differ := max(math.Abs(a.Value-value), math.Abs(b.Value-value)) / math.Abs(value)
			fmt.Printf("| %s | %d | %.3f | %.3f | %.1f | %.3f | %.1f | %.3f | %.0e | %.0e |\n", kind, n, theirs, s, theirs/s, d, theirs/d, w, differ, max(a.Gap, b.Gap)/math.Abs(value))
		}
	}
	return largest()
}

// largest solves a problem that is too large for the reference.
func largest() error {
	const n = 16384
	m := solver.Matrix[float32]{Rows: n, Cols: n, Stride: n, Data: make([]float32, n*n)}
	rng := rand.New(rand.NewPCG(1, 1))
	for k := range m.Data {
		m.Data[k] = rng.Float32()
	}
	began := processor()
	a, err := solver.Assign(m, solver.AssignOptions{})
	if err != nil {
		return err
	}
	fmt.Printf("| uniform | %d | | %.3f | | | | | | %.0e |\n", n, (processor() - began).Seconds(), a.Gap/math.Abs(a.Value))
	return nil
}

// assign returns the solution and the median of five times, in seconds.
func assign[G solver.Gain](m solver.Matrix[G], opts solver.AssignOptions) (*solver.Assignment, float64) {
	var a *solver.Assignment
	times := make([]float64, 5)
	for k := range times {
		began := processor()
		var err error
		if a, err = solver.Assign(m, opts); err != nil {
			panic(err)
		}
		times[k] = (processor() - began).Seconds()
	}
	return a, median(times)
}

// readGains reads an n by n matrix of float32 as both types.
func readGains(file string, n int) (solver.Matrix[float32], solver.Matrix[float64], error) {
	single := solver.Matrix[float32]{Rows: n, Cols: n, Stride: n, Data: make([]float32, n*n)}
	double := solver.Matrix[float64]{Rows: n, Cols: n, Stride: n, Data: make([]float64, n*n)}
	raw, err := os.ReadFile(file)
	if err == nil && len(raw) != 4*n*n {
		err = fmt.Errorf("%s has %d bytes", file, len(raw))
	}
	if err != nil {
		return single, double, err
	}
	for k := range single.Data {
		single.Data[k] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*k:]))
		double.Data[k] = float64(single.Data[k])
	}
	return single, double, nil
}
