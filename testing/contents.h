// What the tests of contents share: names, and the way out to the wire and in again.
#pragma once
#include <gmock/gmock.h>

#include <string>
#include <string_view>
#include <utility>

#include "dim/crypto/os_random.h"
#include "dim/protocol/content.h"
#include "dim/protocol/wire.h"

namespace dim::testing {

inline constexpr std::string_view kAlice = "0x21e27549d780db2a32058bD960A6245b01Ad85FF";
inline constexpr std::string_view kBob = "0x95E6F72fB194200e95b60332E8142DDF41C7c333";
inline constexpr std::string_view kGroup = "Group-777@fxunrFpSwDEzEWC2wrm6JTjkuUtd6Ro1H";
inline constexpr std::string_view kStation = "gsp-s001@2ACLy3krqTAvf5G6FTtPYvAaR4gLAMhVVQ";
inline constexpr Millis kNow = 1'790'000'000'250;

inline OsRandom& os_random() {
  static OsRandom random;
  return random;
}
inline JsonObject json(std::string_view text) { return *parse_json_object(text); }
inline Id id(std::string_view text) { return *Id::parse(text); }
/// Why a content is refused; Errc::internal when it is not.
inline Errc refusal(std::string_view text) {
  auto content = decode_content(json(text));
  return content ? Errc::internal : content.error().code;
}
/// Out and in again, with old names and through text: what comes out must be of the same kind.
template <class T>
T round_trip(T content) {
  content.rest.set("x-unknown", JsonArray{Json(1), Json("two")});
  const std::string wire = write_json(to_wire(encode_content(Content(content))));
  auto decoded = decode_content(*parse_json_object(wire));
  EXPECT_TRUE(decoded) << wire;
  const T* out = decoded ? decoded->template as<T>() : nullptr;
  EXPECT_NE(out, nullptr) << wire;
  if (out == nullptr) return content;
  EXPECT_TRUE(out->rest.contains("x-unknown")) << wire;
  T same = *out;
  same.rest.erase("x-unknown");
  return same;
}

}  // namespace dim::testing
