// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
#include "inc/model/acl_runtime.h"

#include <acl/acl.h>
#include <acl/acl_mdl.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <optional>

#include "inc/errors.h"
#include "inc/model/acl_session.h"

namespace yolo {
namespace {

using ModelDesc = AclOwned<aclmdlDesc, aclmdlDestroyDesc>;

/// What the model says of an input or output.
struct Tensor {
  std::string name;
  aclDataType type = ACL_FLOAT;
  std::vector<int64_t> shape;
  size_t bytes = 0;

  std::string Text() const {
    const std::string type_text = type == ACL_UINT8     ? "uint8"
                                  : type == ACL_FLOAT   ? "float32"
                                  : type == ACL_FLOAT16 ? "float16"
                                                        : "type " + std::to_string(type);
    return "\"" + name + "\" " + type_text + " " + ShapeText(shape) + ", " + std::to_string(bytes) + " bytes";
  }

  bool IsFloat() const { return type == ACL_FLOAT || type == ACL_FLOAT16; }
  size_t ElementBytes() const { return type == ACL_FLOAT16 ? sizeof(uint16_t) : sizeof(float); }
};

std::string TensorsText(const std::vector<Tensor> &tensors) {
  std::string text;
  for (const Tensor &tensor : tensors) {
    text += (text.empty() ? "" : "; ") + tensor.Text();
  }
  return text.empty() ? "none" : text;
}

std::vector<int64_t> ShapeOf(const aclmdlIODims &dims) {
  return {dims.dims, dims.dims + std::min(dims.dimCount, size_t{ACL_MAX_DIM_CNT})};
}

std::vector<Tensor> InputsOf(aclmdlDesc *model) {
  std::vector<Tensor> tensors(aclmdlGetNumInputs(model));
  for (size_t i = 0; i < tensors.size(); ++i) {
    aclmdlIODims dims{};
    CheckAcl(aclmdlGetInputDims(model, i, &dims), "aclmdlGetInputDims");
    tensors[i] = {CheckMade(aclmdlGetInputNameByIndex(model, i), "aclmdlGetInputNameByIndex"),
                  aclmdlGetInputDataType(model, i), ShapeOf(dims), aclmdlGetInputSizeByIndex(model, i)};
  }
  return tensors;
}

std::vector<Tensor> OutputsOf(aclmdlDesc *model) {
  std::vector<Tensor> tensors(aclmdlGetNumOutputs(model));
  for (size_t i = 0; i < tensors.size(); ++i) {
    aclmdlIODims dims{};
    CheckAcl(aclmdlGetOutputDims(model, i, &dims), "aclmdlGetOutputDims");
    tensors[i] = {CheckMade(aclmdlGetOutputNameByIndex(model, i), "aclmdlGetOutputNameByIndex"),
                  aclmdlGetOutputDataType(model, i), ShapeOf(dims), aclmdlGetOutputSizeByIndex(model, i)};
  }
  return tensors;
}

[[noreturn]] void RefuseModel(const std::string &model_path, const std::string &what, const std::string &found,
                              const std::string &expected) {
  throw Error(ExitCode::kModel, model_path + ": its " + what + " is " + found + ", but its description says " +
                                    expected + "; convert the exported model again by scripts/convert_om.sh");
}

void CheckInput(const std::string &model_path, const InputDescription &input, const std::vector<Tensor> &tensors) {
  bool fits = tensors.size() == 1 && tensors[0].bytes == input.ByteSize();
  std::string expected = "one of " + std::to_string(input.ByteSize()) + " bytes: ";
  if (input.normalise == Normalise::kAipp) {
    // For these ACL documents the size, but not the shape of what has another layout than NHWC.
    expected += std::string(input.IsNv12() ? "NV12" : "pixels uint8") + ", with static AIPP before the network";
  } else {
    const aclDataType type = input.TakesPixels() ? ACL_UINT8 : ACL_FLOAT;
    expected += Tensor{input.name, type, input.shape, input.ByteSize()}.Text();
    fits = fits && tensors[0].type == type && tensors[0].shape == input.shape;
  }
  if (!fits) {
    RefuseModel(model_path, "input", TensorsText(tensors), expected);
  }
}

/// Whether atc's name of an output, "operator:number:name" or "name", is this one.
bool HasName(const Tensor &tensor, const std::string &name) {
  return tensor.name.substr(tensor.name.rfind(':') + 1) == name;
}

/// Returns for each output of the description its place among the model's.
std::vector<size_t> MatchOutputs(const std::string &model_path, const std::vector<OutputDescription> &outputs,
                                 const std::vector<Tensor> &tensors) {
  std::vector<size_t> places;
  for (const OutputDescription &output : outputs) {
    auto found = std::find_if(tensors.begin(), tensors.end(),
                              [&](const Tensor &tensor) { return HasName(tensor, output.name); });
    if (found == tensors.end()) {
      found = std::find_if(tensors.begin(), tensors.end(),
                           [&](const Tensor &tensor) { return tensor.shape == output.shape; });
    }
    const bool fits = found != tensors.end() && found->shape == output.shape && found->IsFloat() &&
                      found->bytes >= output.ElementCount() * found->ElementBytes();
    const auto place = static_cast<size_t>(found - tensors.begin());
    // No two outputs of one network have the same shape: their strides differ.
    if (!fits || tensors.size() != outputs.size() || std::count(places.begin(), places.end(), place) != 0) {
      RefuseModel(model_path, "output " + output.name, "not among them: " + TensorsText(tensors),
                  std::to_string(outputs.size()) + " outputs, this one float32 or float16 " + ShapeText(output.shape));
    }
    places.push_back(place);
  }
  return places;
}

/// A model on a device. Loading, running and unloading it has to happen in one context.
class LoadedModel {
 public:
  explicit LoadedModel(const std::string &path) {
    const aclError error = aclmdlLoadFromFile(path.c_str(), &id_);
    if (error != ACL_SUCCESS) {
      const std::string failure = AclFailure("aclmdlLoadFromFile", error);
      const char *chip = aclrtGetSocName();
      throw Error(ExitCode::kModel, path + ": " + failure +
                                        "; an .om file runs on the chip and with the CANN that it was converted for: "
                                        "convert the exported model by scripts/convert_om.sh for " +
                                        (chip == nullptr ? "this chip" : chip));
    }
  }
  ~LoadedModel() { aclmdlUnload(id_); }
  LoadedModel(const LoadedModel &) = delete;
  LoadedModel &operator=(const LoadedModel &) = delete;

