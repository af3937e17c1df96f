// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
#include "inc/model/openvino_runtime.h"

#include <openvino/openvino.hpp>
#include <utility>

#include "inc/errors.h"

namespace yolo {
namespace {

class OpenVinoRuntime : public Runtime {
 public:
  OpenVinoRuntime(ov::CompiledModel model, const ModelDescription &description)
      : model_(std::move(model)), request_(model_.create_infer_request()), input_bytes_(description.input.ByteSize()) {
    for (const OutputDescription &output : description.outputs) {
      outputs_.push_back(model_.output(output.name));
    }
  }

  std::vector<std::vector<float>> Infer(const void *input, size_t bytes) override {
    if (bytes != input_bytes_) {
      throw Error(ExitCode::kRuntime, "OpenVINO: the batch has " + std::to_string(bytes) + " bytes; the model takes " +
                                          std::to_string(input_bytes_) + "; export the model again");
    }
    std::vector<std::vector<float>> found;
    try {
      const ov::Output<const ov::Node> port = model_.input();
      // OpenVINO takes no pointer to const; it only reads here.
      request_.set_input_tensor(ov::Tensor(port.get_element_type(), port.get_shape(), const_cast<void *>(input)));
      request_.infer();
      for (const ov::Output<const ov::Node> &output : outputs_) {
        const ov::Tensor tensor = request_.get_tensor(output);
        const auto *values = tensor.data<const float>();
        found.emplace_back(values, values + tensor.get_size());
      }
    } catch (const ov::Exception &error) {
      throw Error(ExitCode::kRuntime,
                  std::string("OpenVINO: the model failed (") + error.what() + "); export it again");
    }
    return found;
  }

 private:
  ov::CompiledModel model_;
  ov::InferRequest request_;
  size_t input_bytes_;
  std::vector<ov::Output<const ov::Node>> outputs_;
};

/// Throws Error(kModel) where a model's input or output is not as its description says.
void CheckPort(const ov::Output<const ov::Node> &port, const std::string &what, const ov::element::Type &type,
               const std::vector<int64_t> &shape, const std::string &path) {
  const std::vector<int64_t> found(port.get_shape().begin(), port.get_shape().end());
  if (port.get_element_type() != type || found != shape) {
    throw Error(ExitCode::kModel, path + ": " + what + " is " + port.get_element_type().get_type_name() + " " +
                                      ShapeText(found) + "; expected " + type.get_type_name() + " " + ShapeText(shape) +
                                      " by its description");
  }
}

}  // namespace

std::unique_ptr<Runtime> CreateOpenVinoRuntime(const std::string &model_path, const ModelDescription &description,
                                               const RuntimeOptions &options) {
  if (description.input.normalise == Normalise::kAipp) {
    throw Error(ExitCode::kModel, model_path +
                                      ": this model leaves the normalisation to AIPP, which only an Ascend "
                                      "device has; export with --export_normalise host, or use --runtime lite");
  }
  ov::AnyMap settings = {ov::hint::inference_precision(ov::element::f32),
                         ov::hint::performance_mode(ov::hint::PerformanceMode::LATENCY), ov::num_streams(1),
                         // The pipeline's own threads use the same cores.
                         ov::hint::enable_cpu_pinning(false)};
  if (options.threads > 0) {
    settings.insert(ov::inference_num_threads(options.threads));
  }
  try {
    ov::CompiledModel model = ov::Core().compile_model(model_path, "CPU", settings);
    const bool is_uint8 = description.input.type == ElementType::kUint8;
    CheckPort(model.input(), "input", is_uint8 ? ov::element::u8 : ov::element::f32, description.input.shape,
              model_path);
    for (const OutputDescription &output : description.outputs) {
      CheckPort(model.output(output.name), "output \"" + output.name + "\"", ov::element::f32, output.shape,
                model_path);
    }
    return std::make_unique<OpenVinoRuntime>(std::move(model), description);
  } catch (const ov::Exception &error) {
    throw Error(ExitCode::kModel, model_path + ": OpenVINO cannot run this model (" + error.what() +
                                      "); expected an ONNX file of export.py");
  }
}

}  // namespace yolo
