# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The lowering of a MindIR to version 1, on small graphs made here; test_exporter.py has those of the network."""
import inspect
import re

import pytest

import mindspore.ops.auto_generate as definitions
from mindspore.ops import Primitive
from mindspore.train.mind_ir_pb2 import AttributeProto, ModelProto, PrimitiveProto

from model_utils.errors import UserError
from src.deploy.mindir import STORED, lower_mindir

AXIS_1, AXIS_2 = {"i": 1, "type": AttributeProto.INT64}, {"i": 2, "type": AttributeProto.INT64}


def model_of(*nodes, constants, primitive_type=PrimitiveProto.PRIMITIVE_FUNCTION, functions=()):
    """A MindIR of version 3 with nodes (kind, inputs) and constants (fields of the attribute by name)."""
    model = ModelProto(mind_ir_version=3)
    for name in sorted({kind for kind, _ in nodes}):
        model.primitives.add(name=f"{name}:7", op_type=name, prim_type=primitive_type)
    graphs = [model.graph, *(model.functions.add(name=name) for name in functions)]
    for graph in graphs:
        for name, fields in constants.items():
            graph.node.add(op_type="Constant", output=[name]).attribute.add(name="value", **fields)
        for number, (kind, inputs) in enumerate(nodes):
            graph.node.add(op_type=f"REF::{kind}:7", input=inputs, output=[f"n{number}"], domain=f"Default/{kind}-op1")
        graph.output.add(name=f"n{len(nodes) - 1}")
    return model


def lowered(*nodes, **options):
    return ModelProto.FromString(lower_mindir(model_of(*nodes, **options).SerializeToString()))


def calls(model, graph):
    """The nodes of a graph: kind, inputs, attributes of their primitive."""
    primitives = {f"REF::{primitive.name}": primitive for primitive in model.primitives}
    assert len(primitives) == len(model.primitives)
    assert {primitive.prim_type for primitive in primitives.values()} == {PrimitiveProto.PRIMITIVE}
    return [(primitive.op_type, list(node.input), {attribute.name: attribute.s.decode() or attribute.i
                                                   for attribute in primitive.attribute})
            for node in graph.node if node.op_type != "Constant" for primitive in [primitives[node.op_type]]]


def constants_of(graph):
    return [node.output[0] for node in graph.node if node.op_type == "Constant"]


def test_nodes_of_one_function_get_attributes_of_their_own():
    model = lowered(("Concat", ["x", "one"]), ("Concat", ["n0", "two"]), ("Concat", ["n1", "one"]),
                    constants={"one": AXIS_1, "two": AXIS_2}, functions=["inner"])
    expected = [("Concat", ["x"], {"axis": 1}), ("Concat", ["n0"], {"axis": 2}), ("Concat", ["n1"], {"axis": 1})]
    assert model.mind_ir_version == 1 and len(model.primitives) == 2
    for graph in (model.graph, model.functions[0]):
        assert calls(model, graph) == expected and constants_of(graph) == []


def test_a_constant_that_is_used_elsewhere_stays():
    model = lowered(("Concat", ["x", "one"]), ("Mul", ["n0", "one"]), constants={"two": AXIS_2, "one": AXIS_1})
    assert calls(model, model.graph) == [("Concat", ["x"], {"axis": 1}), ("Mul", ["n0", "one"], {})]
    assert constants_of(model.graph) == ["one"]
    model = model_of(("Concat", ["x", "one"]), constants={"one": AXIS_1})
    model.graph.output.add(name="one")
    assert constants_of(ModelProto.FromString(lower_mindir(model.SerializeToString())).graph) == ["one"]


def test_a_primitive_with_attributes_stays_as_it_is():
    model = lowered(("Conv2D", ["x", "w"]), constants={}, primitive_type=PrimitiveProto.PRIMITIVE)
    assert calls(model, model.graph) == [("Conv2D", ["x", "w"], {})] and model.primitives[0].name == "Conv2D:7"


@pytest.mark.parametrize(("number", "name"), [(0, "NCHW"), (1, "NHWC"), (14, "NCDHW")])
def test_a_data_format_is_a_name_and_its_attribute_is_format(number, name):
    model = lowered(("BiasAdd", ["x", "b", "c"]), constants={"c": {"i": number, "type": AttributeProto.INT64}})
    assert calls(model, model.graph) == [("BiasAdd", ["x", "b"], {"format": name})]
    assert model.primitives[0].attribute[0].type == AttributeProto.STRING


@pytest.mark.parametrize(("node", "constant", "reason"), [
    (("Concat", ["x", "y"]), AXIS_1, "its axis is computed in the graph; expected a constant"),
    (("Concat", ["x", "y", "c"]), AXIS_1, "it has 3 inputs; expected 2, by MindSpore's definition"),
    (("Sharpen", ["x", "c"]), AXIS_1, "MindSpore defines no such primitive"),
    (("BiasAdd", ["x", "b", "c"]), {"i": 99, "type": AttributeProto.INT64},
     "its data_format is 99, a number of an enumeration without a name in MindSpore's definition"),
    (("BiasAdd", ["x", "b", "c"]), {"s": b"NCHW", "type": AttributeProto.STRING},
     r"its data_format is stored in a form of its own \(str_to_enum\)"),
    (("AvgPool", ["x", "c", "c", "c", "c"]), AXIS_2,
     r"its kernel_size is stored in a form of its own \(to_kernel_size\)"),
    (("BatchNorm", ["x", "s", "b", "m", "v", "c", "c", "c", "c"]), AXIS_1,
     "MindSpore's definition does not show how it stores its arguments"),
])
def test_what_version_1_has_no_form_of_is_refused(node, constant, reason):
    with pytest.raises(UserError, match=rf"^mindir_version 1 has no form of {node[0]} \(Default/{node[0]}-op1\): "
                                        rf"{reason}; export with --mindir_version 3, which MindSpore Lite reads"):
        lower_mindir(model_of(node, constants={"c": constant}).SerializeToString())


def test_arguments_of_a_constructor_are_the_last_inputs():
    """What the lowering relies on, in every definition of the installed MindSpore."""
    checked = 0
    for definition in vars(definitions).values():
        if inspect.isclass(definition) and issubclass(definition, Primitive) and "__call__" in vars(definition):
            stored = [name for name, _ in STORED.findall(inspect.getsource(definition.__init__))]
            if stored:
                assert stored == list(inspect.signature(definition.__init__).parameters)[1:], definition
                arguments = ", ".join(f"self.{name}" for name in stored)
                assert re.search(rf"\b{arguments}[)\]]", inspect.getsource(definition.__call__)), definition
                checked += 1
    assert checked > 100
