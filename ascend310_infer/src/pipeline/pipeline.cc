// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
#include "inc/pipeline/pipeline.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include "inc/detection/decode.h"
#include "inc/errors.h"
#include "inc/pipeline/bounded_queue.h"
#include "inc/utils.h"

namespace yolo {
namespace {

/// A place in a batch; `index` is the number of its image.
struct Item {
  size_t index = 0;
  PreparedImage image;
  bool is_read = false;
};

struct Batch {
  std::vector<uint8_t> input;
  std::vector<Item> items;
  size_t assigned = 0;
  std::atomic<size_t> unread{0};
};

struct Outputs {
  std::vector<std::vector<float>> values;
  std::vector<Item> items;
};

class Run {
 public:
  Run(const Pipeline &pipeline, const std::vector<ImageEntry> &images);

  PipelineResult Execute();

 private:
  struct Slot {
    Batch *batch;
    size_t place;
  };

  /// Runs a thread's work; where it throws, all queues are cancelled, so that every thread ends.
  template <typename Work>
  void Guard(const Work &work);
  void Fail();

  std::optional<Slot> NextSlot();
  void DecodeImages();
  void ReadInto(Slot slot, Preprocessor *preprocessor, StageTimes *times);
  void Infer();
  void PostprocessOutputs();
  void PostprocessItem(const Outputs &outputs, size_t place);
  void AddTimes(const StageTimes &times);

