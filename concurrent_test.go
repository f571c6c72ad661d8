package rebasin_test

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"

	rebasin "github.com/onnx-rebasin/onnx-rebasin"
	"github.com/onnx-rebasin/onnx-rebasin/solver"
)

// Merges that share their models may run at the same time, and all write the same
// bytes.
func TestMergeConcurrently(t *testing.T) {
	a, b := load(t, "fixtures/resnet/a.onnx"), load(t, "fixtures/resnet/b.onnx")
	files := make([]bytes.Buffer, 4)
	var all sync.WaitGroup
	for k := range files {
		all.Go(func() {
			m, err := rebasin.Merge(context.Background(), a, b, rebasin.Options{Lambda: 0.5, Match: solver.Options{Starts: 2}})
			if err == nil {
				_, err = m.Model.WriteTo(&files[k])
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for k := range files {
		if !bytes.Equal(files[k].Bytes(), files[0].Bytes()) {
			t.Errorf("merge %d wrote other bytes", k)
		}
	}
}

// When the context has ended nothing is returned that was not checked.
func TestMergeCancelled(t *testing.T) {
	a, b := load(t, "fixtures/mlp/a.onnx"), load(t, "fixtures/mlp/b.onnx")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	m, err := rebasin.Merge(ctx, a, b, rebasin.Options{Lambda: 0.5})
	if !errors.Is(err, context.Canceled) || m != nil {
		t.Errorf("a merge that was cancelled gave %v and the error %v", m, err)
	}
}
