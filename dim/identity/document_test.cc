#include "dim/identity/document.h"

#include "dim/base/base64.h"
#include "dim/crypto/os_random.h"
#include "testing/forged_meta.h"
#include "testing/keys.h"

namespace dim {
namespace {

using testing::account;

constexpr Millis kNow = 1'800'000'000'125;
constexpr Millis kHour = 3'600'000;

struct Owner {
  PrivateKey key;
  Meta meta;
  Id id;
};

Owner new_owner() {
  OsRandom random;
  PrivateKey key = PrivateKey::generate_ec(random);
  Meta meta = *Meta::make(MetaType::eth, key.public_key());
  Id id = *meta.id(EntityType::user);
  return {std::move(key), std::move(meta), std::move(id)};
}

JsonObject with_key(const PublicKey& key) {
  JsonObject properties;
  properties.set("name", "Alice");
  properties.set("key", key.json());
  return properties;
}

// A document with exactly `data`, signed by `owner`.
JsonObject signed_object(const Owner& owner, std::string_view data,
                         std::string_view type = "visa") {
  JsonObject object;
  object.set("did", owner.id.text());
  object.set("type", type);
  object.set("data", data);
  object.set("signature", to_base64(owner.key.sign(as_bytes(data))));
  return object;
}

int status(const JsonObject& object, const Owner& owner) {
  const auto document = Document::parse(object, owner.id, owner.meta);
  return document ? 200 : status_of(document.error().code);
}

TEST(Document, ComesBackAsItWasMade) {
  const Owner owner = new_owner();
  JsonObject properties;
  properties.set("name", "Alice");
  properties.set("time", 1);
  properties.set("did", "somebody else");
  const Document made =
      Document::make(owner.id.with_terminal("phone"), "visa", properties, kNow, owner.key);
  const auto document = Document::parse(made.json(), owner.id, owner.meta);
  ASSERT_TRUE(document) << to_string(document.error());
  EXPECT_EQ(document->id(), owner.id);
  EXPECT_EQ(document->terminal(), "phone");
  EXPECT_EQ(document->type(), "visa");
  EXPECT_EQ(document->time(), kNow);
  EXPECT_EQ(document->name(), "Alice");
  EXPECT_EQ(document->digest(), made.digest());
  EXPECT_EQ(Json(document->json()), Json(made.json()));
  EXPECT_EQ(*document->properties().text("did"), owner.id.text() + "/phone")
      << "A04: the owner stands in what is signed";
}

TEST(Document, ReadsTheTestAccounts) {
  for (const std::string_view name : {"alice", "bob", "carol", "station", "rsauser"}) {
    const auto meta = Meta::parse(account(name, "meta"));
    const auto id = Id::parse(*testing::accounts().find(name)->object()->text("id"));
    ASSERT_TRUE(meta && id) << name;
    const auto visa = Document::parse(account(name, "visa"), *id, *meta);
    ASSERT_TRUE(visa) << name << to_string(visa.error());
    EXPECT_TRUE(visa->message_key()) << name;
    EXPECT_EQ(*visa->json().text("ID"), id->text());
  }
}

TEST(Document, I11_RefusesDocumentsOfOthers) {
  const Owner owner = new_owner(), other = new_owner();
  JsonObject object = signed_object(owner, R"({"time": 1700000000})");
  EXPECT_EQ(status(object, owner), 200);
  object.set("did", other.id.text());
  EXPECT_EQ(status(object, owner), 402);
  EXPECT_FALSE(Document::parse(object, other.id, owner.meta)) << "the meta must make the ID";
  EXPECT_TRUE(verify_document(object, owner.meta.key(), Reading::codec))
      << "the signature itself is right";
}

TEST(Document, I11_RefusesWhatIsNoJsonOrTooLarge) {
  const Owner owner = new_owner();
  EXPECT_EQ(status(signed_object(owner, "name: Alice"), owner), 401);
  EXPECT_EQ(status(signed_object(owner, "[]"), owner), 401);
  EXPECT_EQ(status(signed_object(owner, R"({"a":1,"a":2})"), owner), 401);
  EXPECT_EQ(status(signed_object(owner, "{}" + std::string(limits::kMiB, ' ')), owner), 411);
  EXPECT_EQ(
      status(signed_object(owner, "{}" + std::string(limits::kDocumentBytes - 1, ' ')), owner),
      411);
  EXPECT_EQ(
      status(signed_object(owner, "{}" + std::string(limits::kDocumentBytes - 2, ' ')), owner),
      200);
}

TEST(Document, I11_ChecksTime) {
  const Owner owner = new_owner();
  const auto check = [&](std::string_view data, std::optional<Millis> stored) {
    const auto document = Document::parse(signed_object(owner, data), owner.id, owner.meta);
    EXPECT_TRUE(document);
    const auto status = check_document_time(*document, stored, kNow);
    return status ? 200 : status_of(status.error().code);
  };
  const auto at = [](Millis time) { return R"({"time": )" + std::to_string(time / 1000) + "}"; };
  EXPECT_EQ(check("{}", {}), 401);
  EXPECT_EQ(check(R"({"time": "soon"})", {}), 401);
  EXPECT_EQ(check(R"({"time": 1e300})", {}), 401);
  EXPECT_EQ(check(R"({"time": 0})", {}), 401) << "A37: before 2018";
  EXPECT_EQ(check(at(kNow + kHour), {}), 401);
  EXPECT_EQ(check(at(kNow + 200'000), {}), 200);
  EXPECT_EQ(check(at(kNow - kHour), kNow), 407);
  EXPECT_EQ(check(at(kNow - kHour), kNow - kHour - 125), 200) << "the same again is no older one";
}

TEST(Document, A04_WhatIsSignedInsideMustAgreeWithTheOutside) {
  const Owner owner = new_owner(), other = new_owner();
  const std::string own = owner.id.text();
  EXPECT_EQ(status(signed_object(owner, R"({"did": ")" + own + R"("})"), owner), 200);
  EXPECT_EQ(status(signed_object(owner, R"({"did": ")" + other.id.text() + R"("})"), owner), 402);
  EXPECT_EQ(status(signed_object(owner, R"({"did": 7})"), owner), 402);
  EXPECT_EQ(status(signed_object(owner, R"({"type": "visa"})"), owner), 200);
  EXPECT_EQ(status(signed_object(owner, R"({"type": "bulletin"})"), owner), 402);
}

TEST(Document, A04_ADevicesVisaCannotBeMovedToAnotherDevice) {
  const Owner owner = new_owner();
  const Document made =
      Document::make(owner.id.with_terminal("phone"), "visa", {}, kNow, owner.key);
  JsonObject moved = made.json();
  moved.set("did", owner.id.text() + "/evil");
  moved.set("ID", owner.id.text() + "/evil");
  EXPECT_EQ(status(moved, owner), 402);
  moved = made.json();
  moved.set("terminal", "evil");
  EXPECT_EQ(status(moved, owner), 402);
}

TEST(Document, A04_OneKeysDocumentCannotBeMovedToItsOtherIds) {
  OsRandom random;
  const PrivateKey key = PrivateKey::generate_ec(random);
  const Meta meta = Meta::make_mkm(key, "hulk");
  const Id user = *meta.id(EntityType::user), bot = *meta.id(EntityType::bot);
  JsonObject moved = Document::make(user, "visa", {}, kNow, key).json();
  EXPECT_TRUE(Document::parse(moved, user, meta));
  moved.set("did", bot.text());
  moved.set("ID", bot.text());
  EXPECT_FALSE(Document::parse(moved, bot, meta));
}

TEST(Document, RefusesTwinsThatDisagreeAndMissingMembers) {
  const Owner owner = new_owner();
  const JsonObject good = signed_object(owner, "{}");
  JsonObject twins = good;
  twins.set("ID", new_owner().id.text());
  EXPECT_EQ(status(twins, owner), 402);
  for (const std::string_view member : {"did", "data", "signature"}) {
    JsonObject object = good;
    object.erase(member);
    EXPECT_EQ(status(object, owner), 402) << member;
  }
  JsonObject only_id = good;
  only_id.erase("did");
  only_id.set("ID", owner.id.text());
  EXPECT_EQ(status(only_id, owner), 200);
}

TEST(Document, RefusesEveryChangedByte) {
  const Owner owner = new_owner();
  const JsonObject good = signed_object(owner, R"({"name": "Alice"})");
  const std::string data = *good.text("data");
  for (std::size_t i = 0; i < data.size(); ++i) {
    std::string changed = data;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    JsonObject object = good;
    object.set("data", changed);
    EXPECT_EQ(status(object, owner), 402);
  }
}

TEST(Document, TypeFallsBackToTheInsideAndThenToTheId) {
  const Owner owner = new_owner();
  JsonObject object = signed_object(owner, "{}");
  object.erase("type");
  EXPECT_EQ(Document::parse(object, owner.id, owner.meta)->type(), "visa");
  object = signed_object(owner, R"({"type": "profile"})");
  object.erase("type");
  EXPECT_EQ(Document::parse(object, owner.id, owner.meta)->type(), "profile");
}

TEST(Document, StationsFormForNoDeviceIsNoDevice) {
  const Owner owner = new_owner();
  for (const std::string_view dress : {"/", "//", "/*"}) {
    JsonObject object = signed_object(owner, "{}");
    object.set("did", owner.id.text() + std::string(dress));
    const auto document = Document::parse(object, owner.id, owner.meta);
    ASSERT_TRUE(document) << dress;
    EXPECT_EQ(document->terminal(), "");
    EXPECT_EQ(*document->json().text("did"), owner.id.text());
  }
}

TEST(Document, DropsUnsignedExtras) {
  const Owner owner = new_owner();
  JsonObject object = signed_object(owner, "{}");
  object.set("note", "not signed");
  EXPECT_FALSE(Document::parse(object, owner.id, owner.meta)->json().contains("note"));
}

TEST(MessageKey, I12_RefusesAPublishedPrivateKeyAndSaysSo) {
  const Owner owner = new_owner();
  JsonObject properties;
  properties.set("key", account("alice", "message_private_key"));
  const auto key = Document::make(owner.id, "visa", properties, kNow, owner.key).message_key();
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().code, Errc::document);
  EXPECT_THAT(std::string(key.error().hint), ::testing::HasSubstr("you published a private key"));
}

TEST(MessageKey, I12_RefusesWeakKeys) {
  const Owner owner = new_owner();
  const auto modulus =
      testing::modulus_of(*PublicKey::parse(*account("rsauser", "meta").find("key")->object()));
  JsonObject properties;
  properties.set("key", testing::rsa_object(Bytes(modulus.end() - 64, modulus.end()), {1, 0, 1}));
  const auto key = Document::make(owner.id, "visa", properties, kNow, owner.key).message_key();
  ASSERT_FALSE(key);
  EXPECT_EQ(status_of(key.error().code), 402);
}

TEST(Document, S08_I12_AStationHandsOutNoVisaWithAPrimeModulus) {
  const Owner owner = new_owner();
  JsonObject properties;
  properties.set("key", *testing::prime_meta().find("key"));
  const auto status = check_visa_key(Document::make(owner.id, "visa", properties, kNow, owner.key));
  ASSERT_FALSE(status);
  EXPECT_EQ(status_of(status.error().code), 402);
  EXPECT_THAT(std::string(status.error().hint), ::testing::HasSubstr("prime"));
}

TEST(Document, I12_AStationHandsOutNoVisaWithAPrivateKey) {
  const Owner owner = new_owner();
  const auto with = [&](std::string type, std::string_view key) {
    JsonObject properties;
    properties.set("key", account("alice", key));
    return Document::make(owner.id, std::move(type), properties, kNow, owner.key);
  };
  const auto status = check_visa_key(with("visa", "message_private_key"));
  ASSERT_FALSE(status);
  EXPECT_EQ(status_of(status.error().code), 402);
  EXPECT_TRUE(check_visa_key(with("profile", "message_private_key")));
  EXPECT_TRUE(check_visa_key(Document::make(owner.id, "visa", {}, kNow, owner.key)));
  EXPECT_TRUE(check_visa_key(
      Document::make(owner.id, "visa",
                     with_key(*PublicKey::parse(*account("rsauser", "meta").find("key")->object())),
                     kNow, owner.key)));
}

TEST(MessageKey, MustBeAbleToEncrypt) {
  const Owner owner = new_owner();
  const Document ecc =
      Document::make(owner.id, "visa", with_key(owner.key.public_key()), kNow, owner.key);
  EXPECT_EQ(ecc.message_key().error().code, Errc::key);
  EXPECT_EQ(Document::make(owner.id, "visa", {}, kNow, owner.key).message_key().error().code,
            Errc::not_found);
}

TEST(NewestVisa, CountsByDeviceAndTime) {
  const Owner owner = new_owner();
  const auto visa = [&](const Id& id, Millis time, std::string type = "visa") {
    return Document::make(id, std::move(type), {}, time, owner.key);
  };
  const Id phone = owner.id.with_terminal("phone");
  const std::vector<Document> documents = {visa(owner.id, kNow), visa(phone, kNow + 1),
                                           visa(owner.id, kNow - 1), visa(phone, kNow + 2),
                                           visa(owner.id, kNow + 9, "profile")};
  EXPECT_EQ(newest_visas(documents), (std::map<std::string, std::size_t>{{"", 0}, {"phone", 3}}));
  EXPECT_EQ(newest_visa(documents, "*"), 3U);
  EXPECT_EQ(newest_visa(documents, ""), 0U);
  EXPECT_EQ(newest_visa(documents, "pad"), std::nullopt);
}

TEST(Document, A04_APlaceThatNobodyHasSignedIsOpenedByWhatIsNew) {
  const Owner owner = new_owner();
  const auto document = [&](std::string_view terminal, Millis time, std::string_view more = {}) {
    const std::string seconds = std::to_string(time / 1000);
    JsonObject object =
        signed_object(owner, "{\"key\": {}, \"time\": " + seconds + std::string(more) + "}");
    object.set("terminal", terminal);
    return Document::parse(object, owner.id, owner.meta).value();
  };
  const std::vector<Document> known{document("phone", kNow - 2 * kHour),
                                    document("pad", kNow - kHour)};
  const auto opens = [&](const Document& one) {
    return check_new_place(one, known, kNow).has_value();
  };
  EXPECT_TRUE(opens(document("tv", kNow)));
  EXPECT_TRUE(opens(document("tv", kNow - kHour + 1'000))) << "newer than all";
  EXPECT_FALSE(opens(document("tv", kNow - kHour - 1'000)));
  EXPECT_TRUE(opens(document("phone", kNow - 3 * kHour))) << "it replaces one, or not, by its time";
  EXPECT_FALSE(opens(document("tv", kNow - kHour))) << "the same bytes as the pad's";
  const std::string place = ", \"did\": \"" + owner.id.text() + "/tv\"";
  EXPECT_TRUE(opens(document("tv", kNow - 3 * kHour, place))) << "its place is signed";
  EXPECT_TRUE(check_new_place(document("tv", kNow - 3 * kHour), {}, kNow)) << "the first";
  // Clocks differ.
  const std::vector<Document> ahead{document("phone", kNow + 200'000)};
  EXPECT_TRUE(check_new_place(document("pad", kNow - 599'000), ahead, kNow));
  EXPECT_FALSE(check_new_place(document("pad", kNow - 601'000), ahead, kNow));

  EXPECT_FALSE(may_prove(known[0], known));
  EXPECT_TRUE(may_prove(known[1], known));
  const std::vector<Document> mixed{known[0], known[1], document("tv", kNow - 3 * kHour, place)};
  EXPECT_TRUE(may_prove(mixed[2], mixed));
}

}  // namespace
}  // namespace dim
