// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
// From an image file to one item of the network's input batch.
#ifndef ASCEND310_INFER_INC_IMAGE_PREPROCESS_H_
#define ASCEND310_INFER_INC_IMAGE_PREPROCESS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <opencv2/core/mat.hpp>
#include <string>
#include <vector>

#include "inc/image/image_list.h"
#include "inc/image/image_reader.h"
#include "inc/image/placement.h"
#include "inc/model/model_description.h"

namespace yolo {

/// The size of an image as people see it, and how it lies on the network input.
struct PreparedImage {
  Size size;
  Placement placement;
  bool fell_back = false;  // read by OpenCV, because DVPP does not decode it
  ImageFindings findings{};
};

/// Turns image files and frames of videos into items of a batch. Each decode thread has its own, so that it may hold a
/// channel of a device.
class Preprocessor {
 public:
  virtual ~Preprocessor() = default;

  /// Writes the image into `item`, description.input.ItemByteSize() bytes of a BatchFactory's memory, in the layout of
  /// the model.
  /// Throws Error(kInput) where the image cannot be read: it is then skipped and counted.
  virtual PreparedImage Prepare(const ImageEntry &entry, uint8_t *item) = 0;

  /// The same for pixels uint8 RGB; `name` is for messages.
  virtual PreparedImage PrepareFrame(const cv::Mat &pixels, const std::string &name, uint8_t *item) = 0;
};

/// Draws an image uint8 RGB onto a canvas uint8 RGB of its own size; what the image does not cover keeps its values.
void Place(const cv::Mat &image, const Placement &placement, cv::Mat *canvas);

/// Pixels uint8 [H, W, 3] to float32 [3, H, W]: (x / 255 - mean) / std.
void NormalisePixels(const cv::Mat &canvas, const ModelDescription &description, float *item);

/// Pixels uint8 [H, W, 3] RGB, H and W even, to NV12: JPEG's Y, U and V, the mean U and V of four pixels.
void ToNv12(const cv::Mat &canvas, uint8_t *item);

/// The reference on the host: OpenCV, as Python does it. The description must outlive the preprocessor.
std::unique_ptr<Preprocessor> CreateOpenCvPreprocessor(const ModelDescription &description, const ImageRules &rules);

/// Makes a preprocessor; each decode thread calls it once.
using PreprocessorFactory = std::function<std::unique_ptr<Preprocessor>()>;

/// Makes the memory of a batch's input.
using BatchFactory = std::function<std::shared_ptr<uint8_t>(size_t bytes)>;

/// Zeroed memory of the host.
inline std::shared_ptr<uint8_t> NewHostBatch(size_t bytes) {
  // An array's own deleter, which std::shared_ptr<uint8_t> has not.
  return {new uint8_t[bytes](), std::default_delete<uint8_t[]>()};
}

/// Throws Error(kUsage) for the name of a preprocessor that was not compiled in.
void CheckPreprocessor(const std::string &name);

/// The factory of preprocessors by name, "opencv" or "dvpp" (on the devices' hardware, in turn; CreateDvppPreprocessor
/// of inc/image/dvpp.h). The description must outlive them. Throws what CheckPreprocessor throws.
PreprocessorFactory FindPreprocessor(const std::string &name, const ModelDescription &description,
                                     const std::vector<int> &device_ids, const ImageRules &rules);

/// The factory of the memory that these preprocessors write: the host's, or with dvpp and NV12 the device's. Throws
/// Error(kUsage) for several devices of the latter kind: what is in the memory of one is not in that of another.
BatchFactory FindBatchMemory(const std::string &name, const ModelDescription &description,
                             const std::vector<int> &device_ids);

}  // namespace yolo

#endif  // ASCEND310_INFER_INC_IMAGE_PREPROCESS_H_
