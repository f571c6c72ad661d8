package solver

import (
	"context"
	"math"
	"math/rand/v2"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/onnx-rebasin/onnx-rebasin/permspec"
)

func TestParseOptions(t *testing.T) {
	for _, e := range []Effort{EffortDefault, EffortFast, EffortMax} {
		if got, err := ParseEffort(e.String()); got != e || err != nil {
			t.Errorf("effort %v: %v, %v", e, got, err)
		}
	}
	for _, n := range []Normalize{NormalizeNone, NormalizeLayer, NormalizeUnit} {
		if got, err := ParseNormalize(n.String()); got != n || err != nil {
			t.Errorf("normalization %v: %v, %v", n, got, err)
		}
	}
	if _, err := ParseEffort("most"); err == nil {
		t.Error(`there is no effort "most"`)
	}
}

// TestEffort holds more effort to be no worse.
func TestEffort(t *testing.T) {
	spec := residualNet(rand.New(rand.NewPCG(3, 1)), 20)
	p := newPair(spec, rand.New(rand.NewPCG(3, 2)), nil, 0)
	last := math.Inf(-1)
	for _, e := range []Effort{EffortFast, EffortDefault, EffortMax} {
		r := p.match(t, Options{Effort: e})
		if e == EffortFast && len(r.Starts) != 1 {
			t.Errorf("fast makes %d starts", len(r.Starts))
		}
		if r.ObjectiveAfter < last {
			t.Errorf("%v: objective %v, with less effort %v", e, r.ObjectiveAfter, last)
		}
		last = r.ObjectiveAfter
	}
}

// TestNormalize scales weights, or units, of B at random: under the
// normalization that undoes this a planted permutation is recovered all the same.
func TestNormalize(t *testing.T) {
	for name, spec := range tiny {
		for _, how := range []Normalize{NormalizeLayer, NormalizeUnit} {
			spec := spec()
			rng := rand.New(rand.NewPCG(2, uint64(how)))
			want := spec.Random(rng)
			p := newPair(spec, rng, want, 0)
			scales := slotScales(spec, rng)
			for k := range p.b {
				if how == NormalizeUnit {
					eachElement(&spec.Weights[k], func(at int64, group, slot int) { p.b[k][at] *= scales[group][slot] })
					continue
				}
				for i := range p.b[k] {
					p.b[k][i] *= float32(k + 1)
				}
			}
			pr := p.problem()
			if err := pr.normalize(how, spec.Weights); err != nil {
				t.Fatal(err)
			}
			r, err := pr.match(context.Background(), &Options{Starts: 1})
			if err != nil {
				t.Fatal(err)
			}
			if how == NormalizeLayer && !reflect.DeepEqual(r.Perms, want) {
				t.Errorf("%s, %v: got %v, want %v", name, how, r.Perms, want)
			}
			if got := p.objective(r.Perms); math.Abs(got-r.ObjectiveAfter) > 1e-9*(1+math.Abs(got)) {
				t.Errorf("%s, %v: objective of the weights as they are is %v, said to be %v", name, how, got, r.ObjectiveAfter)
			}
		}
	}
}

func slotScales(spec *permspec.Spec, rng *rand.Rand) [][]float32 {
	var out [][]float32
	for _, p := range spec.Identity() {
		row := make([]float32, len(p))
		for i := range row {
			row[i] = float32(math.Exp(rng.NormFloat64()))
		}
		out = append(out, row)
	}
	return out
}

// TestLimits ends searches that would go on: by time, by Stop, by the context.
func TestLimits(t *testing.T) {
	p := newPair(transformer(rand.New(rand.NewPCG(4, 1)), 16), rand.New(rand.NewPCG(4, 2)), nil, 0)
	closed := make(chan struct{})
	close(closed)
	for name, opts := range map[string]Options{
		"time": {Starts: 1 << 20, MaxTime: 50 * time.Millisecond}, "at once": {Starts: 1, MaxTime: 1}, "stop": {Starts: 1 << 20, Stop: closed},
	} {
		ctx, done := opts.limit(context.Background(), time.Now())
		if name == "stop" {
			<-ctx.Done()
		}
		r, err := p.problem().match(ctx, &opts)
		done()
		if err != nil {
			t.Fatal(err)
		}
		if !r.Stopped || r.ObjectiveAfter < r.ObjectiveBefore || p.spec.Check(r.Perms) != nil {
			t.Errorf("%s: stopped %v, objective %v → %v", name, r.Stopped, r.ObjectiveBefore, r.ObjectiveAfter)
		}
	}
}

// While time is limited, progress says how much is left.
func TestTimeLeft(t *testing.T) {
	p := newPair(transformer(rand.New(rand.NewPCG(4, 1)), 16), rand.New(rand.NewPCG(4, 2)), nil, 0)
	enough := make(chan struct{})
	var once sync.Once
	left := time.Duration(-2)
	opts := Options{Starts: 1 << 20, MaxTime: time.Hour, Stop: enough}
	opts.Progress = func(s Progress) { once.Do(func() { left = s.Left; close(enough) }) }
	ctx, done := opts.limit(context.Background(), time.Now())
	defer done()
	if _, err := p.problem().match(ctx, &opts); err != nil {
		t.Fatal(err)
	}
	if left <= 0 || left > opts.MaxTime {
		t.Errorf("%v left of %v", left, opts.MaxTime)
	}
}

// TestRelax starts Frank and Wolfe's method from a mean of a planted permutation and
// others: it ends at the planted one.
func TestRelax(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 1))
	for range 10 {
		spec := residualNet(rng, 24)
		want := spec.Random(rng)
		p := newPair(spec, rng, want, 0.5)
		pr := p.problem()
		f := &frame{plan: pr.plan, data: pr.data, at: pr.at, perms: want}
		if err := f.relax(newWorkspace(pr.plan, 1), []permspec.Perms{spec.Random(rng), want, spec.Random(rng)}); err != nil {
			t.Fatal(err)
		}
		if err := spec.Check(f.perms); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(f.perms, want) {
			t.Errorf("objective %v, planted %v", p.objective(f.perms), p.objective(want))
		}
	}
}
