// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
// Contexts, streams and memory of the stand-in.
#include "device.h"

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <map>
#include <mutex>
#include <random>

namespace fake_acl {

std::atomic<int> alive{0};

namespace {

constexpr Chip kChips[] = {
    {"Ascend310", 128, false, false}, {"Ascend310P3", 64, true, false}, {"Ascend310B4", 64, true, true}};
constexpr int kDevices = 2;

std::mutex memory_mutex;
std::map<const char *, size_t> device_memory, host_memory;

/// Reports what was not freed when the process ends.
struct Counter {
  ~Counter() {
    if (alive != 0) {
      std::cerr << "fake_acl: " << alive << " objects were not freed\n";
    }
  }
} counter;

std::string &Message() {
  thread_local std::string message;
  return message;
}

bool Holds(const std::map<const char *, size_t> &allocated, const void *memory, size_t bytes) {
  const std::lock_guard<std::mutex> lock(memory_mutex);
  const auto *start = static_cast<const char *>(memory);
  auto after = allocated.upper_bound(start);
  return after != allocated.begin() && (--after, start + bytes <= after->first + after->second);
}

void *Allocate(std::map<const char *, size_t> *allocated, size_t bytes) {
  auto *memory = static_cast<char *>(std::malloc(bytes));
  FillWithNoise(memory, bytes);
  const std::lock_guard<std::mutex> lock(memory_mutex);
  (*allocated)[memory] = bytes;
  ++alive;
  return memory;
}

aclError Free(std::map<const char *, size_t> *allocated, const char *function, void *memory) {
  const std::lock_guard<std::mutex> lock(memory_mutex);
  if (allocated->erase(static_cast<const char *>(memory)) == 0) {
    return Refuse(function, "this memory was not allocated here");
  }
  --alive;
  std::free(memory);
  return ACL_SUCCESS;
}

/// Checks a copy by its kind; memory of the host may be any where `pinned` is false.
aclError CheckCopy(const char *function, const void *target, size_t most, const void *source, size_t count,
                   aclrtMemcpyKind kind, bool pinned) {
  const bool shared = PlayedChip().shares_memory;
  const bool up = IsOnDevice(target, count), down = IsOnDevice(source, count);
  const auto expected =
      shared ? ACL_MEMCPY_DEVICE_TO_DEVICE : (up ? ACL_MEMCPY_HOST_TO_DEVICE : ACL_MEMCPY_DEVICE_TO_HOST);
  if (count > most || up == down || kind != expected) {
    return Refuse(function, "copy of kind " + std::to_string(kind) + ", " + std::to_string(count) + " bytes to " +
                                (up ? "the device" : "the host"));
  }
  if (pinned && !Holds(host_memory, up ? source : target, count)) {
    return Refuse(function, "an asynchronous copy needs memory of aclrtMallocHost");
  }
  Log("copy " + std::to_string(count) + (up ? " up" : " down"));
  return ACL_SUCCESS;
}

}  // namespace

const Chip &PlayedChip() {
  static const Chip played = [] {
    const char *name = std::getenv("FAKE_ACL_CHIP");
    for (const Chip &chip : kChips) {
      if (name == nullptr || std::strcmp(chip.name, name) == 0) {
        return chip;
      }
    }
    return Chip{name, 64, true, false};
  }();
  return played;
}

Context *&CurrentContext() {
  thread_local Context *current = nullptr;
  return current;
}

aclError Refuse(const char *function, const std::string &why) {
  Message() = "EZ9999: Inner Error!\nEZ9999: " + std::string(function) + ": " + why + "\n";
  return kRefused;
}

aclError Enter(const char *function) {
  const char *broken = std::getenv("FAKE_ACL_FAIL");
  if (broken != nullptr && std::strcmp(broken, function) == 0) {
    Refuse(function, "FAKE_ACL_FAIL names it");
    return kBroken;
  }
  return CurrentContext() == nullptr ? Refuse(function, "the thread has no context") : ACL_SUCCESS;
}

aclError Enqueue(const char *function, aclrtStream stream, std::function<aclError()> task) {
  if (static_cast<Stream *>(stream)->context != CurrentContext()) {
    return Refuse(function, "the stream is of another context");
  }
  static_cast<Stream *>(stream)->tasks.push_back(std::move(task));
  return ACL_SUCCESS;
}

bool IsOnDevice(const void *memory, size_t bytes) { return Holds(device_memory, memory, bytes); }
void *AllocateOnDevice(size_t bytes) { return Allocate(&device_memory, bytes); }
void FreeOnDevice(void *memory) { Free(&device_memory, "free", memory); }

void Log(const std::string &line) {
  static std::mutex mutex;
  if (const char *log = std::getenv("FAKE_ACL_LOG"); log != nullptr) {
    const std::lock_guard<std::mutex> lock(mutex);
    std::ofstream(log, std::ios::app) << line << '\n';
  }
}

void FillWithNoise(void *memory, size_t bytes) {
  std::minstd_rand noise(1);
  for (size_t i = 0; i < bytes; ++i) {
    static_cast<unsigned char *>(memory)[i] = static_cast<unsigned char>(noise() >> 8);
  }
}

}  // namespace fake_acl

