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
#include "inc/progress.h"

#include <string>

namespace yolo {

void Progress::Add() {
  const std::lock_guard<std::mutex> lock(mutex_);
  ++done_;
  const double now = watch_.Seconds();
  if (now - told_at_ >= wait_) {
    told_at_ = now;
    *stream_ << std::to_string(done_) + " of " + std::to_string(total_) + " images\n" << std::flush;
  }
}

}  // namespace yolo
