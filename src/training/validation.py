# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Validation during training: the validation split through the network as it then is."""
from model_utils.errors import UserError
from src.data.coco import layout, need_ground_truth, read_coco
from src.evaluation.evaluator import evaluate
from src.evaluation.topk_candidates import candidate_selector
from src.yolo import build_inference_network


def build_validation(network, config, categories, ranks):
    """Return a function that gives the `EvalResult` of a network, as it is then, on the validation split; None if off.

    Raises:
        UserError: the validation split cannot be used, has no object, or has other classes than the `categories` of
            training.
    """
    if not config.eval_interval:
        return None
    data = read_coco(config, "val", training=False)
    need_ground_truth(data, layout(config.data_dir, "val")[0])
    if data.categories.names != categories.names:
        found, expected = ", ".join(data.categories.names), ", ".join(categories.names)
        raise UserError(f"{config.data_dir}: instances_val2017.json has the classes {found}, but "
                        f"instances_train2017.json has {expected}; make them the same, in one order, or leave "
                        "eval_interval out")
    inference = build_inference_network(config, len(data.categories), network, select=candidate_selector(config))

    def validate():
        return evaluate(inference, data, config, ranks=ranks)

    return validate
