# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The weights that a run starts from: random ones, a backbone, or a checkpoint to fine-tune."""

import mindspore as ms

from model_utils.config import DERIVED, TRAVELLING
from model_utils.errors import UsageError, UserError
from model_utils.files import file_fault
from model_utils.options import AUTO
from src.config import detection_scales
from src.initializer import BACKBONE_BLOCKS, HEAD_SCALES, initialise_weights, set_objectness_prior
from src.weights.checkpoint import Checkpoint, copy_strictly, load_checkpoint
from src.weights.darknet import DARKNET_OPTIONS, is_darknet, read_darknet

# A MindSpore checkpoint is a protobuf message whose first field is a message.
CHECKPOINT_START = b"\x0a"


def start_weights(network, config, class_names=None):
    """Initialise a network, load the file of `resume_yolo` or `pretrained_backbone`, and return a line for the log.

    Args:
        network (YOLOv3Tiny): is changed. A backbone file, of this project, of the 2021 version or of Darknet, fills
            conv0 to conv6 as far as it holds them: a partial Darknet file (yolov3-tiny.conv.9) holds only some.
        config (Config): the resolved configuration.
        class_names (sequence): of the data; heads of a checkpoint with others start from scratch. None: not compared.

    Raises:
        UserError: the file cannot be read or does not fit; freeze_backbone would freeze random weights.
    """
    initialise_weights(network, config.seed)
    if config.resume_yolo:
        return _start_fine_tuning(network, config, class_names)
    set_objectness_prior(network, config)
    if config.pretrained_backbone:
        return _start_from_backbone(network, config)
    if config.freeze_backbone:
        raise UsageError("freeze_backbone is True, but the backbone starts from random weights, which would never "
                         "learn: name trained ones by --pretrained_backbone or --resume_yolo, or leave it out")
    return f"random weights, seed {config.seed}"


def settle_auto(config, asked, class_names):
    """Return the config of a run from the weights of resume_yolo, and a line for the log for each option that was auto.

    What travels in a checkpoint is that of its run. Where the heads start from scratch they need not predict as far as
    those did: a scale_x_y that was auto is left to the data.

    Args:
        config (Config): with the travelling options of the checkpoint.
        asked (Config): before it got them.
        class_names (sequence): of the data.
    """
    checkpoint, scales = load_checkpoint(config.resume_yolo), detection_scales(config)
    biases = {head: checkpoint.weights.get(f"{head}.bias", ()) for head in HEAD_SCALES}
    is_new = _has_other_classes(checkpoint, class_names) or any(
        len(biases[head]) != scales[index].channels(len(class_names)) for head, index in HEAD_SCALES.items())
    settled = asked.settled()
    taken = [name for name in TRAVELLING if asked[name] != settled[name] and not (is_new and name == "scale_x_y")]
    if is_new and asked.scale_x_y == AUTO:
        config = config.replace(DERIVED, scale_x_y=AUTO)
    return config, [f"{name} auto: as in {config.resume_yolo}, whose weights were trained so" for name in taken]


def load_for_fine_tuning(network, checkpoint, class_names=None):
    """Copy a checkpoint's best weights into a network; heads for other classes or anchors keep their start.

    Args:
        network (YOLOv3Tiny): is changed.
        checkpoint (Checkpoint): its class names, if any, are those of its heads.
        class_names (sequence): of the network; None: whatever the checkpoint's are.

    Returns:
        The names that were not filled: weight and bias of each head that is for other classes or whose rows differ;
        empty where all fit.

    Raises:
        UserError: another tensor is missing, unexpected or of another shape (all are listed); nothing is copied.
    """
    weights = checkpoint.best_weights()
    parameters = {parameter.name: parameter for parameter in network.get_parameters()}
    skipped = []
    has_other_classes = _has_other_classes(checkpoint, class_names)
    for head in HEAD_SCALES:
        names = [name for name in (f"{head}.weight", f"{head}.bias") if name in weights]
        # A head is skipped only as a whole: weight and bias both differ, and by their rows alone.
        differs = all(_differs_in_rows(weights[name].shape, parameters[name].shape) for name in names)
        fits = all(weights[name].shape == tuple(parameters[name].shape) for name in names)
        if len(names) == 2 and (differs or (fits and has_other_classes)):
            skipped += names
    copy_strictly({name: parameter for name, parameter in parameters.items() if name not in skipped},
                  {name: array for name, array in weights.items() if name not in skipped}, checkpoint.path)
    return skipped


