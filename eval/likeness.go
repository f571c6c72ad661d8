package eval

import "encoding/json"

// Likeness says how alike the answers of two models are, which needs no labels.
type Likeness struct {
	Model     string  // what is judged
	To        string  // what it is held to
	Agreement float64 // fraction of answers with the same class
	KL        float64 // mean KL(to ‖ model) of the class probabilities, in nats
}

// MarshalJSON writes the likeness with stable keys; a KL that is not finite is
// null.
func (l Likeness) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Model     string `json:"model"`
		To        string `json:"to"`
		Agreement any    `json:"agreement"`
		KL        any    `json:"kl"`
	}{l.Model, l.To, finite(l.Agreement), finite(l.KL)})
}

// Likeness holds some models to others; names go with the numbers of the models.
// It is empty when the models were not compared or answer in plain numbers.
func (e *Evaluation) Likeness(names []string, models, to []int) []Likeness {
	if e.Agreement == nil {
		return nil
	}
	var out []Likeness
	for _, i := range models {
		for _, j := range to {
			out = append(out, Likeness{names[i], names[j], e.Agreement[i][j], e.KL[j][i]})
		}
	}
	return out
}
