// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
#include "inc/image/preprocess.h"

#include <array>
#include <atomic>
#include <cstring>
#include <opencv2/imgproc.hpp>
#include <utility>

#include "inc/errors.h"
#ifdef YOLO_WITH_DVPP
#include "inc/image/dvpp.h"
#endif

namespace yolo {
namespace {

constexpr int kLevels = 256;

cv::Rect AsRect(const PixelRect &rect) { return {rect.x1, rect.y1, rect.Width(), rect.Height()}; }

class OpenCvPreprocessor : public Preprocessor {
 public:
  OpenCvPreprocessor(const ModelDescription &description, const ImageRules &rules)
      : description_(description), rules_(rules) {}

  PreparedImage Prepare(const ImageEntry &entry, uint8_t *item) override {
    ImageFindings findings = ReadImage(entry, rules_, &image_);
    PreparedImage image = PrepareFrame(image_, entry.path, item);
    image.findings = std::move(findings);
    return image;
  }

  PreparedImage PrepareFrame(const cv::Mat &image, const std::string &name, uint8_t *item) override {
    const InputDescription &input = description_.input;
    const Size size{image.cols, image.rows};
    const Placement placement = FitPlacement(description_.resize_mode, size, {input.Width(), input.Height()});
    const bool pixels = input.TakesPixels() && !input.IsNv12();
    if (pixels) {
      canvas_ = cv::Mat(input.Height(), input.Width(), CV_8UC3, item);
    } else {
      canvas_.create(input.Height(), input.Width(), CV_8UC3);
    }
    canvas_.setTo(cv::Scalar::all(description_.pad_value));
    WorkOnImage(name, "resized", [&] { Place(image, placement, &canvas_); });
    if (input.IsNv12()) {
      ToNv12(canvas_, item);
    } else if (!pixels) {
      NormalisePixels(canvas_, description_, reinterpret_cast<float *>(item));
    }
    return {size, placement};
  }

 private:
  const ModelDescription &description_;
  const ImageRules rules_;
  cv::Mat image_;
  cv::Mat canvas_;
};

}  // namespace

void Place(const cv::Mat &image, const Placement &placement, cv::Mat *canvas) {
  const cv::Mat source = image(AsRect(placement.source));
  cv::Mat target = (*canvas)(AsRect(placement.target));
  if (source.size() == target.size()) {
    source.copyTo(target);
    return;
  }
  // Shrinking without averaging drops lines of pixels; averaging while growing makes blocks.
  const bool shrinks = source.cols >= target.cols && source.rows >= target.rows;
  cv::resize(source, target, target.size(), 0, 0, shrinks ? cv::INTER_AREA : cv::INTER_LINEAR);
}

void NormalisePixels(const cv::Mat &canvas, const ModelDescription &description, float *item) {
  std::array<std::array<float, kLevels>, kChannels> values{};
  for (int channel = 0; channel < kChannels; ++channel) {
    for (int level = 0; level < kLevels; ++level) {
      values[channel][level] =
          static_cast<float>((level / 255.0 - description.mean[channel]) / description.std[channel]);
    }
  }
  const size_t plane = static_cast<size_t>(canvas.rows) * static_cast<size_t>(canvas.cols);
  for (int row = 0; row < canvas.rows; ++row) {
    const auto *pixels = canvas.ptr<uint8_t>(row);
    float *out = item + static_cast<size_t>(row) * static_cast<size_t>(canvas.cols);
    for (int column = 0; column < canvas.cols; ++column) {
      for (int channel = 0; channel < kChannels; ++channel) {
        out[static_cast<size_t>(channel) * plane + column] = values[channel][pixels[column * kChannels + channel]];
      }
    }
  }
}

void ToNv12(const cv::Mat &canvas, uint8_t *item) {
  cv::Mat all, half;
  cv::cvtColor(canvas, all, cv::COLOR_RGB2YCrCb);
  cv::Mat luma(canvas.rows, canvas.cols, CV_8UC1, item);
  cv::extractChannel(all, luma, 0);
  cv::resize(all, half, canvas.size() / 2, 0, 0, cv::INTER_AREA);
  cv::Mat colour(half.rows, half.cols, CV_8UC2, item + luma.total());
  // OpenCV has V before U.
  const int order[] = {2, 0, 1, 1};
  cv::mixChannels(&half, 1, &colour, 1, order, 2);
}

std::unique_ptr<Preprocessor> CreateOpenCvPreprocessor(const ModelDescription &description, const ImageRules &rules) {
  return std::make_unique<OpenCvPreprocessor>(description, rules);
}

void CheckPreprocessor(const std::string &name) {
  bool is_built = name == "opencv";
#ifdef YOLO_WITH_DVPP
  is_built = is_built || name == "dvpp";
#endif
  if (!is_built) {
    throw Error(ExitCode::kUsage, "--preprocess " + name +
                                      ": this program was built without it; build it where the "
                                      "Ascend toolkit is installed (ASCEND_TOOLKIT_HOME), or leave the option out");
  }
}

PreprocessorFactory FindPreprocessor(const std::string &name, const ModelDescription &description,
                                     const std::vector<int> &device_ids, const ImageRules &rules) {
  CheckPreprocessor(name);
#ifdef YOLO_WITH_DVPP
  if (name == "dvpp") {
    return [&description, device_ids, rules, next = std::make_shared<std::atomic<size_t>>(0)] {
      return CreateDvppPreprocessor(description, device_ids[(*next)++ % device_ids.size()], rules);
    };
  }
#endif
  static_cast<void>(device_ids);
  return [&description, rules] { return CreateOpenCvPreprocessor(description, rules); };
}

BatchFactory FindBatchMemory(const std::string &name, const ModelDescription &description,
                             const std::vector<int> &device_ids) {
  CheckPreprocessor(name);
#ifdef YOLO_WITH_DVPP
  if (name == "dvpp" && description.input.IsNv12()) {
    if (device_ids.size() > 1) {
      throw Error(
          ExitCode::kUsage,
          "--device_id names " + std::to_string(device_ids.size()) +
              " devices, but with --preprocess dvpp the images of a model that takes NV12 stay in the memory of "
              "one; run a program for each device, or leave --preprocess dvpp out");
    }
    return DeviceBatches(device_ids.front());
  }
#endif
  static_cast<void>(description);
  static_cast<void>(device_ids);
  return NewHostBatch;
}

}  // namespace yolo
