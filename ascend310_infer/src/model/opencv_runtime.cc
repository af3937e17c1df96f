// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
#include "inc/model/opencv_runtime.h"

#include <opencv2/core/utility.hpp>
#include <opencv2/core/utils/logger.hpp>
#include <opencv2/dnn.hpp>

#include "inc/errors.h"

namespace yolo {
namespace {

std::vector<int64_t> ShapeOf(const cv::Mat &matrix) { return {matrix.size.p, matrix.size.p + matrix.dims}; }

class OpenCvRuntime : public Runtime {
 public:
  OpenCvRuntime(const cv::dnn::Net &net, const ModelDescription &description)
      : net_(net),
        input_name_(description.input.name),
        input_shape_(description.input.shape.begin(), description.input.shape.end()),
        input_type_(description.input.type == ElementType::kUint8 ? CV_8U : CV_32F),
        input_bytes_(description.input.ByteSize()) {
    for (const OutputDescription &output : description.outputs) {
      output_names_.emplace_back(output.name);
    }
  }

  std::vector<std::vector<float>> Infer(const void *input, size_t bytes) override {
    if (bytes != input_bytes_) {
      throw Error(ExitCode::kRuntime, "OpenCV DNN: the batch has " + std::to_string(bytes) +
                                          " bytes; the model takes " + std::to_string(input_bytes_) +
                                          "; export the model again");
    }
    std::vector<std::vector<float>> outputs;
    try {
      for (const cv::Mat &matrix : Forward(input)) {
        const auto *values = matrix.ptr<float>();
        outputs.emplace_back(values, values + matrix.total());
      }
    } catch (const cv::Exception &error) {
      throw Error(ExitCode::kRuntime, "OpenCV DNN: the model failed (" + error.err +
                                          "); export it again, or take another version of OpenCV");
    }
    return outputs;
  }

  /// The outputs as OpenCV holds them, until the next call. Throws cv::Exception.
  std::vector<cv::Mat> Forward(const void *input) {
    // OpenCV copies the input and does not write to it.
    net_.setInput(cv::Mat(input_shape_, input_type_, const_cast<void *>(input)), input_name_);
    std::vector<cv::Mat> outputs;
    net_.forward(outputs, output_names_);
    return outputs;
  }

 private:
  cv::dnn::Net net_;
  std::string input_name_;
  std::vector<int> input_shape_;
  int input_type_;
  size_t input_bytes_;
  std::vector<cv::String> output_names_;
};

/// Runs the network once on zeros: only that shows whether OpenCV can, and of what shape and type the outputs are.
void CheckOnZeros(OpenCvRuntime *runtime, const std::string &model_path, const ModelDescription &description) {
  const std::vector<uint8_t> zeros(description.input.ByteSize());
  const std::vector<cv::Mat> outputs = runtime->Forward(zeros.data());
  for (size_t number = 0; number < outputs.size(); ++number) {
    const OutputDescription &expected = description.outputs[number];
    if (outputs[number].type() != CV_32F || ShapeOf(outputs[number]) != expected.shape) {
      throw Error(ExitCode::kModel, model_path + ": output \"" + expected.name + "\" has the shape " +
                                        ShapeText(ShapeOf(outputs[number])) + "; expected float32 " +
                                        ShapeText(expected.shape) + " by " + description.path);
    }
  }
}

/// How to export what OpenCV 4.6 reads.
std::string Advice(const ModelDescription &description) {
  std::string advice = "export as ONNX";
  if (description.decoded) {
    advice += ", with --keep_detect False";
  }
  return advice;
}

}  // namespace

std::unique_ptr<Runtime> CreateOpenCvRuntime(const std::string &model_path, const ModelDescription &description,
                                             const RuntimeOptions &options) {
  if (description.input.normalise == Normalise::kAipp) {
    throw Error(ExitCode::kModel, model_path +
                                      ": this model leaves the normalisation to AIPP, which only an Ascend "
                                      "device has; export with --export_normalise host, or use --runtime lite");
  }
  if (options.threads > 0) {
    cv::setNumThreads(options.threads);
  }
  // Failures are reported once, by the error.
  cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
  try {
    auto runtime = std::make_unique<OpenCvRuntime>(cv::dnn::readNetFromONNX(model_path), description);
    CheckOnZeros(runtime.get(), model_path, description);
    return runtime;
  } catch (const cv::Exception &error) {
    throw Error(ExitCode::kModel, model_path + ": OpenCV " CV_VERSION " cannot run this model (" + error.err + "); " +
                                      Advice(description));
  }
}

}  // namespace yolo
