package rebasin

import (
	"context"
	"errors"
	"fmt"

	"github.com/onnx-rebasin/onnx-rebasin/eval/repair"
	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
	"github.com/onnx-rebasin/onnx-rebasin/permspec"
	"github.com/onnx-rebasin/onnx-rebasin/solver"
)

// ZipReport says what zipping came to.
type ZipReport struct {
	Groups   int     `json:"groups"`   // that could be zipped; the others are permuted
	Units    int     `json:"units"`    // of the average in these groups
	Within   int     `json:"within"`   // of these, that stand for two units of one model
	Permuted float64 `json:"permuted"` // loss on calibration data held back; without labels, the divergence from the ensemble
	Zipped   float64 `json:"zipped"`
	Kept     bool    `json:"kept"` // zipped is better
}

// widestZip is how many units a group may have to be zipped.
const widestZip = 2048

// zip averages A and π(B) with units also merged within one model where the correlation of
// their activations says so, and keeps that if it does better than the permuted average on calibration data
// held back. Groups whose units meet more than what acts on each alone, as in heads, under normalization of layers
// or in recurrent cells, stay permuted.
func (c *Calibration) zip(ctx context.Context, a *onnxgraph.Model, al *Alignment, lambda float64, permuted *onnxgraph.Model, ends []repair.End) (*onnxgraph.Model, []repair.End, *ZipReport, error) {
	if c == nil || c.Data == nil {
		return nil, nil, nil, errors.New("zipping needs calibration data")
	}
	zips, err := c.zips(ctx, a, ends[1].Model, al.Spec)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("zip: %w", err)
	}
	if len(zips) == 0 {
		return nil, nil, nil, fmt.Errorf("no group of units can be zipped: there is none that meets nothing but %s; match by weights or activations", permspec.Alone.Allows())
	}
	zipped, err := solver.Zipped(al.Spec, a, al.Model, counterpart(al.pairs), lambda, zips)
	if err != nil {
		return nil, nil, nil, err
	}
	own := []repair.End{ends[0], ends[1]}
	for k := range own {
		own[k].Parts, own[k].Shares = nil, shares(zips, k, lambda)
	}
	trials, err := repair.Compare(ctx, [][]repair.End{ends, own}, []*onnxgraph.Model{permuted, zipped}, c.quick(), c.options())
	if err != nil {
		return nil, nil, nil, fmt.Errorf("zip: %w", err)
	}
	r := &ZipReport{Groups: len(zips), Permuted: trials[0].Loss, Zipped: trials[1].Loss, Kept: trials[1].Loss < trials[0].Loss}
	for _, z := range zips {
		r.Units += len(z.Pairs)
		for _, p := range z.Pairs {
			if p[0].End == p[1].End {
				r.Within++
			}
		}
	}
	if !r.Kept {
		return permuted, ends, r, nil
	}
	return zipped, own, r, nil
}

// zips pairs the units of all groups that allow it, by correlation.
func (c *Calibration) zips(ctx context.Context, a, b *onnxgraph.Model, spec *permspec.Spec) ([]solver.Zip, error) {
	var like [3][]solver.Likeness
	for k, pair := range [3][2]*onnxgraph.Model{{a, a}, {b, b}, {a, b}} {
		var err error
		if like[k], err = repair.Alike(ctx, spec, pair[0], pair[1], repair.Both, c.options()); err != nil {
			return nil, err
		}
	}
	var out []solver.Zip
	for _, f := range spec.Freedoms(a, permspec.Alone) {
		g := spec.Groups[f.Group]
		var gains [3][]float32
		for k := range like {
			for _, l := range like[k] {
				if whole(l, f.Group) {
					gains[k] = l.Gain
				}
			}
		}
		if len(g.Under) == 0 && g.Size <= widestZip && gains[0] != nil && gains[1] != nil && gains[2] != nil {
			out = append(out, solver.Zip{Freedom: f, Pairs: solver.Pair(g.Size, gains[0], gains[1], gains[2])})
		}
	}
	return out, nil
}

// whole reports whether a likeness is that of a group's units and nothing else.
func whole(l solver.Likeness, group int) bool {
	if len(l.Blocks) != 1 || l.Blocks[0].Offset != 0 || len(l.Blocks[0].Digits) != 1 {
		return false
	}
	d := l.Blocks[0].Digits[0]
	return d.Group == group && d.Size == l.Size && d.Stride == 1
}

// shares tells the repairs what the outputs of zipped layers stand for in one model.
func shares(zips []solver.Zip, end int, lambda float64) map[*onnxgraph.Weight][][]repair.Share {
	out := map[*onnxgraph.Weight][][]repair.Share{}
	for k := range zips {
		list := make([][]repair.Share, len(zips[k].Pairs))
		zips[k].Parts(end, lambda, func(unit, slot int, part float64) {
			list[unit] = append(list[unit], repair.Share{Unit: slot, Part: part})
		})
		for w, power := range zips[k].Freedom.Weights {
			if power > 0 {
				out[w] = list
			}
		}
	}
	return out
}
