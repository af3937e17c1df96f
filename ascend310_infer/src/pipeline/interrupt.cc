// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
#include "inc/pipeline/interrupt.h"

#include <atomic>
#include <csignal>

namespace yolo {
namespace {

std::atomic<int> caught_signal{0};

void Catch(int signal) {
  caught_signal = signal;
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
}

}  // namespace

void CatchSignals() {
  static_assert(std::atomic<int>::is_always_lock_free, "a signal handler may not wait for a lock");
  std::signal(SIGINT, Catch);
  std::signal(SIGTERM, Catch);
}

int CaughtSignal() { return caught_signal; }

std::string CaughtSignalName() {
  const int signal = caught_signal;
  return signal == 0 ? "" : signal == SIGINT ? "SIGINT" : "SIGTERM";
}

}  // namespace yolo
