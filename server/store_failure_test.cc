#include "server/store_failure.h"

#include <gtest/gtest.h>

#include <set>

namespace dim {
namespace {

TEST(StoreFailure, EachKindHasItsExitCodeAndNamesTheFolder) {
  const std::pair<Errc, Exit> table[] = {
      {Errc::conflict, Exit::locked},         {Errc::edition, Exit::keys},
      {Errc::forbidden, Exit::not_writable},  {Errc::insufficient_storage, Exit::disk_full},
      {Errc::internal, Exit::keys},           {Errc::io, Exit::store_failed},
      {Errc::bad_request, Exit::store_failed}};
  std::set<std::string> texts;
  for (const auto& [kind, exit] : table) {
    const Failure failure = store_failure("/srv/dim", {kind, "why"});
    EXPECT_EQ(failure.code, exit) << failure.text;
    EXPECT_TRUE(failure.text.starts_with("/srv/dim: ")) << failure.text;
    texts.insert(failure.text);
  }
  EXPECT_EQ(texts.size(), 6u);  // the two that are unknown are told alike
}

}  // namespace
}  // namespace dim
