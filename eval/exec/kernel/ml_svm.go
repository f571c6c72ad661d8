package kernel

import (
	"fmt"
	"math"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// svm is a prepared support vector machine: sums of kernels between a sample and support vectors.
type svm struct {
	vectors      []float64 // row by row
	coefficients []float64
	rho          []float64
	features     int
	kernel       func(x, y []float64) float64
}

// newSVM reads what SVMClassifier and SVMRegressor share. A machine without support vectors is linear: its
// coefficients are those of the features, for each of the given number of scores.
func newSVM(n *Node, supports, scores int) (*svm, error) {
	s := &svm{vectors: convert[float64](n.Floats("support_vectors")), coefficients: convert[float64](n.Floats("coefficients")),
		rho: convert[float64](n.Floats("rho"))}
	per, of := supports, len(s.vectors)
	if supports == 0 {
		per, of = scores, len(s.coefficients)
	}
	if per <= 0 || of == 0 || of%per != 0 || len(s.rho) == 0 {
		return nil, fmt.Errorf("%d support vectors of %d numbers in all, %d coefficients and %d constants", supports, len(s.vectors), len(s.coefficients), len(s.rho))
	}
	s.features = of / per
	var err error
	s.kernel, err = svmKernel(n.String("kernel_type", "LINEAR"), n.Floats("kernel_params"))
	return s, err
}

// svmKernel returns the kernel of the given name; its numbers are γ, the constant and the degree.
func svmKernel(name string, params []float32) (func(x, y []float64) float64, error) {
	if name == "LINEAR" {
		return dot64, nil
	}
	if len(params) != 3 {
		return nil, fmt.Errorf("%d kernel parameters, want 3", len(params))
	}
	gamma, shift, degree := float64(params[0]), float64(params[1]), float64(params[2])
	switch name {
	case "POLY":
		return func(x, y []float64) float64 { return math.Pow(gamma*dot64(x, y)+shift, degree) }, nil
	case "SIGMOID":
		return func(x, y []float64) float64 { return math.Tanh(gamma*dot64(x, y) + shift) }, nil
	case "RBF":
		return func(x, y []float64) float64 {
			sum := 0.0
			for i, v := range x {
				sum += (v - y[i]) * (v - y[i])
			}
			return math.Exp(-gamma * sum)
		}, nil
	}
	return nil, fmt.Errorf("kernel_type %q is not supported", name)
}

func dot64(x, y []float64) float64 {
	sum := 0.0
	for i, v := range x {
		sum += v * y[i]
	}
	return sum
}

// kernels returns the kernel of a sample and each support vector.
func (s *svm) kernels(x []float64) []float64 {
	k := make([]float64, len(s.vectors)/s.features)
	for i := range k {
		k[i] = s.kernel(x, s.vectors[i*s.features:][:s.features])
	}
	return k
}

// rows calls f with the features of each sample of input 0.
func (s *svm) rows(c *Call, f func(row int, x []float64) error) error {
	x, err := floats64(c.In[0])
	if err != nil {
		return err
	}
	if n := sampleCount(c.In[0]); n*s.features != len(x) {
		return fmt.Errorf("samples of shape %v, want %d features", c.In[0].Shape, s.features)
	}
	for r := 0; r*s.features < len(x); r++ {
		if err := f(r, x[r*s.features:][:s.features]); err != nil {
			return err
		}
	}
	return nil
}

// sampleCount returns how many samples there are; a vector is one.
func sampleCount(x *Tensor) int {
	if len(x.Shape) < 2 {
		return 1
	}
	return x.Shape[0]
}

// prepareSVMRegressor prepares SVMRegressor; with one_class it tells inliers, 1, from outliers, -1.
func prepareSVMRegressor(n *Node) (Kernel, error) {
	supports, oneClass := int(n.Int("n_supports", 0)), n.Flag("one_class")
	s, err := newSVM(n, supports, 1)
	if err != nil {
		return nil, err
	}
	if supports > 0 && len(s.coefficients) != supports {
		return nil, fmt.Errorf("%d coefficients of %d support vectors", len(s.coefficients), supports)
	}
	if name := n.String("post_transform", "NONE"); name != "NONE" {
		return nil, fmt.Errorf("post_transform %q is not supported", name)
	}
	return func(c *Call) error {
		out, err := c.New(0, onnxgraph.Float32, sampleCount(c.In[0]), 1)
		if err != nil {
			return err
		}
		return s.rows(c, func(row int, x []float64) error {
			if supports > 0 {
				x = s.kernels(x)
			}
			y := dot64(x, s.coefficients) + s.rho[0]
			switch {
			case oneClass && y > 0:
				y = 1
			case oneClass:
				y = -1
			}
			out.Data.([]float32)[row] = float32(y)
			return nil
		})
	}, nil
}

// svmClassifier is a prepared SVMClassifier: one decision for every pair of classes, which vote.
type svmClassifier struct {
	*svm
	labels     classes
	perClass   []int // support vectors
	start      []int // of the support vectors of each class
	slope, off []float64
	post       func([]float64)
}

func prepareSVMClassifier(n *Node) (Kernel, error) {
	s := &svmClassifier{labels: classesOf(n, "classlabels_ints"), perClass: n.Ints("vectors_per_class"),
		slope: convert[float64](n.Floats("prob_a")), off: convert[float64](n.Floats("prob_b"))}
	supports := 0
	for _, k := range s.perClass {
		if k < 0 {
			return nil, fmt.Errorf("%d support vectors of a class", k)
		}
		s.start = append(s.start, supports)
		supports += k
	}
	count := s.labels.len()
	var err error
	if s.svm, err = newSVM(n, supports, count); err != nil {
		return nil, err
	}
	if s.post, err = postOf(n); err != nil {
		return nil, err
	}
	pairs := count * (count - 1) / 2
	if count < 2 || supports > 0 && (len(s.perClass) != count || len(s.coefficients) != supports*(count-1) || len(s.rho) != pairs) {
		return nil, fmt.Errorf("%d classes, %d coefficients and %d constants do not go together", count, len(s.coefficients), len(s.rho))
	}
	if len(s.slope) != len(s.off) || len(s.slope) != 0 && (len(s.slope) != pairs || supports == 0) {
		return nil, fmt.Errorf("%d and %d numbers for the probabilities of %d pairs of classes", len(s.slope), len(s.off), pairs)
	}
	return s.run, nil
}

func (s *svmClassifier) run(c *Call) error {
	count := s.labels.len()
	width := count
	if len(s.perClass) > 0 && len(s.slope) == 0 && count > 2 {
		width = count * (count - 1) / 2
	}
	n := sampleCount(c.In[0])
	out, err := c.New(1, onnxgraph.Float32, n, width)
	if err != nil {
		return err
	}
	best := make([]int, n)
	err = s.rows(c, func(row int, x []float64) error {
		scores, winner := s.judge(x)
		if s.post != nil {
			s.post(scores)
		}
		for i, v := range scores {
			out.Data.([]float32)[row*width+i] = float32(v)
		}
		best[row] = winner
		return nil
	})
	if err != nil {
		return err
	}
	return s.labels.put(c, best)
}

// judge returns the scores of a sample and its class.
func (s *svmClassifier) judge(x []float64) (scores []float64, class int) {
	count := s.labels.len()
	if len(s.perClass) == 0 {
		for k := range count {
			scores = append(scores, dot64(x, s.coefficients[k*s.features:][:s.features])+s.rho[0])
		}
		return scores, largest(scores)
	}
	votes := make([]float64, count)
	k := s.kernels(x)
	for i := range count {
		for j := i + 1; j < count; j++ {
			d := s.between(k, i, j) + s.rho[len(scores)]
			if scores = append(scores, d); d > 0 {
				votes[i]++
			} else {
				votes[j]++
			}
		}
	}
	switch {
	case len(s.slope) > 0:
		return s.coupled(scores), largest(votes)
	case count == 2:
		return []float64{-scores[0], scores[0]}, largest(votes) // as ONNX Runtime has them
	}
	return scores, largest(votes)
}

// between is the decision between two classes, above 0 for the first, by the kernels of all support vectors: those of a class
// have a coefficient for each other class.
func (s *svmClassifier) between(k []float64, i, j int) float64 {
	fi, ni, fj, nj := s.start[i], s.perClass[i], s.start[j], s.perClass[j]
	return dot64(k[fi:][:ni], s.coefficients[(j-1)*len(k)+fi:][:ni]) + dot64(k[fj:][:nj], s.coefficients[i*len(k)+fj:][:nj])
}

// coupled returns the probabilities of the classes that fit those of one class of each pair best, by the second
// method of Wu, Lin and Weng 2004, as LIBSVM: p minimises Σ (r_ji p_i - r_ij p_j)², found one p at a time.
func (s *svmClassifier) coupled(scores []float64) []float64 {
	n := s.labels.len()
	r := make([][]float64, n)
	for i := range r {
		r[i] = make([]float64, n)
	}
	at := 0
	for i := range n {
		for j := i + 1; j < n; j++ {
			r[i][j] = min(max(sigmoid(-(scores[at]*s.slope[at]+s.off[at])), 1e-7), 1-1e-7)
			r[j][i] = 1 - r[i][j]
			at++
		}
	}
	q := make([][]float64, n)
	p := make([]float64, n)
	for i := range n {
		q[i], p[i] = make([]float64, n), 1/float64(n)
		for j := range n {
			if j != i {
				q[i][i] += r[j][i] * r[j][i]
				q[i][j] = -r[j][i] * r[i][j]
			}
		}
	}
	for range max(100, n) {
		gradient, mean, far := make([]float64, n), 0.0, 0.0
		for i := range n {
			gradient[i] = dot64(q[i], p)
			mean += p[i] * gradient[i]
		}
		for _, g := range gradient {
			far = max(far, math.Abs(g-mean))
		}
		if far < 0.005/float64(n) {
			break
		}
		for i := range n {
			step := (mean - gradient[i]) / q[i][i]
			p[i] += step
			mean = (mean + step*(step*q[i][i]+2*gradient[i])) / (1 + step) / (1 + step)
			for j := range n {
				gradient[j] = (gradient[j] + step*q[i][j]) / (1 + step)
				p[j] /= 1 + step
			}
		}
	}
	return p
}

// largest returns the place of the first largest number.
func largest(v []float64) int {
	best := 0
	for i, x := range v {
		if x > v[best] {
			best = i
		}
	}
	return best
}
