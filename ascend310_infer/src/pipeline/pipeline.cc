// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
#include "inc/pipeline/pipeline.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <map>
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

/// A place in a batch; `index` is the number of its image or frame in the order in which they came.
struct Item {
  size_t index = 0;
  Frame frame;  // of a video
  PreparedImage image;
  bool is_read = false;
};

struct Batch {
  std::shared_ptr<uint8_t> input;
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
  /// Either `images` or `frames` is there.
  Run(const Pipeline &pipeline, const std::vector<ImageEntry> *images, FrameSource *frames, FrameHandler handle_frame);

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

  bool HasEnded() const;
  std::optional<Slot> NextSlot();
  void EndBatch();
  void DecodeImages();
  void ReadInto(Slot slot, Preprocessor *preprocessor, StageTimes *times);
  void Infer();
  void PostprocessOutputs();
  void PostprocessItem(Outputs *outputs, size_t place);
  void Finish(Item *item, Outcome outcome, const std::vector<Detection> &detections);
  void Keep(double seconds, std::vector<double> *times) const;
  void AddTimes(const StageTimes &times);

  const Pipeline &pipeline_;
  const ModelDescription &description_;
  const std::vector<ImageEntry> *images_;
  FrameSource *frames_;
  const FrameHandler handle_frame_;
  const Size canvas_;
  PipelineResult result_;
  std::vector<std::unique_ptr<Batch>> batches_;
  BoundedQueue<Batch *> free_;
  BoundedQueue<Batch *> ready_;
  BoundedQueue<Outputs> inferred_;
  std::mutex slot_mutex_;
  Batch *filling_ = nullptr;
  size_t next_image_ = 0;
  bool ended_ = false;
  std::atomic<int> decoding_;
  std::atomic<size_t> next_runtime_{0};
  std::atomic<size_t> inferring_;
  std::mutex result_mutex_;
  std::exception_ptr failure_;
  std::mutex order_mutex_;
  std::map<size_t, FrameResult> waiting_;  // frames that are finished, but not the one before them
  size_t next_result_ = 0;
};

/// Batches in flight: as many as the decode threads fill at a time, one that each runtime has, one that waits.
size_t BatchesInFlight(const Pipeline &pipeline) {
  const auto batch = static_cast<size_t>(pipeline.description->input.Batch());
  return (static_cast<size_t>(pipeline.decode_threads) + batch - 1) / batch + pipeline.runtimes.size() + 1;
}

