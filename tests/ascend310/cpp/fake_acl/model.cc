// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
// Models of the stand-in. An .om file is a line of json and an ONNX file, which OpenCV runs:
//   {"chip": "Ascend310", "inputs": [{"name": "images", "type": 4, "shape": [1, 64, 96, 3], "bytes": 18432}],
//    "outputs": [{"name": "Conv_9:0:output_big", "type": 0, "shape": [1, 24, 2, 3], "bytes": 576, "onnx":
//    "output_big"}], "aipp": null or {"csc": null, "mean": [123.675, ..], "gain": [0.0171, ..]}}
// With "aipp" the input has pixels NHWC, which become (pixel - mean) * gain in NCHW. Where "csc" is {"matrix": [[256,
// 0, 359], ..], "bias": [0, 128, 128]} they are NV12, which first becomes RGB: the matrix times Y, U and V less the
// bias, without its last 8 bits, within 0..255.
#include <acl/acl_mdl.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <opencv2/dnn.hpp>

#include "device.h"

using namespace fake_acl;
using nlohmann::json;

struct aclmdlDesc {
  json content;
};
struct aclDataBuffer {
  void *data = nullptr;
  size_t size = 0;
};
struct aclmdlDataset {
  std::vector<aclDataBuffer *> buffers;
};

namespace {

struct Model {
  json content;
  cv::dnn::Net net;
  Context *context = nullptr;
  aclrtStream stream = nullptr;  // where it is to run
  std::weak_ptr<void> waiting;   // executions that have not run
};

std::mutex models_mutex;
std::map<uint32_t, std::shared_ptr<Model>> models;

std::shared_ptr<Model> Find(uint32_t id) {
  const std::lock_guard<std::mutex> lock(models_mutex);
  const auto found = models.find(id);
  return found == models.end() ? nullptr : found->second;
}

std::vector<int> Shape(const json &tensor) { return tensor.at("shape").get<std::vector<int>>(); }

/// NV12 as pixels NHWC RGB: four pixels have the same U and V.
std::vector<uint8_t> ColourConverted(const json &csc, const std::vector<int> &shape, const uint8_t *data) {
  const auto matrix = csc.at("matrix").get<std::vector<std::vector<int>>>();
  const auto bias = csc.at("bias").get<std::vector<int>>();
  const int rows = shape[1], columns = shape[2];
  std::vector<uint8_t> pixels;
  for (int item = 0; item < shape[0]; ++item) {
    const uint8_t *luma = data + static_cast<size_t>(item) * rows * columns * 3 / 2, *colour = luma + rows * columns;
    for (int place = 0; place < rows * columns; ++place) {
      const uint8_t *pair = colour + place / columns / 2 * columns + place % columns / 2 * 2;
      const int y = luma[place] - bias[0], u = pair[0] - bias[1], v = pair[1] - bias[2];
      for (const std::vector<int> &row : matrix) {
        pixels.push_back(cv::saturate_cast<uint8_t>((row[0] * y + row[1] * u + row[2] * v) >> 8));
      }
    }
  }
  return pixels;
}

/// Pixels NHWC as AIPP makes float32 NCHW of them.
cv::Mat Normalised(const json &aipp, const std::vector<int> &shape, const uint8_t *pixels) {
  const size_t plane = static_cast<size_t>(shape[1]) * shape[2];
  cv::Mat input({shape[0], 3, shape[1], shape[2]}, CV_32F);
  for (size_t place = 0; place < plane * shape[0]; ++place) {
    for (size_t channel = 0; channel < 3; ++channel) {
      const float mean = aipp.at("mean")[channel], gain = aipp.at("gain")[channel];
      input.ptr<float>()[(place / plane * 3 + channel) * plane + place % plane] =
          (static_cast<float>(pixels[place * 3 + channel]) - mean) * gain;
    }
  }
  return input;
}

aclError Run(Model *model, const aclmdlDataset &input, const aclmdlDataset &output) {
  const json &content = model->content, &described = content.at("inputs")[0];
  const std::vector<int> shape = Shape(described);
  void *data = input.buffers[0]->data;
  cv::Mat blob(shape, described.at("type") == ACL_UINT8 ? CV_8U : CV_32F, data);
  if (const json &aipp = content.at("aipp"); !aipp.is_null()) {
    std::vector<uint8_t> converted;
    auto *pixels = static_cast<uint8_t *>(data);
    if (!aipp.at("csc").is_null()) {
      converted = ColourConverted(aipp.at("csc"), shape, pixels);
      pixels = converted.data();
    }
    blob = Normalised(aipp, shape, pixels);
  }
  if (const char *dump = std::getenv("FAKE_ACL_DUMP"); dump != nullptr) {
    std::ofstream(dump, std::ios::binary | std::ios::app)
        .write(blob.ptr<char>(), static_cast<std::streamsize>(blob.total() * blob.elemSize()));
  }
  model->net.setInput(blob, "images");
  std::vector<cv::String> names;
  for (const json &tensor : content.at("outputs")) {
    names.push_back(tensor.at("onnx").get<std::string>());
  }
  std::vector<cv::Mat> heads;
  model->net.forward(heads, names);
  for (size_t i = 0; i < heads.size(); ++i) {
    const bool is_half = content.at("outputs")[i].at("type") == ACL_FLOAT16;
    cv::Mat flat = heads[i].reshape(1, 1), target;
    flat.convertTo(target, is_half ? CV_16F : CV_32F);
    std::memcpy(output.buffers[i]->data, target.data, target.total() * target.elemSize());
  }
  Log("run " + std::to_string(model->context->device));
  return ACL_SUCCESS;
}

/// What is wrong with the buffers of an execution, or nothing.
std::string Fault(const json &tensors, const aclmdlDataset &dataset) {
  if (tensors.size() != dataset.buffers.size()) {
    return std::to_string(dataset.buffers.size()) + " buffers";
  }
  for (size_t i = 0; i < tensors.size(); ++i) {
    const aclDataBuffer &buffer = *dataset.buffers[i];
    if (buffer.size != tensors[i].at("bytes") || !IsOnDevice(buffer.data, buffer.size)) {
      return "a buffer of " + std::to_string(buffer.size) + " bytes";
    }
  }
  return "";
}

aclError Dims(const char *function, const json &tensor, aclmdlIODims *dims) {
  const aclError result = Enter(function);
  const std::vector<int> shape = Shape(tensor);
  dims->dimCount = shape.size();
  std::copy(shape.begin(), shape.end(), dims->dims);
  return result;
}

}  // namespace

