package onnxgraph

import (
	"container/heap"
	"fmt"
	"sort"

	"github.com/onnx-rebasin/onnx-rebasin/internal/onnxpb"
)

// sortNodes returns the nodes of a scope such that each stands after those it
// reads from, in file order as far as that allows. A name that is defined twice
// and a cycle are errors. Cost: O(n log n) in nodes and what they read.
func sortNodes(all []*onnxpb.NodeProto, s *scope) ([]*onnxpb.NodeProto, error) {
	nodes, producer, err := producers(all, s)
	if err != nil {
		return nil, err
	}
	waits := make([]int, len(nodes)) // how many producers each node waits for
	readers := make([][]int, len(nodes))
	var ready intHeap
	for i, n := range nodes {
		reads(n, func(name string) {
			if p, ok := producer[name]; ok {
				readers[p] = append(readers[p], i)
				waits[i]++
			}
		})
		if waits[i] == 0 {
			ready.IntSlice = append(ready.IntSlice, i)
		}
	}
	order := make([]*onnxpb.NodeProto, 0, len(nodes))
	for ready.Len() > 0 {
		i := heap.Pop(&ready).(int)
		order = append(order, nodes[i])
		for _, r := range readers[i] {
			if waits[r]--; waits[r] == 0 {
				heap.Push(&ready, r)
			}
		}
	}
	if len(order) < len(nodes) {
		return nil, fmt.Errorf("a cycle goes through %s", protoText(onCycle(nodes, waits, producer)))
	}
	return order, nil
}

// producers returns which node defines each name. Of several Constant nodes for
// one name the last holds, as in ONNX Runtime, and the others are left out.
func producers(all []*onnxpb.NodeProto, s *scope) ([]*onnxpb.NodeProto, map[string]int, error) {
	last := map[string]*onnxpb.NodeProto{}
	for _, n := range all {
		if isConstant(n) {
			last[n.GetOutput()[0]] = n
		}
	}
	nodes := make([]*onnxpb.NodeProto, 0, len(all))
	producer := map[string]int{}
	for _, n := range all {
		if isConstant(n) && last[n.GetOutput()[0]] != n {
			continue
		}
		for _, name := range n.GetOutput() {
			if name == "" {
				continue
			}
			if _, twice := producer[name]; twice || s.given(name) {
				return nil, nil, fmt.Errorf("%q is defined twice, the second time by %s", name, protoText(n))
			}
			producer[name] = len(nodes)
		}
		nodes = append(nodes, n)
	}
	return nodes, producer, nil
}

func isConstant(n *onnxpb.NodeProto) bool {
	return n.GetOpType() == "Constant" && domain(n.GetDomain()) == "" && len(n.GetOutput()) == 1
}

// given reports whether the scope holds a name before its nodes are built.
func (s *scope) given(name string) bool {
	_, ok := s.values[name]
	return ok
}

// onCycle returns a node on a cycle: from any node that could not be placed, a
// walk back along such nodes enters one.
func onCycle(nodes []*onnxpb.NodeProto, waits []int, producer map[string]int) *onnxpb.NodeProto {
	i := 0
	for waits[i] == 0 {
		i++
	}
	for seen := map[int]bool{}; !seen[i]; {
		seen[i] = true
		next := len(nodes)
		reads(nodes[i], func(name string) {
			if p, ok := producer[name]; ok && waits[p] > 0 {
				next = min(next, p)
			}
		})
		i = next
	}
	return nodes[i]
}

// reads calls f for each name that a node reads, those its bodies take from the
// scopes around them included; a name may come several times.
func reads(n *onnxpb.NodeProto, f func(string)) {
	for _, name := range n.GetInput() {
		if name != "" {
			f(name)
		}
	}
	for _, a := range n.GetAttribute() {
		if a.GetG() != nil {
			captures(a.GetG(), f)
		}
		for _, g := range a.GetGraphs() {
			captures(g, f)
		}
	}
}

// captures calls f for the names that a body reads and does not define.
func captures(g *onnxpb.GraphProto, f func(string)) {
	own := map[string]bool{}
	for _, v := range g.GetInput() {
		own[v.GetName()] = true
	}
	for _, t := range g.GetInitializer() {
		own[t.GetName()] = true
	}
	for _, t := range g.GetSparseInitializer() {
		own[t.GetValues().GetName()] = true
	}
	for _, n := range g.GetNode() {
		for _, name := range n.GetOutput() {
			own[name] = true
		}
	}
	outer := func(name string) {
		if !own[name] {
			f(name)
		}
	}
	for _, n := range g.GetNode() {
		reads(n, outer)
	}
	for _, v := range g.GetOutput() {
		outer(v.GetName())
	}
}

// An intHeap yields the smallest of its numbers first.
type intHeap struct{ sort.IntSlice }

func (h *intHeap) Push(x any) { h.IntSlice = append(h.IntSlice, x.(int)) }

func (h *intHeap) Pop() any {
	n := len(h.IntSlice) - 1
	x := h.IntSlice[n]
	h.IntSlice = h.IntSlice[:n]
	return x
}

// protoText names a node that is not built yet.
func protoText(pb *onnxpb.NodeProto) string {
	return (&Node{Name: pb.GetName(), Op: pb.GetOpType()}).text(pb)
}
