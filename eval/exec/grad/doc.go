// Package grad holds the gradients of single ONNX operators: for each, the rule
// that takes the gradient of a number by the operator's outputs to that by its
// inputs (reverse mode).
//
//	rule, ok := grad.Lookup("", "Gemm")
//	err := rule(call)
//
// Rules read the values that the forward pass has kept and add to the gradients
// of the inputs, for an input may be read more than once. They compute in
// float32 whatever the values' type, with the products of internal/f32. That
// each is what differences of the operator's kernel say is tested by a table, of
// which every rule has a part.
package grad
