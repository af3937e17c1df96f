// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
// Threads that read images, one that runs the network on each device or instance of it, threads that make detections of
// its outputs.
#ifndef ASCEND310_INFER_INC_PIPELINE_PIPELINE_H_
#define ASCEND310_INFER_INC_PIPELINE_PIPELINE_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "inc/detection/postprocess.h"
#include "inc/image/image_list.h"
#include "inc/image/preprocess.h"
#include "inc/model/model_description.h"
#include "inc/model/runtime.h"
#include "inc/results/benchmark.h"
#include "inc/video/frame_source.h"

namespace yolo {

/// The outcome of an image.
struct Outcome {
  std::string error;            // why the image was skipped; empty: it was not
  bool is_finite = true;        // the network returned only finite numbers
  bool fell_back = false;       // DVPP left it to OpenCV
  bool warned = false;          // it was cut short, damaged or nearly black
  bool is_unconfirmed = false;  // turned by an EXIF orientation that its listed size cannot confirm
  size_t detections = 0;
};

struct PipelineResult {
  std::vector<Outcome> outcomes;  // in the order of the images; fewer than these where the run was to stop
  StageTimes times;
  double seconds = 0;
};

/// A frame, what became of it, and its detections, best first.
struct FrameResult {
  Frame frame;
  Outcome outcome;
  std::vector<Detection> detections;
};

using FrameHandler = std::function<void(FrameResult &&result)>;

struct Pipeline {
  /// Of the model; its thresholds are those that are used. It outlives the run.
  const ModelDescription *description = nullptr;
  /// Each is called by one thread: the first by the one that calls `RunPipeline`.
  std::vector<Runtime *> runtimes;
  /// Called once by each decode thread.
  PreprocessorFactory new_preprocessor;
  /// Makes what the preprocessors write and the runtimes read.
  BatchFactory new_batch = NewHostBatch;
  /// Takes the detections of image number `index`, best first. Called by several threads at a time, once for an image.
  std::function<void(size_t index, const std::vector<Detection> &detections)> handle;
  /// Called when an image is skipped, with the reason. Called by several threads at a time.
  std::function<void(size_t index, const std::string &why)> skip = [](size_t, const std::string &) {};
  /// Called with the text of a warning. Called by several threads at a time.
  std::function<void(const std::string &text)> warn = [](const std::string &) {};
  /// Whether no further batch shall be begun; once true it stays true. Called by several threads at a time.
  std::function<bool()> stops = [] { return false; };
  int decode_threads = 1;
  int postprocess_threads = 1;
};

/// Runs the network on all images.
///
/// An image that cannot be read, or whose size is not that of its annotation, is skipped: its outcome says why. Batches
/// are made of the images in their order, and the last one is padded, so that detections do not depend on the threads;
/// a batch of which no image could be read is not run. When the pipeline `stops`, what has been begun is finished.
/// Throws what the runtime or `handle` throws, after all threads have ended.
PipelineResult RunPipeline(const Pipeline &pipeline, const std::vector<ImageEntry> &images);

/// Runs the network on frames until there are no more or the pipeline `stops`, and returns the seconds that it took.
///
/// `handle` gets every frame, one call at a time, in the order in which they came; it takes the place of the pipeline's
/// `handle` and `skip`. Frames wait in the source while the network is busy. Throws what `frames` throws, too.
double RunPipeline(const Pipeline &pipeline, FrameSource *frames, const FrameHandler &handle);

}  // namespace yolo

#endif  // ASCEND310_INFER_INC_PIPELINE_PIPELINE_H_
