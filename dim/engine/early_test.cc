#include "dim/engine/early.h"

#include "testing/engine_accounts.h"

namespace dim {
namespace {

using namespace dim::testing;

constexpr Millis kTolerance = 5 * 60'000;

JsonObject visa_at(Millis time) {
  return Document::make(alice().id, "visa", {}, time, alice().identity_key).json();
}

SignedMessage with(std::string_view name, Json value, bool meta = false) {
  JsonObject json = to_json(seal(message_of(alice(), bob().id, text_content()), alice(),
                                 directory_of({&bob()}), {}, os_random())
                                .value());
  json.set(name, std::move(value));
  if (meta) json.set("meta", alice().meta.json());
  return SignedMessage::parse(write_json(json)).value();
}

TEST(Early, I11_IsWhatItsOwnerHasSignedMoreThanFiveMinutesAhead) {
  EXPECT_FALSE(is_early(visa_at(kNow), alice().id, alice().meta, kNow));
  EXPECT_FALSE(is_early(visa_at(kNow + kTolerance), alice().id, alice().meta, kNow));
  EXPECT_TRUE(is_early(visa_at(kNow + kTolerance + 1), alice().id, alice().meta, kNow));
  EXPECT_FALSE(is_early(visa_at(kNow + kDay), bob().id, bob().meta, kNow)) << "of somebody else";
  JsonObject changed = visa_at(kNow + kDay);
  changed.set("signature", to_base64(Bytes(70, 1)));
  EXPECT_FALSE(is_early(changed, alice().id, alice().meta, kNow));
}

TEST(Early, I11_AttachmentsAreLookedAtWithTheMetaThatIsKnownOrComesAlong) {
  const Directory known = directory_of({&alice()});
  EXPECT_TRUE(brings_early_document(with("visa", visa_at(kNow + kDay)), known, kNow));
  EXPECT_FALSE(brings_early_document(with("visa", visa_at(kNow)), known, kNow));
  EXPECT_FALSE(brings_early_document(with("visa", visa_at(kNow + kDay)), Directory(), kNow));
  EXPECT_TRUE(brings_early_document(with("visa", visa_at(kNow + kDay), true), Directory(), kNow));
  JsonArray several;
  for (const Millis time : {kNow, kNow + kDay}) several.emplace_back(visa_at(time));
  EXPECT_TRUE(brings_early_document(with("documents", several), known, kNow));
  while (several.size() < 5) several.emplace_back(visa_at(kNow));
  EXPECT_FALSE(brings_early_document(with("documents", several), known, kNow)) << "four at most";
}

}  // namespace
}  // namespace dim
