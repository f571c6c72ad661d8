package kernel

import (
	"fmt"
)

func prepareScatterElements(n *Node) (Kernel, error) {
	at, how := int(n.Int("axis", 0)), n.String("reduction", "none")
	return func(c *Call) error {
		index, err := elementOffsets(c.In[0].Shape, c.In[1], at)
		if err != nil {
			return err
		}
		if !equalShape(c.In[1].Shape, c.In[2].Shape) {
			return fmt.Errorf("updates of shape %v for indices of shape %v", c.In[2].Shape, c.In[1].Shape)
		}
		return scatter(c, index, 1, how)
	}, nil
}

func prepareScatterND(n *Node) (Kernel, error) {
	how := n.String("reduction", "none")
	return func(c *Call) error {
		x, idx, updates := c.In[0], c.In[1], c.In[2]
		index, err := tupleOffsets(x.Shape, idx)
		if err != nil {
			return err
		}
		block := size(x.Shape[idx.Shape[len(idx.Shape)-1]:])
		if size(updates.Shape) != len(index)*block {
			return fmt.Errorf("updates of shape %v for indices of shape %v", updates.Shape, idx.Shape)
		}
		return scatter(c, index, block, how)
	}, nil
}

// scatter makes output 0 of input 0 with blocks of input 2 written, or
// combined, at the given offsets.
func scatter(c *Call, index []int, block int, how string) error {
	x, updates := c.In[0], c.In[2]
	if err := sameType(x, updates); err != nil {
		return err
	}
	out, err := c.New(0, x.Type, x.Shape...)
	if err != nil {
		return err
	}
	copyRegion(c, out, whole(x.Shape), x, whole(x.Shape), x.Shape)
	if how == "none" {
		switch d := words(out.Data).(type) {
		case []uint8:
			scatterWords(d, words(updates.Data).([]uint8), index, block)
		case []uint16:
			scatterWords(d, words(updates.Data).([]uint16), index, block)
		case []uint32:
			scatterWords(d, words(updates.Data).([]uint32), index, block)
		case []uint64:
			scatterWords(d, words(updates.Data).([]uint64), index, block)
		case []string:
			scatterWords(d, updates.Data.([]string), index, block)
		}
		return nil
	}
	switch d := out.Data.(type) {
	case []float32:
		return combine(d, updates.Data.([]float32), index, block, how)
	case []float64:
		return combine(d, updates.Data.([]float64), index, block, how)
	case []int32:
		return combine(d, updates.Data.([]int32), index, block, how)
	case []int64:
		return combine(d, updates.Data.([]int64), index, block, how)
	case []uint8:
		return combine(d, updates.Data.([]uint8), index, block, how)
	case []int8:
		return combine(d, updates.Data.([]int8), index, block, how)
	}
	return badType(x)
}

func scatterWords[T any](d, updates []T, index []int, block int) {
	for k, at := range index {
		copy(d[at:at+block], updates[k*block:])
	}
}

func combine[T number](d, updates []T, index []int, block int, how string) error {
	var f func(a, b T) T
	switch how {
	case "add":
		f = func(a, b T) T { return a + b }
	case "mul":
		f = func(a, b T) T { return a * b }
	case "max":
		f = func(a, b T) T { return max(a, b) }
	case "min":
		f = func(a, b T) T { return min(a, b) }
	default:
		return fmt.Errorf("reduction %q", how)
	}
	for k, at := range index {
		for j, u := range updates[k*block : (k+1)*block] {
			d[at+j] = f(d[at+j], u)
		}
	}
	return nil
}
