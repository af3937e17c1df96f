// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
// A stand-in for MindSpore Lite that returns recorded heads and fails on request.
//
// The environment variable FAKE_LITE_MODEL names a json file:
//   {"build": "" or the text of a status that Build fails with,
//    "predict": the same for Predict, "predict_at": the number of the call that fails, from 0,
//    "inputs": [{"name": "images", "type": 37, "shape": [2, 64, 96, 3]}], "record": "inputs.bin",
//    "outputs": [{"name": "output_big", "type": 43, "shape": [2, 2, 3, 3, 8], "record": "big.bin"}, ...],
//    "log": "log.json", "dump": "" or the file to which each batch that comes is appended}
// The records lie beside it: items of a batch one after the other, in the type of their tensor. Each item of a batch
// gets the heads of the recorded input that it resembles, zeros where it resembles none. An output may have
// "after": {"type": .., "shape": ..}, which Predict returns in place of the type and shape of GetOutputs. The log,
// which holds what the library received, is written after each Build and Predict.
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <numeric>

#include "include/api/model.h"

namespace mindspore {
namespace {

using nlohmann::json;

// In grey levels, or standard deviations for float input; different images differ by 20 levels and more.
constexpr double kResembles = 3.0;

size_t BytesOf(DataType type) {
  if (type == DataType::kNumberTypeFloat32) {
    return 4;
  }
  return type == DataType::kNumberTypeFloat16 ? 2 : 1;
}

std::string ReadAll(const std::filesystem::path &path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

double MeanDifference(const char *left, const char *right, size_t bytes, DataType type) {
  double sum = 0;
  const size_t count = bytes / BytesOf(type);
  for (size_t i = 0; i < count; ++i) {
    float a = static_cast<unsigned char>(left[i]), b = static_cast<unsigned char>(right[i]);
    if (type == DataType::kNumberTypeFloat32) {
      std::memcpy(&a, left + i * sizeof(a), sizeof(a));
      std::memcpy(&b, right + i * sizeof(b), sizeof(b));
    }
    sum += std::abs(a - b);
  }
  return sum / static_cast<double>(count);
}

}  // namespace

class MSTensor::Impl {
 public:
  Impl(const json &entry, enum DataType type, std::vector<int64_t> shape)
      : name(entry.at("name").get<std::string>()), type(type), shape(std::move(shape)) {
    const auto count = std::accumulate(this->shape.begin(), this->shape.end(), int64_t{1}, std::multiplies<>());
    data.resize(static_cast<size_t>(count) * BytesOf(type));
  }

  std::string name;
  enum DataType type;
  std::vector<int64_t> shape;
  std::vector<char> data;
};

std::string MSTensor::Name() const { return impl_->name; }
enum DataType MSTensor::DataType() const { return impl_->type; }
const std::vector<int64_t> &MSTensor::Shape() const { return impl_->shape; }
size_t MSTensor::DataSize() const { return impl_->data.size(); }
std::shared_ptr<const void> MSTensor::Data() const { return {impl_, impl_->data.data()}; }
void *MSTensor::MutableData() { return impl_->data.data(); }

void AscendDeviceInfo::SetDeviceID(uint32_t device_id) { device_id_ = device_id; }
void AscendDeviceInfo::SetPrecisionMode(const std::string &precision_mode) { precision_mode_ = precision_mode; }
void AscendDeviceInfo::SetInsertOpConfigPath(const std::string &cfg_path) { cfg_path_ = cfg_path; }

void Context::SetThreadNum(int32_t thread_num) { thread_num_ = thread_num; }
std::vector<std::shared_ptr<DeviceInfoContext>> &Context::MutableDeviceInfo() { return device_info_; }

class Model::Recorded {
 public:
  explicit Recorded(const std::filesystem::path &path)
      : folder(path.parent_path()), model(json::parse(ReadAll(path))) {}

  static MSTensor Tensor(const json &entry, const json &form) {
    const auto type = static_cast<DataType>(form.at("type").get<int>());
    return MSTensor(std::make_shared<MSTensor::Impl>(entry, type, form.at("shape").get<std::vector<int64_t>>()));
  }

  std::vector<MSTensor> Tensors(const std::string &key, bool after) const {
    std::vector<MSTensor> tensors;
    for (const json &entry : model.at(key)) {
      tensors.push_back(Tensor(entry, after && entry.contains("after") ? entry.at("after") : entry));
    }
    return tensors;
  }

