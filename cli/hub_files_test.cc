#include "cli/hub_files.h"

#include <gtest/gtest.h>

#include "client/files.h"

namespace dim {
namespace {

// What needs a station is in tests/e2e/channel_files_test.py.
TEST(HubFiles, F43_WhatDoesNotFitIntoAMessageIsRefusedBeforeAnythingGoesUp) {
  EXPECT_TRUE(check_files("", 1));
  EXPECT_TRUE(check_files("Look", 20));
  EXPECT_EQ(check_files("Look", 21).error().code, Errc::usage);
  EXPECT_TRUE(check_files(std::string(60'000, 'x'), 3));
  EXPECT_EQ(check_files(std::string(60'000, 'x'), 20).error().code, Errc::usage);
  EXPECT_EQ(check_files(std::string(64UL * 1024, 'x'), 1).error().code, Errc::usage);
}

/// A link and that of its preview, with the longest names and types there are, are no longer than
/// what check_files() takes them for.
TEST(HubFiles, F46_NoLinkIsLongerThanItsShare) {
  const auto link = [] {
    MediaLink out{.guid = *Guid::parse("018f6f0e7b8c7cc2a1f3b0d5f3a1c9e4"),
                  .station = "gsp-s001@2ACLy3krqTAvf5G6FTtPYvAaR4gLAMhVVQ",
                  .size = sealed_size(std::int64_t{1} << 40)};
    out.key = Secret(32);
    out.name = safe_filename(std::string(200, '%') + "." + std::string(15, '%'));
    return out;
  };
  std::vector<PostFile> files;
  files.push_back({.link = link(), .mime = "video/x-matroska"});
  files.back().pixels = PictureSize{100'000, 100'000};
  files.back().preview = link();
  files.back().preview->name += ".preview.jpg";
  EXPECT_LE(write_post_text("", files).size(), 1'400U);
}

}  // namespace
}  // namespace dim
