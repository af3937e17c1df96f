// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
// Progress of a long run, in images.
#ifndef ASCEND310_INFER_INC_PIPELINE_PROGRESS_H_
#define ASCEND310_INFER_INC_PIPELINE_PROGRESS_H_

#include <cstddef>
#include <mutex>
#include <ostream>

#include "inc/utils.h"

namespace yolo {

/// Counts images that are done and writes a line from time to time. Thread-safe.
class Progress {
 public:
  /// Writes to `stream` at most once in `seconds`, so that a short run writes nothing. A total of 0: it is unknown.
  Progress(size_t total, std::ostream *stream, double seconds = 10) : total_(total), stream_(stream), wait_(seconds) {}

  void Add();

 private:
  size_t total_;
  std::ostream *stream_;
  double wait_;
  std::mutex mutex_;
  Stopwatch watch_;
  size_t done_ = 0;
  double written_at_ = 0;
};

}  // namespace yolo

#endif  // ASCEND310_INFER_INC_PIPELINE_PROGRESS_H_
