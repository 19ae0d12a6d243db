// Does the time that RSA decryption takes tell whether the padding was good (A22)? Welch's t-test
// over two classes of cipher texts measured in random order, as dudect does it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <functional>
#include <random>

#include "dim/crypto/asymmetric.h"
#include "dim/crypto/digest.h"
#include "dim/crypto/os_random.h"
#include "dim/crypto/rsa_numbers.h"
#include "testing/long_form.h"
#include "testing/sanitised.h"

namespace dim {
namespace {

// security.md A22: 200,000 cipher texts of a key as long as those that are generated; a commit
// takes what a few seconds allow, and sanitisers, which change all timings, only watch.
int samples() { return long_form() ? 200'000 : kSanitised ? 500 : 4'000; }
// Another process may disturb one class more than the other; the long form is run on a quiet
// machine.
int attempts() { return long_form() ? 1 : 3; }
constexpr int kBits = 2048;
constexpr std::size_t kBlock = kBits / 8;
constexpr double kThreshold = 10;
constexpr int kBatch = 500;  // cipher texts are made in between, so that making is not measured

struct Sample {
  bool good;
  double nanoseconds;
};

/// Nanoseconds of this thread: what others do on a busy machine is not in them.
double processor_time() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

double welch_t(std::vector<Sample> samples) {
  // The slowest tenth is interrupts and other processes.
  std::ranges::sort(samples, {}, &Sample::nanoseconds);
  samples.resize(samples.size() * 9 / 10);
  struct Sum {
    double count = 0, mean = 0, squares = 0;
    void add(double x) {
      ++count;
      const double delta = x - mean;
      mean += delta / count;
      squares += delta * (x - mean);
    }
    double variance() const { return squares / (count - 1); }
  };
  Sum good;
  Sum bad;
  for (const Sample& sample : samples) (sample.good ? good : bad).add(sample.nanoseconds);
  return (good.mean - bad.mean) /
         std::sqrt(good.variance() / good.count + bad.variance() / bad.count);
}

struct Cipher {
  bool good;
  Bytes bytes;
};

/// As many of each class as chance has it. Each is measured once: dudect's classes are "fixed" and
/// "random", ours are two kinds of random.
std::vector<Cipher> make_ciphers(const RsaPublicKey& key, std::mt19937& order) {
  // Both classes are even below the modulus: a difference in the numbers themselves would show too,
  // and is public.
  const Bytes spki = key.spki_der();
  const ByteView n = rsa::read_public(spki)->n;
  OsRandom random;
  std::vector<Cipher> out;
  for (int i = 0; i < kBatch; ++i) {
    if ((order() & 1) != 0) {
      out.push_back({true, key.encrypt(random.array<76>(), random).value()});  // as a message key
      continue;
    }
    auto cipher = random.array<kBlock>();
    while (!std::ranges::lexicographical_compare(cipher, n)) cipher = random.array<kBlock>();
    out.push_back({false, Bytes(cipher.begin(), cipher.end())});
  }
  return out;
}

double measure(const RsaPublicKey& key, const std::function<void(ByteView, bool)>& decrypt) {
  std::mt19937 order(std::random_device{}());
  std::vector<Sample> out;
  while (out.size() < static_cast<std::size_t>(samples())) {
    int done = 0;
    for (const Cipher& cipher : make_ciphers(key, order)) {
      const double start = processor_time();
      decrypt(cipher.bytes, cipher.good);
      const double taken = processor_time() - start;
      // Caches and clock speed settle first.
      if (++done > kBatch / 20) out.push_back({cipher.good, taken});
    }
  }
  return welch_t(std::move(out));
}

TEST(RsaTiming, A22_GoodAndBadPaddingTakeTheSameTime) {
  const RsaPrivateKey key = RsaPrivateKey::generate(kBits).value();
  double t = 0;
  for (int attempt = 0; attempt < attempts(); ++attempt) {
    t = measure(key.public_key(), [&](ByteView cipher, bool) { EXPECT_TRUE(key.decrypt(cipher)); });
    if (std::abs(t) < kThreshold) break;
  }
  RecordProperty("t", std::to_string(t));
  EXPECT_LT(std::abs(t), kThreshold);
}

// The measurement itself: it must see a leak of a few microseconds, which an early return would
// make, and with the fewer samples of a commit one of twenty.
TEST(RsaTiming, A22_TheTestSeesALeak) {
  if (kSanitised) GTEST_SKIP() << "no timing under a sanitiser";  // check_words: allow
  const RsaPrivateKey key = RsaPrivateKey::generate(kBits).value();
  const Bytes work(long_form() ? 4'096 : 32'768, 1);
  double t = 0;
  for (int attempt = 0; attempt < attempts(); ++attempt) {
    t = measure(key.public_key(), [&](ByteView cipher, bool good) {
      EXPECT_TRUE(key.decrypt(cipher));
      if (good) {
        EXPECT_EQ(sha256(work).size(), 32U);
      }
    });
    if (std::abs(t) > kThreshold) break;
  }
  RecordProperty("t", std::to_string(t));
  EXPECT_GT(std::abs(t), kThreshold);
}

}  // namespace
}  // namespace dim
