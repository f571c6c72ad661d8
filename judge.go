package rebasin

import (
	"context"
	"fmt"
	"slices"

	"github.com/onnx-rebasin/onnx-rebasin/eval"
	"github.com/onnx-rebasin/onnx-rebasin/eval/dataset"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/solver"
)

// JudgeOptions say how models are run and judged. The zero value is usable.
type JudgeOptions struct {
	Open     eval.OpenOptions
	Evaluate eval.EvaluateOptions
}

// Judge runs A, B, their ensemble, their naive average and the merged model over
// data, side by side in one pass. Without labels it tells how alike the naive and
// the merged model are to A, B and the ensemble. a and b are what was merged;
// the data is opened for a's inputs. It also returns what ran the models.
func (m *Merged) Judge(ctx context.Context, a, b *onnxgraph.Model, data *dataset.Set, opts JudgeOptions) (*EvalReport, string, error) {
	naive, err := solver.Lerp(a, b, counterpart(m.pairs), m.Lambda)
	if err != nil {
		return nil, "", err
	}
	r, backend, err := judge(ctx, []*onnxgraph.Model{a, b}, naive, m.Model, data, opts)
	if err == nil && r.Models != nil {
		r.A, r.B, r.Models = r.Models[0], r.Models[1], nil
	}
	return r, backend, err
}

// Judge is as for two models.
func (m *MergedMany) Judge(ctx context.Context, models []*onnxgraph.Model, data *dataset.Set, opts JudgeOptions) (*EvalReport, string, error) {
	return judge(ctx, models, m.Naive, m.Model, data, opts)
}

func judge(ctx context.Context, ends []*onnxgraph.Model, naive, merged *onnxgraph.Model, data *dataset.Set, opts JudgeOptions) (*EvalReport, string, error) {
	n := len(ends)
	runners, done, err := eval.OpenAll(slices.Concat(ends, []*onnxgraph.Model{naive, merged}), opts.Open)
	if err != nil {
		return nil, "", err
	}
	defer done()
	all, names := make([]int, n), make([]string, n)
	for k := range ends {
		all[k], names[k] = k, modelName(k, n)
	}
	o := opts.Evaluate
	o.Ensembles = [][]int{all}
	o.Compare = o.Compare || !data.HasLabels()
	e, err := eval.EvaluateAll(ctx, runners, data, o)
	if err != nil {
		return nil, "", err
	}
	r := &EvalReport{Samples: e.Samples}
	r.Likeness = e.Likeness(append(names, "naive", "merged", "ensemble"), []int{n, n + 1}, slices.Concat(all, []int{n + 2}))
	if e.Metrics != nil {
		r.Models, r.Naive, r.Merged, r.Ensemble = e.Metrics[:n], e.Metrics[n], e.Metrics[n+1], e.Metrics[n+2]
	}
	return r, runners[0].Backend, nil
}

// modelName names model k of n in reports: a and b, or 1, 2, 3 and so on.
func modelName(k, n int) string {
	if n == 2 {
		return [...]string{"a", "b"}[k]
	}
	return fmt.Sprint(k + 1)
}

// Evaluate judges a model on data, filling EvalReport.A, and holds it to others
// and, of two or more, to their ensemble. Labels are needed only when there is
// nothing to hold it to. In the likeness the others are called 1, 2 and so on.
func Evaluate(ctx context.Context, m *onnxgraph.Model, others []*onnxgraph.Model, data *dataset.Set, opts JudgeOptions) (*EvalReport, string, error) {
	runners, done, err := eval.OpenAll(slices.Concat([]*onnxgraph.Model{m}, others), opts.Open)
	if err != nil {
		return nil, "", err
	}
	defer done()
	o := opts.Evaluate
	names, to := []string{"a"}, []int{}
	for k := range others {
		names, to = append(names, modelName(k, 0)), append(to, k+1)
	}
	if len(others) > 1 {
		o.Ensembles = [][]int{slices.Clone(to)}
		names, to = append(names, "ensemble"), append(to, len(others)+1)
	}
	o.Compare = len(others) > 0
	e, err := eval.EvaluateAll(ctx, runners, data, o)
	if err != nil {
		return nil, "", err
	}
	r := &EvalReport{Samples: e.Samples, Likeness: e.Likeness(names, []int{0}, to)}
	if e.Metrics != nil {
		r.A = e.Metrics[0]
	}
	return r, runners[0].Backend, nil
}
