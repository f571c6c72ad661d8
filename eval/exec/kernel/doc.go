// Package kernel computes single ONNX operators on tensors in memory.
//
// An operator is prepared once for a node and run many times. Preparing reads
// the attributes, chooses by opset version, and packs constant weights;
// running allocates its outputs from a pool and fills them:
//
//	prepare, ok := kernel.Lookup("", "Gemm", 13)
//	run, err := prepare(node)
//	err = run(call)
//
// float16 and bfloat16 tensors are widened to float32 for computing and each
// output is rounded back, so most kernels know float32 and float64 only;
// kernels that merely move elements take every type as it is.
package kernel
