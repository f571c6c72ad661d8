package rebasin

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// Relation is how two models of one architecture are related.
type Relation string

// The relations, nearest first.
const (
	Same            Relation = "same"             // the same numbers in the same order
	Shuffled        Relation = "shuffled"         // the same numbers after B's units are reordered
	FineTuned       Relation = "fine-tuned"       // of one ancestor: nearer, as they stand, than the order of units leaves to chance
	ShuffledRelated Relation = "shuffled-related" // near only after reordering: of one ancestor, then shuffled
	Apart           Relation = "apart"            // trained apart
)

// Limits of relations, as parts of the squared distance between models whose
// units stand in an order of chance. That is |A|² + |B|² but for what all units
// have in common. Trainings that have no ancestor in common are at 1 as they
// stand, whatever their size; half of it is a correlation of ½. Reordered, wide
// networks trained apart come down to about half, which is why the limit after
// reordering is lower.
const (
	rounding        = 1e-6 // as halves, which keep 11 bits, differ from what was rounded
	ancestorBefore  = 0.5
	ancestorAligned = 0.1
)

// Kinship tells how two models are related and by what. The distances are
// relative, as LayerDistance has them, over the floating-point weights that can be
// permuted, running statistics left out; over all weights where none can be.
type Kinship struct {
	Relation Relation `json:"relation"`
	Exact    bool     `json:"exact"`  // same or shuffled: to the last bit
	Before   float64  `json:"before"` // as the models stand
	After    float64  `json:"after"`  // with B's units reordered
	Chance   float64  `json:"chance"` // with units in an order of chance, the mean of a few
}

// String says the relation in words.
func (k *Kinship) String() string {
	rounded := ""
	if !k.Exact {
		rounded = ", but for rounding"
	}
	switch k.Relation {
	case Same:
		return "B holds the same numbers as A" + rounded
	case Shuffled:
		return "B is A with its units shuffled" + rounded
	case FineTuned:
		return "A and B have an ancestor in common: they are near each other as they stand"
	case ShuffledRelated:
		return "A and B have an ancestor in common, and the units of one were shuffled"
	}
	return fmt.Sprintf("A and B were trained apart: as they stand, their distance is %.0f %% of what an order of chance leaves", 100*k.Before/k.Chance)
}

// chances is how many orders of chance are averaged.
const chances = 3

// Kinship tells how A and B are related; a and b are what was aligned. Cost: a few
// passes over the models.
func (al *Alignment) Kinship(ctx context.Context, a, b *onnxgraph.Model) (*Kinship, error) {
	weights, permuted := al.compared(a)
	before, err := al.sum(a, b, weights)
	if err != nil {
		return nil, err
	}
	after, err := al.sum(a, al.Model, weights)
	if err != nil {
		return nil, err
	}
	chance := squares{before.a, before.b, before.a + before.b}
	if permuted {
		if chance, err = al.chance(ctx, a, b, weights); err != nil {
			return nil, err
		}
	}
	k := &Kinship{Relation: Apart, Before: before.relative(), After: after.relative(), Chance: chance.relative()}
	same, err := al.equal(a, b)
	if err != nil {
		return nil, err
	}
	shuffled, err := al.equal(a, al.Model)
	if err != nil {
		return nil, err
	}
	switch {
	case same:
		k.Relation, k.Exact = Same, true
	case shuffled:
		k.Relation, k.Exact = Shuffled, true
	case before.apart <= rounding*chance.apart:
		k.Relation = Same
	case after.apart <= rounding*chance.apart:
		k.Relation = Shuffled
	case before.apart <= ancestorBefore*chance.apart:
		k.Relation = FineTuned
	case after.apart <= ancestorAligned*chance.apart:
		k.Relation = ShuffledRelated
	}
	return k, nil
}

// compared lists the weights whose distance tells of kinship, and whether they
// can be permuted.
func (al *Alignment) compared(a *onnxgraph.Model) ([]*onnxgraph.Weight, bool) {
	isStatistics, free := statistics(a), freeWeights(al.Spec)
	var all, moving []*onnxgraph.Weight
	for _, w := range a.Weights() {
		if al.pairs.Weights[w] == nil || !w.Type.IsFloat() || isStatistics(w) {
			continue
		}
		all = append(all, w)
		if free[w] {
			moving = append(moving, w)
		}
	}
	if moving != nil {
		return moving, true
	}
	return all, false
}

// sum adds up the squares of some weights.
func (al *Alignment) sum(a, b *onnxgraph.Model, weights []*onnxgraph.Weight) (squares, error) {
	var total squares
	for _, w := range weights {
		s, err := measure(a, w, b, al.pairs.Weights[w])
		if err != nil {
			return total, err
		}
		total.add(s)
	}
	return total, nil
}

// chance is the mean of sum over orders of chance of B's units.
func (al *Alignment) chance(ctx context.Context, a, b *onnxgraph.Model, weights []*onnxgraph.Weight) (squares, error) {
	rng := rand.New(rand.NewPCG(1, 2)) // any: the same for the same models
	var total squares
	for range chances {
		if err := ctx.Err(); err != nil {
			return total, err
		}
		shuffled, err := al.Spec.ApplyTo(b, al.Spec.Random(rng), counterpart(al.pairs))
		if err != nil {
			return total, err
		}
		s, err := al.sum(a, shuffled, weights)
		if err != nil {
			return total, err
		}
		total.add(s)
	}
	return squares{total.a / chances, total.b / chances, total.apart / chances}, nil
}

// equal reports whether every weight of A and its counterpart have the same bits.
func (al *Alignment) equal(a, b *onnxgraph.Model) (bool, error) {
	for _, w := range a.Weights() {
		v := al.pairs.Weights[w]
		if v == nil || w.Type == onnxgraph.String { // strings steer, and are equal in one architecture
			continue
		}
		x, err := a.Bytes(w)
		if err != nil {
			return false, err
		}
		y, err := b.Bytes(v)
		if err != nil {
			return false, err
		}
		same := bytes.Equal(x, y)
		a.Forget(x)
		b.Forget(y)
		if !same {
			return false, nil
		}
	}
	return true, nil
}
