// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
#include "inc/pipeline/progress.h"

#include <string>

namespace yolo {

void Progress::Add() {
  const std::lock_guard<std::mutex> lock(mutex_);
  ++done_;
  const double now = watch_.Seconds();
  if (now - written_at_ >= wait_) {
    written_at_ = now;
    const std::string of_all = total_ > 0 ? " of " + std::to_string(total_) : "";
    *stream_ << std::to_string(done_) + of_all + " images\n" << std::flush;
  }
}

}  // namespace yolo