aclError aclmdlLoadFromFile(const char *path, uint32_t *id) {
  const char *const name = "aclmdlLoadFromFile";
  const aclError result = Enter(name);
  if (result != ACL_SUCCESS) {
    return result;
  }
  std::ifstream file(path, std::ios::binary);
  std::string line;
  std::getline(file, line);
  const std::vector<char> onnx{std::istreambuf_iterator<char>(file), {}};
  auto model = std::make_shared<Model>();
  model->content = json::parse(line, nullptr, false);
  if (model->content.is_discarded()) {
    return Refuse(name, "this is no offline model");
  }
  if (model->content.at("chip") != PlayedChip().name) {
    return Refuse(name, "the model is for " + model->content.at("chip").get<std::string>());
  }
  model->net = cv::dnn::readNetFromONNX(onnx.data(), onnx.size());
  model->context = CurrentContext();
  Log("load " + std::to_string(model->context->device));
  const std::lock_guard<std::mutex> lock(models_mutex);
  static uint32_t last = 0;
  *id = ++last;
  models[*id] = std::move(model);
  ++alive;
  return ACL_SUCCESS;
}

aclError aclmdlUnload(uint32_t id) {
  const std::shared_ptr<Model> model = Find(id);
  if (model == nullptr || model->context != CurrentContext() || !model->waiting.expired()) {
    return Refuse("aclmdlUnload", "not this context's model, or it is needed still");
  }
  const std::lock_guard<std::mutex> lock(models_mutex);
  models.erase(id);
  --alive;
  return ACL_SUCCESS;
}

