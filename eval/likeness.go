package eval

import (
	"encoding/json"
	"math"
)

// Likeness says how alike the answers of two models are, which needs no labels.
type Likeness struct {
	Model     string  // what is judged
	To        string  // what it is held to
	Agreement float64 // fraction of answers with the same class
	KL        float64 // mean KL(to ‖ model) of the class probabilities, in nats
	MSE       float64 // mean squared difference of answers that are plain numbers, which have no classes
}

// Plain tells whether the models answer in plain numbers: only MSE is a number then, else it is NaN.
func (l Likeness) Plain() bool { return math.IsNaN(l.Agreement) }

// MarshalJSON writes the likeness with stable keys; what is not finite is null.
func (l Likeness) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Model     string `json:"model"`
		To        string `json:"to"`
		Agreement any    `json:"agreement"`
		KL        any    `json:"kl"`
		MSE       any    `json:"mse"`
	}{l.Model, l.To, finite(l.Agreement), finite(l.KL), finite(l.MSE)})
}

// Likeness holds some models to others; names go with the numbers of the models.
// It is empty when the models were not compared.
func (e *Evaluation) Likeness(names []string, models, to []int) []Likeness {
	if e.Agreement == nil && e.MSE == nil {
		return nil
	}
	var out []Likeness
	for _, i := range models {
		for _, j := range to {
			l := Likeness{Model: names[i], To: names[j], Agreement: math.NaN(), KL: math.NaN(), MSE: math.NaN()}
			if e.MSE != nil {
				l.MSE = e.MSE[i][j]
			} else {
				l.Agreement, l.KL = e.Agreement[i][j], e.KL[j][i]
			}
			out = append(out, l)
		}
	}
	return out
}
