package kernel

import "fmt"

func prepareDepthToSpace(n *Node) (Kernel, error) {
	b, crd := int(n.Int("blocksize", 0)), n.String("mode", "DCR") == "CRD"
	return func(c *Call) error {
		x := c.In[0]
		if len(x.Shape) != 4 || b <= 0 || x.Shape[1]%(b*b) != 0 {
			return fmt.Errorf("shape %v in blocks of %d", x.Shape, b)
		}
		deep, h, w := x.Shape[1]/(b*b), x.Shape[2], x.Shape[3]
		// Axes of the input: n, (b b d) or (d b b), h, w.
		axes := []int{x.Shape[0], b, b, deep, h, w}
		perm := []int{0, 3, 4, 1, 5, 2}
		if crd {
			axes = []int{x.Shape[0], deep, b, b, h, w}
			perm = []int{0, 1, 4, 2, 5, 3}
		}
		return rearrange(c, axes, perm, []int{x.Shape[0], deep, h * b, w * b})
	}, nil
}

func prepareSpaceToDepth(n *Node) (Kernel, error) {
	b, order := int(n.Int("blocksize", 0)), []int{0, 3, 5, 1, 2, 4}
	if n.String("mode", "DCR") == "CRD" {
		order = []int{0, 1, 3, 5, 2, 4}
	}
	return func(c *Call) error {
		x := c.In[0]
		if len(x.Shape) != 4 || b <= 0 || x.Shape[2]%b != 0 || x.Shape[3]%b != 0 {
			return fmt.Errorf("shape %v in blocks of %d", x.Shape, b)
		}
		h, w := x.Shape[2]/b, x.Shape[3]/b
		axes := []int{x.Shape[0], x.Shape[1], h, b, w, b}
		return rearrange(c, axes, order, []int{x.Shape[0], x.Shape[1] * b * b, h, w})
	}, nil
}

// rearrange makes output 0, of the given shape, of input 0 read as a tensor of
// shape axes and transposed by perm.
func rearrange(c *Call, axes, perm, shape []int) error {
	out, err := c.New(0, c.In[0].Type, shape...)
	if err != nil {
		return err
	}
	walk, steps, from := make([]int, len(perm)), make([]int, len(perm)), strides(axes)
	for i, p := range perm {
		walk[i], steps[i] = axes[p], from[p]
	}
	copyRegion(c, out, whole(walk), c.In[0], region{strides: steps}, walk)
	return nil
}
