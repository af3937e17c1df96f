# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Run a network over a data set and score what it finds: the 12 COCO figures, AP and AP50 of each class, speed."""
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

import mindspore as ms

from model_utils.comm import Ranks
from model_utils.errors import counted
from model_utils.json_file import write_json
from src.data.placement import fit_placement
from src.evaluation.coco_scores import Scores, find_engine, score_results
from src.evaluation.detections import coco_results, detect, in_image
from src.evaluation.topk_candidates import Candidates, detections_from_candidates
from src.logger import TABLE
from src.yolo_dataset import eval_stream


@dataclass(frozen=True)
class EvalResult(Scores):
    """Scores of a network on a data set, the COCO results they come from, and the time that it took.

    `images_per_second` counts the network alone, after its first batch (which compiles) where there are several;
    `images_per_second_total` counts everything from the first image read to the last box. `seconds` is the time of the
    whole evaluation with its scoring. `damaged_images` counts the images for which the network gave NaN or infinity,
    `undecided_images` those whose candidates did not suffice, so that their whole heads were copied to the host.
    """

    results: list
    num_images: int
    damaged_images: int
    images_per_second: float
    images_per_second_total: float
    seconds: float
    undecided_images: int = 0

    @property
    def ap(self):
        """AP at IoU 0.50 to 0.95."""
        return self.stats[0]

    @property
    def ap50(self):
        """AP at IoU 0.50."""
        return self.stats[1]


def evaluate(network, data, config, batch_size=None, results_path=None, ranks=None):
    """Return the `EvalResult` of a network on a data set; every image counts exactly once.

    Args:
        network (callable): uint8 tensor [B, H, W, 3] to decoded heads (big, small), see `src.yolo.YOLOv3TinyInference`,
            followed, where it selects candidates, by the fields of `src.evaluation.topk_candidates.Candidates`.
        data (CocoData): the images and their ground truth.
        config (Config): testing_shape, resize_mode, the thresholds and coco_engine are read.
        batch_size (int): config.per_batch_size if None.
        results_path (str or Path): COCO results json to write, by rank 0; None: none.
        ranks (Ranks): the processes that share the images; rank 0 scores, all return its figures, and of the others
            each its own results. None: this one.
    """
    ranks = ranks or Ranks()
    num_images = len(data.image_ids)
    # What cannot score at the end is refused before the work.
    find_engine(config.coco_engine)
    started = time.perf_counter()
    results, counts = _detections(network, data, config, batch_size or config.per_batch_size, ranks.share(num_images))
    parts, counts = ranks.all_gather(results, only_first=True), ranks.all_gather(counts)
    detected = time.perf_counter()
    scores = None
    if ranks.is_first:
        results = [result for part in parts for result in part]
        if ranks.size > 1:
            # In the order of a single process, so that the file and every tie in the scoring are the same.
            place = {image_id: number for number, image_id in enumerate(data.image_ids)}
            results.sort(key=lambda result: place[result["image_id"]])
        if results_path is not None:
            write_json(results_path, results)
        scores = vars(score_results(data, results, config.coco_engine))
    scores = ranks.broadcast(scores)
    return EvalResult(**{**scores, "stats": tuple(scores["stats"])}, results=results, num_images=num_images,
                      damaged_images=sum(part["damaged"] for part in counts),
                      undecided_images=sum(part["undecided"] for part in counts),
                      images_per_second=sum(part["rate"] for part in counts),
                      images_per_second_total=num_images / max(detected - started, 1e-9),
                      seconds=time.perf_counter() - started)


def log_result(result, logger):
    """Log the tables of an `EvalResult`, its speed, and how many images were damaged or undecided."""
    if result.damaged_images:
        logger.warning("the network gave NaN or infinity on %d of %s", result.damaged_images,
                       counted(result.num_images, "images"))
    if result.undecided_images:
        logger.info("%d of %s needed more candidates than the device selected", result.undecided_images,
                    counted(result.num_images, "images"))
    logger.info("\n%s", result.table, extra=TABLE)
    logger.info("AP of each class\n%s", result.class_table, extra=TABLE)
    logger.info("%s; %.2f imgs/sec of inference, %.2f imgs/sec with reading and post-processing",
                counted(len(result.results), "detections"), result.images_per_second, result.images_per_second_total)
    logger.info("testing cost time %.2fh (%.1f s)", result.seconds / 3600, result.seconds)


