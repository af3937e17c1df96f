"""From a checkpoint file to a network that runs: the config it brings along, its classes, its weights."""
from model_utils.errors import UserError
from src.checkpoint import load_checkpoint, load_weights
from src.coco import Categories
from src.config import BOX_FIELDS, check_config, with_categories
from src.yolo import build_inference_network


def load_inference_network(config, path, **options):
    """Return (network, config, categories) of a checkpoint; no flag has to repeat what it was trained with.

    Args:
        config (Config): of the command line; what it leaves at defaults comes from the checkpoint.
        path (str): checkpoint of this project or of the 2021 version.
        options: `float_input` and `decode` of `YOLOv3TinyInference`.

    Raises:
        UserError: the checkpoint cannot be read or does not fit the config.
    """
    checkpoint = load_checkpoint(path)
    config = config.with_checkpoint(checkpoint.meta)
    check_config(config)
    categories = checkpoint_categories(checkpoint, config)
    config = with_categories(config, len(categories))
    network = build_inference_network(config, len(categories), **options)
    load_weights(network, checkpoint)
    return network, config, categories


def checkpoint_categories(checkpoint, config):
    """Return the classes that a checkpoint knows; one of the 2021 version has no names: class_0, class_1, ... then."""
    names, ids = checkpoint.meta.get("class_names"), checkpoint.meta.get("category_ids")
    if names is not None:
        return Categories(tuple(names), tuple(ids))
    if "head1.bias" not in checkpoint.weights:
        raise UserError(f"checkpoint {checkpoint.path}: has no head1.bias; expected the weights of a whole YOLOv3-Tiny")
    num_classes = len(checkpoint.weights["head1.bias"]) // len(config.anchor_masks[-1]) - BOX_FIELDS
    return Categories(tuple(f"class_{number}" for number in range(num_classes)), tuple(range(num_classes)))
