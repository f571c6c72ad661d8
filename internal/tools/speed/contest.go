package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"time"

	"github.com/onnx-rebasin/onnx-rebasin/eval"
	"github.com/onnx-rebasin/onnx-rebasin/internal/cputime"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// contest times one model on both backends.
type contest struct {
	library string
	threads int
	rounds  int
	span    time.Duration
}

// times are seconds of one run, by round.
type times struct{ cpu, wall []float64 }

func (c *contest) run(arg string) error {
	m, name, batch, err := model(arg)
	if err != nil {
		return err
	}
	defer m.Close()
	inputs, err := randomInputs(m, batch)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	var sides [2]*eval.Runner
	for i, backend := range []string{eval.OnnxGo, eval.OnnxRuntime} {
		if sides[i], err = eval.Open(m, eval.OpenOptions{Backend: backend, Library: c.library, Threads: c.threads}); err != nil {
			return err
		}
		defer sides[i].Close()
	}
	var spent [2]times
	for round := range c.rounds + 1 { // the first warms up
		for i, s := range sides {
			t, err := c.round(s, inputs)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			if round > 0 {
				spent[i].cpu = append(spent[i].cpu, t.cpu[0])
				spent[i].wall = append(spent[i].wall, t.wall[0])
			}
		}
	}
	bytes, err := allocated(sides[0], inputs)
	if err != nil {
		return err
	}
	cpu, theirCPU := median(spent[0].cpu), median(spent[1].cpu)
	wall, theirWall := median(spent[0].wall), median(spent[1].wall)
	fmt.Printf("| %s | %d | %d | %.2f | %.2f | %.2f | %.2f | %.2f | %.2f | %.1f kB |\n", name, batch, c.threads,
		1e3*cpu, 1e3*theirCPU, cpu/theirCPU, 1e3*wall, 1e3*theirWall, wall/theirWall, bytes/1e3)
	return nil
}

// round runs a model for the span of a round. The pause before it lets the threads of the other backend, which spin
// for a while after their work, come to rest.
func (c *contest) round(s *eval.Runner, inputs map[string]*onnxgraph.Tensor) (times, error) {
	time.Sleep(30 * time.Millisecond)
	start, cpu, runs := time.Now(), cputime.Seconds(), 0
	for time.Since(start) < c.span {
		if _, err := s.Run(context.Background(), inputs, nil); err != nil {
			return times{}, err
		}
		runs++
	}
	return times{cpu: []float64{(cputime.Seconds() - cpu) / float64(runs)}, wall: []float64{time.Since(start).Seconds() / float64(runs)}}, nil
}

// allocated returns how many bytes one run allocates.
func allocated(s *eval.Runner, inputs map[string]*onnxgraph.Tensor) (float64, error) {
	const runs = 10
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range runs {
		if _, err := s.Run(context.Background(), inputs, nil); err != nil {
			return 0, err
		}
	}
	runtime.ReadMemStats(&after)
	return float64(after.TotalAlloc-before.TotalAlloc) / runs, nil
}

func median(x []float64) float64 {
	slices.Sort(x)
	return (x[(len(x)-1)/2] + x[len(x)/2]) / 2
}

// randomInputs makes float32 inputs; axes of unknown size get the batch's.
func randomInputs(m *onnxgraph.Model, batch int) (map[string]*onnxgraph.Tensor, error) {
	rng := rand.New(rand.NewPCG(1, 2))
	inputs := make(map[string]*onnxgraph.Tensor)
	for _, v := range m.Graph.Inputs {
		if v.Type != onnxgraph.Float32 {
			return nil, fmt.Errorf("input %q is of type %v, only float32 is made here", v.Name, v.Type)
		}
		n, shape := 1, []int{}
		for _, d := range v.Declared {
			size, known := d.Known()
			if !known || size <= 0 {
				size = int64(batch)
			}
			n, shape = n*int(size), append(shape, int(size))
		}
		x := make([]float32, n)
		for i := range x {
			x[i] = rng.Float32()
		}
		inputs[v.Name] = &onnxgraph.Tensor{Type: v.Type, Shape: shape, Data: x}
	}
	return inputs, nil
}
