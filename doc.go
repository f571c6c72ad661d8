// Package rebasin merges trained networks as ONNX files.
//
// Two networks of one architecture, trained apart, differ mostly by the order of
// their hidden units. Align finds the permutations π that line B's units up with
// A's without changing what B computes (Ainsworth, Hayase, Srinivasa, Git
// Re-Basin, 2022); Merge then averages the weights, (1-λ)A + λπ(B). Which axes
// may be permuted together is read from the graph, so no model code and no list
// of layers is needed, and every alignment is checked by running B and π(B) side
// by side before it is used.
//
// # Two files
//
// Models are loaded by package onnxgraph, which maps files into memory and
// reads weights when they are asked for. They are closed last, since what is made
// of them reads from them:
//
//	a, err := onnxgraph.Load("a.onnx")
//	...
//	defer a.Close()
//	b, err := onnxgraph.Load("b.onnx")
//	...
//	defer b.Close()
//	merged, err := rebasin.Merge(ctx, a, b, rebasin.Options{Lambda: 0.5})
//	...
//	err = merged.Model.Save("merged.onnx", onnxgraph.SaveOptions{})
//
// Merge fails with a *onnxgraph.Difference, which names the first node, when the
// models are not of one architecture; names may differ. It fails with a
// *NotEquivalentError when π(B) is not shown to compute what B does, and with an
// *UncheckedError when the models cannot be run: nothing that was not checked is
// returned, unless Options.NoVerify asks for it. Merged.Match says how far π(B)
// came towards A, Merged.Verification what the check found, and Merged.Hints,
// in plain words, what there is to know of these models.
//
// Align stops before averaging: Alignment.Model is π(B) in B's own file.
//
// # With data
//
// A dataset.Set is opened for the inputs of a model. Merged.Judge runs A, B, their
// ensemble, their naive average and the merged model over it side by side, and
// Barrier does so at many λ, along the naive and the aligned path:
//
//	data, err := dataset.Open("test.npz", dataset.Options{Inputs: eval.InputsOf(a)})
//	...
//	defer data.Close()
//	path, err := rebasin.Barrier(ctx, a, b, rebasin.BarrierOptions{Data: data})
//	...
//	fmt.Println(path.Test.Naive.Loss, path.Test.Aligned.Loss)
//
// Samples like those the models were trained on, without labels, mend what
// averaging does to narrow networks and to those with BatchNormalization: give
// them as Options.Calib, never the data that the result is judged on.
//
// # Many models
//
// MergeMany aligns three models and more with each other and averages them, each
// with its weight: a round of federated averaging in which every client's units
// may stand in an order of their own. Where the models share an ancestor, as the
// later rounds do, few units move, and the average is the usual one.
//
// # What is underneath
//
//   - onnxgraph: the file as Go values and back
//   - permspec: which axes may be permuted together
//   - solver: assignment, matching, interpolation
//   - eval, eval/dataset, eval/repair: running, judging and mending models
//
// # Contexts, concurrency, randomness
//
// Every call that takes long takes a context. When it ends a search returns the
// best it has found, as solver.Options.MaxTime and Stop do, and what comes after
// the search, the check first, fails with the context's error.
//
// Models, specs and permutations are never changed, so calls that share them may
// run at the same time; an open dataset.Set may be read by one call at a time. There
// is no global state. The same inputs, options and seed give the same bytes, on any
// number of cores.
//
// The module follows semantic versioning for this package and those above:
// docs/api.txt lists what they export, and a test keeps it true. Other packages are
// what these are made of, and may change.
package rebasin
