package onnxgraph

import (
	"maps"
	"slices"
	"strings"
)

// matmul is the rule of MatMul and its quantised forms: the operands are inputs
// a and b, and the matrices lie on the last two axes.
func matmul(a, b int) shapeRule {
	return func(c operation) { c.matmulOf(a, b, false, false) }
}

// fusedMatMul is MatMul with operands that may be transposed.
func fusedMatMul(c operation) {
	if c.attrInt("transBatchA", 0) == 0 && c.attrInt("transBatchB", 0) == 0 {
		c.matmulOf(0, 1, c.attrInt("transA", 0) == 1, c.attrInt("transB", 0) == 1)
	}
}

func (c operation) matmulOf(i, j int, transA, transB bool) {
	a, okA := c.shape(i)
	b, okB := c.shape(j)
	if !okA || !okB || len(a) == 0 || len(b) == 0 {
		return
	}
	var tail []Dim
	if len(a) > 1 {
		tail = append(tail, row(a, transA))
	}
	if len(b) > 1 {
		tail = append(tail, row(b, !transB))
	}
	batch := broadcastShapes(a[:max(len(a)-2, 0)], b[:max(len(b)-2, 0)])
	c.set(0, append(batch, tail...)...)
}

// row returns the size of the last axis but one, or of the last when turned.
func row(dims []Dim, turned bool) Dim {
	if turned {
		return dims[len(dims)-1]
	}
	return dims[len(dims)-2]
}

// gemm is the rule of Gemm and its quantised form.
func gemm(a, b int) shapeRule {
	return func(c operation) {
		m := c.dim(a, int(c.attrInt("transA", 0)&1))
		n := c.dim(b, 1-int(c.attrInt("transB", 0)&1))
		c.set(0, m, n)
	}
}

// einsum is the rule of Einsum: each letter is one size.
func einsum(c operation) {
	equation := strings.ReplaceAll(c.attrString("equation", ""), " ", "")
	left, right, explicit := strings.Cut(equation, "->")
	terms := strings.Split(left, ",")
	sizes := map[byte]Dim{}
	uses := map[byte]int{}
	var ellipsis []Dim
	for i, term := range terms {
		dims, ok := c.shape(i)
		head, tail, dots := strings.Cut(term, "...")
		middle := len(dims) - len(head) - len(tail)
		if !ok || middle < 0 || middle > 0 && !dots {
			return
		}
		ellipsis = broadcastShapes(ellipsis, dims[len(head):len(head)+middle])
		own := slices.Delete(slices.Clone(dims), len(head), len(head)+middle)
		for k, letter := range []byte(head + tail) {
			if old, seen := sizes[letter]; seen {
				own[k] = unifyLetter(old, own[k])
			}
			sizes[letter] = own[k]
			uses[letter]++
		}
	}
	if !explicit {
		right = implicit(uses, strings.Contains(left, "..."))
	}
	c.set(0, einsumOutput(right, sizes, ellipsis)...)
}

// unifyLetter unifies two sizes of one letter, of which 1 may be stretched.
func unifyLetter(a, b Dim) Dim {
	if a == Size(1) {
		return b
	}
	if b == Size(1) {
		return a
	}
	return unify(a, b)
}

// implicit returns the right side an equation without an arrow has: the dots,
// and the letters used once in alphabetical order.
func implicit(uses map[byte]int, dots bool) string {
	var right strings.Builder
	if dots {
		right.WriteString("...")
	}
	for _, l := range slices.Sorted(maps.Keys(uses)) {
		if uses[l] == 1 {
			right.WriteByte(l)
		}
	}
	return right.String()
}

func einsumOutput(right string, sizes map[byte]Dim, ellipsis []Dim) []Dim {
	var out []Dim
	head, tail, dots := strings.Cut(right, "...")
	for _, l := range []byte(head) {
		out = append(out, sizeOr(sizes, l))
	}
	if dots {
		out = append(out, ellipsis...)
	}
	for _, l := range []byte(tail) {
		out = append(out, sizeOr(sizes, l))
	}
	return out
}

func sizeOr(sizes map[byte]Dim, letter byte) Dim {
	if d, ok := sizes[letter]; ok {
		return d
	}
	return Symbol("")
}

var matmulShapes = map[string]shapeRule{
	"MatMul": matmul(0, 1), "MatMulInteger": matmul(0, 1), "QLinearMatMul": matmul(0, 3),
	"Gemm": gemm(0, 1), "Einsum": einsum,
}
