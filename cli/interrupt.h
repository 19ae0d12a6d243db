// Ctrl-C for verbs that finish what they have begun: a file, a stream.
#pragma once
#include <csignal>

namespace dim {

/// Set when Ctrl-C came while a CatchInterrupt lived.
inline volatile std::sig_atomic_t interrupted = 0;

/// Ctrl-C is a wish while one of these lives.
class CatchInterrupt {
 public:
  CatchInterrupt() : before_(std::signal(SIGINT, [](int) { interrupted = 1; })) {}
  CatchInterrupt(const CatchInterrupt&) = delete;
  CatchInterrupt& operator=(const CatchInterrupt&) = delete;
  ~CatchInterrupt() { std::signal(SIGINT, before_); }

 private:
  void (*before_)(int);
};

}  // namespace dim
