// dim-community: a day in a community at one station (day.h). Exits with 1 when anything was lost,
// came twice, was not the same for everybody, or was told to somebody who should not have been.
#include <fmt/core.h>
#include <sys/resource.h>

#include <cstdlib>

#include "tests/community/day.h"

// dim-community [POSTS [PEOPLE [KILLS [SEED]]]]
int main(int argc, char** argv) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  const auto number = [&](int at, std::size_t otherwise) {
    return argc > at ? std::strtoull(argv[at], nullptr, 10) : otherwise;
  };
  const dim::community::DayOptions options{.people = number(2, 50),
                                           .posts = number(1, 5'000),
                                           .kills = number(3, 8),
                                           .seed = number(4, 1)};
  if (options.posts < 20 || options.people < 10) {
    fmt::print(stderr, "dim-community [POSTS [PEOPLE [KILLS [SEED]]]]: at least 20, 10, 0\n");
    return 2;
  }
  try {
    return dim::community::Day(options).run() == 0 ? 0 : 1;
  } catch (const std::exception& error) {
    fmt::print(stderr, "dim-community: {}\n", error.what());
    return 1;
  }
}
