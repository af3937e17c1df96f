// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <cmath>
#include <csignal>
#include <cstring>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "inc/pipeline/bounded_queue.h"
#include "inc/pipeline/interrupt.h"
#include "inc/pipeline/pipeline.h"
#include "inc/results/results.h"
#include "tests/ascend310/cpp/helpers.h"

using yolo::Detection;
using yolo::Error;
using yolo::ExitCode;
using yolo::ImageEntry;

namespace {

constexpr size_t kBatch = 3;
// Of ValidDescription: bytes of an image, numbers of its two outputs.
constexpr size_t kImage = size_t{64} * 96 * 3;
constexpr size_t kBig = size_t{2} * 3 * 7;
constexpr size_t kSmall = size_t{4} * 6 * 7;

/// The file name is a number, which becomes the first pixel; "bad" cannot be read.
class NumberReader : public yolo::Preprocessor {
 public:
  yolo::PreparedImage PrepareFrame(const cv::Mat & /*pixels*/, const std::string & /*name*/,
                                   uint8_t * /*item*/) override {
    throw std::logic_error("a file is no frame");
  }

  yolo::PreparedImage Prepare(const ImageEntry &entry, uint8_t *item) override {
    const std::string &path = entry.path;
    if (path == "bad") {
      throw Error(ExitCode::kInput, "bad: cannot read");
    }
    if (path == "crash") {
      throw std::runtime_error("crash");
    }
    std::memset(item, 0, kImage);
    item[0] = static_cast<uint8_t>(std::stoi(path));
    return {{96, 64}, yolo::StretchPlacement({96, 64}, {96, 64})};
  }
};

/// Puts one box into the first cell of each image, whose objectness is the image's first pixel in parts of 256; of 200
/// it is NaN.
class EchoRuntime : public yolo::Runtime {
 public:
  std::vector<std::vector<float>> Infer(const void *input, size_t bytes) override {
    REQUIRE(bytes == kBatch * kImage);
    if (++calls_ == fail_at) {
      throw Error(ExitCode::kRuntime, "device lost");
    }
    std::vector<std::vector<float>> outputs = {std::vector<float>(kBatch * kBig), std::vector<float>(kBatch * kSmall)};
    for (size_t item = 0; item < kBatch; ++item) {
      const auto pixel = static_cast<const uint8_t *>(input)[item * kImage];
      const float objectness = pixel == 200 ? std::nanf("") : static_cast<float>(pixel) / 256.F;
      const float cell[] = {.5F, .5F, .25F, .25F, objectness, 1.F, 0.F};
      std::copy(std::begin(cell), std::end(cell), outputs[0].begin() + static_cast<std::ptrdiff_t>(item * kBig));
    }
    if (wrong_size) {
      outputs[1].pop_back();
    }
    return outputs;
  }

  int calls() const { return calls_; }

  int fail_at = 0;
  bool wrong_size = false;

 private:
  int calls_ = 0;
};

struct Fixture {
  explicit Fixture(int decode_threads = 1, int postprocess_threads = 1)
      : description(yolo::ParseModelDescription(ValidDescription(static_cast<int>(kBatch)).dump(), "d.json")) {
    pipeline.description = &description;
    pipeline.runtimes = {&runtime};
    pipeline.new_preprocessor = [] { return std::make_unique<NumberReader>(); };
    pipeline.handle = [this](size_t index, const std::vector<Detection> &detections) {
      const std::lock_guard<std::mutex> lock(mutex);
      CHECK(found.emplace(index, detections).second);
    };
    pipeline.decode_threads = decode_threads;
    pipeline.postprocess_threads = postprocess_threads;
  }

  yolo::PipelineResult Run(const std::vector<std::string> &paths) const {
    std::vector<ImageEntry> images;
    images.reserve(paths.size());
    for (const std::string &path : paths) {
      images.push_back({path, path, 0, {}});
    }
    return yolo::RunPipeline(pipeline, images);
  }

  yolo::ModelDescription description;
  EchoRuntime runtime;
  yolo::Pipeline pipeline;
  std::mutex mutex;
  std::map<size_t, std::vector<Detection>> found;
};

}  // namespace

