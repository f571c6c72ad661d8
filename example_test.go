package rebasin_test

import (
	"context"
	"fmt"
	"log"

	rebasin "github.com/onnx-rebasin/onnx-rebasin"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// Two networks of one architecture, trained apart, become one.
func Example() {
	a, err := onnxgraph.Load("fixtures/mlp/a.onnx")
	if err != nil {
		log.Fatal(err)
	}
	defer a.Close()
	b, err := onnxgraph.Load("fixtures/mlp/b.onnx")
	if err != nil {
		log.Fatal(err)
	}
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
