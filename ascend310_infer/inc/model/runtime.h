// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
// The interface of the inference engines, one implementation for each library.
#ifndef ASCEND310_INFER_INC_MODEL_RUNTIME_H_
#define ASCEND310_INFER_INC_MODEL_RUNTIME_H_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "inc/model/model_description.h"

namespace yolo {

struct RuntimeOptions {
  std::vector<int> device_ids = {0};
  int device_id = 0;                // the one of this runtime
  std::string precision;            // MindSpore Lite's precision mode; empty: the runtime's default
  std::string provider = "ascend";  // MindSpore Lite: "ascend" or "cpu"
  std::string aipp_config;          // path, for models whose input.normalise is "aipp"
  int threads = 0;                  // 0: the runtime's default
  bool by_dvpp = false;             // DVPP prepares the images: batches of NV12 are in the device's memory
};

/// Runs a model on batches of exactly the description's input shape.
class Runtime {
 public:
  virtual ~Runtime() = default;

  /// Returns the outputs as float32, in the description's order.
  ///
  /// `input` has description.input.ByteSize() bytes, with options.by_dvpp and NV12 of the device. Called by one thread.
  /// Throws Error(kRuntime) where the library reports a failure.
  virtual std::vector<std::vector<float>> Infer(const void *input, size_t bytes) = 0;
};

/// Numbers that a library returned, float32 or float16, as float32.
std::vector<float> ToFloats(const void *data, size_t count, bool is_half);

/// Throws Error(kRuntime) where a runtime did not return as many numbers as the description says.
void CheckOutputs(const ModelDescription &description, const std::vector<std::vector<float>> &outputs);

/// Throws Error(kUsage) for the name of a runtime that was not compiled in.
void CheckRuntime(const std::string &name);

/// Loads a model by a runtime, "lite", "acl", "opencv" or "openvino": on each of options.device_ids as many instances
/// as keep the device busy, on the host one. Throws Error(kModel) where it cannot be built or does not match its
/// description, and what CheckRuntime throws.
std::vector<std::unique_ptr<Runtime>> CreateRuntimes(const std::string &name, const std::string &model_path,
                                                     const ModelDescription &description, RuntimeOptions options);

}  // namespace yolo

#endif  // ASCEND310_INFER_INC_MODEL_RUNTIME_H_
