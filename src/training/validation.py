# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Validation during training: when, which epoch is the best, and when a run stops for lack of gain."""
from dataclasses import replace
from functools import partial

import numpy as np

from model_utils.errors import UserError, counted
from src.data.coco import layout, need_ground_truth, read_coco
from src.data.image_check import check_images, usable
from src.evaluation.cpu_engine import MINDSPORE, choose_engine
from src.evaluation.evaluator import evaluate
from src.evaluation.inference import fastest_network
from src.evaluation.topk_candidates import candidate_selector
from src.training.optimizer import set_training
from src.training.train_state import Progress
from src.weights.checkpoint import Checkpoint
from src.yolo import build_inference_network
from src.yolo_dataset import workers_of

# Images from which on a faster engine saves more than the export to it takes, one to three seconds a validation.
MIN_EXPORTED_IMAGES = 200


class Validation:
    """The validation of a run, every config.eval_interval epochs and after the last one; never with 0.

    The best epoch is the one of the highest AP, without validation the one of the lowest mean loss. Its score and the
    validations without a better one are in the `Progress` of the state.

    Args:
        config (Config): the resolved configuration.
        state (TrainState): of the run; `best_network` is validated.
        evaluate_network (callable or None): takes data and `ranks`, returns the `EvalResult` of the network as it is.
        data (CocoData): the validation split; None: no validation.
        ranks (Ranks): the processes that share it.
        engine (Engine): computes the network, for the log.
    """

    def __init__(self, config, state, evaluate_network=None, data=None, ranks=None, engine=None):
        self.config, self.state, self.data = config, state, data
        self._evaluate, self._ranks, self.engine = evaluate_network, ranks, engine

    @property
    def report(self):
        """Lines for the log, of what was found in the validation split."""
        return self.data.report_lines() if self.data else []

    def is_due(self, epoch):
        """Return whether to validate after an epoch."""
        interval = self.config.eval_interval
        return bool(interval) and ((epoch + 1) % interval == 0 or epoch + 1 == self.config.max_epoch)

    def validate(self):
        """Return the `EvalResult` of the network as it is on the validation split; collective."""
        return self._score(self.data, self._ranks)

    def score(self, data):
        """Return the `EvalResult` of the network as it is on other data, which this process alone evaluates."""
        return self._score(data, None)

    def _score(self, data, ranks):
        self.state.network.set_train(False)
        result = self._evaluate(data, ranks=ranks)
        set_training(self.state.network)
        return result

    def update_best(self, row):
        """Note the result of an epoch, a row of metrics.csv; return whether it is the best so far."""
        progress = self.state.progress
        if self.config.eval_interval and "AP" not in row:
            return False
        if progress.diverged:
            # Its AP may be the first one, but it is none to keep.
            progress.validations_without_gain += bool(self.config.eval_interval)
            return False
        score = row["AP"] if self.config.eval_interval else -row["loss"]
        if score > progress.best_score:
            progress.best_score, progress.validations_without_gain = score, 0
            return True
        if self.config.eval_interval:
            progress.validations_without_gain += 1
        return False

    def is_out_of_patience(self):
        """Return whether the last config.patience validations brought no better AP; never with 0."""
        return _is_out_of_patience(self.config, self.state.progress.validations_without_gain)

    def resume(self, checkpoint):
        """Forget the best score of a restored state that is of another kind: an AP cannot be compared with a loss."""
        if _has_another_score(self.config, checkpoint):
            progress = self.state.progress
            progress.best_score, progress.validations_without_gain = Progress.best_score, 0


def finish_line(checkpoint, config):
    """Return a line that says that the run of a checkpoint is finished and how to train on; empty if it is not."""
    meta, cure = checkpoint.meta, "or start a new run from its weights by --resume_yolo"
    step, without_gain = meta["progress"]["step"], meta["progress"].get("validations_without_gain", 0)
    if step >= meta["steps_per_epoch"] * config.max_epoch:
        return (f"the run of {checkpoint.path} is finished after {counted(step, 'steps')}: nothing is trained or "
                f"written; to train on, raise max_epoch above {config.max_epoch}, {cure}")
    if _is_out_of_patience(config, without_gain) and not _has_another_score(config, checkpoint):
        return (f"the run of {checkpoint.path} is finished, as {counted(without_gain, 'validations')} brought no "
                f"better AP: nothing is trained or written; to train on, raise patience above {config.patience}, "
                f"{cure}")
    return ""


def _is_out_of_patience(config, validations_without_gain):
    return bool(config.patience) and validations_without_gain >= config.patience


def _has_another_score(config, checkpoint):
    return bool(checkpoint.meta["config"]["eval_interval"]) != bool(config.eval_interval)


def build_validation(config, state, categories, ranks):
    """Return the `Validation` of a run on the validation split of config.data_dir, which is read only if it is used.

    Raises:
        UserError: the validation split cannot be used, has no object, or has other classes than the `categories` of
            training.
    """
    if not config.eval_interval:
        return Validation(config, state)
    data = read_coco(config, "val", training=False)
    need_ground_truth(data, layout(config.data_dir, "val")[0])
    data = usable(data, check_images(data, config, workers_of(config), ranks), config, training=False)
    if data.categories.names != categories.names:
        found, expected = ", ".join(data.categories.names), ", ".join(categories.names)
        raise UserError(f"{config.data_dir}: instances_val2017.json has the classes {found}, but "
                        f"instances_train2017.json has {expected}; make them the same, in one order, or leave "
                        "eval_interval out")
    network = build_inference_network(config, len(data.categories), state.best_network,
                                      select=candidate_selector(config))
    evaluate_network = partial(evaluate, network, config=config)
    engine = choose_engine(config)
    if len(data) < MIN_EXPORTED_IMAGES and not (config.is_set("cpu_engine") or config.is_set("cpu_precision")):
        engine = replace(engine, name=MINDSPORE)
    if engine.name != MINDSPORE:
        evaluate_network = partial(_evaluate_exported, state, engine, config, evaluate_network)
    return Validation(config, state, evaluate_network, data, ranks, engine)


def _evaluate_exported(state, engine, config, evaluate_network, data, ranks):
    """Return the `EvalResult` of the best network of a state in another engine, to which it is exported each time."""
    weights = {name: parameter.asnumpy() for name, parameter in state.best_weights().items()}
    if not all(np.isfinite(values).all() for values in weights.values()):
        # Such weights are not exported; MindSpore finds the images that they damage.
        return evaluate_network(data, ranks=ranks)
    network = fastest_network(config, len(data.categories), Checkpoint("the run", weights), config.per_batch_size,
                              engine, selects=True)
    return evaluate(network, data, config, ranks=ranks)