TEST_CASE("every image gets its own detections, for any number of threads and images") {
  for (const int decode_threads : {1, 2, 5}) {
    for (const int postprocess_threads : {1, 3}) {
      for (const size_t count : {1, 3, 7, 100}) {
        Fixture fixture(decode_threads, postprocess_threads);
        std::vector<std::string> paths;
        for (size_t number = 0; number < count; ++number) {
          paths.push_back(std::to_string(number + 1));
        }
        const yolo::PipelineResult result = fixture.Run(paths);
        CHECK(fixture.runtime.calls() == static_cast<int>((count + kBatch - 1) / kBatch));
        CHECK(result.outcomes.size() == count);
        CHECK(result.times.preprocess.size() == count);
        CHECK(result.times.postprocess.size() == count);
        REQUIRE(fixture.found.size() == count);
        for (const auto &[index, detections] : fixture.found) {
          REQUIRE(detections.size() == 1);
          CHECK(detections[0].score == static_cast<float>(index + 1) / 256.F);
          CHECK(detections[0].box.x1 == doctest::Approx(36));
          CHECK(result.outcomes[index].detections == 1);
        }
      }
    }
  }
}

TEST_CASE("each runtime has a thread of its own, and images get their own detections") {
  /// Waits in its first call for that of the other.
  class MeetingRuntime : public EchoRuntime {
   public:
    explicit MeetingRuntime(std::atomic<int> *arrived) : arrived_(arrived) {}

    std::vector<std::vector<float>> Infer(const void *input, size_t bytes) override {
      if (calls() == 0) {
        for (++*arrived_; *arrived_ < 2;) {
          std::this_thread::yield();
        }
      }
      return EchoRuntime::Infer(input, bytes);
    }

   private:
    std::atomic<int> *arrived_;
  };
  std::atomic<int> arrived{0};
  MeetingRuntime first(&arrived), second(&arrived);
  Fixture fixture;
  fixture.pipeline.runtimes = {&first, &second};
  std::vector<std::string> paths;
  for (size_t number = 0; number < 20; ++number) {
    paths.push_back(std::to_string(number + 1));
  }
  SUBCASE("all of them") {
    fixture.Run(paths);
    CHECK(first.calls() + second.calls() == 7);
    REQUIRE(fixture.found.size() == paths.size());
    for (const auto &[index, detections] : fixture.found) {
      REQUIRE(detections.size() == 1);
      CHECK(detections[0].score == static_cast<float>(index + 1) / 256.F);
    }
  }
  SUBCASE("and where one fails, the run fails") {
    second.fail_at = 1;
    CheckError([&] { fixture.Run(paths); }, ExitCode::kRuntime, {"device lost"});
  }
}

TEST_CASE("no images, no calls") {
  Fixture fixture(2);
  CHECK(fixture.Run({}).outcomes.empty());
  CHECK(fixture.runtime.calls() == 0);
}

TEST_CASE("a run that is to stop finishes what it has begun") {
  for (const int decode_threads : {1, 3}) {
    Fixture fixture(decode_threads, 2);
    std::atomic<bool> stops{false};
    fixture.pipeline.stops = [&] { return stops.load(); };
    const auto keep = fixture.pipeline.handle;
    fixture.pipeline.handle = [&](size_t index, const std::vector<Detection> &detections) {
      keep(index, detections);
      stops = stops || index >= 30;
    };
    const yolo::PipelineResult result = fixture.Run(std::vector<std::string>(10000, "7"));
    const size_t done = result.outcomes.size();
    CHECK(done > 30);
    CHECK(done < 10000);
    CHECK(fixture.found.size() == done);
    CHECK(fixture.runtime.calls() == static_cast<int>((done + kBatch - 1) / kBatch));
  }
}

TEST_CASE("the first signal is caught, the second one ends the program") {
  const auto was_interrupt = std::signal(SIGINT, SIG_DFL), was_terminate = std::signal(SIGTERM, SIG_DFL);
  yolo::CatchSignals();
  CHECK(yolo::CaughtSignal() == 0);
  CHECK(yolo::CaughtSignalName().empty());
  REQUIRE(std::raise(SIGTERM) == 0);
  CHECK(yolo::CaughtSignal() == SIGTERM);
  CHECK(yolo::CaughtSignalName() == "SIGTERM");
  CHECK((std::signal(SIGINT, was_interrupt) == SIG_DFL));
  CHECK((std::signal(SIGTERM, was_terminate) == SIG_DFL));
}

