package kernel

import (
	"fmt"
	"math"

	"github.com/onnx-rebasin/onnx-rebasin/onnxgraph"
)

// classic is the table of ai.onnx.ml: models that were not trained by gradient.
var classic = ops{
	"LinearClassifier":       compute(prepareLinear),
	"LinearRegressor":        compute(prepareLinear),
	"TreeEnsembleClassifier": compute(prepareTrees),
	"TreeEnsembleRegressor":  compute(prepareTrees),
	"TreeEnsemble":           compute(prepareTreeEnsemble),
	"SVMClassifier":          compute(prepareSVMClassifier),
	"SVMRegressor":           compute(prepareSVMRegressor),
	"Imputer":                compute(prepareImputer),
	"OneHotEncoder":          compute(prepareOneHotEncoder),
	"FeatureVectorizer":      compute(prepareFeatureVectorizer),
	"Normalizer":             compute(prepareNormalizer),
	"Scaler":                 compute(prepareScaler),
	"LabelEncoder":           move(prepareLabelEncoder),
	"Binarizer":              compute(prepareBinarizer),
	"ArrayFeatureExtractor":  move(prepareFeatures),
	"ZipMap":                 move(prepareIdentity), // the map's values, in the order of its keys
}

// scorer gives a row of scores for a row of features.
type scorer func(features []float64, scores []float64)

// classes are the labels of a classifier.
type classes struct {
	ints    []int
	strings []string
}

func classesOf(n *Node, ints string) classes {
	return classes{ints: n.Ints(ints), strings: n.Strings("classlabels_strings")}
}

func (l classes) len() int { return max(len(l.ints), len(l.strings)) }

// put makes output 0 of the labels with the given numbers.
func (l classes) put(c *Call, best []int) error {
	if len(l.ints) > 0 {
		t, err := c.New(0, onnxgraph.Int64, len(best))
		if err != nil {
			return err
		}
		for i, k := range best {
			t.Data.([]int64)[i] = int64(l.ints[k])
		}
		return nil
	}
	t, err := c.New(0, onnxgraph.String, len(best))
	if err != nil {
		return err
	}
	for i, k := range best {
		t.Data.([]string)[i] = l.strings[k]
	}
	return nil
}

// scored applies a scorer to every row of input 0 and makes output at of the
// scores, and output 0 of the best classes if there are any.
func scored(c *Call, at, width int, score scorer, post func([]float64), l classes, positive float64) error {
	x, err := floats64(c.In[0])
	if err != nil {
		return err
	}
	rows, features := 1, len(x)
	if len(c.In[0].Shape) > 1 {
		rows, features = c.In[0].Shape[0], size(c.In[0].Shape[1:])
	}
	cols, binary := width, at == 1 && width == 1 && l.len() == 2
	if binary {
		cols = 2
	}
	out, err := c.New(at, onnxgraph.Float32, rows, cols)
	if err != nil {
		return err
	}
	best := make([]int, rows)
	for r := range rows {
		scores := make([]float64, width)
		score(x[r*features:][:features], scores)
		if binary {
			if s := scores[0]; s > positive {
				best[r] = 1
			}
			scores = binaryScores(scores[0], positive, post != nil)
		} else {
			for k, v := range scores {
				if v > scores[best[r]] {
					best[r] = k
				}
			}
		}
		if post != nil {
			post(scores)
		}
		for k, v := range scores {
			out.Data.([]float32)[r*cols+k] = float32(v)
		}
	}
	if at == 0 {
		return nil
	}
	return l.put(c, best)
}

// binaryScores are the scores of both classes when there is one of the second.
func binaryScores(s, positive float64, transformed bool) []float64 {
	if positive != 0 && !transformed {
		return []float64{1 - s, s}
	}
	return []float64{-s, s}
}