def _detections(network, data, config, batch_size, share):
    """Return the results of a share of the images, and a dict: damaged and undecided images, images a second."""
    batches, timings = [], []
    # One thread: it post-processes a batch while the network, which releases Python's lock, computes the next.
    with eval_stream(config, data, batch_size, share) as stream, ThreadPoolExecutor(1) as worker:
        for images, indices in tqdm(stream, total=-(-len(share) // batch_size), desc="evaluation", unit="batch",
                                    leave=False, disable=None):
            before = time.perf_counter()
            outputs = fetched(network(ms.Tensor(images)))
            timings.append((time.perf_counter() - before, int((indices >= 0).sum())))
            batches.append(worker.submit(_batch_results, outputs, indices, data, config))
            # No more than two batches of heads are in memory, and a failure is raised at the next batch.
            if len(batches) > 1:
                batches[-2].result()
        batches = [batch.result() for batch in batches]
    counts = {"damaged": sum(int(batch[1]) for batch in batches),
              "undecided": sum(int(batch[2]) for batch in batches), "rate": _rate(timings[1:] or timings)}
    return [result for batch in batches for result in batch[0]], counts


def fetched(outputs):
    """Return (big, small, candidates) of a network's outputs: on the host the candidates, or the heads without them."""
    big, small, *fields = outputs
    if fields:
        return big, small, Candidates(*(field.asnumpy() for field in fields))
    return big.asnumpy(), small.asnumpy(), None


def _batch_results(outputs, indices, data, config):
    """Return the COCO results of a batch, and how many of its images were damaged and undecided, see `EvalResult`."""
    big, small, candidates = outputs
    results, damaged, undecided = [], 0, 0
    heads = None if candidates else (big, small)
    for position in np.flatnonzero(indices >= 0):
        index, found = int(indices[position]), None
        if candidates is not None:
            found = candidate_results(Candidates(*(field[position] for field in candidates)), data, index, config)
            # A damaged image is not undecided: it is counted below.
            undecided += found is None and bool(candidates.finite[position])
        if found is None:
            heads = heads or (big.asnumpy(), small.asnumpy())
            image_heads = [head[position] for head in heads]
            damaged += not all(np.isfinite(head).all() for head in image_heads)
            found = image_results(image_heads, data, index, config)
        results += found
    return results, damaged, undecided


def _rate(timings):
    """Return images per second of (seconds, images) pairs."""
    return sum(images for _, images in timings) / max(sum(seconds for seconds, _ in timings), 1e-9)


def image_results(heads, data, index, config):
    """Return the COCO results of image number `index` of the data set from its decoded heads (big, small)."""
    placement, image_hw = _placement(data, index, config)
    return coco_results(data.image_ids[index], *detect(*heads, placement, image_hw, config), data.categories.ids)


def candidate_results(candidates, data, index, config):
    """Return what `image_results` would, from the `Candidates` of the image; None if they do not suffice."""
    canvas_hw = tuple(config.testing_shape)
    found = detections_from_candidates(candidates, len(data.categories), canvas_hw, config.eval_ignore_threshold,
                                       config.nms_thresh, config.max_detections)
    if found is None:
        return None
    boxes, scores, classes = in_image(found, canvas_hw, *_placement(data, index, config))
    return coco_results(data.image_ids[index], boxes, scores, classes, data.categories.ids)


def _placement(data, index, config):
    """Return the placement of image number `index` on the network's input, and its (height, width)."""
    width, height = data.sizes[index]
    return fit_placement(config.resize_mode, (height, width), tuple(config.testing_shape)), (height, width)
