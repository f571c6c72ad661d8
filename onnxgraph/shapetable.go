package onnxgraph

import "maps"

const (
	microsoft = "com.microsoft" // ONNX Runtime's own operators
	mlDomain  = "ai.onnx.ml"
)

// shapeRules is the rule of every operator whose outputs' shapes are known to
// follow from its inputs. An operator that is missing leaves them to the file.
var shapeRules = joined(
	rulesOf("", pointShapes, convShapes, matmulShapes, reshapeShapes, joinShapes, makeShapes,
		reduceShapes, imageShapes, signalShapes, controlShapes),
	rulesOf(microsoft, contribShapes),
	rulesOf(mlDomain, mlShapes),
)

// rulesOf returns the tables of one domain as one.
func rulesOf[Rule any](domain string, tables ...map[string]Rule) map[opKey]Rule {
	rules := map[opKey]Rule{}
	for _, table := range tables {
		for op, rule := range table {
			rules[opKey{domain, op}] = rule
		}
	}
	return rules
}

// joined returns the tables of several domains as one.
func joined[Rule any](tables ...map[opKey]Rule) map[opKey]Rule {
	rules := map[opKey]Rule{}
	for _, table := range tables {
		maps.Copy(rules, table)
	}
	return rules
}
