package onnxgraph

import "fmt"

// plainGemm reports whether a node is a Gemm that is a MatMul and an Add.
func (s *side) plainGemm(n *Node) bool {
	return n.Op == "Gemm" && n.Domain == "" && len(s.attrs(n)) == 0 && len(n.Inputs) >= 2
}

// gemm returns the signature of a plain Gemm: that of an Add whose first input
// is a MatMul, or of the MatMul alone.
func (g *signer) gemm(n *Node) (string, bool) {
	if !g.plainGemm(n) {
		return "", false
	}
	product := fmt.Sprintf(".MatMul %d %d", g.ids[n.Inputs[0]], g.ids[n.Inputs[1]])
	if len(n.Inputs) < 3 || n.Inputs[2] == nil {
		return product, true
	}
	x := g.id(fmt.Sprintf("%d.0", g.id(product)))
	g.products[n] = x
	y := g.ids[n.Inputs[2]]
	if c := g.source(n.Inputs[2]); c.Weight == nil && y < x {
		x, y = y, x
	}
	return fmt.Sprintf(".Add %d %d", x, y), true
}

// parts returns what a Gemm or the Add of a MatMul reads, in the order of
// Gemm's inputs, and the node that multiplies. product is the id of the product.
func (s *side) parts(n *Node, product int) ([]*Value, *Node) {
	if n.Op == "Gemm" {
		return n.Inputs, n
	}
	for i, v := range n.Inputs {
		if v = s.source(v); v != nil && v.Producer != nil && s.ids[v] == product {
			p := v.Producer
			return []*Value{p.Inputs[0], p.Inputs[1], n.Inputs[1-i]}, p
		}
	}
	return nil, nil
}

// gemm notes the counterparts in a Gemm of one side and a MatMul and an Add of
// the other.
func (c *collector) gemm(a, b *Node) error {
	product := max(c.a.products[a], c.b.products[b])
	ia, pa := c.a.parts(a, product)
	ib, pb := c.b.parts(b, product)
	if pa != nil && pb != nil && c.out.Nodes[pa] == nil {
		c.out.Nodes[pa] = pb
	}
	for i := range min(len(ia), len(ib)) {
		if err := c.value(ia[i], ib[i]); err != nil {
			return err
		}
	}
	return nil
}
