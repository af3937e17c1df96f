// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
// A stand-in for ACL on the host. It has what the vendor documents as rules: what breaks one is refused, with a reason.
//
//   FAKE_ACL_CHIP  the chip it plays: Ascend310 (the default), Ascend310P3 or Ascend310B4
//   FAKE_ACL_FAIL  the name of one function, which then returns an error
//   FAKE_ACL_LOG   a file to which "load 0" and "run 0" are appended when a model is loaded on and run by device 0, and
//                  "copy 100 up" or "copy 100 down" when 100 bytes are copied to the device or to the host
//   FAKE_ACL_DUMP  a file to which the input of each run is appended as the network gets it, after AIPP
//
// Work on a stream is done when the stream is synchronised, never earlier: who reads a result before that, or changes
// or frees what is still needed, gets wrong numbers. Objects that were not freed are counted at the end of the process,
// on standard error.
#ifndef TESTS_CPP_FAKE_ACL_DEVICE_H_
#define TESTS_CPP_FAKE_ACL_DEVICE_H_

#include <acl/acl.h>

#include <atomic>
#include <functional>
#include <string>
#include <vector>

namespace fake_acl {

constexpr aclError kBroken = 500000, kRefused = 100000;

struct Chip {
  const char *name;
  uint32_t width_step;  // the width stride of a decoded image is a multiple of it
  bool rounds_down;     // odd sides of an image with colour at full resolution
  bool shares_memory;   // the program runs on the device itself
};

const Chip &PlayedChip();

struct Context {
  int device;
};

struct Stream {
  Context *context;
  std::vector<std::function<aclError()>> tasks;
};

/// The context of the calling thread; nullptr where it has none.
Context *&CurrentContext();

/// Objects that live.
extern std::atomic<int> alive;

/// Sets the message of the last error and returns a code.
aclError Refuse(const char *function, const std::string &why);

/// An error where FAKE_ACL_FAIL asks for it, or the calling thread has no context.
aclError Enter(const char *function);

/// Puts work at the end of a stream.
aclError Enqueue(const char *function, aclrtStream stream, std::function<aclError()> task);

/// Whether `bytes` from `memory` on lie in one allocation of the device.
bool IsOnDevice(const void *memory, size_t bytes);

/// Allocates memory of the device, filled with noise.
void *AllocateOnDevice(size_t bytes);
void FreeOnDevice(void *memory);

/// Appends a line to FAKE_ACL_LOG.
void Log(const std::string &line);

/// Fills memory with bytes that nobody expects.
void FillWithNoise(void *memory, size_t bytes);

template <typename Type>
Type *Make(const char *function) {
  if (Enter(function) != ACL_SUCCESS) {
    return nullptr;
  }
  ++alive;
  return new Type();
}

template <typename Type>
aclError Destroy(Type *object) {
  --alive;
  delete object;
  return ACL_SUCCESS;
}

}  // namespace fake_acl

#endif  // TESTS_CPP_FAKE_ACL_DEVICE_H_
