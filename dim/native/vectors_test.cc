// The known answers of dim/native/vectors, which a second implementation in Python has made
// (make.py there): every byte of ours is the same.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <map>
#include <vector>

#include "dim/base/hex.h"
#include "dim/native/envelope.h"
#include "dim/native/kdf.h"
#include "dim/native/native_testing.h"
#include "dim/native/payload.h"

namespace dim::native {
namespace {

JsonObject read_vectors() {
  std::ifstream file("dim/native/vectors/native.json", std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  return parse_json_object(text).value();
}
const JsonObject& vectors() {
  static const JsonObject all = read_vectors();
  return all;
}

const JsonObject& object(const JsonObject& in, std::string_view name) {
  return *in.find(name)->object();
}
const JsonArray& array(const JsonObject& in, std::string_view name) {
  return *in.find(name)->array();
}
const std::string& text(const JsonObject& in, std::string_view name) { return *in.text(name); }
Bytes hex(const JsonObject& in, std::string_view name) { return from_hex(text(in, name)).value(); }
std::int64_t number(const JsonObject& in, std::string_view name) {
  return *in.find(name)->integer();
}

/// Gives what the vector has, and counts.
class ScriptedRandom final : public Random {
 public:
  explicit ScriptedRandom(Bytes bytes) : bytes_(std::move(bytes)) {}
  void fill(std::span<std::uint8_t> out) override {
    ASSERT_LE(at_ + out.size(), bytes_.size());
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(at_), out.size(), out.begin());
    at_ += out.size();
  }
  bool used_up() const { return at_ == bytes_.size(); }

 private:
  Bytes bytes_;
  std::size_t at_ = 0;
};

struct Known {
  DeviceKeys keys;
  Party party;
};

Known device(std::string_view name) {
  const JsonObject& in = object(object(vectors(), "devices"), name);
  DeviceKeys keys{SigningKey::of(hex(in, "sig_seed_hex")).value(),
                  AgreementKey::of(hex(in, "dh_secret_hex")).value()};
  Id id = Id::parse(text(in, "user")).value();
  if (!text(in, "terminal").empty()) id = id.with_terminal(text(in, "terminal"));
  Party party{.device = id,
              .keys = DevicePublic::parse(*in.find("property")).value(),
              .rev = static_cast<std::uint64_t>(number(in, "rev"))};
  std::ranges::copy(hex(in, "meta_hex"), party.meta.begin());
  return {std::move(keys), std::move(party)};
}

TEST(NativeVectors, DevicesAndTheirBlocks) {
  for (const auto& [name, value] : object(vectors(), "devices")) {
    const JsonObject& in = *value.object();
    const Known known = device(name);
    EXPECT_EQ(known.keys.public_half(), known.party.keys) << name;
    EXPECT_EQ(known.party.keys.json(), object(in, "property")) << name;
    EXPECT_EQ(to_hex(known.party.keys.hash()), text(in, "key_hash_hex")) << name;
    EXPECT_EQ(to_hex(identity_block(known.party)), text(in, "block_hex")) << name;
  }
}

TEST(NativeVectors, SessionsByteForByte) {
  for (const Json& value : array(vectors(), "sessions")) {
    const JsonObject& in = *value.object();
    SCOPED_TRACE(text(in, "name"));
    const Known a = device(text(in, "initiator"));
    const Known b = device(text(in, "responder"));
    const auto bundle = PrekeyBundle::parse(object(in, "bundle")).value();
    EXPECT_EQ(bundle.json(), object(in, "bundle"));
    EXPECT_TRUE(bundle.verify(b.party.device, b.party.keys));

    std::vector<PrekeySecret> prekeys;
    for (const Json& one : array(in, "prekeys")) {
      const JsonObject& prekey = *one.object();
      prekeys.push_back({static_cast<PrekeyKind>(number(prekey, "kind")),
                         static_cast<std::uint32_t>(number(prekey, "id")),
                         AgreementKey::of(hex(prekey, "secret_hex")).value(),
                         number(prekey, "time")});
    }
    EXPECT_EQ(prekeys[0].sign(b.keys, b.party.device), bundle.signed_prekey);
    const PrekeySecret* second = prekeys.size() > 1 ? &prekeys[1] : nullptr;
    if (bundle.one_time) {
      EXPECT_EQ(second->sign_one_time(b.keys, b.party.device), *bundle.one_time);
    }
    if (bundle.last_resort) {
      EXPECT_EQ(second->sign(b.keys, b.party.device), *bundle.last_resort);
    }

    ScriptedRandom begin(hex(in, "random_hex"));
    std::map<std::string, std::optional<Session>> sides;
    sides["a"] = initiate(a.keys, a.party, b.party, bundle, begin).value();
    EXPECT_TRUE(begin.used_up());
    EXPECT_EQ(to_hex(sides["a"]->ad), text(in, "ad_hex"));
    EXPECT_EQ(to_hex(sides["a"]->root.view()), text(in, "root_hex"));
    EXPECT_EQ(to_hex(sides["a"]->sending.view()), text(in, "chain_hex"));

    for (const Json& one : array(in, "steps")) {
      const JsonObject& step = *one.object();
      Session& from = *sides[text(step, "by")];
      std::optional<Session>& to = sides[text(step, "by") == "a" ? "b" : "a"];
      const Bytes ad = hex(step, "ad_hex");
      ScriptedRandom random(hex(step, "random_hex"));
      const bool turns = from.sending.empty();
      const Secret key = turns ? Secret() : message_key(from.sending);
      const Bytes frame = seal(from, hex(step, "plaintext_hex"), ad, random).value();
      EXPECT_TRUE(random.used_up());
      EXPECT_EQ(to_hex(frame), text(step, "frame_hex"));
      if (!turns) {
        EXPECT_EQ(to_hex(key.view()), text(step, "message_key_hex"));
      }
      auto opened =
          to ? open(*to, frame, ad, testing::kNow)
             : accept(b.keys, b.party, a.party, prekeys[0], second, frame, ad, testing::kNow);
      ASSERT_TRUE(opened) << to_string(opened.error());
      EXPECT_EQ(to_hex(opened->plaintext.view()), text(step, "plaintext_hex"));
      to = std::move(opened->next);
    }
  }
}

TEST(NativeVectors, SecretOfTheHandshake) {
  for (const Json& value : array(vectors(), "sessions")) {
    const JsonObject& in = *value.object();
    const Known a = device(text(in, "initiator"));
    const Known b = device(text(in, "responder"));
    const Bytes drawn = hex(in, "random_hex");
    const auto ephemeral = AgreementKey::of(ByteView(drawn).first(32)).value();
    const auto ratchet = AgreementKey::of(ByteView(drawn).last(32)).value();
    const auto bundle = PrekeyBundle::parse(object(in, "bundle")).value();
    std::vector<Secret> outputs;
    outputs.push_back(a.keys.dh.agree(bundle.signed_prekey.key).value());
    outputs.push_back(ephemeral.agree(b.party.keys.dh).value());
    outputs.push_back(ephemeral.agree(bundle.signed_prekey.key).value());
    if (bundle.one_time) outputs.push_back(ephemeral.agree(bundle.one_time->key).value());
    if (bundle.last_resort) outputs.push_back(ephemeral.agree(bundle.last_resort->key).value());
    const Secret secret = x3dh_secret(outputs);
    EXPECT_EQ(to_hex(secret.view()), text(in, "secret_hex"));
    const RootStep step = root_step(secret, ratchet.agree(bundle.signed_prekey.key).value());
    EXPECT_EQ(to_hex(step.root.view()), text(in, "root_hex"));
    EXPECT_EQ(to_hex(step.chain.view()), text(in, "chain_hex"));
    EXPECT_NE(to_hex(next_chain(step.chain).view()), text(in, "chain_hex"));
    const JsonObject& sent = *array(in, "steps")[0].object();
    const MessageKeys keys(message_key(step.chain), sha256(hex(sent, "ad_hex")));
    const Bytes frame = hex(sent, "frame_hex");
    EXPECT_EQ(to_hex(keys.commitment()), to_hex(ByteView(frame).subspan(1, 32)));
  }
}

TEST(NativeVectors, MessagesByteForByte) {
  for (const Json& value : array(vectors(), "messages")) {
    const JsonObject& in = *value.object();
    const Known sender = device(text(in, "sender"));
    const Envelope envelope{.sender = sender.party.device,
                            .target = Id::parse(text(in, "target")).value(),
                            .time = number(in, "time"),
                            .guid = text(in, "guid"),
                            .type = text(in, "type")};
    const Bytes ad = envelope_ad(envelope, sender.party.keys);
    EXPECT_EQ(to_hex(ad), text(in, "ad_hex"));
    ScriptedRandom random(hex(in, "content_key_hex"));
    const auto payload = seal_payload(hex(in, "plaintext_hex"), ad, random);
    EXPECT_EQ(to_hex(payload.data), text(in, "data_hex"));
    EXPECT_EQ(to_hex(payload.note.view()), text(in, "note_hex"));
    const auto opened = open_payload(payload.data, payload.note, ad);
    EXPECT_EQ(to_hex(opened->view()), text(in, "plaintext_hex"));
    std::vector<FrameFor> keys;
    for (const Json& key : array(in, "keys"))
      keys.emplace_back(text(*key.object(), "name"), hex(*key.object(), "frame_hex"));
    EXPECT_EQ(to_hex(signing_input(envelope, sender.party.keys, payload.data, keys)),
              text(in, "signing_input_hex"));
    EXPECT_EQ(to_hex(sign_envelope(envelope, sender.keys, payload.data, keys)),
              text(in, "signature_hex"));
    EXPECT_TRUE(
        verify_envelope(envelope, sender.party.keys, payload.data, keys, hex(in, "signature_hex")));
  }
}

}  // namespace
}  // namespace dim::native