Run::Run(const Pipeline &pipeline, const std::vector<ImageEntry> *images, FrameSource *frames,
         FrameHandler handle_frame)
    : pipeline_(pipeline),
      description_(*pipeline.description),
      images_(images),
      frames_(frames),
      handle_frame_(std::move(handle_frame)),
      canvas_{description_.input.Width(), description_.input.Height()},
      free_(BatchesInFlight(pipeline)),
      ready_(BatchesInFlight(pipeline)),
      inferred_(static_cast<size_t>(pipeline.postprocess_threads) + 1),
      decoding_(pipeline.decode_threads),
      inferring_(pipeline.runtimes.size()) {
  result_.outcomes.resize(images_ != nullptr ? images_->size() : 0);
  for (size_t number = 0; number < BatchesInFlight(pipeline); ++number) {
    batches_.push_back(std::make_unique<Batch>());
    batches_.back()->input = pipeline.new_batch(description_.input.ByteSize());
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
  result_.outcomes.resize(images_ != nullptr ? next_image_ : 0);
  result_.seconds = watch.Seconds();
  return std::move(result_);
}

bool Run::HasEnded() const {
  return ended_ || pipeline_.stops() || (images_ != nullptr && next_image_ == images_->size());
}

std::optional<Run::Slot> Run::NextSlot() {
  const std::lock_guard<std::mutex> lock(slot_mutex_);
  if (filling_ == nullptr && !HasEnded()) {
    const std::optional<Batch *> batch = free_.Pop();
    if (!batch) {
      return std::nullopt;
    }
    filling_ = *batch;
    filling_->items.assign(static_cast<size_t>(description_.input.Batch()), Item());
    filling_->assigned = 0;
    filling_->unread = filling_->items.size();
  }
  std::optional<Frame> frame(std::in_place);
  if (HasEnded() || (frames_ != nullptr && !(frame = frames_->Read()))) {
    ended_ = true;
    EndBatch();
    return std::nullopt;
  }
  const Slot slot{filling_, filling_->assigned++};
  Item &item = slot.batch->items[slot.place];
  item.index = next_image_++;
  item.frame = std::move(*frame);
  if (filling_->assigned == filling_->items.size()) {
    // From here on only the threads that read into the batch use it.
    filling_ = nullptr;
  }
  return slot;
}

/// Nothing more comes into the batch that is being filled: it is ready when what it has is read.
void Run::EndBatch() {
  Batch *batch = std::exchange(filling_, nullptr);
  if (batch == nullptr || batch->assigned == 0) {
    return;
  }
  // The places after the last image keep what they have; their outputs are ignored.
  const size_t unused = batch->items.size() - batch->assigned;
  if ((batch->unread -= unused) == 0) {
    ready_.Push(batch);
  }
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
  uint8_t *pixels = slot.batch->input.get() + slot.place * description_.input.ItemByteSize();
  const Stopwatch watch;
  try {
    if (frames_ != nullptr) {
      item.image = preprocessor->PrepareFrame(item.frame.pixels, "frame " + std::to_string(item.frame.number), pixels);
    } else {
      const ImageEntry &entry = (*images_)[item.index];
      item.image = preprocessor->Prepare(entry, pixels);
      if (const std::string &fault = item.image.findings.fault; !fault.empty()) {
        pipeline_.warn(entry.path + ": " + fault + "; what can be read of it is used");
      }
    }
    item.is_read = true;
    Keep(watch.Seconds(), &times->preprocess);
  } catch (const Error &error) {
    if (error.code() != ExitCode::kInput) {
      throw;
    }
    Outcome outcome;
    outcome.error = error.what();
    Finish(&item, std::move(outcome), {});
  }
}

void Run::Infer() {
  StageTimes times;
  Runtime *runtime = pipeline_.runtimes[next_runtime_++];
  while (const std::optional<Batch *> batch = ready_.Pop()) {
    Outputs outputs;
    outputs.items = std::move((*batch)->items);
    outputs.items.resize((*batch)->assigned);
    (*batch)->items.clear();
    if (std::any_of(outputs.items.begin(), outputs.items.end(), [](const Item &item) { return item.is_read; })) {
      const Stopwatch watch;
      outputs.values = runtime->Infer((*batch)->input.get(), description_.input.ByteSize());
      Keep(watch.Seconds(), &times.inference);
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
  while (std::optional<Outputs> outputs = inferred_.Pop()) {
    for (size_t place = 0; place < outputs->items.size(); ++place) {
      if (outputs->items[place].is_read) {
        const Stopwatch watch;
        PostprocessItem(&*outputs, place);
        Keep(watch.Seconds(), &times.postprocess);
      }
    }
  }
  AddTimes(times);
}

void Run::PostprocessItem(Outputs *outputs, size_t place) {
  Item &item = outputs->items[place];
  Outcome outcome;
  outcome.fell_back = item.image.fell_back;
  outcome.warned = !item.image.findings.fault.empty();
  outcome.is_unconfirmed = item.image.findings.is_unconfirmed;
  outcome.is_finite = IsFinite(outputs->values, place, static_cast<size_t>(description_.input.Batch()));
  const Cells cells =
      ReadCells(outputs->values, place, description_, static_cast<float>(description_.thresholds.score));
  const std::vector<Detection> detections =
      ToImage(DetectOnInput(cells, canvas_, description_.thresholds), canvas_, item.image);
  outcome.detections = detections.size();
  Finish(&item, std::move(outcome), detections);
}

/// Hands an image on, in any order, or a frame with those that have waited for it.
void Run::Finish(Item *item, Outcome outcome, const std::vector<Detection> &detections) {
  if (images_ != nullptr) {
    Outcome &kept = result_.outcomes[item->index] = std::move(outcome);
    if (kept.error.empty()) {
      pipeline_.handle(item->index, detections);
    } else {
      pipeline_.skip(item->index, kept.error);
    }
    return;
  }
  const std::lock_guard<std::mutex> lock(order_mutex_);
  waiting_.emplace(item->index, FrameResult{std::move(item->frame), std::move(outcome), detections});
  for (auto first = waiting_.begin(); first != waiting_.end() && first->first == next_result_; ++next_result_) {
    handle_frame_(std::move(first->second));
    first = waiting_.erase(first);
  }
}

/// Nobody needs each time of a video, which may run for days.
void Run::Keep(double seconds, std::vector<double> *times) const {
  if (images_ != nullptr) {
    times->push_back(seconds);
  }
}

void Run::AddTimes(const StageTimes &times) {
  const std::lock_guard<std::mutex> lock(result_mutex_);
  result_.times.Append(times);
}

}  // namespace

PipelineResult RunPipeline(const Pipeline &pipeline, const std::vector<ImageEntry> &images) {
  return Run(pipeline, &images, nullptr, {}).Execute();
}

double RunPipeline(const Pipeline &pipeline, FrameSource *frames, const FrameHandler &handle) {
  return Run(pipeline, nullptr, frames, handle).Execute().seconds;
}

}  // namespace yolo
