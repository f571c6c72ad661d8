package repair

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/eval"
	"github.com/onnx-rebasin/onnx-rebasin/eval/dataset"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// heldEvery is how batches are held back: one in so many.
const heldEvery = 5

// firstFold is the part of the batches that is held back where there is no other.
const firstFold = heldEvery - 1

// keepBytes is how much of the calibration data, and of what the ends compute,
// stays in memory from one pass to the next.
const keepBytes = 256 << 20

// job is a repair under way.
type job struct {
	ctx    context.Context
	opts   Options
	ends   []End
	graph  *onnxgraph.Model // all models share its graph
	layers []*layer

	sessions []*eval.Runner // of the ends
	size     int            // samples in a batch
	count    int            // batches
	fold     int            // of the batches, that is held back
	kept     []*dataset.Batch
	extra    []*dataset.Batch    // made up, numbered after the others, none held back
	tooLarge bool                // to be kept
	heart    *bool               // see byHeart; nil: not known yet
	measured bool                // what the models give is no scores of classes, as judge last found
	targets  map[*layer][]target // of the layers that were computed ahead
}

func newJob(ctx context.Context, ends []End, opts Options) (*job, error) {
	if len(ends) < 2 || opts.Data == nil {
		return nil, errors.New("repair: two models and calibration data are needed")
	}
	n := opts.Data.Len()
	if n < 2*heldEvery {
		return nil, fmt.Errorf("repair: %s has %d samples: %d at least are needed, one in %d of them held back to judge by", opts.Data.Name, n, 2*heldEvery, heldEvery)
	}
	j := &job{ctx: ctx, opts: opts, ends: ends, fold: firstFold - opts.Fold, graph: ends[0].Model, layers: layersOf(ends[0].Model)}
	j.size = BatchSize(n)
	for _, e := range ends {
		r, err := eval.Open(e.Model, opts.Open)
		if err != nil {
			j.close()
			return nil, err
		}
		j.sessions = append(j.sessions, r)
	}
	return j, nil
}

// tell reports that so many of the parts of a repair are done.
func (j *job) tell(kind Kind, done, parts int) {
	if j.opts.Progress != nil {
		j.opts.Progress(kind, done, parts)
	}
}

func (j *job) close() {
	for _, r := range j.sessions {
		r.Close()
	}
}

// BatchSize is how many samples are in a batch of a data set of n: at least four
// batches are held back where there are samples enough.
func BatchSize(n int) int { return max(1, min(64, n/(4*heldEvery))) }

// Held reports whether a batch of BatchSize samples is one of those that Compare
// judges by.
func Held(batch int) bool { return batch%heldEvery == firstFold }

// heldBack reports whether a batch is held back; those that were made up are not.
func (j *job) heldBack(batch int) bool { return batch < j.count && j.held(batch) }

// held reports whether a batch of the data set is held back.
func (j *job) held(batch int) bool { return batch%heldEvery == j.fold }

// read calls visit with every batch, from memory where there is room.
func (j *job) read(visit func(i int, b *dataset.Batch) error) error {
	if j.kept != nil {
		for i, b := range j.kept {
			if err := j.visit(i, b, visit); err != nil {
				return err
			}
		}
		for k, b := range j.extra {
			if err := j.visit(j.count+k, b, visit); err != nil {
				return err
			}
		}
		return nil
	}
	var all []*dataset.Batch
	bytes, i := 0, 0
	for b, err := range j.opts.Data.Batches(j.size) {
		if err == nil {
			err = j.visit(i, b, visit)
		}
		if err != nil {
			return err
		}
		for _, t := range b.Inputs {
			bytes += t.Type.Size() * elements(t.Shape)
		}
		if bytes > keepBytes {
			j.tooLarge, all = true, nil
		}
		if !j.tooLarge {
			all = append(all, b)
		}
		i++
	}
	j.count, j.kept = i, all
	return nil
}

func elements(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

func (j *job) visit(i int, b *dataset.Batch, visit func(int, *dataset.Batch) error) error {
	if err := j.ctx.Err(); err != nil {
		return err
	}
	return visit(i, b)
}

// number returns how many batches there are.
func (j *job) number() (int, error) {
	if j.count == 0 {
		if err := j.read(func(int, *dataset.Batch) error { return nil }); err != nil {
			return 0, err
		}
	}
	return j.count, nil
}

// run computes values of a model in one batch.
func run(ctx context.Context, r *eval.Runner, b *dataset.Batch, values []*onnxgraph.Value) (map[*onnxgraph.Value]*tensor, error) {
	var names []string
	for _, v := range values {
		if v.Producer != nil && !slices.Contains(names, v.Name) {
			names = append(names, v.Name)
		}
	}
	got, err := r.Run(ctx, b.Inputs, names)
	if err != nil {
		return nil, err
	}
	out := map[*onnxgraph.Value]*tensor{}
	for _, v := range values {
		t := got[v.Name]
		if v.Producer == nil {
			t = b.Inputs[v.Name]
		}
		if t == nil {
			return nil, fmt.Errorf("repair: %q was not computed", v.Name)
		}
		if out[v], err = float32s(t); err != nil {
			return nil, fmt.Errorf("repair: value %q: %w", v.Name, err)
		}
	}
	return out, nil
}
