package permspec

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// subgroupTrials is how many random members of an edited Spec are looked up in
// the inferred one. A member of a group that is not contained in another lies
// outside that other with probability one half at least, so a Spec that
// enlarges the group passes with probability 2^-20 at most.
const subgroupTrials = 20

// Restrict returns the Spec that d describes, for the model that s was inferred
// from. It may freeze, split or tie what s permutes; it is an error when it
// permutes anything that s does not. Cost: twenty passes over the weights.
func (s *Spec) Restrict(d Document, m *onnxgraph.Model) (*Spec, error) {
	e, err := FromDocument(d, m)
	if err != nil {
		return nil, err
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range subgroupTrials {
		p := e.Random(rng)
		q, err := s.recover(e, p)
		if err != nil {
			return nil, err
		}
		if err := s.sameAction(q, e, p); err != nil {
			return nil, err
		}
	}
	s.explainEdits(e)
	return e, nil
}

// explainEdits gives an edited Spec the reasons of the inferred one, and one for
// what only the edit has frozen.
func (s *Spec) explainEdits(e *Spec) {
	e.explain, e.Frozen = s.explain, slices.Clone(s.Frozen)
	edited := e.layoutsOf()
	for _, w := range s.Weights {
		for k, a := range w.Layout {
			moves := false
			if l := edited[w.Weight]; l != nil {
				l.Layout[k].each(func(f *Factor) { moves = moves || !f.Frozen && f.Name != "" })
			}
			frees := false
			a.each(func(f *Factor) { frees = frees || !f.Frozen && f.Name != "" })
			if frees && !moves {
				e.Frozen = append(e.Frozen, Frozen{Weight: w.Weight.Name, Axis: k, Reason: givenSpec})
			}
		}
	}
}

const givenSpec = "the given spec freezes it"

// layoutsOf indexes the layouts of a Spec by weight.
func (s *Spec) layoutsOf() map[*onnxgraph.Weight]*WeightLayout {
	out := map[*onnxgraph.Weight]*WeightLayout{}
	for i := range s.Weights {
		out[s.Weights[i].Weight] = &s.Weights[i]
	}
	return out
}

// moved returns, for every element of w, the element that member p puts there.
func (s *Spec) moved(w *WeightLayout, p Perms) ([]byte, error) {
	index := make([]byte, 8*w.Weight.Elements())
	for i := range w.Weight.Elements() {
		binary.LittleEndian.PutUint64(index[8*i:], uint64(i))
	}
	return s.Permute(w, p, index)
}

// recover finds the member of s that moves single elements as member p of e
// does: one element for each slot of each group.
func (s *Spec) recover(e *Spec, p Perms) (Perms, error) {
	q, known := s.Identity(), make([]bool, len(s.Groups))
	edited := e.layoutsOf()
	for i := range s.Weights {
		w := &s.Weights[i]
		other := edited[w.Weight]
		if other == nil {
			continue
		}
		index, err := e.moved(other, p)
		if err != nil {
			return nil, err
		}
		for _, b := range w.Blocks {
			for k, d := range b.Digits {
				if d.Group < 0 || known[d.Group] {
					continue
				}
				known[d.Group] = true
				if err := s.probe(q[d.Group], b, k, index, w.Weight.Name); err != nil {
					return nil, err
				}
			}
		}
	}
	return q, s.Check(q)
}

// probe reads the permutations of the group of digit k off the moved elements
// of block b.
func (s *Spec) probe(rows []int32, b Block, k int, index []byte, name string) error {
	d := b.Digits[k]
	for e := range rows {
		at, row := b.Offset+int64(e%d.Size)*d.Stride, e/d.Size
		for u := len(d.Under) - 1; u >= 0; u-- {
			outer := b.Digits[d.Under[u]]
			at += int64(row%outer.Size) * outer.Stride
			row /= outer.Size
		}
		digits, ok := b.decode(int64(binary.LittleEndian.Uint64(index[8*at:])))
		if !ok {
			return enlarges(name)
		}
		rows[e] = int32(digits[k])
	}
	return nil
}

// decode returns the digits of an element of the block, false for others.
func (b Block) decode(element int64) ([]int, bool) {
	order := make([]int, len(b.Digits))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return cmp.Compare(b.Digits[j].Stride, b.Digits[i].Stride) })
	digits, rest := make([]int, len(b.Digits)), element-b.Offset
	if rest < 0 {
		return nil, false
	}
	for _, i := range order {
		n := rest / b.Digits[i].Stride
		if n >= int64(b.Digits[i].Size) {
			return nil, false
		}
		digits[i] = int(n)
		rest -= n * b.Digits[i].Stride
	}
	return digits, rest == 0
}

// sameAction compares member q of s with member p of e on every element.
func (s *Spec) sameAction(q Perms, e *Spec, p Perms) error {
	ours := s.layoutsOf()
	for i := range e.Weights {
		w := &e.Weights[i]
		theirs, err := e.moved(w, p)
		if err != nil {
			return err
		}
		own := ours[w.Weight]
		if own == nil {
			own = &WeightLayout{Weight: w.Weight, Blocks: []Block{{Digits: []Digit{{Group: -1, Size: int(w.Weight.Elements()), Stride: 1}}}}}
		}
		mine, err := s.moved(own, q)
		if err != nil {
			return err
		}
		if !slices.Equal(mine, theirs) {
			return enlarges(w.Weight.Name)
		}
		delete(ours, w.Weight)
	}
	for w, l := range ours {
		if s.moves(l, q) {
			return enlarges(w.Name)
		}
	}
	return nil
}

func enlarges(name string) error {
	return fmt.Errorf("permspec: the given groups permute weight %q in a way that the model's own symmetry does not allow: an edited spec may freeze, split or tie groups, not free them", name)
}
