package exec

import (
	"fmt"
	"math"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/eval/exec/kernel"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// beamSearch is a prepared com.microsoft.BeamSearch: a decoder that is run for one more token at a time, for the
// beams that have the best sums of log-probabilities. With an encoder, the decoder goes on from what that makes of
// the input (T5); without, from the input itself (GPT-2).
type beamSearch struct {
	encoder, decoder *body // encoder nil: none
	hidden           int   // inputs of the decoder between the mask and the past: the encoder's states, or none
	heads, width     int   // of the past, which is empty before the first run; without an encoder only

	start, end, pad int32 // tokens
	vocabulary      int   // 0: as many as there are scores
	ngram           int   // sequences of so many tokens do not come twice; 0: they may
	early           bool  // end with as many hypotheses as beams
}

// The inputs of BeamSearch.
const (
	beamIDs = iota
	beamMaxLength
	beamMinLength
	beamCount
	beamReturned
	beamLengthPenalty
	beamRepetitionPenalty
	beamVocabulary
	beamFirst
	beamMask
)

// The types of models, attribute model_type.
const (
	gpt2 = 0
	t5   = 1
)

func prepareBeamSearch(c *compiler, n *onnxgraph.Node, k *kernel.Node, inner []*onnxgraph.Value) (kernel.Kernel, error) {
	s := &beamSearch{start: int32(k.Int("decoder_start_token_id", -1)), end: int32(k.Int("eos_token_id", -1)), pad: int32(k.Int("pad_token_id", -1)),
		vocabulary: int(max(0, k.Int("vocab_size", 0))), ngram: int(k.Int("no_repeat_ngram_size", 0)), early: k.Flag("early_stopping")}
	kind := k.Int("model_type", gpt2)
	switch {
	case kind != gpt2 && kind != t5:
		return nil, fmt.Errorf("model_type %d is not supported; try --backend onnxruntime", kind)
	case n.Attrs["init_decoder"].Graph != nil, k.Has(beamMask + 1), k.Has(beamMask + 2), k.Wants(2):
		return nil, fmt.Errorf("an initial decoder, ids for the decoder, a logits processor and the scores of all steps are not supported; try --backend onnxruntime")
	}
	var err error
	if s.decoder, err = c.body(n, "decoder", inner); err != nil {
		return nil, err
	}
	inputs := n.Attrs["decoder"].Graph.Inputs
	if kind == t5 {
		if s.encoder, err = c.body(n, "encoder", inner); err != nil {
			return nil, err
		}
		layers := (len(s.encoder.outputs) - 2) / 4
		s.hidden = len(inputs) - 2 - 4*layers
		if s.encoder.formal != 3 || len(s.encoder.outputs) != 2+4*layers || s.hidden < 0 || s.hidden > 1 || len(s.decoder.outputs) != 1+2*layers {
			return nil, fmt.Errorf("the encoder has %d inputs and %d outputs, the decoder %d and %d; these are not supported; try --backend onnxruntime",
				s.encoder.formal, len(s.encoder.outputs), len(inputs), len(s.decoder.outputs))
		}
	} else if s.heads, s.width, err = pastOf(inputs, len(s.decoder.outputs)); err != nil {
		return nil, err
	}
	explicit := len(n.Inputs)
	return func(call *kernel.Call) error { return s.run(call, call.Values[explicit:]) }, nil
}

// pastOf reads the shape of a decoder's past, [2, batch, heads, tokens, width], of one tensor a layer.
func pastOf(inputs []*onnxgraph.Value, outputs int) (heads, width int, err error) {
	if len(inputs) < 4 || outputs != len(inputs)-2 || len(inputs[3].Declared) != 5 {
		return 0, 0, fmt.Errorf("the decoder has %d inputs and %d outputs, or its past not five axes; these are not supported; try --backend onnxruntime", len(inputs), outputs)
	}
	h, ok := inputs[3].Declared[2].Known()
	w, also := inputs[3].Declared[4].Known()
	if !ok || !also {
		return 0, 0, fmt.Errorf("the decoder's past has the shape %v, which leaves the heads open", inputs[3].Declared)
	}
	return int(h), int(w), nil
}

// generation is one run of a beam search. Rows are those of all beams: beam j of example i is row i·beams + j.
type generation struct {
	*beamSearch
	call   *kernel.Call
	inner  []*kernel.Value
	scorer *scorer
	past   []*kernel.Tensor // what the decoder keeps of the tokens before, by rows
	fixed  []*kernel.Tensor // what it takes from the encoder, by rows
	mask   [][]int32        // of the decoder's tokens (GPT-2) or the encoder's (T5), by rows
	places []int32          // the next token's position, by rows; GPT-2 only
}

func (s *beamSearch) run(call *kernel.Call, inner []*kernel.Value) error {
	ids, err := matrixOf(call.Input(beamIDs), "input_ids")
	if err != nil {
		return err
	}
	g := &generation{beamSearch: s, call: call, inner: inner}
	if g.scorer, err = newScorer(s, call, ids); err != nil {
		return err
	}
	mask, err := g.maskOf(ids)
	if err != nil {
		return err
	}
	var scores *kernel.Tensor
	if s.encoder != nil {
		scores, err = g.encode(ids, mask)
	} else {
		g.mask = spread(mask, g.scorer.beams)
		scores, err = g.first()
	}
	for err == nil {
		var rows []int
		if rows, err = g.scorer.step(scores); err != nil || rows == nil {
			break
		}
		scores, err = g.next(rows)
	}
	if err != nil {
		return err
	}
	g.scorer.finish()
	sequences, values := g.scorer.results()
	for k, t := range []*kernel.Tensor{sequences, values} {
		if k < len(call.Out) {
			call.Out[k] = kernel.Foreign(t)
		}
	}
	return nil
}

// maskOf is the mask that is given, or what is no padding.
func (g *generation) maskOf(ids [][]int32) ([][]int32, error) {
	if g.call.Has(beamMask) {
		mask, err := matrixOf(g.call.Input(beamMask), "attention_mask")
		if err == nil && (len(mask) != len(ids) || len(mask) > 0 && len(mask[0]) != len(ids[0])) {
			err = fmt.Errorf("attention_mask and input_ids differ in shape")
		}
		return mask, err
	}
	mask := make([][]int32, len(ids))
	for i, row := range ids {
		mask[i] = make([]int32, len(row))
		for j, id := range row {
			if id != g.pad {
				mask[i][j] = 1
			}
		}
	}
	return mask, nil
}

// encode runs the encoder, which gives the scores of the first token too.
func (g *generation) encode(ids, mask [][]int32) (*kernel.Tensor, error) {
	begin := make([][]int32, len(ids))
	for i := range begin {
		begin[i] = []int32{g.start}
	}
	out, err := g.feed(g.encoder, ids2(ids), ids2(mask), ids2(begin))
	if err != nil {
		return nil, err
	}
	rows := make([]int, 0, len(ids)*g.scorer.beams)
	for i := range ids {
		rows = append(rows, slices.Repeat([]int{i}, g.scorer.beams)...)
	}
	for k := range out {
		if out[k], err = rowsOf(out[k], 0, rows); err != nil {
			return nil, err
		}
	}
	g.mask = spread(mask, g.scorer.beams)
	layers := (len(out) - 2) / 4
	g.fixed = append(g.fixed, out[1:1+g.hidden]...)
	g.past, g.fixed = out[2:2+2*layers], append(g.fixed, out[2+2*layers:]...)
	return out[0], nil
}

// first runs a decoder without a past.
func (g *generation) first() (*kernel.Tensor, error) {
	positions := make([][]int32, len(g.mask))
	g.places = make([]int32, len(g.mask))
	for i, row := range g.mask {
		positions[i] = make([]int32, len(row))
		for j, id := range g.scorer.sequences[i] { // as in ONNX Runtime, padding has no position, whatever the mask says
			if id != g.pad {
				positions[i][j] = g.places[i]
				g.places[i]++
			}
		}
	}
	inputs := []*kernel.Tensor{ids2(g.scorer.sequences), ids2(positions), ids2(g.mask)}
	for len(inputs) < g.decoder.formal {
		inputs = append(inputs, &kernel.Tensor{Type: onnxgraph.Float32, Shape: []int{2, len(g.mask), g.heads, 0, g.width}, Data: []float32{}})
	}
	return g.decode(inputs)
}

// next runs the decoder for the last token of every sequence; rows tells which ones these go on from.
func (g *generation) next(rows []int) (*kernel.Tensor, error) {
	last := make([][]int32, len(rows))
	for k, seq := range g.scorer.sequences {
		last[k] = seq[len(seq)-1:]
	}
	axis := 1
	if g.encoder != nil {
		axis = 0
	}
	past := make([]*kernel.Tensor, len(g.past))
	for k, t := range g.past {
		var err error
		if past[k], err = rowsOf(t, axis, rows); err != nil {
			return nil, err
		}
	}
	if g.encoder != nil { // what comes from it is the same for all beams of an example
		inputs := append([]*kernel.Tensor{ids2(last), ids2(g.mask)}, g.fixed[:g.hidden]...)
		return g.decode(slices.Concat(inputs, past, g.fixed[g.hidden:]))
	}
	mask, positions, places := make([][]int32, len(rows)), make([][]int32, len(rows)), make([]int32, len(rows))
	for k, r := range rows {
		mask[k], positions[k], places[k] = append(slices.Clone(g.mask[r]), 1), []int32{g.places[r]}, g.places[r]+1
	}
	g.mask, g.places = mask, places
	return g.decode(append([]*kernel.Tensor{ids2(last), ids2(positions), ids2(mask)}, past...))
}

// decode runs the decoder, whose first output are scores and whose others its past.
func (g *generation) decode(inputs []*kernel.Tensor) (*kernel.Tensor, error) {
	out, err := g.feed(g.decoder, inputs...)
	if err != nil {
		return nil, err
	}
	g.past = out[1:]
	return out[0], nil
}

func (g *generation) feed(b *body, inputs ...*kernel.Tensor) ([]*kernel.Tensor, error) {
	var values []*kernel.Value
	for _, t := range inputs {
		values = append(values, kernel.Foreign(t))
	}
	results, err := b.run(g.call, values, g.inner)
	if err != nil {
		return nil, err
	}
	var out []*kernel.Tensor
	for _, v := range results {
		out = append(out, detach(v))
	}
	return out, nil
}

// spread repeats every row n times.
func spread(rows [][]int32, n int) [][]int32 {
	out := make([][]int32, 0, n*len(rows))
	for _, row := range rows {
		for range n {
			out = append(out, slices.Clone(row))
		}
	}
	return out
}

// ids2 makes a tensor of rows of one length.
func ids2(rows [][]int32) *kernel.Tensor {
	t := &kernel.Tensor{Type: onnxgraph.Int32, Shape: []int{len(rows), 0}}
	if len(rows) > 0 {
		t.Shape[1] = len(rows[0])
	}
	t.Data = slices.Concat(rows...)
	return t
}

// matrixOf reads a tensor of int32 with two axes.
func matrixOf(t *kernel.Tensor, name string) ([][]int32, error) {
	data, ok := t.Data.([]int32)
	if !ok || len(t.Shape) != 2 {
		return nil, fmt.Errorf("%s has shape %v of type %v, want a matrix of int32", name, t.Shape, t.Type)
	}
	rows := make([][]int32, t.Shape[0])
	for i := range rows {
		rows[i] = data[i*t.Shape[1]:][:t.Shape[1]]
	}
	return rows, nil
}

// rowsOf takes places along an axis of a float32 tensor.
func rowsOf(t *kernel.Tensor, axis int, places []int) (*kernel.Tensor, error) {
	data, ok := t.Data.([]float32)
	if !ok || axis >= len(t.Shape) {
		return nil, fmt.Errorf("the decoder passes on a tensor of shape %v and type %v, want float32", t.Shape, t.Type)
	}
	n, step, outer := t.Shape[axis], 1, 1
	for _, d := range t.Shape[axis+1:] {
		step *= d
	}
	for _, d := range t.Shape[:axis] {
		outer *= d
	}
	out := make([]float32, 0, outer*len(places)*step)
	for o := range outer {
		for _, p := range places {
			if p >= n {
				return nil, fmt.Errorf("the decoder passes on %d rows, want more than %d", n, p)
			}
			out = append(out, data[(o*n+p)*step:][:step]...)
		}
	}
	shape := slices.Clone(t.Shape)
	shape[axis] = len(places)
	return &kernel.Tensor{Type: t.Type, Shape: shape, Data: out}, nil
}

// lowest is the score of a token that may not come.
const lowest = -math.MaxFloat32
