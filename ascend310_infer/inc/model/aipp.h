// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
// Configuration of AIPP, the device's unit that normalises pixels.
#ifndef ASCEND310_INFER_INC_MODEL_AIPP_H_
#define ASCEND310_INFER_INC_MODEL_AIPP_H_

#include <string>

#include "inc/model/model_description.h"

namespace yolo {

/// Returns a configuration of static AIPP that takes pixels uint8 NHWC RGB and normalises them by the description's
/// mean and std; aipp.cfg is that of the default ones.
///
/// AIPP computes (pixel - mean_chn - min_chn) * var_reci_chn: mean_chn is a whole number, the others are float16. The
/// mean is split into its whole part and the rest, so that none of it is lost.
std::string AippConfig(const ModelDescription &description);

/// A file with `AippConfig`, which lives as long as this object: MindSpore Lite takes the configuration as a file only.
class AippFile {
 public:
  /// Throws Error(kOutput) where no temporary file can be made.
  explicit AippFile(const ModelDescription &description);
  ~AippFile();
  AippFile(const AippFile &) = delete;
  AippFile &operator=(const AippFile &) = delete;

  const std::string &path() const { return path_; }

 private:
  std::string folder_;
  std::string path_;
};

}  // namespace yolo

#endif  // ASCEND310_INFER_INC_MODEL_AIPP_H_