TEST_CASE("an image that cannot be read is skipped, the others of its batch are not") {
  Fixture fixture(2);
  const yolo::PipelineResult result = fixture.Run({"bad", "2", "bad", "bad", "bad", "bad", "7"});
  CHECK(result.outcomes[0].error == "bad: cannot read");
  CHECK(result.outcomes[1].error.empty());
  CHECK(result.outcomes[6].error.empty());
  CHECK(fixture.found.size() == 2);
  CHECK(fixture.found.at(6)[0].score == 7.F / 256.F);
  CHECK(yolo::CountOutcomes(result.outcomes).skipped == 5);
}

TEST_CASE("a batch of which no image could be read is not run, and each skipped image is reported once") {
  Fixture fixture(2);
  std::map<size_t, std::string> reasons;
  fixture.pipeline.skip = [&](size_t index, const std::string &why) {
    const std::lock_guard<std::mutex> lock(fixture.mutex);
    CHECK(reasons.emplace(index, why).second);
  };
  const yolo::PipelineResult result = fixture.Run({"1", "bad", "3", "bad", "bad", "bad", "7"});
  CHECK(fixture.runtime.calls() == 2);
  CHECK(result.times.inference.size() == 2);
  CHECK(fixture.found.size() == 3);
  CHECK(reasons.size() == 4);
  CHECK(reasons[5] == "bad: cannot read");
  Fixture none;
  CHECK(none.Run(std::vector<std::string>(20, "bad")).times.inference.empty());
  CHECK(none.runtime.calls() == 0);
}

TEST_CASE("an image on which the network returned NaN is counted, the others of its batch are not") {
  Fixture fixture;
  const yolo::PipelineResult result = fixture.Run({"1", "200", "3"});
  CHECK(result.outcomes[0].is_finite);
  CHECK_FALSE(result.outcomes[1].is_finite);
  CHECK(result.outcomes[2].is_finite);
  CHECK(fixture.found.at(1).empty());
  CHECK(fixture.found.at(2).size() == 1);
  CHECK(yolo::CountOutcomes(result.outcomes).not_finite == 1);
}

TEST_CASE("a failure anywhere ends all threads and comes out as it was") {
  std::vector<std::string> paths(200, "1");
  SUBCASE("of the runtime") {
    Fixture fixture(3, 2);
    fixture.runtime.fail_at = 2;
    CheckError([&] { fixture.Run(paths); }, ExitCode::kRuntime, {"device lost"});
  }
  SUBCASE("outputs of another size") {
    Fixture fixture(3, 2);
    fixture.runtime.wrong_size = true;
    CheckError([&] { fixture.Run(paths); }, ExitCode::kRuntime,
               {"output \"small\" with 503 numbers; expected [3, 4, 6, 1, 7]", "d.json"});
  }
  SUBCASE("of what takes the detections") {
    Fixture fixture(3, 2);
    fixture.pipeline.handle = [](size_t, const std::vector<Detection> &) {
      throw Error(ExitCode::kOutput, "disk full");
    };
    CheckError([&] { fixture.Run(paths); }, ExitCode::kOutput, {"disk full"});
  }
  SUBCASE("of a thread that reads") {
    Fixture fixture(3, 2);
    paths[150] = "crash";
    CHECK_THROWS_WITH(fixture.Run(paths), "crash");
  }
  SUBCASE("before the first image") {
    Fixture fixture(3, 2);
    fixture.pipeline.new_preprocessor = []() -> std::unique_ptr<yolo::Preprocessor> {
      throw Error(ExitCode::kRuntime, "no channel");
    };
    CheckError([&] { fixture.Run(paths); }, ExitCode::kRuntime, {"no channel"});
  }
}

TEST_CASE("a queue holds no more than its capacity and gives in order") {
  yolo::BoundedQueue<int> queue(2);
  std::atomic<int> pushed{0};
  std::thread producer([&] {
    for (int number = 0; number < 50; ++number) {
      CHECK(queue.Push(number));
      ++pushed;
    }
    queue.Close();
  });
  for (int number = 0; number < 50; ++number) {
    CHECK(pushed <= number + 3);
    CHECK(queue.Pop().value() == number);
  }
  CHECK_FALSE(queue.Pop());
  CHECK_FALSE(queue.Push(1));
  producer.join();
}

TEST_CASE("cancelling a queue frees who waits and drops what is in it") {
  yolo::BoundedQueue<int> full(1);
  full.Push(1);
  std::thread waiting([&] { CHECK_FALSE(full.Push(2)); });
  full.Cancel();
  waiting.join();
  CHECK_FALSE(full.Pop());
}
