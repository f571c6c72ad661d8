package kernel

import (
	"fmt"
	"math"

	"github.com/onnx-rebasin/onnx-rebasin/internal/f32"
)

// heads lays the vectors of an attention's queries, keys, values or results
// over a slice: vector i of head h of example b begins at b·batch + h·head +
// i·row and is contiguous.
type heads struct {
	data             []float32
	batch, head, row int
}

// apart lays heads side by side in the last of three axes: b, i, (h d).
func apart(data []float32, n, heads_, d int) heads {
	return heads{data, n * heads_ * d, d, heads_ * d}
}

// stacked lays heads in the second of four axes: b, h, i, d.
func stacked(data []float32, n, heads_, d int) heads {
	return heads{data, heads_ * n * d, n * d, d}
}

func (x heads) view(b, h, rows, cols int) f32.View {
	return f32.Dense(x.data[b*x.batch+h*x.head:], rows, cols, x.row)
}

// attention is one application of scaled dot-product attention:
//
//	out = softmax(scale · q·kᵀ + mask) · v
//
// for every example and head. Queries share the keys and values of kv heads
// when there are fewer of those.
type attention struct {
	batch, heads, kv int
	queries, keys    int
	d, dv            int // sizes of keys and of values
	q, k, v, out     heads
	scale, softcap   float32
	causal           bool
	past             int                                 // keys before the first query's own
	lens             []int                               // how many keys of each example count, and end where the queries do; nil if all do
	window, ahead    int                                 // how many keys back and ahead a query sees, itself included; 0 for all
	mask             func(b, h, i int, scores []float32) // nil if there is none
	scores           func(b, h, i int, scores []float32) // takes a copy of the scores; nil if nobody wants it
	stage            stage                               // when it does
}

// stage is a point in the making of an attention's scores: the numbers of the
// attribute qk_matmul_output_mode.
type stage int64

const (
	rawScores stage = iota
	cappedScores
	maskedScores
	softmaxScores
)

func (a *attention) run(c *Call) error {
	if a.heads <= 0 || a.kv <= 0 || a.heads%a.kv != 0 {
		return fmt.Errorf("%d heads of queries over %d of keys", a.heads, a.kv)
	}
	if a.scale == 0 {
		a.scale = float32(1 / math.Sqrt(float64(a.d)))
	}
	jobs := a.batch * a.heads
	if a.keys == 0 || jobs == 0 {
		return fmt.Errorf("attention over %d keys for %d heads", a.keys, jobs)
	}
	all := c.Floats(min(c.Threads, jobs) * a.queries * a.keys)
	c.lanes(jobs, a.queries*a.keys*(a.d+a.dv)/8, func(lane, lo, hi int) {
		scores := all[lane*a.queries*a.keys:][:a.queries*a.keys]
		for job := lo; job < hi; job++ {
			a.one(job/a.heads, job%a.heads, scores)
		}
	})
	return nil
}

// one computes one head of one example.
func (a *attention) one(b, h int, scores []float32) {
	shared := h / (a.heads / a.kv)
	f32.Product(1, a.scale, a.q.view(b, h, a.queries, a.d), a.k.view(b, shared, a.keys, a.d).T(), 0, scores, a.keys, f32.Epilogue{})
	for i := range a.queries {
		a.weigh(b, h, i, scores[i*a.keys:][:a.keys])
	}
	out := a.out.data[b*a.out.batch+h*a.out.head:]
	f32.Product(1, 1, f32.Dense(scores, a.queries, a.keys, a.keys), a.v.view(b, shared, a.keys, a.dv), 0, out, a.out.row, f32.Epilogue{})
}

// weigh turns the scores of one query into weights. A query that sees no key has
// weights 0.
func (a *attention) weigh(b, h, i int, row []float32) {
	keep := func(at stage) {
		if a.scores != nil && a.stage == at {
			a.scores(b, h, i, row)
		}
	}
	keep(rawScores)
	if a.softcap > 0 {
		f32.Scale(row, 1/a.softcap)
		f32.Tanh(row, row)
		f32.Scale(row, a.softcap)
	}
	keep(cappedScores)
	if a.mask != nil {
		a.mask(b, h, i, row)
	}
	lo, hi := a.sees(b, i)
	fillWords(row[:lo], inf32)
	fillWords(row[hi:], inf32)
	keep(maskedScores)
	if f32.Max(row) == inf32 {
		clear(row)
	} else {
		softmax32(row, row)
	}
	keep(softmaxScores)
}

var inf32 = float32(math.Inf(-1))

// sees returns the keys lo to hi-1 that query i of example b may see, masks
// aside.
func (a *attention) sees(b, i int) (lo, hi int) {
	at, hi := a.past+i, a.keys
	if a.lens != nil {
		at, hi = a.lens[b]-a.queries+i, min(hi, a.lens[b])
	}
	if a.causal {
		hi = min(hi, at+1)
	}
	if a.ahead > 0 {
		hi = min(hi, at+a.ahead)
	}
	if a.window > 0 {
		lo = min(max(0, at+1-a.window), a.keys)
	}
	return lo, max(lo, hi)
}

// floats32 reads a float32 tensor of the given rank (any if negative).
func floats32(t *Tensor, what string, rank int) ([]float32, error) {
	v, ok := t.Data.([]float32)
	if !ok || rank >= 0 && len(t.Shape) != rank {
		return nil, fmt.Errorf("%s of shape %v and type %v, want rank %d of float32", what, t.Shape, t.Type, rank)
	}
	return v, nil
}

// present makes output at, the keys or values of the past (nil if there are
// none) followed by those of now, in stacked layout, and returns its layout.
// A negative at makes scratch memory instead.
func (c *Call) present(at int, past *Tensor, now heads, batch, n, count, d int) (heads, int, error) {
	before := 0
	if past != nil && size(past.Shape) > 0 {
		if len(past.Shape) != 4 || past.Shape[0] != batch || past.Shape[1] != count || past.Shape[3] != d {
			return now, 0, fmt.Errorf("past of shape %v for %d examples and %d heads of %d", past.Shape, batch, count, d)
		}
		before = past.Shape[2]
	}
	var to []float32
	if at >= 0 {
		t, err := c.New(at, 1, batch, count, before+n, d)
		if err != nil {
			return now, 0, err
		}
		to = t.Data.([]float32)
	} else {
		to = c.Floats(batch * count * (before + n) * d)
	}
	out := stacked(to, before+n, count, d)
	for b := range batch {
		for h := range count {
			place := to[b*out.batch+h*out.head:]
			if before > 0 {
				old, err := floats32(past, "past", 4)
				if err != nil {
					return now, 0, err
				}
				copy(place[:before*d], old[(b*count+h)*before*d:])
			}
			for i := range n {
				copy(place[(before+i)*d:][:d], now.data[b*now.batch+h*now.head+i*now.row:])
			}
		}
	}
	return out, before, nil
}
