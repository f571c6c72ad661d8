package solver

import (
	"fmt"
	"time"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// Options direct Match. The zero value is a good start.
type Options struct {
	// Counterpart returns the weight of b that corresponds to a weight of a.
	Counterpart Counterpart

	// Exclude keeps a weight of a out of the objective, although it is
	// permuted: running statistics, which say more about scale than about
	// which unit is which.
	Exclude func(*onnxgraph.Weight) bool

	// Likeness adds to the objective what else tells which units are alike. The
	// sums that Match reports are of the weights alone.
	Likeness []Likeness

	Seed      uint64
	Effort    Effort
	Normalize Normalize

	// Starts is how many times to climb to an optimum, of which the best is
	// kept; 0: as Effort says. The first start is a guess that does not depend
	// on how the units of b are numbered, the second b as it stands. Further ones
	// begin with the best so far: with its heads, if it has some, matched by the products of their
	// weights, and then with Frank and Wolfe's method from a mean of it and random members, or with some
	// groups of it shaken, in turn. EffortMax ends with that method from means of the best and another
	// optimum, and with exchanges in one group that another answers.
	Starts int

	// Ascend makes one start only, from b as it stands: what a permuted model
	// has of order already is kept and bettered.
	Ascend bool

	MaxSweeps int           // passes over all groups in each start; 0: 100
	Threads   int           // 0: as many as there are cores
	MaxTime   time.Duration // end with the best so far; 0: never

	// MaxMemory is how many bytes the gains of one group, with those nested in it, may take; 0: 2 GB and 32
	// times the weights.
	MaxMemory int64

	// Stop ends the search with the best so far when something comes from it or
	// it is closed, as the end of the context does. Only a search under way reads it.
	Stop <-chan struct{}

	// Progress is told after every group. Calls do not overlap.
	Progress func(Progress)
}

// Effort is how long Match searches.
type Effort int

const (
	EffortDefault Effort = iota // starts for about a second, up to 26: one for networks as large as ResNet-50
	EffortFast                  // one start, until a sweep gains less than a thousandth
	EffortMax                   // starts until 48 in a row, or more of small networks, found nothing better, and some more from the best
)

var efforts = []string{"default", "fast", "max"}

func (e Effort) String() string { return efforts[e] }

// ParseEffort reads the name of an Effort.
func ParseEffort(name string) (Effort, error) {
	e, err := parse("effort", name, efforts)
	return Effort(e), err
}

// Normalize is how weights are scaled before they are compared. A and B are
// scaled alike by rule, each by its own norms, so the rule does not depend on the
// order of units. The sums that Match reports are of the weights as they are.
type Normalize int

const (
	NormalizeNone  Normalize = iota
	NormalizeLayer           // every weight has norm 1
	NormalizeUnit            // every slot of every group has one norm within a weight
)

var normalizations = []string{"none", "layer", "unit"}

func (n Normalize) String() string { return normalizations[n] }

// ParseNormalize reads the name of a Normalize.
func ParseNormalize(name string) (Normalize, error) {
	n, err := parse("normalization", name, normalizations)
	return Normalize(n), err
}

func parse(what, name string, names []string) (int, error) {
	for k, n := range names {
		if n == name {
			return k, nil
		}
	}
	return 0, fmt.Errorf("solver: there is no %s %q", what, name)
}

// Progress is where Match stands.
type Progress struct {
	Start, Starts int    // which start reports, from 0, and how many there are at most
	Sweep         int    // from 0
	Group         string // matched last
	Objective     float64
	Left          time.Duration // until MaxTime, or as the starts so far took; below 0: not known
}
