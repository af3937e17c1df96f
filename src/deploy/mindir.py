# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""MindIR of version 3, which MindSpore 2.10 writes, to version 1, the only one that older MindSpore Lite reads.

    lowered = lower_mindir(Path("yolov3_tiny.mindir").read_bytes())

Since version 2 the arguments of a primitive's constructor, such as the axis of Concat, are constant inputs; in version
1 they are attributes. Which they are, and in what form, is read from MindSpore's own definitions of its primitives.
"""
import inspect
import re

import mindspore.ops.auto_generate as definitions
from mindspore.ops import Primitive
from mindspore.ops._utils import arg_handler
from mindspore.train import mind_ir_pb2
from mindspore.train.mind_ir_pb2 import AttributeProto, ModelProto, PrimitiveProto

from model_utils.errors import UserError

CONSTANT, REFERENCE = "Constant", "REF::"
# How a definition's constructor stores an argument: its name and, where there is one, what handles it first.
STORED = re.compile(r'\._set_prim_arg(?:_with_handler)?\("(\w+)", (?:\w+, (\w+)\))?')
# Handlers that leave a number or a tuple of numbers as it is, so that version 1 has the same value.
NEUTRAL = ("", "_scalar_tensor_to_scalar", "_scalar_tensor_to_int", "_scalar_tensor_to_float",
           "_normalize_int_sequence")


def lower_mindir(data):
    """Return a MindIR file (bytes) of version 3 as one of version 1, which computes the same.

    Raises:
        UserError: a primitive that version 1 does not have in this form; names it, why, and what to do.
    """
    model = ModelProto.FromString(data)
    functions = {REFERENCE + primitive.name: primitive for primitive in model.primitives
                 if primitive.prim_type == PrimitiveProto.PRIMITIVE_FUNCTION}
    # Nodes share a function with different arguments, but a primitive only with equal ones.
    lowered = {}
    for graph in (model.graph, *model.functions):
        constants = {node.output[0]: node.attribute[0] for node in graph.node if node.op_type == CONSTANT}
        for node in graph.node:
            if node.op_type in functions:
                _lower_node(node, functions[node.op_type], constants, lowered)
        _remove_unused_constants(graph)
    kept = [primitive for primitive in model.primitives if REFERENCE + primitive.name not in functions]
    primitives = [PrimitiveProto.FromString(primitive.SerializeToString()) for primitive in (*kept, *lowered.values())]
    del model.primitives[:]
    model.primitives.extend(primitives)
    model.mind_ir_version = mind_ir_pb2.IR_VERSION
    return model.SerializeToString()


def _lower_node(node, function, constants, lowered):
    """Let a node refer to a primitive with attributes; a new one is added to `lowered`, by function and attributes."""
    try:
        attributes = _take_attributes(node, function.op_type, constants)
    except ValueError as error:
        raise UserError(f"mindir_version 1 has no form of {function.op_type} ({node.domain}): {error}; export with "
                        "--mindir_version 3, which MindSpore Lite reads from 2.7 on") from None
    key = (function.name, *(attribute.SerializeToString(deterministic=True) for attribute in attributes))
    if key not in lowered:
        lowered[key] = PrimitiveProto()
        lowered[key].CopyFrom(function)
        lowered[key].name += f":{len(lowered)}"
        lowered[key].prim_type = PrimitiveProto.PRIMITIVE
        lowered[key].attribute.extend(attributes)
    node.op_type = REFERENCE + lowered[key].name


def _take_attributes(node, kind, constants):
    """Remove the inputs of a node that are arguments of its primitive's constructor, and return them as attributes.

    Raises:
        ValueError: they cannot be attributes; says why.
    """
    definition = getattr(definitions, kind, None)
    if definition is None:
        raise ValueError("MindSpore defines no such primitive")
    arguments = _parameters(definition.__init__)
    if not arguments:
        return []
    handlers = dict(STORED.findall(inspect.getsource(definition.__init__)))
    if handlers.keys() != arguments.keys():
        raise ValueError("MindSpore's definition does not show how it stores its arguments")
    count = len(_parameters(definition.__call__)) + len(arguments)
    if len(node.input) != count:
        raise ValueError(f"it has {len(node.input)} inputs; expected {count}, by MindSpore's definition")
    # MindSpore puts the arguments of the constructor after those of the call.
    names, attributes = node.input[-len(arguments):], []
    for argument, name in zip(arguments.values(), names, strict=True):
        if name not in constants:
            raise ValueError(f"its {argument.name} is computed in the graph; expected a constant")
        attributes.append(_attribute(kind, definition, argument, constants[name], handlers[argument.name]))
    del node.input[-len(arguments):]
    return attributes


def _attribute(kind, definition, argument, constant, handler):
    """Return the attribute (AttributeProto) for an argument of a constructor, given as a constant input.

    Raises:
        ValueError: version 1 has another form of it; says which argument.
    """
    attribute = AttributeProto()
    attribute.CopyFrom(constant)
    # MindSpore itself replaces a few names, data_format by format.
    attribute.name, = Primitive(kind).add_prim_attr(argument.name, 0).get_attr_dict()
    if handler == "str_to_enum" and constant.type == AttributeProto.INT64:
        attribute.ClearField("i")
        attribute.type, attribute.s = AttributeProto.STRING, _enum_name(kind, definition, argument, constant.i).encode()
    elif handler not in NEUTRAL:
        raise ValueError(f"its {argument.name} is stored in a form of its own ({handler})")
    return attribute


def _enum_name(kind, definition, argument, number):
    """Return the name of an enumeration's value: MindSpore maps only names to numbers.

    The names are the default and those that the definition's documentation of the argument quotes.

    Raises:
        ValueError: none of them has this number.
    """
    paragraph = re.search(rf"\n *{argument.name} \(.*?(?=\n *\w+ \(|\n *\n)", definition.__doc__ or "", re.DOTALL)
    for name in (argument.default, *re.findall(r"[\"'](\w+)[\"']", paragraph[0] if paragraph else "")):
        try:
            if arg_handler.str_to_enum(kind, argument.name, name) == number:
                return name
        except (TypeError, ValueError):
            continue
    raise ValueError(f"its {argument.name} is {number}, a number of an enumeration without a name in MindSpore's "
                     "definition")


def _parameters(method):
    """Return the parameters of a method, without self, by name."""
    return {name: parameter for name, parameter in inspect.signature(method).parameters.items() if name != "self"}


def _remove_unused_constants(graph):
    """Remove the constants that no node and no output of a graph uses."""
    used = {name for node in graph.node for name in node.input} | {output.name for output in graph.output}
    for number in reversed(range(len(graph.node))):
        if graph.node[number].op_type == CONSTANT and graph.node[number].output[0] not in used:
            del graph.node[number]
