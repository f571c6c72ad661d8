// Package zoo finds the relatives among many models: which have one architecture,
// whatever they call its parts, how far they are from each other before and after
// their units are reordered, which are the same but for the order of their units,
// and which come from one ancestor.
//
// Survey reads each file once to tell its architecture by a fingerprint. Models
// whose fingerprints fit are compared node by node, and make families. Within a
// family every pair is aligned, see rebasin.Compare. What was found about a pair
// is kept in a cache under the digests of the two files, so that a survey which was
// stopped, or of which some files changed, goes on where it was.
package zoo