using namespace fake_acl;

aclError aclInit(const char *) {
  static std::atomic<bool> is_initialised{false};
  if (is_initialised.exchange(true)) {
    return ACL_ERROR_REPEAT_INITIALIZE;
  }
  return Enter("aclInit") == kBroken ? kBroken : ACL_SUCCESS;
}

const char *aclGetRecentErrMsg() {
  thread_local std::string handed;
  handed.swap(Message());
  Message().clear();
  return handed.empty() ? nullptr : handed.c_str();
}

const char *aclrtGetSocName() { return Enter("aclrtGetSocName") == ACL_SUCCESS ? PlayedChip().name : nullptr; }

aclError aclrtSetDevice(int32_t device) {
  if (Enter("aclrtSetDevice") == kBroken) {
    return kBroken;
  }
  return device < kDevices ? ACL_SUCCESS : Refuse("aclrtSetDevice", "there is no such device");
}

aclError aclrtGetRunMode(aclrtRunMode *mode) {
  *mode = PlayedChip().shares_memory ? ACL_DEVICE : ACL_HOST;
  return Enter("aclrtGetRunMode");
}

aclError aclrtCreateContext(aclrtContext *context, int32_t device) {
  if (Enter("aclrtCreateContext") == kBroken) {
    return kBroken;
  }
  ++alive;
  CurrentContext() = new Context{device};
  *context = CurrentContext();
  return ACL_SUCCESS;
}

aclError aclrtDestroyContext(aclrtContext context) {
  if (CurrentContext() == context) {
    CurrentContext() = nullptr;
  }
  return Destroy(static_cast<Context *>(context));
}

aclError aclrtSetCurrentContext(aclrtContext context) {
  CurrentContext() = static_cast<Context *>(context);
  return Enter("aclrtSetCurrentContext");
}

aclError aclrtCreateStream(aclrtStream *stream) {
  auto *made = Make<Stream>("aclrtCreateStream");
  *stream = made;
  if (made == nullptr) {
    return kBroken;
  }
  made->context = CurrentContext();
  return ACL_SUCCESS;
}

aclError aclrtDestroyStream(aclrtStream stream) { return Destroy(static_cast<Stream *>(stream)); }

aclError aclrtSynchronizeStream(aclrtStream stream) {
  aclError result = Enter("aclrtSynchronizeStream");
  auto *work = static_cast<Stream *>(stream);
  for (const auto &task : work->tasks) {
    if (result == ACL_SUCCESS) {
      result = task();
    }
  }
  work->tasks.clear();
  return result;
}

aclError aclrtMalloc(void **memory, size_t size, aclrtMemMallocPolicy) {
  const aclError result = Enter("aclrtMalloc");
  *memory = result == ACL_SUCCESS ? AllocateOnDevice(size) : nullptr;
  return result;
}

aclError aclrtFree(void *memory) { return Free(&device_memory, "aclrtFree", memory); }

aclError aclrtMallocHost(void **memory, size_t size) {
  const aclError result = Enter("aclrtMallocHost");
  *memory = result == ACL_SUCCESS ? Allocate(&host_memory, size) : nullptr;
  return result;
}

aclError aclrtFreeHost(void *memory) { return Free(&host_memory, "aclrtFreeHost", memory); }

aclError aclrtMemcpy(void *target, size_t most, const void *source, size_t count, aclrtMemcpyKind kind) {
  aclError result = Enter("aclrtMemcpy");
  if (result == ACL_SUCCESS) {
    result = CheckCopy("aclrtMemcpy", target, most, source, count, kind, false);
  }
  if (result == ACL_SUCCESS) {
    std::memcpy(target, source, count);
  }
  return result;
}

aclError aclrtMemcpyAsync(void *target, size_t most, const void *source, size_t count, aclrtMemcpyKind kind,
                          aclrtStream stream) {
  const char *const name = "aclrtMemcpyAsync";
  aclError result = Enter(name);
  if (result == ACL_SUCCESS) {
    result = CheckCopy(name, target, most, source, count, kind, true);
  }
  return result != ACL_SUCCESS ? result : Enqueue(name, stream, [=] {
    std::memcpy(target, source, count);
    return ACL_SUCCESS;
  });
}

aclError aclrtMemsetAsync(void *memory, size_t most, int32_t value, size_t count, aclrtStream stream) {
  const char *const name = "aclrtMemsetAsync";
  const aclError result = Enter(name);
  if (result != ACL_SUCCESS || count > most || !IsOnDevice(memory, count)) {
    return result != ACL_SUCCESS ? result : Refuse(name, "this is not memory of the device, or too little");
  }
  return Enqueue(name, stream, [=] {
    std::memset(memory, value, count);
    return ACL_SUCCESS;
  });
}
