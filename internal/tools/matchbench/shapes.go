package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// shape is a network to be matched with another of independent random weights, or with itself
// trained on: with noise added, half as strong as the weights.
type shape struct {
	name   string
	net    func(n *net)
	tuned  bool
	effort string
}

// shapes matches published shapes, some with nested groups, and two networks as they grow.
func shapes() error {
	dir, err := os.MkdirTemp("", "matchbench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	list := []shape{
		{"ResNet-50", (*net).resnet50, false, "fast"},
		{"ResNet-50, `default`", (*net).resnet50, false, "default"},
		{"ViT-B/16", func(n *net) { n.vit(12, 12, 768) }, false, "fast"},
		{"ViT-B/16, tuned", func(n *net) { n.vit(12, 12, 768) }, true, "fast"},
		{"ResNeXt-14, 16 groups", (*net).resnext14, false, "fast"},
		{"ResNeXt-50, 32 groups, tuned", (*net).resnext50, true, "fast"},
	}
	for _, k := range []int64{1, 2, 4, 8} {
		list = append(list, shape{fmt.Sprintf("MLP, 3 × %d", 256*k), func(n *net) { n.mlp(784, 256*k, 10) }, false, "fast"})
	}
	for _, k := range []int64{1, 2, 4, 8} {
		list = append(list, shape{fmt.Sprintf("ResNet-20, %d×", k), func(n *net) { n.resnet20(16 * k) }, false, "fast"})
	}
	fmt.Println("| network | parameters | distance | threads | clock s | processor s | peak memory, MB |")
	fmt.Println("|---|---:|---:|---:|---:|---:|---:|")
	for _, s := range list {
		if err := s.measure(dir); err != nil {
			return err
		}
	}
	return nil
}

// measure writes the networks and prints a line for each number of threads.
func (s *shape) measure(dir string) error {
	var files [2]string
	size := 0
	for k := range files {
		n := newNet(uint64(k))
		if s.tuned && k == 1 {
			n = newNet(0)
			n.tuned = rand.New(rand.NewPCG(1, 2))
		}
		s.net(n)
		files[k] = filepath.Join(dir, fmt.Sprint(k, ".onnx"))
		var err error
		if size, err = n.write(files[k]); err != nil {
			return err
		}
	}
	for _, threads := range []int{1, 2} {
		r, err := measured(threads, files[0], files[1], s.effort)
		if err != nil {
			return err
		}
		fmt.Printf("| %s | %.1f M | %.1f → %.1f | %d | %.2f | %.2f | %.0f |\n", s.name, float64(size)/1e6, r.Before, r.After, threads,
			r.Clock, r.Processor, float64(r.Peak)/1e6)
	}
	return nil
}
