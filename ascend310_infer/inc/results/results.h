// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
// What the program writes: COCO results and the record of the run.
#ifndef ASCEND310_INFER_INC_RESULTS_RESULTS_H_
#define ASCEND310_INFER_INC_RESULTS_RESULTS_H_

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "inc/image/image_list.h"
#include "inc/model/model_description.h"
#include "inc/options.h"
#include "inc/pipeline/pipeline.h"

namespace yolo {

/// The detections of one image as COCO results, objects separated by commas: bbox is [x, y, width, height] in pixels
/// with 2 decimals, the score has 5. Corners are rounded rather than sides, as `coco_results` of
/// src/evaluation/detections.py does.
std::string CocoRecords(int64_t image_id, const std::vector<Detection> &detections,
                        const std::vector<int64_t> &category_ids);

/// The records of all images as a json list.
std::string ResultsText(const std::vector<std::string> &records);

/// Numbers of images by outcome, and of detections.
struct Counts {
  size_t images = 0;
  size_t skipped = 0;
  size_t not_finite = 0;  // images for which the network returned NaN or infinity
  size_t fell_back = 0;   // images that DVPP left to OpenCV
  size_t detections = 0;
};

Counts CountOutcomes(const std::vector<Outcome> &outcomes);

/// The record of a run: model and description, options, thresholds, ids, counts, skipped images, and the SHA-256 of the
/// results, which ties the two files together.
nlohmann::ordered_json RunJson(const Options &options, const ModelDescription &description, const ImageList &list,
                               const PipelineResult &result, size_t not_drawn, const std::string &results_text);

}  // namespace yolo

#endif  // ASCEND310_INFER_INC_RESULTS_RESULTS_H_
