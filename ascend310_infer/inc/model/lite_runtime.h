// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
// The model on MindSpore Lite 2.x: Ascend 310, 310P and 310B, or the host's CPU.
#ifndef ASCEND310_INFER_INC_MODEL_LITE_RUNTIME_H_
#define ASCEND310_INFER_INC_MODEL_LITE_RUNTIME_H_

#include <memory>
#include <string>

#include "inc/model/runtime.h"

namespace yolo {

/// Builds a MindIR by MindSpore Lite and checks it against its description.
///
/// The input must have the description's name, shape and type. MindIR does not keep the names of outputs (MindSpore
/// Lite calls an output after the operator that makes it), so an output that is not found by its name is found by its
/// shape. Outputs are float32 or float16.
///
/// Precision: empty leaves MindSpore Lite's own default, which is "enforce_fp16" on Ascend; the CPU has none. Raw heads
/// are none the worse for it; where the graph decodes the boxes, a note says so (docs/half_precision.md).
/// AIPP: for models whose input.normalise is "aipp". Without options.aipp_config, a configuration is made of the
/// description's mean and std.
///
/// Throws Error(kModel) where MindSpore Lite cannot build the model, with its message, or the model does not match;
/// Error(kUsage) for options that do not go together.
std::unique_ptr<Runtime> CreateLiteRuntime(const std::string &model_path, const ModelDescription &description,
                                           const RuntimeOptions &options);

}  // namespace yolo

#endif  // ASCEND310_INFER_INC_MODEL_LITE_RUNTIME_H_
