// Package solver finds the permutations of one network's units that bring its
// weights closest to another's, and interpolates between the two.
//
//	spec, err := permspec.Infer(a, permspec.Options{})
//	found, err := solver.Match(ctx, spec, a, b, solver.Options{Counterpart: counterpart})
//	aligned, err := spec.ApplyTo(b, found.Perms, counterpart)
//	merged, err := solver.Lerp(a, aligned, counterpart, 0.5)
//
// What the solver sees of a network is boxes: strided pieces of weights whose
// coordinates are groups or stand still. It never hears of convolutions, gates or
// attention. Every place a group stands in a box is a site, and the gain matrix of
// the group is the sum over its sites of products A·π(B)ᵀ along all other
// coordinates (gain.go). Assign finds the best permutation for it (bid.go, path.go,
// proof.go), nested groups first (propose.go, joint.go), and a change is made when
// the sum over the elements it moves says so in float64 (exact.go). Sweeping over
// the groups until nothing moves is Algorithm 1 of Git Re-Basin (ascend.go) and one
// start. The first begins with a guess that does not depend on how units are
// numbered (sketch.go); later ones (starts.go) with Frank and Wolfe's method from a
// mean of the best so far and random members or another optimum (relax.go), with some
// groups of the best shaken (shake.go), or with what two groups can do together (couple.go).
package solver
