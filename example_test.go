package rebasin_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	rebasin "github.com/onnx-rebasin/onnx-rebasin"
	"github.com/onnx-rebasin/onnx-rebasin/eval"
	"github.com/onnx-rebasin/onnx-rebasin/eval/dataset"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/solver"
)

// open loads a network that comes with the repository.
func open(name string) *onnxgraph.Model {
	m, err := onnxgraph.Load(filepath.Join("fixtures", name))
	if err != nil {
		log.Fatal(err)
	}
	return m
}

// Two networks of one architecture, trained apart, become one file.
func Example() {
	a, b := open("mlp/a.onnx"), open("mlp/b.onnx")
	defer a.Close()
	defer b.Close()

	merged, err := rebasin.Merge(context.Background(), a, b, rebasin.Options{Lambda: 0.5})
	if err != nil {
		log.Fatal(err) // also when π(B) is not shown to compute what B does
	}
	fmt.Println("groups:", len(merged.Spec.Groups))
	fmt.Println("π(B) ≡ B:", merged.Verification.OK)
	fmt.Println("closer than before:", merged.Match.L2After < merged.Match.L2Before)
	// merged.Model.Save("merged.onnx", onnxgraph.SaveOptions{}) writes it.

	// Output:
	// groups: 3
	// π(B) ≡ B: true
	// closer than before: true
}

// B alone, its hidden units reordered to stand like A's, is saved in B's own file:
// every byte but those of permuted weights is as it came.
func ExampleAlign() {
	a, b := open("mlp/a.onnx"), open("mlp/b.onnx")
	defer a.Close()
	defer b.Close()

	aligned, err := rebasin.Align(context.Background(), a, b, rebasin.Options{Match: solver.Options{Starts: 1}})
	if err != nil {
		log.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	out := filepath.Join(dir, "b-aligned.onnx")
	if err := aligned.Model.Save(out, onnxgraph.SaveOptions{}); err != nil {
		log.Fatal(err) // an existing file, or one of the inputs
	}
	before, err := os.Stat(b.Path)
	if err != nil {
		log.Fatal(err)
	}
	after, err := os.Stat(out)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("as long as before:", after.Size() == before.Size())
	fmt.Printf("%.0f %% of the units moved\n", 100*aligned.Match.Moved)

	// Output:
	// as long as before: true
	// 100 % of the units moved
}

// How far loss and accuracy are, between two networks, from the line between
// theirs.
func ExampleBarrier() {
	a, b := open("mlp/a.onnx"), open("mlp/b.onnx")
	defer a.Close()
	defer b.Close()
	data, err := dataset.Open("fixtures/mnist_test.npz", dataset.Options{Inputs: eval.InputsOf(a), Limit: 200})
	if err != nil {
		log.Fatal(err)
	}
	defer data.Close()

	path, err := rebasin.Barrier(context.Background(), a, b, rebasin.BarrierOptions{
		Data: data, Points: 5, Options: rebasin.Options{Match: solver.Options{Starts: 1}},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("naive: a barrier of more than 1 nat:", path.Test.Naive.Loss > 1)
	fmt.Println("aligned: one of less than 0.1:", path.Test.Aligned.Loss < 0.1)
	// rebasin.WriteCurveCSV(w, path) writes all points as a table.

	// Output:
	// naive: a barrier of more than 1 nat: true
	// aligned: one of less than 0.1: true
}

// Whether two files compute the same function, whatever the order of their units.
func ExampleNotEquivalentError() {
	a, b := open("mlp/a.onnx"), open("mlp/b.onnx")
	defer a.Close()
	defer b.Close()

	// Align verifies π(B) against B by itself. Any two models are compared by
	// eval.Verify, on inputs it makes up, or on data.
	v, err := eval.Verify(context.Background(), a, b, eval.VerifyOptions{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("A and B:", v.Verdict)
	if v, err = eval.Verify(context.Background(), a, a, eval.VerifyOptions{}); err != nil {
		log.Fatal(err)
	}
	fmt.Println("A and A:", v.Verdict)

	// Output:
	// A and B: different
	// A and A: same
}

// A round of federated averaging: clients send models, each with a weight, such
// as the number of its samples; the average starts the next round.
func ExampleMergeMany() {
	clients := []*onnxgraph.Model{open("mlp/a.onnx"), open("mlp/b.onnx"), open("mlp/c.onnx")}
	for _, m := range clients {
		defer m.Close()
	}
	round, err := rebasin.MergeMany(context.Background(), clients, rebasin.ManyOptions{
		Weights: []float64{6000, 3000, 1000},
		Many:    solver.Star, // aligned with the first, the cheapest way
		Options: rebasin.Options{Match: solver.Options{Starts: 1}},
	})
	if err != nil {
		log.Fatal(err) // names the client
	}
	fmt.Println("weights:", round.Weights)
	for k, v := range round.Verifications[1:] {
		fmt.Printf("client %d computes the same in its new order: %v\n", k+2, v.OK)
	}

	// Output:
	// weights: [0.6 0.3 0.1]
	// client 2 computes the same in its new order: true
	// client 3 computes the same in its new order: true
}