  uint32_t id() const { return id_; }

  ModelDesc Describe() const {
    ModelDesc model(CheckMade(aclmdlCreateDesc(), "aclmdlCreateDesc"));
    CheckAcl(aclmdlGetDesc(model.get(), id_), "aclmdlGetDesc");
    return model;
  }

 private:
  uint32_t id_ = 0;
};

/// Memory for an input or output: on the device, and on the host for copies that do not wait.
class DeviceBuffer {
 public:
  explicit DeviceBuffer(size_t bytes) : bytes_(bytes) {
    void *memory = nullptr;
    CheckAcl(aclrtMallocHost(&memory, bytes), "aclrtMallocHost");
    host_.reset(memory);
    CheckAcl(aclrtMalloc(&memory, bytes, ACL_MEM_MALLOC_HUGE_FIRST), "aclrtMalloc");
    device_.reset(memory);
    data_.reset(CheckMade(aclCreateDataBuffer(memory, bytes), "aclCreateDataBuffer"));
  }

  void *host() const { return host_.get(); }
  aclDataBuffer *data() const { return data_.get(); }

  void StartUpload(const AclSession &session) const {
    CheckAcl(aclrtMemcpyAsync(device_.get(), bytes_, host_.get(), bytes_, session.to_device(), session.stream()),
             "aclrtMemcpyAsync");
  }

  void StartDownload(const AclSession &session) const {
    CheckAcl(aclrtMemcpyAsync(host_.get(), bytes_, device_.get(), bytes_, session.to_host(), session.stream()),
             "aclrtMemcpyAsync");
  }

 private:
  size_t bytes_;
  AclOwned<void, aclrtFreeHost> host_;
  AclOwned<void, aclrtFree> device_;
  AclOwned<aclDataBuffer, aclDestroyDataBuffer> data_;
};

/// The buffers of the inputs or of the outputs of one batch.
class Dataset {
 public:
  explicit Dataset(const std::vector<Tensor> &tensors)
      : dataset_(CheckMade(aclmdlCreateDataset(), "aclmdlCreateDataset")) {
    for (const Tensor &tensor : tensors) {
      buffers_.emplace_back(tensor.bytes);
      CheckAcl(aclmdlAddDatasetBuffer(dataset_.get(), buffers_.back().data()), "aclmdlAddDatasetBuffer");
    }
  }

