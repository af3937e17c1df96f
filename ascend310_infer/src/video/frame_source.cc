// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
#include "inc/video/frame_source.h"

#include <utility>

namespace yolo {

NewestFrames::NewestFrames(FrameSource *source, size_t capacity, std::function<bool()> stops)
    : source_(source), stops_(std::move(stops)), queue_(capacity), thread_([this] { Fill(); }) {}

NewestFrames::~NewestFrames() {
  queue_.Cancel();
  thread_.join();
}

std::optional<Frame> NewestFrames::Read() {
  std::optional<Frame> frame = queue_.Pop();
  if (!frame && failure_ != nullptr) {
    std::rethrow_exception(failure_);
  }
  return frame;
}

void NewestFrames::Fill() {
  try {
    while (!stops_()) {
      std::optional<Frame> frame = source_->Read();
      const std::optional<size_t> dropped = frame ? queue_.PushNewest(std::move(*frame)) : std::nullopt;
      if (!dropped) {
        break;
      }
      dropped_ += *dropped;
    }
  } catch (...) {
    failure_ = std::current_exception();
  }
  queue_.Close();
}

}  // namespace yolo
