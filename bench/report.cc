#include "bench/report.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <string_view>

namespace dim::bench {
namespace {

constexpr double kNanoseconds = 1e9;

double median(std::vector<double> samples) {
  const auto middle = samples.begin() + static_cast<std::ptrdiff_t>(samples.size() / 2);
  std::nth_element(samples.begin(), middle, samples.end());
  return *middle;
}

/// Keeps the nanoseconds of one iteration of each repetition, of wall time where the row asks for
/// it and of CPU time elsewhere.
class Collector final : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context&) override { return true; }

  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      if (run.run_type != Run::RT_Iteration) continue;
      const std::string& name = run.run_name.function_name;
      if (run.error_occurred) {
        std::fprintf(stderr, "%s: %s\n", name.c_str(), run.error_message.c_str());
        failed_ = true;
        continue;
      }
      order_[run.family_index] = name;
      const bool wall = !run.run_name.time_type.empty();
      const double time = wall ? run.real_accumulated_time : run.cpu_accumulated_time;
      samples_[name].push_back(time * kNanoseconds / static_cast<double>(run.iterations));
    }
  }

  void print() const {
    std::printf("| what | time | a second |\n| --- | ---: | ---: |\n");
    for (const auto& [index, name] : order_) {
      const double time = median(samples_.at(name));
      std::printf("| %s | %.2f us | %.0f |\n", name.c_str(), time / 1000, kNanoseconds / time);
    }
  }

  /// 0 when a row is missing.
  double sum(const std::vector<std::string>& names) const {
    double out = 0;
    for (const std::string& name : names) {
      const auto found = samples_.find(name);
      if (found == samples_.end()) return 0;
      out += median(found->second);
    }
    return out;
  }

  bool failed() const { return failed_; }

 private:
  std::map<std::string, std::vector<double>> samples_;
  std::map<std::int64_t, std::string> order_;  // that of registration
  bool failed_ = false;
};

bool print(const Collector& rows, const std::vector<Ratio>& ratios) {
  bool complete = true;
  std::printf("\n| speed of ours by that of the bare ones | ratio | expected |\n");
  std::printf("| --- | ---: | ---: |\n");
  for (const Ratio& ratio : ratios) {
    const double bare = rows.sum(ratio.bare);
    const double ours = rows.sum(ratio.ours);
    if (bare <= 0 || ours <= 0) {
      std::fprintf(stderr, "%s: a row is missing\n", ratio.what.c_str());
      complete = false;
      continue;
    }
    std::printf("| %s | %.2f | ", ratio.what.c_str(), bare / ours);
    if (ratio.expected > 0) std::printf("%.1f", ratio.expected);
    std::printf(" |\n");
  }
  return complete;
}

}  // namespace

int run(int argc, char** argv, const std::vector<Ratio>& ratios) {
  std::vector<char*> words(argv, argv + argc);
  const bool quick =
      std::erase_if(words, [](std::string_view word) { return word == "--quick"; }) > 0;
  const bool some = std::ranges::any_of(
      words, [](std::string_view word) { return word.starts_with("--benchmark_filter"); });
  // In front, so that the caller's own options win.
  std::vector<std::string> defaults = {"--benchmark_repetitions=1", "--benchmark_min_time=0.001"};
  if (!quick) {
    defaults = {"--benchmark_repetitions=9", "--benchmark_min_time=0.1",
                "--benchmark_enable_random_interleaving=true"};
  }
  for (std::string& word : defaults) words.insert(words.begin() + 1, word.data());
  auto count = static_cast<int>(words.size());
  words.push_back(nullptr);
  benchmark::Initialize(&count, words.data());
  if (benchmark::ReportUnrecognizedArguments(count, words.data())) return 2;
  Collector rows;
  if (benchmark::RunSpecifiedBenchmarks(&rows) == 0) return 1;
  rows.print();
  const bool complete = ratios.empty() || some || print(rows, ratios);
  return rows.failed() || !complete ? 1 : 0;
}

}  // namespace dim::bench
