package onnxgraph

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
)

// Fingerprint tells the architecture of a model in brief, whatever it calls its
// parts and in whatever order it lists them: two digests, of computed integers
// told by their elements where these are known, and by how they are computed.
// They are those of the numbers that Correspond compares by, but for inputs and
// outputs, which are taken as alike.
type Fingerprint [2]string

// Fits reports whether two models may be of one architecture: models that
// Correspond fit, and few others do.
func (f Fingerprint) Fits(g Fingerprint) bool { return f[0] == g[0] || f[1] == g[1] }

// Fingerprint computes the model's. Cost: near linear in the number of nodes.
func (m *Model) Fingerprint() (Fingerprint, error) {
	var out Fingerprint
	s := newSide(m)
	for k, fold := range []bool{true, false} {
		if err := s.sign(nil, fold, make([]int, len(m.Graph.Inputs))); err != nil {
			return out, withPath(m.Path, err)
		}
		ids := make([]int, len(m.Graph.Outputs))
		for i, v := range m.Graph.Outputs {
			ids[i] = s.ids[v]
		}
		slices.Sort(ids)
		sum := sha256.Sum256(fmt.Appendln(nil, len(m.Graph.Inputs), ids))
		out[k] = hex.EncodeToString(sum[:16])
	}
	return out, nil
}

// hashed is an id that does not depend on which ids were given before.
func hashed(signature string) int {
	sum := sha256.Sum256([]byte(signature))
	return int(binary.LittleEndian.Uint64(sum[:]) >> 1)
}
