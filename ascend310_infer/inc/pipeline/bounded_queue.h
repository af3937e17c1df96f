// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
// A queue between threads that holds a limited number of elements.
#ifndef ASCEND310_INFER_INC_PIPELINE_BOUNDED_QUEUE_H_
#define ASCEND310_INFER_INC_PIPELINE_BOUNDED_QUEUE_H_

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>

namespace yolo {

template <typename T>
class BoundedQueue {
 public:
  explicit BoundedQueue(size_t capacity) : capacity_(capacity) {}

  /// Adds an element, waiting for room. Returns false, and drops it, where the queue was closed or cancelled.
  bool Push(T element) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] { return closed_ || elements_.size() < capacity_; });
    if (closed_) {
      return false;
    }
    elements_.push_back(std::move(element));
    changed_.notify_all();
    return true;
  }

  /// Adds an element without waiting and returns how many of the oldest were dropped to make room; nothing where the
  /// queue was closed or cancelled.
  std::optional<size_t> PushNewest(T element) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (closed_) {
      return std::nullopt;
    }
    const bool is_full = elements_.size() == capacity_;
    if (is_full) {
      elements_.pop_front();
    }
    elements_.push_back(std::move(element));
    changed_.notify_all();
    return is_full ? 1 : 0;
  }

  /// Takes the oldest element, waiting for one. Returns nothing when the queue is closed and empty, or cancelled.
  std::optional<T> Pop() {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] { return closed_ || !elements_.empty(); });
    if (elements_.empty()) {
      return std::nullopt;
    }
    std::optional<T> element(std::move(elements_.front()));
    elements_.pop_front();
    changed_.notify_all();
    return element;
  }

  /// No more elements will come; those in the queue can still be taken.
  void Close() {
    const std::lock_guard<std::mutex> lock(mutex_);
    closed_ = true;
    changed_.notify_all();
  }

  /// Closes the queue and drops what is in it.
  void Cancel() {
    const std::lock_guard<std::mutex> lock(mutex_);
    closed_ = true;
    elements_.clear();
    changed_.notify_all();
  }

 private:
  const size_t capacity_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<T> elements_;
  bool closed_ = false;
};

}  // namespace yolo

#endif  // ASCEND310_INFER_INC_PIPELINE_BOUNDED_QUEUE_H_
