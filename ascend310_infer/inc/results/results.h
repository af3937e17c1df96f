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
  size_t warned = 0;      // images that the decoder found damaged
  size_t not_drawn = 0;
  size_t left_out = 0;  // images that an interrupted run did not begin
  size_t detections = 0;
};

Counts CountOutcomes(const std::vector<Outcome> &outcomes);

struct RunSummary {
  std::vector<int64_t> category_ids;
  Counts counts;
  double seconds = 0;
  std::string results_sha256;
  std::string interrupted;  // the name of the signal; empty: the run came to its end
};

/// The record of a run: model and description, options, thresholds, ids, counts, and the SHA-256 of the results, which
/// ties the two files together.
nlohmann::ordered_json RunJson(const Options &options, const ModelDescription &description, const RunSummary &summary);

/// What the record of a run on images has besides: each image, and those that were skipped. The outcomes may be fewer
/// than the images: the others were left out.
void AddImages(const std::vector<ImageEntry> &images, const std::vector<Outcome> &outcomes,
               nlohmann::ordered_json *run);

/// A record as text. Names of files are any bytes; what is no UTF-8 is replaced.
std::string RunText(const nlohmann::ordered_json &run);

}  // namespace yolo

#endif  // ASCEND310_INFER_INC_RESULTS_RESULTS_H_