// postOf returns the function that turns a row of scores into probabilities.
func postOf(n *Node) (func([]float64), error) {
	switch name := n.String("post_transform", "NONE"); name {
	case "NONE":
		return nil, nil
	case "LOGISTIC":
		return logistic, nil
	case "SOFTMAX":
		return func(s []float64) { softmaxLine(s, s) }, nil
	case "SOFTMAX_ZERO":
		return softmaxZero, nil
	default:
		return nil, fmt.Errorf("post_transform %q is not supported", name)
	}
}

func logistic(s []float64) {
	for i, v := range s {
		s[i] = sigmoid(v)
	}
}

// softmaxZero is softmax over the scores that are not 0.
func softmaxZero(s []float64) {
	m, sum := peak(s), 0.0
	for i, v := range s {
		if v != 0 {
			s[i] = math.Exp(v - m)
			sum += s[i]
		}
	}
	for i := range s {
		if sum != 0 {
			s[i] /= sum
		}
	}
}

// prepareLinear prepares LinearClassifier and LinearRegressor.
func prepareLinear(n *Node) (Kernel, error) {
	w, b := convert[float64](n.Floats("coefficients")), convert[float64](n.Floats("intercepts"))
	at, l := 1, classesOf(n, "classlabels_ints")
	width := len(b)
	if n.Op == "LinearRegressor" {
		at, width = 0, int(n.Int("targets", 1))
	} else if width == 0 {
		width = l.len()
	}
	post, err := postOf(n)
	if err != nil {
		return nil, err
	}
	if width == 0 || len(w)%width != 0 || at == 1 && width != l.len() && !(width == 1 && l.len() == 2) {
		return nil, fmt.Errorf("%d coefficients and %d intercepts for %d classes", len(w), len(b), l.len())
	}
	per := len(w) / width
	return func(c *Call) error {
		if f := size(c.In[0].Shape) / max(1, c.In[0].Shape[0]); len(c.In[0].Shape) > 1 && f != per {
			return fmt.Errorf("%d features, want %d", f, per)
		}
		return scored(c, at, width, func(x, scores []float64) {
			for k := range scores {
				sum := 0.0
				for i, v := range x {
					sum += v * w[k*per+i]
				}
				if k < len(b) {
					sum += b[k]
				}
				scores[k] = sum
			}
		}, post, l, 0)
	}, nil
}

// prepareNormalizer prepares Normalizer: every row divided by its norm.
func prepareNormalizer(n *Node) (Kernel, error) {
	norm := n.String("norm", "MAX")
	return func(c *Call) error {
		x, err := floats64(c.In[0])
		if err != nil {
			return err
		}
		out, err := c.New(0, onnxgraph.Float32, c.In[0].Shape...)
		if err != nil || len(x) == 0 {
			return err
		}
		width := c.In[0].Shape[len(c.In[0].Shape)-1]
		d := out.Data.([]float32)
		for at := 0; at < len(x); at += width {
			by := 0.0
			for _, v := range x[at:][:width] {
				switch norm {
				case "L1":
					by += math.Abs(v)
				case "L2":
					by += v * v
				default:
					by = max(by, math.Abs(v))
				}
			}
			if norm == "L2" {
				by = math.Sqrt(by)
			}
			if by == 0 {
				by = 1
			}
			for i, v := range x[at:][:width] {
				d[at+i] = float32(v / by)
			}
		}
		return nil
	}, nil
}

// prepareScaler prepares Scaler: (x - offset) · scale, by feature.
func prepareScaler(n *Node) (Kernel, error) {
	offset, scale := n.Floats("offset"), n.Floats("scale")
	if len(offset) == 0 || len(scale) == 0 {
		return nil, fmt.Errorf("%d offsets and %d scales", len(offset), len(scale))
	}
	return func(c *Call) error {
		x, err := floats64(c.In[0])
		if err != nil {
			return err
		}
		out, err := c.New(0, onnxgraph.Float32, c.In[0].Shape...)
		if err != nil {
			return err
		}
		for i, v := range x {
			out.Data.([]float32)[i] = (float32(v) - offset[i%len(offset)]) * scale[i%len(scale)]
		}
		return nil
	}, nil
}