def _has_other_classes(checkpoint, class_names):
    trained_names = checkpoint.meta.get("class_names")
    return None not in (trained_names, class_names) and list(trained_names) != list(class_names)


def _start_fine_tuning(network, config, class_names):
    checkpoint = load_checkpoint(config.resume_yolo)
    skipped = load_for_fine_tuning(network, checkpoint, class_names)
    line = f"resume_yolo {config.resume_yolo}: filled "
    if skipped:
        set_objectness_prior(network, config, [head for head in HEAD_SCALES if f"{head}.bias" in skipped])
        rows = len(checkpoint.best_weights()[skipped[0]])
        line += (f"all tensors but {len(skipped)}, which start from scratch because they are for other classes or "
                 f"anchors ({rows} channels there, {getattr(network, skipped[0].split('.')[0]).out_channels} here): "
                 f"{', '.join(skipped)}")
    else:
        line += "all tensors"
    return f"{line}; the optimizer starts from scratch{_normalisation_warning(checkpoint.meta, config)}"


def _start_from_backbone(network, config):
    source = _backbone_source(config.pretrained_backbone)
    filled = _fill_backbone(network, source)
    names = [parameter.name for parameter in network.backbone.get_parameters()]
    left = [name for name in names if name not in filled]
    if left and config.freeze_backbone:
        raise UserError(f"pretrained_backbone {source.path}: does not hold {', '.join(left)}, and freeze_backbone "
                        "would keep their random values: take a file of the whole backbone, or leave freeze_backbone "
                        "out")
    line = f"pretrained_backbone {source.path}: filled {len(filled)} of {len(names)} tensors: {', '.join(filled)}"
    if left:
        line += f"; random, as the file does not hold them: {', '.join(left)}"
    return line + _normalisation_warning(source.meta, config)


def _backbone_source(path):
    """Return a file of any kind as a `Checkpoint`; for Darknet weights the meta data is Darknet's preprocessing."""
    fault = file_fault(path)
    if fault:
        raise UserError(f"pretrained_backbone {path}: {fault}; check the path")
    if is_darknet(path):
        return Checkpoint(str(path), read_darknet(path).weights, meta=DARKNET_OPTIONS)
    with open(path, "rb") as file:
        start = file.read(len(CHECKPOINT_START))
    if start != CHECKPOINT_START:
        raise UserError(f"pretrained_backbone {path}: is neither a MindSpore checkpoint nor Darknet weights; expected "
                        "a .ckpt of this project or of the 2021 version, yolov3-tiny.weights, or yolov3-tiny.conv.15")
    return load_checkpoint(path)


def _fill_backbone(network, source):
    """Copy conv0 to conv6 from a `Checkpoint` as far as it holds them, and return the names that were filled."""
    weights = source.best_weights()
    wanted = {parameter.name: parameter for parameter in network.get_parameters()
              if parameter.name.startswith(BACKBONE_BLOCKS)}
    filled = [name for name in wanted if name in weights]
    if not filled:
        raise UserError(f"pretrained_backbone {source.path}: holds none of the backbone's tensors (such as "
                        f"{next(iter(wanted))}); it has {', '.join(list(weights)[:3]) or 'no tensors'}")
    for name in filled:
        if weights[name].shape != tuple(wanted[name].shape):
            raise UserError(f"pretrained_backbone {source.path}: {name} has shape {weights[name].shape}, the backbone "
                            f"{tuple(wanted[name].shape)}")
    for name in filled:
        wanted[name].set_data(ms.Tensor(weights[name], ms.float32))
    return filled


def _differs_in_rows(shape, expected):
    return shape[0] != expected[0] and tuple(shape[1:]) == tuple(expected[1:])


def _normalisation_warning(meta, config):
    """Return a warning where the weights were trained on another normalisation than config's, "" otherwise."""
    differing = [name for name in ("mean", "std") if name in meta and list(meta[name]) != list(config[name])]
    if not differing:
        return ""
    there, here = (", ".join(f"{name} {','.join(f'{value:g}' for value in source[name])}" for name in differing)
                   for source in (meta, config))
    options = " ".join(f"--{name} {','.join(f'{value:g}' for value in meta[name])}" for name in differing)
    return f"; WARNING: trained on images normalised with {there}, this run has {here}: set {options} to match it"
