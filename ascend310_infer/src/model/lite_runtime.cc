// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
#include "inc/model/lite_runtime.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <utility>

#include "inc/errors.h"
#include "inc/model/aipp.h"
#include "inc/utils.h"

// Between 2.7 and 2.9 the vendor's headers lay in cxx_api for a while.
#if __has_include("include/api/model.h")
#include "include/api/context.h"
#include "include/api/model.h"
#elif __has_include("include/cxx_api/model.h")
#include "include/cxx_api/context.h"
#include "include/cxx_api/model.h"
#else
#error "neither include/api/model.h nor include/cxx_api/model.h lies in LITE_HOME/runtime: not a MindSpore Lite 2.x"
#endif

namespace yolo {
namespace {

using mindspore::MSTensor;

constexpr char kAscend[] = "ascend";
constexpr char kCpu[] = "cpu";
constexpr std::array<const char *, 5> kPrecisions = {"enforce_fp16", "preferred_fp32", "enforce_origin", "enforce_fp32",
                                                     "preferred_optimal"};

std::string StatusText(const mindspore::Status &status) {
  const std::string text = status.ToString(), more = status.GetErrDescription();
  return more.empty() || more == text ? text : text + " " + more;
}

std::string TypeText(mindspore::DataType type) {
  switch (type) {
    case mindspore::DataType::kNumberTypeUInt8:
      return "uint8";
    case mindspore::DataType::kNumberTypeFloat16:
      return "float16";
    case mindspore::DataType::kNumberTypeFloat32:
      return "float32";
    default:
      return "type " + std::to_string(static_cast<int>(type));
  }
}

std::string TensorText(const MSTensor &tensor) {
  return "\"" + tensor.Name() + "\" " + TypeText(tensor.DataType()) + " " + ShapeText(tensor.Shape());
}

std::string TensorsText(const std::vector<MSTensor> &tensors) {
  std::string text;
  for (const MSTensor &tensor : tensors) {
    text += (text.empty() ? "" : ", ") + TensorText(tensor);
  }
  return text.empty() ? "none" : text;
}

bool IsFloat(mindspore::DataType type) {
  return type == mindspore::DataType::kNumberTypeFloat32 || type == mindspore::DataType::kNumberTypeFloat16;
}

[[noreturn]] void ThrowMismatch(const std::string &model_path, const std::string &what, const std::string &found,
                                const std::string &expected) {
  throw Error(ExitCode::kModel, model_path + ": its " + what + " is " + found + ", but its description says " +
                                    expected + "; export the model again, or take the json that was written with it");
}

void CheckOptions(const std::string &model_path, const ModelDescription &description, const RuntimeOptions &options) {
  if (options.provider != kAscend && options.provider != kCpu) {
    throw Error(ExitCode::kUsage, "--provider is \"" + options.provider + "\"; expected ascend or cpu");
  }
  const bool on_cpu = options.provider == kCpu, is_aipp = description.input.normalise == Normalise::kAipp;
  if (is_aipp && on_cpu) {
    throw Error(ExitCode::kUsage, model_path +
                                      ": its input is normalised by AIPP, which only Ascend has; use --provider "
                                      "ascend, or export the model with --export_normalise host");
  }
  if (!options.aipp_config.empty()) {
    if (!is_aipp) {
      throw Error(ExitCode::kUsage, "--aipp_config " + options.aipp_config + ": " + model_path +
                                        " takes its input without AIPP; leave it out, or export the model with "
                                        "--export_normalise aipp");
    }
    ReadFile(options.aipp_config, "AIPP", ExitCode::kInput);
  }
  const std::string &precision = options.precision;
  if (!precision.empty() && on_cpu) {
    throw Error(ExitCode::kUsage,
                "--precision " + precision + ": the provider cpu has no precision modes; leave it out");
  }
  if (!precision.empty() && std::find(kPrecisions.begin(), kPrecisions.end(), precision) == kPrecisions.end()) {
    std::string known;
    for (const char *name : kPrecisions) {
      known += (known.empty() ? "" : ", ") + std::string(name);
    }
    throw Error(ExitCode::kUsage, "--precision is \"" + precision + "\"; expected one of " + known);
  }
  if (options.device_id < 0) {
    throw Error(ExitCode::kUsage, "--device_id is " + std::to_string(options.device_id) + "; expected 0 or more");
  }
}

/// A decode in the graph is rounded with the rest of it; docs/half_precision.md says what that costs.
void NoteHalfPrecision(const ModelDescription &description, const RuntimeOptions &options) {
  const bool is_half = options.precision.empty() || options.precision == kPrecisions[0];
  if (description.decoded && is_half && options.provider == kAscend) {
    std::cerr << "note: the graph decodes the boxes, and on Ascend " << kPrecisions[0]
              << " rounds them by up to half a pixel; export with --keep_detect False, or set --precision "
              << kPrecisions[3] << '\n';
  }
}

std::shared_ptr<mindspore::Context> MakeContext(const RuntimeOptions &options, const std::string &aipp_config) {
  auto context = std::make_shared<mindspore::Context>();
  if (options.threads > 0) {
    context->SetThreadNum(options.threads);
  }
  if (options.provider == kCpu) {
    context->MutableDeviceInfo().push_back(std::make_shared<mindspore::CPUDeviceInfo>());
    return context;
  }
  auto ascend = std::make_shared<mindspore::AscendDeviceInfo>();
  ascend->SetDeviceID(static_cast<uint32_t>(options.device_id));
  if (!options.precision.empty()) {
    ascend->SetPrecisionMode(options.precision);
  }
  if (!aipp_config.empty()) {
    ascend->SetInsertOpConfigPath(aipp_config);
  }
  context->MutableDeviceInfo().push_back(std::move(ascend));
  return context;
}

void CheckInput(const std::string &model_path, const InputDescription &input, const std::vector<MSTensor> &tensors) {
  // AIPP comes before the network, so the model's input is AIPP's.
  const bool is_aipp = input.normalise == Normalise::kAipp;
  const std::vector<int64_t> shape =
      is_aipp ? std::vector<int64_t>{input.Batch(), input.Height(), input.Width(), 3} : input.shape;
  const auto type =
      input.TakesPixels() ? mindspore::DataType::kNumberTypeUInt8 : mindspore::DataType::kNumberTypeFloat32;
  const std::string expected = "one: \"" + input.name + "\" " + TypeText(type) + " " + ShapeText(shape) +
                               (is_aipp ? " (with AIPP before the network)" : "");
  if (tensors.size() != 1 || tensors[0].Name() != input.name || tensors[0].DataType() != type ||
      tensors[0].Shape() != shape || tensors[0].DataSize() != input.ByteSize()) {
    ThrowMismatch(model_path, "input", TensorsText(tensors), expected);
  }
}

/// Returns for each output of the description its place among the model's.
std::vector<size_t> MatchOutputs(const std::string &model_path, const std::vector<OutputDescription> &outputs,
                                 const std::vector<MSTensor> &tensors) {
  std::vector<size_t> places;
  for (const OutputDescription &output : outputs) {
    const auto has_name = [&](const MSTensor &tensor) { return tensor.Name() == output.name; };
    const auto has_shape = [&](const MSTensor &tensor) { return tensor.Shape() == output.shape; };
    auto found = std::find_if(tensors.begin(), tensors.end(), has_name);
    if (found == tensors.end()) {
      found = std::find_if(tensors.begin(), tensors.end(), has_shape);
    }
    const bool fits = found != tensors.end() && has_shape(*found) && IsFloat(found->DataType());
    const auto place = static_cast<size_t>(found - tensors.begin());
    // No two outputs of one network have the same shape: their strides differ.
    if (!fits || tensors.size() != outputs.size() || std::count(places.begin(), places.end(), place) != 0) {
      ThrowMismatch(
          model_path, "output " + output.name, "not among them: " + TensorsText(tensors),
          std::to_string(outputs.size()) + " outputs, this one float32 or float16 " + ShapeText(output.shape));
    }
    places.push_back(place);
  }
  return places;
}

class LiteRuntime : public Runtime {
 public:
  LiteRuntime(const std::string &model_path, const ModelDescription &description, const RuntimeOptions &options)
      : model_path_(model_path),
        place_(options.provider == kCpu ? "the CPU" : "Ascend device " + std::to_string(options.device_id)),
        outputs_(description.outputs) {
    std::unique_ptr<AippFile> made_config;
    std::string aipp_config;
    if (description.input.normalise == Normalise::kAipp) {
      aipp_config = options.aipp_config;
      if (aipp_config.empty()) {
        made_config = std::make_unique<AippFile>(description);
        aipp_config = made_config->path();
      }
    }
    const mindspore::Status status =
        model_.Build(model_path, mindspore::ModelType::kMindIR, MakeContext(options, aipp_config));
    if (!status.IsOk()) {
      throw Error(ExitCode::kModel,
                  model_path + ": MindSpore Lite cannot build this model for " + place_ + ": " + StatusText(status) +
                      "; its log above says more (GLOG_v=1 all of it); check the device and CANN; the file is " +
                      description.exported_as +
                      ", and a MindSpore Lite older than its exporter needs export.py --mindir_version 1");
    }
    inputs_ = model_.GetInputs();
    CheckInput(model_path, description.input, inputs_);
    places_ = MatchOutputs(model_path, outputs_, model_.GetOutputs());
  }

