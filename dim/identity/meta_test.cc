#include "dim/identity/meta.h"

#include "dim/base/base64.h"
#include "dim/crypto/os_random.h"
#include "testing/forged_meta.h"
#include "testing/keys.h"

namespace dim {
namespace {

using testing::account;

PrivateKey new_key() {
  OsRandom random;
  return PrivateKey::generate_ec(random);
}

int status(const JsonObject& meta) {
  const auto parsed = Meta::parse(meta);
  return parsed ? 200 : status_of(parsed.error().code);
}

TEST(Meta, MkmMakesIdsOfEveryNetworkThatMatch) {
  const Meta made = Meta::make_mkm(new_key(), "hulk");
  const auto meta = Meta::parse(made.json());
  ASSERT_TRUE(meta);
  for (const EntityType network : {EntityType::user, EntityType::group, EntityType::station,
                                   EntityType::isp, EntityType::bot}) {
    const auto id = meta->id(network);
    ASSERT_TRUE(id);
    EXPECT_EQ(id->name(), "hulk");
    EXPECT_EQ(id->type(), network);
    EXPECT_TRUE(meta->matches(*id));
    EXPECT_TRUE(meta->matches(id->with_terminal("phone")));
    EXPECT_TRUE(Id::parse(id->text()));
  }
  EXPECT_FALSE(meta->id(EntityType::any));
}

TEST(Meta, EthMakesUsersOnly) {
  const auto meta = Meta::make(MetaType::eth, new_key().public_key());
  ASSERT_TRUE(meta);
  const auto id = meta->id(EntityType::user);
  ASSERT_TRUE(id);
  EXPECT_EQ(id->address().kind(), AddressKind::eth);
  EXPECT_TRUE(meta->matches(*id));
  for (const EntityType network : {EntityType::group, EntityType::station, EntityType::bot})
    EXPECT_FALSE(meta->id(network));
}

TEST(Meta, OldNetworkBytesStillMatch) {
  const Meta meta = Meta::make_mkm(new_key(), "hulk");
  const auto address = meta.address(0x08);
  ASSERT_TRUE(address);
  const auto id = Id::parse("hulk@" + address->text);
  ASSERT_TRUE(id);
  EXPECT_EQ(id->type(), EntityType::user);
  EXPECT_TRUE(meta.matches(*id));
}

TEST(Meta, MatchesNoOtherNameKeyOrAddress) {
  const Meta meta = Meta::make_mkm(new_key(), "hulk");
  const Meta other = Meta::make_mkm(new_key(), "hulk");
  const Id id = *meta.id(EntityType::user);
  EXPECT_FALSE(other.matches(id));
  EXPECT_FALSE(meta.matches(Id("thor", id.address())));
  EXPECT_FALSE(meta.matches(Id("", id.address())));
  EXPECT_FALSE(meta.matches(Id("hulk", Address::anywhere())));
}

TEST(Meta, I06_EthInLowerCaseIsTheSameUser) {
  const auto meta = Meta::parse(account("alice", "meta"));
  ASSERT_TRUE(meta);
  EXPECT_TRUE(meta->matches(*Id::parse("0x21e27549d780db2a32058bd960a6245b01ad85ff")));
  EXPECT_FALSE(meta->matches(*WireId::parse("0x21e27549d780db2a32058bd960a6245b01ad85ff")))
      << "the codec compares text";
}

TEST(Meta, I09_RefusesWrongForms) {
  const Meta mkm = Meta::make_mkm(new_key(), "hulk");
  JsonObject no_seed = mkm.json();
  no_seed.erase("seed");
  EXPECT_EQ(status(no_seed), 402);
  JsonObject no_fingerprint = mkm.json();
  no_fingerprint.erase("fingerprint");
  EXPECT_EQ(status(no_fingerprint), 402);
  JsonObject eth = Meta::make(MetaType::eth, new_key().public_key())->json();
  eth.set("seed", "x");
  EXPECT_EQ(status(eth), 402);
  for (const Json& type :
       {Json("9"), Json("3"), Json(5), Json("ABC"), Json(), Json(1.5), Json(true)}) {
    JsonObject unknown = mkm.json();
    unknown.set("type", type);
    EXPECT_EQ(status(unknown), 401);
  }
  JsonObject key = mkm.json();
  key.find("key")->object()->set("algorithm", "XYZ");
  EXPECT_EQ(status(key), 401);
  JsonObject no_key = mkm.json();
  no_key.erase("key");
  EXPECT_EQ(status(no_key), 402);
}

TEST(Meta, I10_RefusesFingerprintOfAnotherSeed) {
  const PrivateKey key = new_key();
  JsonObject meta = Meta::make_mkm(key, "hulk").json();
  meta.set("fingerprint", to_base64(key.sign(as_bytes("thor"))));
  EXPECT_EQ(status(meta), 402);
  meta.set("seed", "thor");
  EXPECT_EQ(status(meta), 200);
}

TEST(Meta, RefusesSeedsThatAreNoNames) {
  const PrivateKey key = new_key();
  for (const std::string_view seed : {"a b", "a@b", "a/b", "a\n", "\u202Ex"}) {
    const JsonObject meta = Meta::make_mkm(key, std::string(seed)).json();
    EXPECT_EQ(status(meta), 402) << seed;
    EXPECT_TRUE(Meta::parse(meta, Reading::codec));
  }
}

TEST(Meta, A34_RefusesTypeAndVersionThatDisagree) {
  JsonObject meta = Meta::make_mkm(new_key(), "hulk").json();
  meta.set("version", 1);
  EXPECT_EQ(status(meta), 200);
  meta.set("version", 4);
  EXPECT_EQ(status(meta), 402);
}

TEST(Meta, A35_FingerprintIsStrictBase64) {
  JsonObject meta = Meta::make_mkm(new_key(), "hulk").json();
  meta.set("fingerprint", " " + *meta.text("fingerprint"));
  EXPECT_EQ(status(meta), 402);
  EXPECT_TRUE(Meta::parse(meta, Reading::codec));
}

// The attacker's key of a duplicate-signature selection has an exponent as long as its modulus: no
// search finds one with 65537.
TEST(Meta, J15_A02_RefusesAKeyThatWasMadeForAForeignFingerprint) {
  // Both have one fingerprint, so both would make one ID. rsa_test.cc shows that it verifies under
  // the forged key, had that key the right exponent.
  ASSERT_EQ(status(testing::victim_meta()), 200);
  const auto forged = Meta::parse(testing::forged_meta());
  ASSERT_FALSE(forged);
  EXPECT_EQ(forged.error().code, Errc::key);
  EXPECT_EQ(status_of(forged.error().code), 402);
  EXPECT_TRUE(forged.error().hint.contains("65537")) << forged.error().hint;
  EXPECT_FALSE(Meta::parse(testing::forged_meta(), Reading::codec)) << "not even the codec";
}

TEST(Meta, S08_RefusesAPrimeModulus) {
  const auto meta = Meta::parse(testing::prime_meta());
  ASSERT_FALSE(meta);
  EXPECT_EQ(status_of(meta.error().code), 402);
}

TEST(Meta, J15_RefusesOtherExponentsForAForeignFingerprint) {
  const JsonObject& real = account("rsauser", "meta");
  const auto victim = Meta::parse(real);
  ASSERT_TRUE(victim);
  const Bytes modulus = testing::modulus_of(victim->key());
  OsRandom random;
  for (const std::size_t bytes :
       {std::size_t{127}, std::size_t{128}, std::size_t{8}, std::size_t{1}}) {
    Bytes exponent(bytes);
    random.fill(exponent);
    exponent.front() |= 0x40;
    exponent.back() |= 1;
    JsonObject forged = real;
    forged.set("key", testing::rsa_object(modulus, exponent));
    EXPECT_EQ(status(forged), 402);
    EXPECT_FALSE(Meta::parse(forged, Reading::codec)) << "not even the codec";
  }
  JsonObject control = real;
  control.set("key", testing::rsa_object(modulus, {1, 0, 1}));
  EXPECT_EQ(status(control), 200);
}

TEST(Meta, A02_FingerprintUnderAnotherRsaKeyIsNoSignature) {
  JsonObject stolen = account("rsauser", "meta");
  const auto thief = PrivateKey::generate_rsa(1024);
  ASSERT_TRUE(thief);
  stolen.set("key", thief->public_key().json());
  const auto meta = Meta::parse(stolen);
  ASSERT_FALSE(meta);
  EXPECT_EQ(meta.error().code, Errc::signature);
}

TEST(Meta, DigestTellsMetasApart) {
  const PrivateKey key = new_key();
  const Meta a = Meta::make_mkm(key, "a");
  const auto btc = Meta::make(MetaType::btc, key.public_key());
  const auto eth = Meta::make(MetaType::eth, key.public_key());
  EXPECT_NE(a.digest(), btc->digest());
  EXPECT_NE(btc->digest(), eth->digest());
  EXPECT_EQ(Meta::parse(a.json())->digest(), a.digest());
  EXPECT_EQ(Meta::parse(meta_for_wire(a.json()))->digest(), a.digest())
      << "twin members change nothing";
}

TEST(MetaForWire, SetsBothTwins) {
  const auto fixed = [](std::string_view text) {
    return Json(meta_for_wire(*parse_json_object(text)));
  };
  EXPECT_EQ(fixed(R"({"type":"1"})"), *parse_json(R"({"type":1,"version":1})"));
  EXPECT_EQ(fixed(R"({"version":4})"), *parse_json(R"({"type":4,"version":4})"));
  EXPECT_EQ(fixed(R"({"type":"MKM"})"), *parse_json(R"({"type":1,"version":1,"algorithm":"MKM"})"));
  EXPECT_EQ(fixed(R"({"type":"9"})"), *parse_json(R"({"type":"9"})"));
}

}  // namespace
}  // namespace dim
