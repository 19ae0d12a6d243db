#include "dim/engine/verify.h"

#include <algorithm>

#include "testing/engine_accounts.h"

namespace dim {
namespace {

using namespace dim::testing;

// A visa of Alice as reference clients sign it: its device stands beside `data`.
JsonObject reference_visa(const PrivateKey& key, std::string_view terminal, Millis time) {
  JsonObject data;
  data.set("type", "visa");
  data.set("key", key.public_key().json());
  data.set("time", static_cast<double>(time) / 1000);
  const std::string text = write_json(data);
  JsonObject visa;
  visa.set("did", alice().id.bare().text());
  visa.set("data", text);
  visa.set("signature", to_base64(alice().identity_key.sign(as_bytes(text))));
  visa.set("terminal", terminal);
  return visa;
}

constexpr std::size_t kRsaBytes = 256;

// The two numbers of a DER signature, without leading zeros.
struct Numbers {
  Bytes r, s;
};

Numbers numbers_of(const Bytes& der) {
  const auto number = [&](std::size_t at) {
    const auto begin = der.begin() + static_cast<std::ptrdiff_t>(at) + 2;
    Bytes out(begin, begin + der[at + 1]);
    while (out.size() > 1 && out[0] == 0) out.erase(out.begin());
    return out;
  };
  return {number(2), number(std::size_t{4} + der[3])};
}

Bytes integer(Bytes value) {
  if (value[0] >= 0x80) value.insert(value.begin(), 0);
  value.insert(value.begin(), {0x02, static_cast<std::uint8_t>(value.size())});
  return value;
}

Bytes sequence(const Bytes& a, const Bytes& b) {
  Bytes out{0x30, static_cast<std::uint8_t>(a.size() + b.size())};
  out.insert(out.end(), a.begin(), a.end());
  out.insert(out.end(), b.begin(), b.end());
  return out;
}

// n - s for the order of secp256k1: the other signature of the same key over the same bytes.
Bytes opposite(Bytes s) {
  const Bytes order = from_base64("/////////////////////rqu3OavSKA7v9JejNA2QUE=").value();
  s.insert(s.begin(), order.size() - s.size(), 0);
  Bytes out(order.size());
  int borrow = 0;
  for (std::size_t i = order.size(); i-- > 0;) {
    const int digit = order[i] - s[i] - borrow;
    borrow = digit < 0 ? 1 : 0;
    out[i] = static_cast<std::uint8_t>(digit + 256 * borrow);
  }
  return out;
}

Bytes appended(Bytes bytes, std::uint8_t byte) {
  bytes.push_back(byte);
  return bytes;
}

Bytes flipped(Bytes bytes, std::size_t at) {
  bytes[at] ^= 1;
  return bytes;
}

SignedMessage with_signature(SignedMessage message, Bytes signature) {
  message.signature = std::move(signature);
  return message;
}

TEST(Verify, A01_TwelveBadEcdsaSignaturesFail) {
  const Directory directory = directory_of({&alice(), &bob()});
  const SignedMessage message = alice_to_bob();
  const Bytes& right = message.signature;
  ASSERT_TRUE(verify(message, directory, kNow));
  const auto [r, s] = numbers_of(right);
  const Bytes zero = integer({0});
  const std::vector<Bytes> bad = {
      {},
      Bytes(right.size(), 0),
      Bytes(right.size(), 0xFF),
      Bytes(right.begin(), right.end() - 1),
      appended(right, 0),
      flipped(right, 4),
      flipped(right, right.size() - 1),
      sequence(integer(s), integer(r)),
      sequence(zero, zero),
      alice().identity_key.sign(as_bytes("something else")),
      carol().identity_key.sign(message.sealed.data),
      alice().message_keys[0].sign(as_bytes("something else")),
  };
  ASSERT_EQ(bad.size(), 12U);
  for (std::size_t i = 0; i < bad.size(); ++i) {
    EXPECT_EQ(failure(verify(with_signature(message, bad[i]), directory, kNow)), Errc::signature)
        << i;
  }
}

TEST(Verify, A01_TwelveBadRsaSignaturesFail) {
  const Directory directory = directory_of({&alice(), &bob()});
  const SignedMessage message = alice_to_bob();
  const Bytes right = alice().message_keys[0].sign(message.sealed.data);
  ASSERT_EQ(right.size(), kRsaBytes);
  ASSERT_TRUE(verify(with_signature(message, right), directory, kNow)) << "visa keys sign too";
  Bytes one(kRsaBytes, 0);
  one.back() = 1;
  Bytes unpadded(kRsaBytes - 32, 0);
  const Digest32 digest = sha256(message.sealed.data);
  unpadded.insert(unpadded.end(), digest.begin(), digest.end());
  Bytes longer = right;
  longer.insert(longer.begin(), 0);
  const std::vector<Bytes> bad = {
      {},
      Bytes(kRsaBytes, 0),
      one,
      Bytes(kRsaBytes, 0xFF),
      Bytes(right.begin(), right.end() - 1),
      appended(right, 0),
      longer,
      flipped(right, 0),
      flipped(right, kRsaBytes - 1),
      unpadded,
      alice().message_keys[0].sign(as_bytes("something else")),
      carol().message_keys[0].sign(message.sealed.data),
  };
  ASSERT_EQ(bad.size(), 12U);
  for (std::size_t i = 0; i < bad.size(); ++i) {
    EXPECT_EQ(failure(verify(with_signature(message, bad[i]), directory, kNow)), Errc::signature)
        << i;
  }
}

TEST(Verify, J13_SignaturesOfWrongLengthFail) {
  const Directory directory = directory_of({&alice(), &bob()});
  const SignedMessage message = alice_to_bob();
  const Bytes right = alice().message_keys[0].sign(message.sealed.data);
  for (const std::size_t size : {0U, 127U, 129U, 255U}) {
    Bytes cut(right.begin(), right.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_EQ(failure(verify(with_signature(message, cut), directory, kNow)), Errc::signature)
        << size;
  }
}

TEST(Verify, J13_SignatureOfOtherDataFails) {
  const Directory directory = directory_of({&alice(), &bob()});
  SignedMessage message = alice_to_bob();
  message.sealed.data[0] ^= 1;
  EXPECT_EQ(failure(verify(message, directory, kNow)), Errc::signature);
}

TEST(Verify, J13_VisaKeyCountsFor400Days) {
  const Directory directory = directory_of({&alice(), &bob()});
  const SignedMessage by_meta = alice_to_bob();
  const SignedMessage by_visa =
      with_signature(by_meta, alice().message_keys[0].sign(by_meta.sealed.data));
  const Millis end = *alice().visa.time() + 400 * kDay;
  EXPECT_TRUE(verify(by_visa, directory, end));
  EXPECT_EQ(failure(verify(by_visa, directory, end + 1)), Errc::signature);
  EXPECT_TRUE(verify(by_meta, directory, end + 1)) << "the identity key does not age";
}

TEST(Verify, J14_A07_HighSIsAcceptedAndIsTheSameMessage) {
  const Directory directory = directory_of({&alice(), &bob()});
  const SignedMessage message = alice_to_bob();
  const auto [r, s] = numbers_of(message.signature);
  ASSERT_EQ(sequence(integer(r), integer(s)), message.signature);
  const SignedMessage high = with_signature(message, sequence(integer(r), integer(opposite(s))));
  ASSERT_NE(high.signature, message.signature);
  EXPECT_GE(opposite(s)[0], 0x7F) << "ours are low";
  EXPECT_TRUE(verify(high, directory, kNow));
  EXPECT_EQ(message_hash(high), message_hash(message)) << "no second message (A07)";
}

TEST(Verify, J14_A07_OnlyStrictDerIsTaken) {
  const Directory directory = directory_of({&alice(), &bob()});
  const SignedMessage message = alice_to_bob();
  const Bytes& right = message.signature;
  const auto [r, s] = numbers_of(right);
  Bytes long_form = right;
  long_form.insert(long_form.begin() + 1, 0x81);
  Bytes indefinite = right;
  indefinite[1] = 0x80;
  indefinite.insert(indefinite.end(), {0, 0});
  Bytes zero_in_front = r;
  zero_in_front.insert(zero_in_front.begin(), {0, 0});
  const auto raw = [](Bytes value) {
    value.insert(value.begin(), {0x02, static_cast<std::uint8_t>(value.size())});
    return value;
  };
  Bytes trailing_inside = appended(right, 0);
  ++trailing_inside[1];
  const Bytes negative = opposite(s);  // its first bit is set: without the zero in front, negative
  ASSERT_GE(negative[0], 0x80);
  for (const Bytes& bad :
       {long_form, indefinite, sequence(raw(zero_in_front), integer(s)), appended(right, 0),
        trailing_inside, sequence(integer(r), raw(negative))}) {
    EXPECT_EQ(failure(verify(with_signature(message, bad), directory, kNow)), Errc::signature);
  }
}

TEST(Verify, UnknownSenderIsNotFound) {
  const Directory directory = directory_of({&bob()});
  EXPECT_EQ(failure(verify(alice_to_bob(), directory, kNow)), Errc::not_found);
}

TEST(Verify, A02_SignatureOverAMessagePinsTheMeta) {
  Directory directory;
  ASSERT_TRUE(directory.learn_meta(alice().id, alice().meta));
  SignedMessage message = alice_to_bob();
  const Bytes right = message.signature;
  message.signature = carol().identity_key.sign(message.sealed.data);
  EXPECT_EQ(failure(verify_and_pin(message, directory, kNow)), Errc::signature);
  EXPECT_EQ(directory.find(alice().id)->state, MetaState::provisional);
  message.signature = right;
  EXPECT_TRUE(verify_and_pin(message, directory, kNow));
  EXPECT_EQ(directory.find(alice().id)->state, MetaState::pinned);
}

TEST(Verify, A05_AttachmentsAreLearntWhenTheyVerify) {
  SignedMessage message = alice_to_bob();
  message.json.set("meta", alice().meta.json());
  message.json.set("visa", alice().visa.json());
  Directory directory;
  EXPECT_TRUE(learn_attachments(message, directory, kNow));
  ASSERT_NE(directory.find(alice().id), nullptr);
  EXPECT_EQ(directory.message_keys(alice().id).size(), 1U);
}

TEST(Verify, A05_AttachmentsOfSomebodyElseAreLeftOut) {
  SignedMessage message = alice_to_bob();
  message.json.set("meta", carol().meta.json());
  message.json.set("visa", carol().visa.json());
  Directory directory;
  EXPECT_TRUE(learn_attachments(message, directory, kNow));
  EXPECT_EQ(directory.size(), 0U);

  message.json.set("meta", alice().meta.json());
  EXPECT_TRUE(learn_attachments(message, directory, kNow));
  ASSERT_NE(directory.find(alice().id), nullptr);
  EXPECT_TRUE(directory.find(alice().id)->documents.empty());
}

TEST(Verify, A05_AtMostFourDocumentsOfOneMessage) {
  SignedMessage message = alice_to_bob();
  message.json.set("documents", JsonArray(4, Json(alice().visa.json())));
  Directory directory;
  EXPECT_TRUE(learn_attachments(message, directory, kNow));
  message.json.set("visa", alice().visa.json());
  EXPECT_EQ(failure(learn_attachments(message, directory, kNow)), Errc::bad_request);
}

TEST(Verify, A04_TheKeyOfAReplacedVisaProvesNothingUnderAnotherTerminal) {
  const PrivateKey lost = PrivateKey::generate_rsa().value();
  const PrivateKey current = PrivateKey::generate_rsa().value();
  SignedMessage message = alice_to_bob();
  message.signature = lost.sign(message.sealed.data);
  Directory directory = directory_of({&bob()});
  ASSERT_TRUE(directory.learn_meta(alice().id, alice().meta));
  ASSERT_TRUE(
      directory.learn_document(alice().id, reference_visa(current, "phone", kNow - kDay), kNow));
  // Attached under a name that is new.
  const JsonObject old = reference_visa(lost, "t1", kNow - 2 * kDay);
  message.json.set("visa", old);
  ASSERT_TRUE(learn_attachments(message, directory, kNow));
  EXPECT_FALSE(verify(message, directory, kNow));
  EXPECT_EQ(directory.message_keys(alice().id).size(), 1U);
  // The station says that it is a device: it may be one, and gets what is written to her. It proves
  // nothing, as it may as well be one that was replaced.
  ASSERT_TRUE(directory.learn_document(alice().id, old, kNow));
  EXPECT_EQ(directory.message_keys(alice().id).size(), 2U);
  EXPECT_FALSE(verify(message, directory, kNow));
  EXPECT_EQ(verification_keys(alice().id, directory, kNow).size(), 2U) << "meta, newest visa";
  message.signature = current.sign(message.sealed.data);
  EXPECT_TRUE(verify(message, directory, kNow));
}

TEST(Verify, A04_ANewDeviceMayShowItsVisaBesideAMessage) {
  const PrivateKey phone = PrivateKey::generate_rsa().value();
  const PrivateKey pad = PrivateKey::generate_rsa().value();
  SignedMessage message = alice_to_bob();
  Directory directory = directory_of({&bob()});
  ASSERT_TRUE(directory.learn_meta(alice().id, alice().meta));
  const auto show = [&](const JsonObject& visa) {
    message.json.set("visa", visa);
    EXPECT_TRUE(learn_attachments(message, directory, kNow));
    return directory.message_keys(alice().id).size();
  };
  EXPECT_EQ(show(reference_visa(phone, "phone", kNow - 1'000)), 1U);
  EXPECT_EQ(show(reference_visa(phone, "t1", kNow - 1'000)), 1U) << "the same visa, renamed";
  EXPECT_EQ(show(reference_visa(pad, "pad", kNow - 601'000)), 1U) << "may have been replaced";
  EXPECT_EQ(show(reference_visa(pad, "pad", kNow - 599'000)), 2U) << "clocks differ";
}

}  // namespace
}  // namespace dim
