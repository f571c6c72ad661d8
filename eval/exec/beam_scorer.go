package exec

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/eval/exec/kernel"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// scorer keeps the beams of a search and the sequences that have come to their end.
type scorer struct {
	*beamSearch
	beams, returned, longest, shortest int
	lengthPenalty, repetition          float32
	words                              []int32   // 0: the token never comes; nil: all may
	firsts                             [][]int32 // the same of the first token, by examples

	sequences [][]int32 // of each row
	sums      []float32 // of log-probabilities, by rows
	began     int       // length of the sequences at first
	ended     []ended   // by examples
}

// ended is what an example has ended in: the best so far, no more than there are beams.
type ended struct {
	best []hypothesis // best first
	done bool
}

type hypothesis struct {
	tokens []int32
	score  float32 // log-probability over length to the power of the penalty
}

func newScorer(s *beamSearch, call *kernel.Call, ids [][]int32) (*scorer, error) {
	c := &scorer{beamSearch: s, beams: 1, returned: 1, lengthPenalty: 1, repetition: 1}
	for _, in := range []struct {
		at   int
		name string
		to   *int
	}{{beamMaxLength, "max_length", &c.longest}, {beamMinLength, "min_length", &c.shortest}, {beamCount, "num_beams", &c.beams}, {beamReturned, "num_return_sequences", &c.returned}} {
		if call.Has(in.at) {
			v, ok := call.Input(in.at).Data.([]int32)
			if !ok || len(v) != 1 {
				return nil, fmt.Errorf("%s must be one int32", in.name)
			}
			*in.to = int(v[0])
		}
	}
	for _, in := range []struct {
		at   int
		name string
		to   *float32
	}{{beamLengthPenalty, "length_penalty", &c.lengthPenalty}, {beamRepetitionPenalty, "repetition_penalty", &c.repetition}} {
		if call.Has(in.at) {
			v, ok := call.Input(in.at).Data.([]float32)
			if !ok || len(v) != 1 {
				return nil, fmt.Errorf("%s must be one float32", in.name)
			}
			*in.to = v[0]
		}
	}
	var err error
	if call.Has(beamVocabulary) {
		words, ok := call.Input(beamVocabulary).Data.([]int32)
		if !ok {
			return nil, fmt.Errorf("vocab_mask must be of int32")
		}
		c.words = words
	}
	if call.Has(beamFirst) {
		if c.firsts, err = matrixOf(call.Input(beamFirst), "prefix_vocab_mask"); err != nil {
			return nil, err
		}
	}
	begin := ids
	if s.encoder != nil {
		begin = make([][]int32, len(ids))
		for i := range begin {
			begin[i] = []int32{s.start}
		}
	}
	if len(begin) > 0 {
		c.began = len(begin[0])
	}
	const most = 1 << 12 // what ONNX Runtime takes
	switch {
	case len(ids) == 0 || c.began == 0:
		return nil, fmt.Errorf("input_ids has no tokens")
	case c.longest <= c.began || c.longest > most:
		return nil, fmt.Errorf("max_length is %d, want more than %d and at most %d", c.longest, c.began, most)
	case c.beams < 1 || c.beams > 128 || c.returned < 1 || c.returned > c.beams:
		return nil, fmt.Errorf("%d sequences of %d beams cannot be returned", c.returned, c.beams)
	case !(c.repetition > 0):
		return nil, fmt.Errorf("repetition_penalty is %v, want more than 0", c.repetition)
	case c.firsts != nil && len(c.firsts) != len(ids):
		return nil, fmt.Errorf("prefix_vocab_mask has %d rows, want %d", len(c.firsts), len(ids))
	}
	c.sequences = spread(begin, c.beams)
	c.ended = make([]ended, len(ids))
	for range ids { // all beams begin alike: one counts
		c.sums = append(append(c.sums, 0), slices.Repeat([]float32{-1e9}, c.beams-1)...)
	}
	return c, nil
}

// candidate is a token that may come next.
type candidate struct {
	sum   float32
	row   int // of the sequence that it goes on from
	token int32
}

// step goes on by one token, given the decoder's scores [rows, tokens, vocabulary]. It returns the rows that the
// sequences went on from, nil when the search is over.
func (c *scorer) step(scores *kernel.Tensor) ([]int, error) {
	logits, ok := scores.Data.([]float32)
	if !ok || len(scores.Shape) != 3 || scores.Shape[0] != len(c.sequences) || scores.Shape[1] == 0 {
		return nil, fmt.Errorf("the decoder's scores have shape %v of type %v, want %d rows of float32", scores.Shape, scores.Type, len(c.sequences))
	}
	tokens, all := scores.Shape[1], scores.Shape[2]
	size := all
	if c.vocabulary > 0 {
		size = min(size, c.vocabulary)
	}
	if c.words != nil && len(c.words) != size || c.firsts != nil && len(c.firsts[0]) != size || 2 > size {
		return nil, fmt.Errorf("a mask of the vocabulary does not have its size, %d", size)
	}
	var options []candidate
	for i := range c.ended {
		options = append(options, c.options(i, func(row int) []float32 { return logits[(row*tokens+tokens-1)*all:][:size] })...)
	}
	var from []int
	var added []int32
	var sums []float32
	for i := range c.ended {
		for _, o := range c.choose(i, options) {
			from, added, sums = append(from, o.row), append(added, o.token), append(sums, o.sum)
		}
	}
	next := make([][]int32, len(from))
	for k, r := range from {
		next[k] = append(slices.Clone(c.sequences[r]), added[k])
	}
	c.sequences, c.sums = next, sums
	if len(next[0]) >= c.longest || !slices.ContainsFunc(c.ended, func(e ended) bool { return !e.done }) {
		return nil, nil
	}
	return from, nil
}

