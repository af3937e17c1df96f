// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
#include "inc/image/image_check.h"

#include <atomic>
#include <future>
#include <opencv2/core/mat.hpp>
#include <string>

#include "inc/errors.h"

namespace yolo {

void CheckImages(const std::vector<ImageEntry> &images, const ImageRules &rules, int threads,
                 const std::function<bool()> &goes_on) {
  std::vector<std::string> faults(images.size());
  std::atomic<size_t> next{0};
  std::atomic<bool> is_stopped{false};
  std::vector<std::future<void>> workers;
  for (int number = 0; number < threads; ++number) {
    workers.push_back(std::async(std::launch::async, [&] {
      cv::Mat image;
      for (size_t index = next++; index < images.size(); index = next++) {
        try {
          ReadImage(images[index], rules, &image);
        } catch (const Error &error) {
          faults[index] = error.what();
        }
        if (!goes_on()) {
          is_stopped = true;
          next = images.size();
        }
      }
    }));
  }
  for (std::future<void> &worker : workers) {
    worker.get();
  }
  size_t count = 0;
  std::string text;
  for (const std::string &fault : faults) {
    if (!fault.empty()) {
      ++count;
      text += "\n  " + fault;
    }
  }
  if (count > 0 && !is_stopped) {
    throw Error(ExitCode::kInput,
                std::to_string(count) + " of the " + std::to_string(images.size()) +
                    " images cannot be used; restore them, or take them out of the annotation file:" + text);
  }
}

}  // namespace yolo
