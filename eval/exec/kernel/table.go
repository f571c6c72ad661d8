package kernel

// domains lists the families of operators of each domain.
var domains = map[string][]ops{
	"":              standard,
	"ai.onnx.ml":    {classic},
	"com.microsoft": {microsoft},
}

var standard = []ops{
	arithmetic, logic, bounded, unary, casts, shaping, arranging, indexing, generating, walking,
	reducing, competing, normalizing, products, convolving, pooling, recurring, resampling, quantized, contracting, sequences, attending,
	scoring, sounding, detecting, updating,
}
