#include "server/log.h"

#include <gmock/gmock.h>

namespace dim {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;

TEST(Log, A38_EscapesWhatComesFromOutside) {
  EXPECT_EQ(Log::line("login", {{"who", "a\nlevel=error \"x\""}, {"detail", ""}}),
            "event=login who=\"a\\\\x0Alevel=error \\\"x\\\"\"");
}

TEST(Log, A38_NoByteOfAStrangerDrivesATerminal) {
  const std::string line = Log::line("login", {{"who", "\x1b[2J\r\x07\xC2\x9B"}});
  for (const char c : line) {
    EXPECT_GE(static_cast<unsigned char>(c), 0x20U) << line;
    EXPECT_LT(static_cast<unsigned char>(c), 0x7fU) << line;
  }
}

TEST(Log, WritesOneLineWithTimeAndLevel) {
  testing::internal::CaptureStderr();
  {
    const Log log(LogLevel::info);
    log.write(LogLevel::warn, "clock", {{"detail", "stands before 2024"}});
  }
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              MatchesRegex("time=20[0-9-]+T[0-9:.]+Z level=warning event=clock "
                           "detail=\"stands before 2024\"\n"));
}

TEST(Log, SaysNothingBelowItsLevelAndTakesAnotherOne) {
  testing::internal::CaptureStderr();
  {
    Log log(LogLevel::warn);
    log.write(LogLevel::info, "hidden");
    log.set_level(LogLevel::debug);
    log.write(LogLevel::debug, "shown");
    log.set_level(LogLevel::off);
    log.write(LogLevel::error, "hidden");
  }
  const std::string out = testing::internal::GetCapturedStderr();
  EXPECT_THAT(out, HasSubstr("event=shown"));
  EXPECT_EQ(out.find("hidden"), std::string::npos);
}

}  // namespace
}  // namespace dim
