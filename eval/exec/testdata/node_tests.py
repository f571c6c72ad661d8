"""Writes the operator tests of the installed onnx package, all opsets, to a folder: python3 node_tests.py DIR.

Then ONNX_NODE_TESTS=DIR go test -run Conformance ./eval/exec holds the backend to conformance_latest.txt.
"""

import pathlib
import sys
import warnings

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.backend.test.case.node import collect_testcases


def proto(value, info):
    if isinstance(value, onnx.TensorProto):
        return value
    if info.type.HasField("sequence_type"):
        return numpy_helper.from_list(value, info.name)
    if info.type.HasField("optional_type"):
        return onnx.OptionalProto(name=info.name) if value is None else numpy_helper.from_optional(value, info.name)
    return numpy_helper.from_array(np.asarray(value), info.name)


warnings.filterwarnings("ignore")
for case in collect_testcases(None):
    folder = pathlib.Path(sys.argv[1], case.name)
    data = folder / "test_data_set_0"
    data.mkdir(parents=True, exist_ok=True)
    onnx.save(case.model, folder / "model.onnx")
    graph, (inputs, outputs) = case.model.graph, case.data_sets[0]
    for kind, values, infos in ("input", inputs, graph.input), ("output", outputs, graph.output):
        for i, (value, info) in enumerate(zip(values, infos)):
            (data / f"{kind}_{i}.pb").write_bytes(proto(value, info).SerializeToString())