  const Pipeline &pipeline_;
  const ModelDescription &description_;
  const std::vector<ImageEntry> &images_;
  const Size canvas_;
  PipelineResult result_;
  std::vector<std::unique_ptr<Batch>> batches_;
  BoundedQueue<Batch *> free_;
  BoundedQueue<Batch *> ready_;
  BoundedQueue<Outputs> inferred_;
  std::mutex slot_mutex_;
  Batch *filling_ = nullptr;
  size_t next_image_ = 0;
  std::atomic<int> decoding_;
  std::atomic<size_t> next_runtime_{0};
  std::atomic<size_t> inferring_;
  std::mutex result_mutex_;
  std::exception_ptr failure_;
};

/// Batches in flight: as many as the decode threads fill at a time, one that each runtime has, one that waits.
size_t BatchesInFlight(const Pipeline &pipeline) {
  const auto batch = static_cast<size_t>(pipeline.description->input.Batch());
  return (static_cast<size_t>(pipeline.decode_threads) + batch - 1) / batch + pipeline.runtimes.size() + 1;
}

Run::Run(const Pipeline &pipeline, const std::vector<ImageEntry> &images)
    : pipeline_(pipeline),
      description_(*pipeline.description),
      images_(images),
      canvas_{description_.input.Width(), description_.input.Height()},
      free_(BatchesInFlight(pipeline)),
      ready_(BatchesInFlight(pipeline)),
      inferred_(static_cast<size_t>(pipeline.postprocess_threads) + 1),
      decoding_(pipeline.decode_threads),
      inferring_(pipeline.runtimes.size()) {
  result_.outcomes.resize(images.size());
  for (size_t number = 0; number < BatchesInFlight(pipeline); ++number) {
    batches_.push_back(std::make_unique<Batch>());
    batches_.back()->input.resize(description_.input.ByteSize());
    free_.Push(batches_.back().get());
  }
}

template <typename Work>
void Run::Guard(const Work &work) {
  try {
    work();
  } catch (...) {
    Fail();
  }
}

void Run::Fail() {
  const std::lock_guard<std::mutex> lock(result_mutex_);
  if (failure_ == nullptr) {
    failure_ = std::current_exception();
  }
  free_.Cancel();
  ready_.Cancel();
  inferred_.Cancel();
}

PipelineResult Run::Execute() {
  const Stopwatch watch;
  std::vector<std::thread> threads;
  const auto start = [&](int count, void (Run::*work)()) {
    try {
      for (int number = 0; number < count; ++number) {
        threads.emplace_back([this, work] { Guard([this, work] { (this->*work)(); }); });
      }
    } catch (const std::system_error &error) {
      throw Error(ExitCode::kRuntime, "cannot start " + std::to_string(count) + " threads (" + error.what() +
                                          "); lower --decode_threads or --postprocess_threads");
    }
  };
  Guard([&] {
    start(pipeline_.decode_threads, &Run::DecodeImages);
    start(pipeline_.postprocess_threads, &Run::PostprocessOutputs);
    start(static_cast<int>(pipeline_.runtimes.size()) - 1, &Run::Infer);
    Infer();
  });
  for (std::thread &thread : threads) {
    thread.join();
  }
  if (failure_ != nullptr) {
    std::rethrow_exception(failure_);
  }
  result_.seconds = watch.Seconds();
  return std::move(result_);
}

std::optional<Run::Slot> Run::NextSlot() {
  const std::lock_guard<std::mutex> lock(slot_mutex_);
  if (next_image_ == images_.size()) {
    return std::nullopt;
  }
  if (filling_ == nullptr) {
    const std::optional<Batch *> batch = free_.Pop();
    if (!batch) {
      return std::nullopt;
    }
    filling_ = *batch;
    const size_t count = std::min(images_.size() - next_image_, static_cast<size_t>(description_.input.Batch()));
    filling_->items.assign(count, Item());
    filling_->assigned = 0;
    filling_->unread = count;
    // The places after the last image; their outputs are ignored.
    const auto used = static_cast<std::ptrdiff_t>(count * description_.input.ItemByteSize());
    std::fill(filling_->input.begin() + used, filling_->input.end(), uint8_t{0});
  }
  const Slot slot{filling_, filling_->assigned++};
  slot.batch->items[slot.place].index = next_image_++;
  if (filling_->assigned == filling_->items.size()) {
    // From here on only the threads that read into the batch use it.
    filling_ = nullptr;
  }
  return slot;
}

void Run::DecodeImages() {
  StageTimes times;
  const std::unique_ptr<Preprocessor> preprocessor = pipeline_.new_preprocessor();
  while (const std::optional<Slot> slot = NextSlot()) {
    ReadInto(*slot, preprocessor.get(), &times);
    // The thread that reads the last image of a batch passes the batch on.
    if (--slot->batch->unread == 0 && !ready_.Push(slot->batch)) {
      break;
    }
  }
  AddTimes(times);
  if (--decoding_ == 0) {
    ready_.Close();
  }
}

void Run::ReadInto(Slot slot, Preprocessor *preprocessor, StageTimes *times) {
  Item &item = slot.batch->items[slot.place];
  const ImageEntry &entry = images_[item.index];
  const size_t bytes = description_.input.ItemByteSize();
  uint8_t *pixels = slot.batch->input.data() + slot.place * bytes;
  const Stopwatch watch;
  try {
    item.image = preprocessor->Prepare(entry.path, pixels);
    const Size &size = item.image.size;
    if (entry.size.width != 0 && (size.width != entry.size.width || size.height != entry.size.height)) {
      throw Error(ExitCode::kInput, entry.path + ": the image is " + std::to_string(size.width) + "x" +
                                        std::to_string(size.height) + ", but the annotation file says " +
                                        std::to_string(entry.size.width) + "x" + std::to_string(entry.size.height) +
                                        "; use the annotation file that belongs to the images");
    }
    item.is_read = true;
    times->preprocess.push_back(watch.Seconds());
  } catch (const Error &error) {
    if (error.code() != ExitCode::kInput) {
      throw;
    }
    std::fill(pixels, pixels + bytes, uint8_t{0});
    result_.outcomes[item.index].error = error.what();
    pipeline_.skip(item.index, error.what());
  }
}

void Run::Infer() {
  StageTimes times;
  Runtime *runtime = pipeline_.runtimes[next_runtime_++];
  while (const std::optional<Batch *> batch = ready_.Pop()) {
    Outputs outputs;
    outputs.items = std::move((*batch)->items);
    (*batch)->items.clear();
    if (std::any_of(outputs.items.begin(), outputs.items.end(), [](const Item &item) { return item.is_read; })) {
      const Stopwatch watch;
      outputs.values = runtime->Infer((*batch)->input.data(), (*batch)->input.size());
      times.inference.push_back(watch.Seconds());
      CheckOutputs(description_, outputs.values);
      if (!inferred_.Push(std::move(outputs))) {
        break;
      }
    }
    if (!free_.Push(*batch)) {
      break;
    }
  }
  AddTimes(times);
  if (--inferring_ == 0) {
    inferred_.Close();
  }
}

void Run::PostprocessOutputs() {
  StageTimes times;
  while (const std::optional<Outputs> outputs = inferred_.Pop()) {
    for (size_t place = 0; place < outputs->items.size(); ++place) {
      if (outputs->items[place].is_read) {
        const Stopwatch watch;
        PostprocessItem(*outputs, place);
        times.postprocess.push_back(watch.Seconds());
      }
    }
  }
  AddTimes(times);
}

void Run::PostprocessItem(const Outputs &outputs, size_t place) {
  const Item &item = outputs.items[place];
  Outcome &outcome = result_.outcomes[item.index];
  outcome.fell_back = item.image.fell_back;
  outcome.is_finite = IsFinite(outputs.values, place, static_cast<size_t>(description_.input.Batch()));
  const Cells cells = ReadCells(outputs.values, place, description_, static_cast<float>(description_.thresholds.score));
  const std::vector<Detection> detections =
      ToImage(DetectOnInput(cells, canvas_, description_.thresholds), canvas_, item.image);
  outcome.detections = detections.size();
  pipeline_.handle(item.index, detections);
}

void Run::AddTimes(const StageTimes &times) {
  const std::lock_guard<std::mutex> lock(result_mutex_);
  result_.times.Append(times);
}

}  // namespace

PipelineResult RunPipeline(const Pipeline &pipeline, const std::vector<ImageEntry> &images) {
  return Run(pipeline, images).Execute();
}

}  // namespace yolo
