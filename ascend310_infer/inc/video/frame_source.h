// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
// Frames of a video, one after the other; of a live one the newest.
#ifndef ASCEND310_INFER_INC_VIDEO_FRAME_SOURCE_H_
#define ASCEND310_INFER_INC_VIDEO_FRAME_SOURCE_H_

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <opencv2/core/mat.hpp>
#include <optional>
#include <thread>

#include "inc/pipeline/bounded_queue.h"

namespace yolo {

struct Frame {
  int64_t number = 0;  // from 0; those of a live source that were dropped count
  double seconds = 0;  // since the start
  cv::Mat pixels;      // uint8 [H, W, 3] RGB, with memory of its own
};

class FrameSource {
 public:
  virtual ~FrameSource() = default;

  /// Waits for the next frame and returns it; nothing at the end, which is final. Called by one thread at a time.
  virtual std::optional<Frame> Read() = 0;
};

/// Reads a live source in a thread of its own, as fast as it delivers. Where nobody takes the frames in time the oldest
/// are dropped, so that a slow network sees the present.
class NewestFrames : public FrameSource {
 public:
  /// Keeps `capacity` frames. The source must outlive the object; it is not read on when `stops`.
  NewestFrames(FrameSource *source, size_t capacity, std::function<bool()> stops);
  /// Waits for the frame that is being read.
  ~NewestFrames() override;
  NewestFrames(const NewestFrames &) = delete;
  NewestFrames &operator=(const NewestFrames &) = delete;

  /// Throws what the source threw.
  std::optional<Frame> Read() override;

  size_t dropped() const { return dropped_; }

 private:
  void Fill();

  FrameSource *source_;
  std::function<bool()> stops_;
  BoundedQueue<Frame> queue_;
  std::atomic<size_t> dropped_{0};
  std::exception_ptr failure_;
  std::thread thread_;
};

}  // namespace yolo

#endif  // ASCEND310_INFER_INC_VIDEO_FRAME_SOURCE_H_