  std::vector<std::vector<float>> Infer(const void *input, size_t bytes) override {
    void *data = inputs_[0].MutableData();
    if (data == nullptr || bytes != inputs_[0].DataSize()) {
      Fail("the input has room for " + std::to_string(data == nullptr ? 0 : inputs_[0].DataSize()) +
           " bytes, the batch has " + std::to_string(bytes));
    }
    std::memcpy(data, input, bytes);
    std::vector<MSTensor> tensors;
    const mindspore::Status status = model_.Predict(inputs_, &tensors);
    if (!status.IsOk()) {
      Fail(StatusText(status) + "; MindSpore Lite's log above says more");
    }
    if (tensors.size() != outputs_.size()) {
      Fail("returned " + std::to_string(tensors.size()) + " outputs; expected " + std::to_string(outputs_.size()));
    }
    std::vector<std::vector<float>> heads;
    for (size_t i = 0; i < outputs_.size(); ++i) {
      heads.push_back(Floats(tensors[places_[i]], outputs_[i]));
    }
    return heads;
  }

 private:
  [[noreturn]] void Fail(const std::string &text) const {
    throw Error(ExitCode::kRuntime, model_path_ + ": inference on " + place_ + " failed: " + text);
  }

  std::vector<float> Floats(const MSTensor &tensor, const OutputDescription &output) const {
    const size_t count = output.ElementCount();
    const bool is_half = tensor.DataType() == mindspore::DataType::kNumberTypeFloat16;
    const std::shared_ptr<const void> data = tensor.Data();
    if (!IsFloat(tensor.DataType()) || tensor.Shape() != output.shape || data == nullptr ||
        tensor.DataSize() != count * (is_half ? sizeof(uint16_t) : sizeof(float))) {
      Fail("output " + output.name + " came as " + TensorText(tensor) + ", " + std::to_string(tensor.DataSize()) +
           " bytes; expected float32 or float16 " + ShapeText(output.shape));
    }
    return ToFloats(data.get(), count, is_half);
  }

  std::string model_path_;
  std::string place_;
  std::vector<OutputDescription> outputs_;
  mindspore::Model model_;
  std::vector<MSTensor> inputs_;
  std::vector<size_t> places_;
};

}  // namespace

std::unique_ptr<Runtime> CreateLiteRuntime(const std::string &model_path, const ModelDescription &description,
                                           const RuntimeOptions &options) {
  if (std::filesystem::path(model_path).extension() != ".mindir") {
    throw Error(ExitCode::kUsage, model_path +
                                      ": MindSpore Lite runs .mindir files; expected one, or --runtime opencv "
                                      "for ONNX");
  }
  CheckOptions(model_path, description, options);
  auto runtime = std::make_unique<LiteRuntime>(model_path, description, options);
  NoteHalfPrecision(description, options);
  return runtime;
}

}  // namespace yolo
