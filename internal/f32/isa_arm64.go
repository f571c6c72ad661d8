package f32

// families: every arm64 processor that Go runs on has NEON.
var families = []isa{portable, neon}