  void WriteLog() const {
    if (model.contains("log")) {
      std::ofstream(folder / model.at("log").get<std::string>()) << log;
    }
  }

  /// The number of the recorded input that an item of a batch resembles most; -1 where it resembles none.
  int64_t Nearest(const char *item, size_t bytes, DataType type) const {
    int64_t nearest = -1;
    double least = type == DataType::kNumberTypeFloat32 ? kResembles / 58.0 : kResembles;
    for (size_t number = 0; (number + 1) * bytes <= inputs.size(); ++number) {
      const double difference = MeanDifference(item, inputs.data() + number * bytes, bytes, type);
      if (difference < least) {
        least = difference;
        nearest = static_cast<int64_t>(number);
      }
    }
    return nearest;
  }

  std::filesystem::path folder;
  json model;
  json log;
  std::string inputs;
  std::vector<MSTensor> input_tensors;
  int calls = 0;
  int unknown_items = 0;
};

Model::Model() = default;
Model::~Model() = default;

Status Model::Build(const std::string &model_path, ModelType model_type, const std::shared_ptr<Context> &context) {
  const char *path = std::getenv("FAKE_LITE_MODEL");
  if (path == nullptr) {
    return {kLiteError, "FAKE_LITE_MODEL is not set"};
  }
  recorded_ = std::make_unique<Recorded>(path);
  json &log = recorded_->log;
  log = {{"model_path", model_path}, {"model_type", model_type}, {"threads", context->thread_num_}};
  for (const auto &info : context->device_info_) {
    if (const auto *ascend = dynamic_cast<const AscendDeviceInfo *>(info.get())) {
      log["devices"].push_back({{"device_id", ascend->device_id_},
                                {"precision", ascend->precision_mode_},
                                {"aipp_path", ascend->cfg_path_},
                                {"aipp", ascend->cfg_path_.empty() ? "" : ReadAll(ascend->cfg_path_)}});
    }
  }
  recorded_->WriteLog();
  const std::string failure = recorded_->model.value("build", "");
  if (!failure.empty()) {
    return {kLiteError, "Common error code.", failure};
  }
  recorded_->inputs = ReadAll(recorded_->folder / recorded_->model.value("record", ""));
  recorded_->input_tensors = recorded_->Tensors("inputs", false);
  return {};
}

Status Model::Predict(const std::vector<MSTensor> &inputs, std::vector<MSTensor> *outputs, const MSKernelCallBack &,
                      const MSKernelCallBack &) {
  Recorded &recorded = *recorded_;
  const std::string failure = recorded.model.value("predict", "");
  if (!failure.empty() && recorded.calls == recorded.model.value("predict_at", 0)) {
    return {kLiteError, failure};
  }
  ++recorded.calls;
  const MSTensor &input = inputs.at(0);
  const auto batch = static_cast<size_t>(input.Shape().at(0));
  const size_t input_bytes = input.DataSize() / batch;
  *outputs = recorded.Tensors("outputs", true);
  const auto pixels = input.Data();
  for (size_t item = 0; item < batch; ++item) {
    const char *item_data = static_cast<const char *>(pixels.get()) + item * input_bytes;
    const int64_t number = recorded.Nearest(item_data, input_bytes, input.DataType());
    recorded.unknown_items += number < 0;
    for (size_t k = 0; number >= 0 && k < outputs->size(); ++k) {
      const json &entry = recorded.model.at("outputs").at(k);
      const std::string record = ReadAll(recorded.folder / entry.at("record").get<std::string>());
      const size_t bytes = outputs->at(k).DataSize() / batch;
      std::memcpy(static_cast<char *>(outputs->at(k).MutableData()) + item * bytes,
                  record.data() + static_cast<size_t>(number) * bytes, bytes);
    }
  }
  if (const std::string dump = recorded.model.value("dump", ""); !dump.empty()) {
    std::ofstream(recorded.folder / dump, std::ios::binary | std::ios::app)
        .write(static_cast<const char *>(pixels.get()), static_cast<std::streamsize>(input.DataSize()));
  }
  recorded.log["calls"] = recorded.calls;
  recorded.log["unknown_items"] = recorded.unknown_items;
  recorded.WriteLog();
  return {};
}

std::vector<MSTensor> Model::GetInputs() { return recorded_->input_tensors; }
std::vector<MSTensor> Model::GetOutputs() { return recorded_->Tensors("outputs", false); }

}  // namespace mindspore