aclmdlDesc *aclmdlCreateDesc() { return Make<aclmdlDesc>("aclmdlCreateDesc"); }
aclError aclmdlDestroyDesc(aclmdlDesc *desc) { return Destroy(desc); }

aclError aclmdlGetDesc(aclmdlDesc *desc, uint32_t id) {
  desc->content = Find(id)->content;
  return Enter("aclmdlGetDesc");
}

size_t aclmdlGetNumInputs(aclmdlDesc *desc) { return desc->content.at("inputs").size(); }
size_t aclmdlGetNumOutputs(aclmdlDesc *desc) { return desc->content.at("outputs").size(); }
size_t aclmdlGetInputSizeByIndex(aclmdlDesc *desc, size_t i) { return desc->content.at("inputs")[i].at("bytes"); }
size_t aclmdlGetOutputSizeByIndex(aclmdlDesc *desc, size_t i) { return desc->content.at("outputs")[i].at("bytes"); }

aclError aclmdlGetInputDims(const aclmdlDesc *desc, size_t i, aclmdlIODims *dims) {
  return Dims("aclmdlGetInputDims", desc->content.at("inputs")[i], dims);
}

aclError aclmdlGetOutputDims(const aclmdlDesc *desc, size_t i, aclmdlIODims *dims) {
  return Dims("aclmdlGetOutputDims", desc->content.at("outputs")[i], dims);
}

const char *aclmdlGetInputNameByIndex(const aclmdlDesc *desc, size_t i) {
  return desc->content.at("inputs")[i].at("name").get_ref<const std::string &>().c_str();
}

const char *aclmdlGetOutputNameByIndex(const aclmdlDesc *desc, size_t i) {
  return desc->content.at("outputs")[i].at("name").get_ref<const std::string &>().c_str();
}

aclDataType aclmdlGetInputDataType(const aclmdlDesc *desc, size_t i) {
  return static_cast<aclDataType>(desc->content.at("inputs")[i].at("type").get<int>());
}

aclDataType aclmdlGetOutputDataType(const aclmdlDesc *desc, size_t i) {
  return static_cast<aclDataType>(desc->content.at("outputs")[i].at("type").get<int>());
}

aclDataBuffer *aclCreateDataBuffer(void *data, size_t size) {
  auto *buffer = Make<aclDataBuffer>("aclCreateDataBuffer");
  if (buffer != nullptr) {
    *buffer = {data, size};
  }
  return buffer;
}

aclError aclDestroyDataBuffer(const aclDataBuffer *buffer) { return Destroy(buffer); }
aclmdlDataset *aclmdlCreateDataset() { return Make<aclmdlDataset>("aclmdlCreateDataset"); }
aclError aclmdlDestroyDataset(const aclmdlDataset *dataset) { return Destroy(dataset); }

aclError aclmdlAddDatasetBuffer(aclmdlDataset *dataset, aclDataBuffer *buffer) {
  dataset->buffers.push_back(buffer);
  return Enter("aclmdlAddDatasetBuffer");
}

aclError aclmdlExecuteAsync(uint32_t id, const aclmdlDataset *input, aclmdlDataset *output, aclrtStream stream) {
  const char *const name = "aclmdlExecuteAsync";
  const aclError result = Enter(name);
  if (result != ACL_SUCCESS) {
    return result;
  }
  const std::shared_ptr<Model> model = Find(id);
  if (model == nullptr || model->context != CurrentContext()) {
    return Refuse(name, "the model was loaded in another context");
  }
  std::shared_ptr<void> execution = model->waiting.lock();
  if (execution != nullptr && model->stream != stream) {
    return Refuse(name, "the model runs on another stream");
  }
  const std::string fault = Fault(model->content.at("inputs"), *input) + Fault(model->content.at("outputs"), *output);
  if (!fault.empty()) {
    return Refuse(name, fault);
  }
  if (execution == nullptr) {
    execution = std::make_shared<int>();
  }
  model->stream = stream;
  model->waiting = execution;
  return Enqueue(name, stream, [=, held = std::move(execution)] { return Run(model.get(), *input, *output); });
}
