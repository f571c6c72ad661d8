// Package graphfuzz makes random models out of the operator table and checks
// what is promised of every model.
//
// A model is grown from a few random inputs. Every part takes values that are
// there, brings them to the shape it wants by learned maps, and adds what it
// computes: a part is one operator, of the cases that permspec's table is tested
// by, or a structure of several (residuals, attention, shared weights, bodies of
// If and Loop …). Weights come in all the forms that exporters write. What no
// part has read becomes an output, so that nothing is computed in vain.
//
//	table, err := graphfuzz.ReadTable("permspec/testdata/operators.txt")
//	model := table.Model(seed)
//	finding := graphfuzz.Check(model)
//
// One seed gives one model, on every machine.
package graphfuzz
