package onnxgraph

import "slices"

// classes returns how many classes a classifier of ai.onnx.ml knows.
func (c operation) classes() Dim {
	for _, name := range []string{"classlabels_ints", "classlabels_int64s", "classlabels_strings"} {
		if a, ok := c.n.Attrs[name]; ok {
			return Size(int64(max(len(a.Ints), len(a.Strings))))
		}
	}
	return Symbol("")
}

// classifier is the rule of the classifiers: a label for each row and a score
// for each class.
func classifier(c operation) {
	rows := c.rows()
	c.set(0, rows)
	c.set(1, rows, c.classes())
}

// svmClassifier has scores for pairs of classes unless it gives probabilities.
func svmClassifier(c operation) {
	rows, scores := c.rows(), Symbol("")
	if a, ok := c.n.Attrs["prob_a"]; ok && len(a.Floats) > 0 {
		scores = c.classes()
	}
	c.set(0, rows)
	c.set(1, rows, scores)
}

// regressor gives each row as many numbers as the attribute says.
func regressor(attr string) shapeRule {
	return func(c operation) { c.set(0, c.rows(), Size(c.attrInt(attr, 1))) }
}

// rows returns the number of samples: a vector is one.
func (c operation) rows() Dim {
	switch c.rank(0) {
	case -1:
		return Symbol("")
	case 0, 1:
		return Size(1)
	}
	return c.dim(0, 0)
}

// svmRegressor gives each row one number.
func svmRegressor(c operation) { c.set(0, c.rows(), Size(1)) }

// featureVectorizer puts all inputs side by side.
func featureVectorizer(c operation) {
	widths, ok := c.attrInts("inputdimensions")
	if !ok {
		return
	}
	c.set(0, c.rows(), sum(sizesOf(widths)))
}

// oneHotEncoder adds an axis of categories.
func oneHotEncoder(c operation) {
	if dims, ok := c.shape(0); ok {
		n := max(len(c.n.Attrs["cats_int64s"].Ints), len(c.n.Attrs["cats_strings"].Strings))
		c.set(0, append(slices.Clone(dims), Size(int64(n)))...)
	}
}

// arrayFeatureExtractor picks columns of the last axis.
func arrayFeatureExtractor(c operation) {
	dims, ok := c.shape(0)
	index, okI := c.shape(1)
	switch {
	case !ok || !okI || len(dims) == 0:
	case len(dims) == 1:
		c.set(0, Size(1), total(index))
	default:
		c.set(0, append(slices.Clone(dims[:len(dims)-1]), total(index))...)
	}
}

var mlShapes = map[string]shapeRule{
	"LinearClassifier": classifier, "TreeEnsembleClassifier": classifier, "SVMClassifier": svmClassifier,
	"LinearRegressor": regressor("targets"), "TreeEnsembleRegressor": regressor("n_targets"),
	"TreeEnsemble": regressor("n_targets"), "SVMRegressor": svmRegressor,
	"Normalizer": same, "Scaler": same, "Imputer": same, "Binarizer": same, "LabelEncoder": same,
	"CategoryMapper": same, "OneHotEncoder": oneHotEncoder, "FeatureVectorizer": featureVectorizer,
	"ArrayFeatureExtractor": arrayFeatureExtractor,
}
