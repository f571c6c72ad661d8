package permspec

import "github.com/onnx-rebasin/onnx-rebasin/onnxgraph"

// Spec is the permutation symmetry of one architecture: which atoms are free to
// be permuted, and where in each weight they stand. It is found by Infer and
// never changed.
type Spec struct {
	Groups  []Group
	Weights []WeightLayout // every weight with at least one free axis, in file order
	Frozen  []Frozen       // why the other axes may not move
	IO      []IOLayout     // of the inputs and outputs that Options.FreeIO freed

	Parameters int64 // floating-point parameters of the model, permutable or not

	explain *inference // for Why; nil when the Spec was read from JSON
	tags    []string   // of the groups in layouts that a finisher writes; nil as explain
}

// Group is one free atom: Size slots that are permuted as one, everywhere they
// stand.
//
// When Under is not empty the group is nested (a wreath product): it may be
// permuted differently for each slot of the groups in Under. Under lists
// indices into Spec.Groups, slowest first, each smaller than the group's own,
// and is transitively closed.
type Group struct {
	Name  string
	Size  int
	Under []int
}

// WeightLayout says where the groups stand in one weight. The weight's elements
// are cut into Blocks that together cover it exactly once; a permutation moves
// elements only inside their block.
type WeightLayout struct {
	Weight *onnxgraph.Weight
	Layout Layout  // one Axis per tensor axis: the text users read
	Blocks []Block // the same as strided boxes: what Apply and the solver read
}

// Block is a strided box of elements: the element with digits i has flat index
// Offset + Σ Digits[k].Stride·i[k]. Digits are listed slowest first, in
// row-major order of the tensor.
type Block struct {
	Offset int64
	Digits []Digit
}

// Digit is one coordinate of a Block.
type Digit struct {
	Group  int // index into Spec.Groups, or -1: the digit does not move
	Size   int
	Stride int64 // in elements
	Under  []int // for a nested group: which Digits of the block hold Groups[Group].Under
}

// Frozen is one axis of a weight that may not move, with the node and the
// reason that first froze it.
type Frozen struct {
	Weight string
	Axis   int
	Node   string
	Reason string
}

// Perms is one member of a Spec's symmetry group: for each group of the Spec a
// permutation, nested groups one for each combination of the slots of the
// groups they are under.
//
// Perms[g][o*size+i] is the slot of the original that takes place i, where o is
// the row-major index of the *places* of g's Under groups (0 when Under is
// empty). So for a group without Under:
//
//	W'[…, i, …] = W[…, Perms[g][i], …]
//
// and for x under y:
//
//	W'[…, o, i, …] = W[…, Perms[y][o], Perms[x][o*size+i], …]
type Perms [][]int32
