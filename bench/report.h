// What the NAME_bench programs share: google-benchmark underneath, medians of interleaved
// repetitions on top, printed as the tables of docs/performance.md.
#pragma once
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

namespace dim::bench {

/// How fast rows of ours are, measured by rows of bare primitives of the same run: the sum of the
/// bare medians over the sum of ours. 1.00 is as fast as the primitives alone.
struct Ratio {
  std::string what;
  std::vector<std::string> bare;
  std::vector<std::string> ours;
  double expected = 0;  ///< what docs/performance.md promises; 0: nothing
};

/// Runs everything that was registered, prints a table of medians and one of ratios. Takes the
/// options of google-benchmark, and `--quick`: each row once, to see that it works. 1 when a row
/// failed or a ratio names a row that is not there.
int run(int argc, char** argv, const std::vector<Ratio>& ratios);

}  // namespace dim::bench
