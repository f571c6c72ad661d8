package kernel

import "fmt"

// prepareBits prepares BitShift, BitwiseAnd, BitwiseOr and BitwiseXor.
func prepareBits(n *Node) (Kernel, error) {
	op := n.Op
	if op == "BitShift" {
		op += n.String("direction", "")
		if op != "BitShiftLEFT" && op != "BitShiftRIGHT" {
			return nil, fmt.Errorf("direction %q", n.String("direction", ""))
		}
	}
	return func(c *Call) error {
		if err := sameType(c.In[0], c.In[1]); err != nil {
			return err
		}
		typ := c.In[0].Type
		switch c.In[0].Data.(type) {
		case []int8:
			return zip(c, typ, bitRow[int8](op))
		case []int16:
			return zip(c, typ, bitRow[int16](op))
		case []int32:
			return zip(c, typ, bitRow[int32](op))
		case []int64:
			return zip(c, typ, bitRow[int64](op))
		case []uint8:
			return zip(c, typ, bitRow[uint8](op))
		case []uint16:
			return zip(c, typ, bitRow[uint16](op))
		case []uint32:
			return zip(c, typ, bitRow[uint32](op))
		case []uint64:
			return zip(c, typ, bitRow[uint64](op))
		}
		return badType(c.In[0])
	}, nil
}

func bitRow[T integer](op string) func(d, a, b []T) {
	return row2Of(func(a, b T) T {
		switch op {
		case "BitwiseAnd":
			return a & b
		case "BitwiseOr":
			return a | b
		case "BitwiseXor":
			return a ^ b
		case "BitShiftLEFT":
			return a << uint64(b)
		}
		return a >> uint64(b)
	})
}

func prepareBitNot(*Node) (Kernel, error) {
	return func(c *Call) error {
		typ := c.In[0].Type
		switch c.In[0].Data.(type) {
		case []int8:
			return apply(c, typ, 1, rowOf(not[int8]))
		case []int16:
			return apply(c, typ, 1, rowOf(not[int16]))
		case []int32:
			return apply(c, typ, 1, rowOf(not[int32]))
		case []int64:
			return apply(c, typ, 1, rowOf(not[int64]))
		case []uint8:
			return apply(c, typ, 1, rowOf(not[uint8]))
		case []uint16:
			return apply(c, typ, 1, rowOf(not[uint16]))
		case []uint32:
			return apply(c, typ, 1, rowOf(not[uint32]))
		case []uint64:
			return apply(c, typ, 1, rowOf(not[uint64]))
		}
		return badType(c.In[0])
	}, nil
}

func not[T integer](x T) T { return ^x }
