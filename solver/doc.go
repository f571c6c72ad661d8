// Package solver finds the permutations that bring one network's weights close
// to another's, and interpolates between the two.
package solver
