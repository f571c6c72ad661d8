"""Times numpy's float32 products, printed as Go benchmarks: see bench_test.go."""

import time

import numpy as np

SHAPES = [
    (64, 64, 64), (256, 256, 256), (1024, 1024, 1024),
    (64, 3136, 576), (256, 196, 2304), (512, 49, 4608), (1024, 64, 9),
    (1, 1024, 1024), (8, 1024, 1024), (32, 1024, 1024), (1024, 1, 1024),
]


def measure(a, b, c):
    """Processor seconds per product over about half a second, and how many there were."""
    count, spent = 1, 0.0
    while spent < 0.5:
        count *= 2
        start = time.process_time()
        for _ in range(count):
            np.dot(a, b, out=c)
        spent = time.process_time() - start
    return spent / count, count


print("goos: any\npkg: github.com/onnx-rebasin/onnx-rebasin/internal/f32")
for _ in range(6):
    for m, n, k in SHAPES:
        for name in "NN", "NT":
            a, c = np.ones((m, k), "f4"), np.empty((m, n), "f4")
            b = np.ones((k, n), "f4") if name == "NN" else np.ones((n, k), "f4").T
            seconds, count = measure(a, b, c)
            print(f"BenchmarkGemm/{m}x{n}x{k}/{name} {count} {seconds * 1e9:.0f} ns/op {2 * m * n * k / seconds / 1e9:.2f} GFLOP/cpu-s")
