// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
// A model that CANN's atc has converted (.om), on ACL's C API: Ascend 310, 310P, 310B and 910.
//
// Written by the vendor's documentation and headers, and tested with the project's own stand-in for them; it has never
// run on a device.
#ifndef ASCEND310_INFER_INC_MODEL_ACL_RUNTIME_H_
#define ASCEND310_INFER_INC_MODEL_ACL_RUNTIME_H_

#include <memory>
#include <string>

#include "inc/model/runtime.h"

namespace yolo {

/// Instances of the model on a device, so that one computes while the other's batch is copied. Each has a stream of its
/// own: ACL runs one instance on one stream at a time, and reports what failed on it to who waits for the stream.
constexpr int kAclInstances = 2;

/// Loads an .om file and checks it against its description; memory of the device is allocated here, once.
///
/// There is one input, whose size is that of a batch; without AIPP its type and shape are the description's, too. With
/// static AIPP, which atc has put into the file, it takes pixels uint8 NHWC RGB or NV12; the latter it reads where DVPP
/// has written them, if DVPP prepares the images. Its name is not checked: a converted
/// AIR file has one that its operators gave it. An output is found by its name, which atc extends to
/// "operator:number:name", or by its shape; it is float32 or float16.
///
/// Throws Error(kModel) where ACL cannot load the model, with its message, or the model does not match; Error(kUsage)
/// for another kind of file; Error(kRuntime) where the device fails.
std::unique_ptr<Runtime> CreateAclRuntime(const std::string &model_path, const ModelDescription &description,
                                          const RuntimeOptions &options);

}  // namespace yolo

#endif  // ASCEND310_INFER_INC_MODEL_ACL_RUNTIME_H_