// options are the best two tokens a beam that may come next in an example.
func (c *scorer) options(example int, logits func(row int) []float32) []candidate {
	var all []candidate
	for row := example * c.beams; row < (example+1)*c.beams; row++ {
		scores := logSoftmax(logits(row))
		c.forbid(scores, row, example)
		for token, p := range scores {
			all = append(all, candidate{p + c.sums[row], row, int32(token)})
		}
	}
	slices.SortStableFunc(all, func(x, y candidate) int { return cmp.Compare(y.sum, x.sum) })
	return all[:2*c.beams]
}

// forbid changes the scores of tokens that should not, or may not, follow the sequence of a row.
func (c *scorer) forbid(scores []float32, row, example int) {
	seq := c.sequences[row]
	if c.repetition != 1 {
		for _, id := range slices.Compact(slices.Sorted(slices.Values(seq))) {
			if int(id) >= len(scores) || id < 0 {
				continue
			}
			if scores[id] < 0 {
				scores[id] *= c.repetition
			} else {
				scores[id] /= c.repetition
			}
		}
	}
	if n := c.ngram; n > 0 && n <= len(seq) {
		for k := 0; k+n <= len(seq); k++ {
			if id := seq[k+n-1]; slices.Equal(seq[k:k+n-1], seq[len(seq)-n+1:]) && id >= 0 && int(id) < len(scores) {
				scores[id] = lowest
			}
		}
	}
	for id, may := range c.words {
		if may == 0 {
			scores[id] = lowest
		}
	}
	if c.firsts != nil && len(seq) == c.began {
		for id, may := range c.firsts[example] {
			if may == 0 {
				scores[id] = lowest
			}
		}
	}
	if len(seq) < c.shortest && c.end >= 0 && int(c.end) < len(scores) {
		scores[c.end] = lowest
	}
}

// choose takes the best options of an example, among those of all, that go on, one for each beam; those that end become hypotheses.
func (c *scorer) choose(example int, all []candidate) []candidate {
	e, options := &c.ended[example], all[2*c.beams*example:][:2*c.beams]
	if e.done {
		return slices.Repeat([]candidate{{0, example * c.beams, c.pad}}, c.beams)
	}
	var on []candidate
	for k, o := range options {
		switch {
		case c.end < 0 || o.token != c.end:
			on = append(on, o)
		case k < c.beams:
			c.keep(e, c.sequences[o.row], o.sum)
		}
		if len(on) == c.beams {
			break
		}
	}
	if len(e.best) == c.beams {
		length := len(c.sequences[example*c.beams])
		// Whether something better may still come, ONNX Runtime tells by options that begin beams·i from the first, not 2·beams·i.
		// It defines the operator, so this does too.
		best := slices.MaxFunc(all[c.beams*example:][:2*c.beams], func(x, y candidate) int { return cmp.Compare(x.sum, y.sum) })
		e.done = c.early || best.sum/c.divisor(length) <= e.best[len(e.best)-1].score
	}
	return on
}

// keep takes a sequence among the hypotheses of an example if it is one of the best.
func (c *scorer) keep(e *ended, tokens []int32, sum float32) {
	h := hypothesis{slices.Clone(tokens), sum / c.divisor(len(tokens))}
	at := slices.IndexFunc(e.best, func(b hypothesis) bool { return b.score < h.score })
	if at < 0 {
		at = len(e.best)
	}
	e.best = slices.Insert(e.best, at, h)
	e.best = e.best[:min(len(e.best), c.beams)]
}

func (c *scorer) divisor(length int) float32 {
	return float32(math.Pow(float64(length), float64(c.lengthPenalty)))
}

// finish ends what has not ended.
func (c *scorer) finish() {
	for i := range c.ended {
		e := &c.ended[i]
		for row := i * c.beams; row < (i+1)*c.beams && !e.done; row++ {
			c.keep(e, c.sequences[row], c.sums[row])
		}
	}
}

// results are the sequences [examples, returned, longest], filled up by padding, and their scores.
func (c *scorer) results() (sequences, scores *kernel.Tensor) {
	var ids []int32
	var values []float32
	for _, e := range c.ended {
		for _, h := range e.best[:c.returned] {
			ids = append(append(ids, h.tokens...), slices.Repeat([]int32{c.pad}, c.longest-len(h.tokens))...)
			values = append(values, h.score)
		}
	}
	return &kernel.Tensor{Type: onnxgraph.Int32, Shape: []int{len(c.ended), c.returned, c.longest}, Data: ids},
		&kernel.Tensor{Type: onnxgraph.Float32, Shape: []int{len(c.ended), c.returned}, Data: values}
}

// logSoftmax returns the logarithms of a row's softmax.
func logSoftmax(row []float32) []float32 {
	most, sum := slices.Max(row), 0.0
	for _, v := range row {
		sum += math.Exp(float64(v - most))
	}
	out := make([]float32, len(row))
	for k, v := range row {
		out[k] = float32(float64(v-most) - math.Log(sum))
	}
	return out
}