  aclmdlDataset *get() const { return dataset_.get(); }
  const std::vector<DeviceBuffer> &buffers() const { return buffers_; }

 private:
  std::vector<DeviceBuffer> buffers_;
  AclOwned<aclmdlDataset, aclmdlDestroyDataset> dataset_;
};

/// A batch that is in the device's memory already.
class DeviceBatch {
 public:
  DeviceBatch(const void *memory, size_t bytes)
      : data_(CheckMade(aclCreateDataBuffer(const_cast<void *>(memory), bytes), "aclCreateDataBuffer")),
        dataset_(CheckMade(aclmdlCreateDataset(), "aclmdlCreateDataset")) {
    CheckAcl(aclmdlAddDatasetBuffer(dataset_.get(), data_.get()), "aclmdlAddDatasetBuffer");
  }

  aclmdlDataset *get() const { return dataset_.get(); }

 private:
  AclOwned<aclDataBuffer, aclDestroyDataBuffer> data_;
  AclOwned<aclmdlDataset, aclmdlDestroyDataset> dataset_;
};

class AclRuntime : public Runtime {
 public:
  AclRuntime(const std::string &model_path, const ModelDescription &description, const RuntimeOptions &options)
      : model_path_(model_path), outputs_(description.outputs), session_(options.device_id), model_(model_path) {
    const ModelDesc model = model_.Describe();
    const std::vector<Tensor> inputs = InputsOf(model.get());
    tensors_ = OutputsOf(model.get());
    CheckInput(model_path, description.input, inputs);
    places_ = MatchOutputs(model_path, outputs_, tensors_);
    input_bytes_ = inputs[0].bytes;
    if (!options.by_dvpp || !description.input.IsNv12()) {
      input_.emplace(inputs);
    }
    output_.emplace(tensors_);
  }

  ~AclRuntime() override {
    // What frees the members needs the context, in whichever thread; after a failure some of the work may still run.
    session_.Finish();
  }

  std::vector<std::vector<float>> Infer(const void *input, size_t bytes) override {
    if (bytes != input_bytes_) {
      throw Error(ExitCode::kRuntime, model_path_ + ": the batch has " + std::to_string(bytes) +
                                          " bytes; the model takes " + std::to_string(input_bytes_));
    }
    session_.Use();
    try {
      return Run(input, bytes);
    } catch (...) {
      // What has been started may need the batch, which ends with the run.
      session_.Finish();
      throw;
    }
  }

 private:
  std::vector<std::vector<float>> Run(const void *input, size_t bytes) {
    if (input_) {
      std::memcpy(input_->buffers()[0].host(), input, bytes);
      input_->buffers()[0].StartUpload(session_);
    } else {
      batch_.emplace(input, bytes);
    }
    aclmdlDataset *const batch = input_ ? input_->get() : batch_->get();
    CheckAcl(aclmdlExecuteAsync(model_.id(), batch, output_->get(), session_.stream()), "aclmdlExecuteAsync");
    for (const DeviceBuffer &buffer : output_->buffers()) {
      buffer.StartDownload(session_);
    }
    session_.Synchronize();
    std::vector<std::vector<float>> heads;
    for (size_t i = 0; i < outputs_.size(); ++i) {
      const Tensor &tensor = tensors_[places_[i]];
      heads.push_back(
          ToFloats(output_->buffers()[places_[i]].host(), outputs_[i].ElementCount(), tensor.type == ACL_FLOAT16));
    }
    return heads;
  }

  std::string model_path_;
  std::vector<OutputDescription> outputs_;
  std::vector<Tensor> tensors_;
  std::vector<size_t> places_;
  size_t input_bytes_ = 0;
  // In the order in which they are made; the last is freed first.
  AclSession session_;
  LoadedModel model_;
  std::optional<Dataset> input_, output_;
  std::optional<DeviceBatch> batch_;  // in the place of input_
};

}  // namespace

std::unique_ptr<Runtime> CreateAclRuntime(const std::string &model_path, const ModelDescription &description,
                                          const RuntimeOptions &options) {
  if (std::filesystem::path(model_path).extension() != ".om") {
    throw Error(ExitCode::kUsage, model_path +
                                      ": ACL runs .om files; expected one, as scripts/convert_om.sh makes of an "
                                      "exported ONNX file");
  }
  return std::make_unique<AclRuntime>(model_path, description, options);
}

}  // namespace yolo
