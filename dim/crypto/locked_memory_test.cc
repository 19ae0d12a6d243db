#include "dim/crypto/locked_memory.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "dim/crypto/secret.h"
#include "testing/sanitised.h"

namespace dim {
namespace {

/// Of this process, as the system counts.
std::size_t locked_by_the_system() {
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("VmLck:")) return std::stoul(line.substr(6)) * 1'024;
  }
  return 0;
}

bool may_lock() {
  rlimit limit{};
  return ::getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur >= kLockedMost;
}

TEST(LockedMemory, A43_SecretsAreInMemoryThatTheSystemKeepsOutOfSwap) {
  const Secret secret(32);
  EXPECT_EQ(secret.size(), 32U);
  if (may_lock()) {
    EXPECT_GE(locked_bytes(), kLockedChunk);
  }
  // Sanitisers leave mlock out.
  if (!kSanitised) {
    EXPECT_GE(locked_by_the_system(), locked_bytes());
  }
}

TEST(LockedMemory, CellsDoNotOverlapAndComeAgainAsZeros) {
  std::vector<std::pair<std::uint8_t*, std::size_t>> cells;
  for (const std::size_t size : {1U, 31U, 32U, 33U, 64U, 100U, 4'096U, 4'097U}) {
    for (int i = 0; i < 20; ++i) cells.emplace_back(take_locked(size), size);
  }
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const auto [bytes, size] = cells[i];
    EXPECT_EQ(std::count(bytes, bytes + size, 0), static_cast<std::ptrdiff_t>(size));
    std::fill(bytes, bytes + size, static_cast<std::uint8_t>(i + 1));
  }
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const auto [bytes, size] = cells[i];
    EXPECT_EQ(std::count(bytes, bytes + size, static_cast<std::uint8_t>(i + 1)),
              static_cast<std::ptrdiff_t>(size));
    give_locked(bytes, size);
  }
  for (auto& [bytes, size] : cells) {
    bytes = take_locked(size);
    EXPECT_EQ(std::count(bytes, bytes + size, 0), static_cast<std::ptrdiff_t>(size));
  }
  for (const auto& [bytes, size] : cells) give_locked(bytes, size);
  EXPECT_EQ(take_locked(0), nullptr);
  give_locked(nullptr, 0);
}

TEST(LockedMemory, WhatIsGivenBackServesAgainAndThereIsAnEndOfIt) {
  std::vector<std::uint8_t*> cells;
  for (std::size_t i = 0; i < 2 * kLockedMost / 4'096; ++i) cells.push_back(take_locked(4'096));
  EXPECT_EQ(std::set<std::uint8_t*>(cells.begin(), cells.end()).size(), cells.size());
  const std::size_t locked = locked_bytes();
  EXPECT_LE(locked, kLockedMost);
  for (std::uint8_t* cell : cells) give_locked(cell, 4'096);
  for (int i = 0; i < 1'000; ++i) give_locked(take_locked(4'096), 4'096);
  EXPECT_EQ(locked_bytes(), locked);
}

TEST(LockedMemory, ManyThreadsTakeAndGive) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([t] {
      for (int i = 0; i < 2'000; ++i) {
        const auto size = static_cast<std::size_t>(1 + (i * 7 + t) % 200);
        std::uint8_t* const bytes = take_locked(size);
        std::fill(bytes, bytes + size, static_cast<std::uint8_t>(t + 1));
        EXPECT_EQ(std::count(bytes, bytes + size, static_cast<std::uint8_t>(t + 1)),
                  static_cast<std::ptrdiff_t>(size));
        give_locked(bytes, size);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace dim
