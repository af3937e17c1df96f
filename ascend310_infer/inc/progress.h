/**
 * Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
 *
 * Licensed under the Apache License, Version 2.0 (the "License");
 * you may not use this file except in compliance with the License.
 * You may obtain a copy of the License at
 *
 * http://www.apache.org/licenses/LICENSE-2.0
 *
 * Unless required by applicable law or agreed to in writing, software
 * distributed under the License is distributed on an "AS IS" BASIS,
 * WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
 * See the License for the specific language governing permissions and
 * limitations under the License.
 */
// Tells how far a long run is.
#ifndef ASCEND310_INFER_INC_PROGRESS_H_
#define ASCEND310_INFER_INC_PROGRESS_H_

#include <cstddef>
#include <mutex>
#include <ostream>

#include "inc/utils.h"

namespace yolo {

/// Counts images that are done, and writes a line now and then; threads may share it.
class Progress {
 public:
  /// Writes to `stream` at most once in `seconds`, so that a short run says nothing.
  Progress(size_t total, std::ostream *stream, double seconds = 10) : total_(total), stream_(stream), wait_(seconds) {}

  void Add();

 private:
  size_t total_;
  std::ostream *stream_;
  double wait_;
  std::mutex mutex_;
  Stopwatch watch_;
  size_t done_ = 0;
  double told_at_ = 0;
};

}  // namespace yolo

#endif  // ASCEND310_INFER_INC_PROGRESS_H_
