#include "dim/base/error.h"

#include <gtest/gtest.h>

#include <set>
#include <type_traits>

namespace dim {
namespace {

std::vector<Errc> all_codes() {
  std::vector<Errc> out;
  for (int i = 0; i <= static_cast<int>(Errc::usage); ++i) out.push_back(static_cast<Errc>(i));
  return out;
}

TEST(Error, EveryKindHasANameOfItsOwn) {
  std::set<std::string_view> names;
  for (const Errc code : all_codes())
    EXPECT_TRUE(names.insert(name_of(code)).second) << name_of(code);
}

TEST(Error, EveryKindAnswersWithACodeOfTheProtocol) {
  const std::set<int> known = {300, 303, 401, 402, 403, 404, 405, 407, 410, 411, 412, 413,
                               416, 417, 418, 419, 500, 501, 503, 505, 506, 507, 510, 511};
  for (const Errc code : all_codes()) EXPECT_TRUE(known.contains(status_of(code))) << name_of(code);
}

TEST(Error, CodesOfThePacketGroupAreTheirOwn) {
  EXPECT_EQ(status_of(Errc::bad_request), 401);
  EXPECT_EQ(status_of(Errc::conflict), 407);
  EXPECT_EQ(status_of(Errc::too_many_requests), 416);
  EXPECT_EQ(status_of(Errc::request_timeout), 511);
}

TEST(Error, LibraryKindsMapAsTheHeaderSays) {
  for (const Errc code :
       {Errc::json, Errc::encoding, Errc::id, Errc::content, Errc::plain_not_allowed}) {
    EXPECT_EQ(status_of(code), 401) << name_of(code);
  }
  for (const Errc code :
       {Errc::key, Errc::signature, Errc::meta, Errc::document, Errc::decrypt, Errc::rebound}) {
    EXPECT_EQ(status_of(code), 402) << name_of(code);
  }
  EXPECT_EQ(status_of(Errc::replay), 407);
}

TEST(Error, TextNamesKindHintAndPlace) {
  EXPECT_EQ(to_string(fail(Errc::json, "a key stands twice; keep one", 17).error()),
            "E_JSON: a key stands twice; keep one (at 17)");
  EXPECT_EQ(to_string(fail(Errc::not_found, "no such hub").error()), "NOT_FOUND: no such hub");
}

TEST(Error, EqualMeansSameKindWhateverTheHint) {
  EXPECT_EQ(fail(Errc::decrypt, "one").error(), fail(Errc::decrypt, "other", 5).error());
  EXPECT_FALSE(fail(Errc::decrypt, "one").error() == fail(Errc::key, "one").error());
}

template <class Hint>
concept CanFailWith = requires(Hint hint) { fail(Errc::json, hint); };

TEST(Error, A38_HintsCannotCarryTextMadeAtRunTime) {
  static_assert(!std::is_constructible_v<Literal, std::string>);
  static_assert(!std::is_constructible_v<Literal, std::string_view>);
  static_assert(!std::is_constructible_v<Literal, const char*>);
  static_assert(!CanFailWith<std::string>);
  static_assert(!CanFailWith<const char*>);
}

}  // namespace
}  // namespace dim
