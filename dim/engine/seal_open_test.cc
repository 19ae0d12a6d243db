#include <algorithm>
#include <chrono>

#include "dim/crypto/symmetric.h"
#include "testing/engine_accounts.h"
#include "testing/long_form.h"
#include "testing/sanitised.h"

namespace dim {
namespace {

using namespace dim::testing;

const Address kEveryone = Address::everywhere();
const Id kEverybody("everyone", kEveryone);

// ---- what an attacker or another program may send ----

AesIv zeros() { return {}; }

Bytes key_text(std::string_view algorithm, ByteView key) {
  JsonObject object;
  object.set("algorithm", algorithm);
  object.set("data", to_base64(key));
  return to_bytes(write_json(object));
}

// Signed by Alice: any `data`, and any bytes in the place of the message key.
SignedMessage crafted(ByteView key, Bytes data, Bytes iv = Bytes(16, 0)) {
  SealedMessage sealed{
      .envelope = {.sender = alice().id, .receiver = bob().id, .time = kSeconds, .type = "1"},
      .data = std::move(data),
      .iv = std::move(iv)};
  const PublicKey recipient = bob().message_keys[0].public_key();
  sealed.keys.emplace_back(bob().id.text(), recipient.encrypt(key, os_random()).value());
  return sign(std::move(sealed), alice().identity_key);
}

std::string padded_content() { return pad_content(write_json(bound_content())).value(); }

Bytes aes(std::size_t key_bytes, std::string_view text) {
  return aes_cbc_encrypt(Secret::copy_of(Bytes(key_bytes, 7)), zeros(), as_bytes(text),
                         AesKeys::any_size)
      .value();
}

// CBC over whole blocks with any bytes at the end: what aes_cbc_encrypt adds itself is cut off.
Bytes aes_with_padding(std::string_view blocks) {
  Bytes out = aes(32, blocks);
  out.resize(blocks.size());
  return out;
}

Bytes right_key() { return key_text("AES", Bytes(32, 7)); }

Envelope envelope_to(const Id& receiver, std::optional<Id> group = std::nullopt) {
  return {.sender = alice().id, .receiver = receiver, .time = kSeconds, .group = std::move(group)};
}

SignedMessage plain_message(const Account& from, Envelope envelope, const JsonObject& content) {
  envelope.sender = from.id;
  return delivered(
      sign(without_encryption(std::move(envelope), write_json(content)), from.identity_key));
}

JsonObject handshake() {
  JsonObject content;
  content.set("type", 136);
  content.set("sn", 5);
  content.set("time", kSeconds);
  content.set("command", "handshake");
  content.set("title", "Hello world!");
  return content;
}

// ---- the ordinary way ----

TEST(SealOpen, ComesBackAsItWasWritten) {
  const SignedMessage message = alice_to_bob(text_content("Grüße"));
  const auto opened = bob_opens(message);
  ASSERT_TRUE(opened) << to_string(opened.error());
  EXPECT_EQ(*opened->message.content.text("text"), "Grüße");
  EXPECT_EQ(opened->label, Label::secure_old);
  EXPECT_EQ(opened->hash, message_hash(message));
  EXPECT_FALSE(opened->late);
}

TEST(SealOpen, HidesTheContent) {
  const SignedMessage message = alice_to_bob(text_content("a very recognisable sentence"));
  EXPECT_EQ(write_message(message).find("recognisable"), std::string::npos);
  EXPECT_EQ(as_text(message.sealed.data).find("recognisable"), std::string_view::npos);
}

TEST(SealOpen, A10_EveryMessageHasItsOwnKeyAndIv) {
  const SignedMessage a = alice_to_bob();
  const SignedMessage b = alice_to_bob();
  EXPECT_NE(a.sealed.iv, b.sealed.iv);
  EXPECT_NE(a.sealed.data, b.sealed.data);
  const Bytes key_a = to_bytes(as_text(decrypt(a.sealed, bob(), {}).value().key.data()));
  const Bytes key_b = to_bytes(as_text(decrypt(b.sealed, bob(), {}).value().key.data()));
  EXPECT_NE(key_a, key_b);
}

TEST(SealOpen, IsForNobodyElse) {
  const SignedMessage message = alice_to_bob();
  Directory directory = directory_of({&alice(), &bob(), &carol()});
  EXPECT_EQ(failure(open(message, carol(), directory, nullptr, kNow)), Errc::bad_request);
  EXPECT_EQ(failure(decrypt(message.sealed, carol(), {})), Errc::decrypt);
}

TEST(SealOpen, NobodyWritesWithoutTheKeyOfTheReceiver) {
  const Directory directory = directory_of({&alice()});
  const auto sealed =
      seal(message_of(alice(), bob().id, text_content()), alice(), directory, {}, os_random());
  EXPECT_EQ(failure(sealed), Errc::not_found);
}

// ---- A10: form of the plain text, IV, padding ----

TEST(SealOpen, A10_BeginsWithSixteenSpacesAndPads) {
  for (const auto& [letters, size] : {std::pair{1, 320}, {300, 640}, {1'000, 1'280}}) {
    const SignedMessage message =
        alice_to_bob(text_content(std::string(static_cast<std::size_t>(letters), 'x')));
    const auto text = decrypt(message.sealed, bob(), {});
    ASSERT_TRUE(text);
    const std::string_view view = as_text(text->text.view());
    EXPECT_EQ(view.size(), static_cast<std::size_t>(size));
    EXPECT_EQ(view.substr(0, 17), "                {");
    EXPECT_EQ(view.back(), ' ');
  }
}

TEST(SealOpen, A10_PaddingGrowsByDoublingUpTo640KiB) {
  EXPECT_EQ(pad_content(std::string(304, 'x')).value().size(), 320U);
  EXPECT_EQ(pad_content(std::string(305, 'x')).value().size(), 640U);
  EXPECT_EQ(pad_content(std::string(640 * 1'024 - 16, 'x')).value().size(), 640U * 1'024);
  EXPECT_EQ(failure(pad_content(std::string(640 * 1'024 - 15, 'x'))), Errc::too_large);
}

TEST(SealOpen, A10_NoFlippedIvBitChangesWhatIsRead) {
  SignedMessage message = alice_to_bob();
  Directory directory = directory_of({&alice(), &bob()});
  for (std::size_t bit = 0; bit < 128; ++bit) {
    message.sealed.iv[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
    EXPECT_EQ(failure(bob_opens(message, directory)), Errc::decrypt) << bit;
    message.sealed.iv[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
  }
  EXPECT_TRUE(bob_opens(message, directory));
}

// What decrypts to whole blocks, whatever their end is: one more block makes the padding right.
Bytes raw_decrypt(const Secret& key, ByteView blocks) {
  AesIv last{};
  std::copy(blocks.end() - 16, blocks.end(), last.begin());
  Bytes longer(blocks.begin(), blocks.end());
  const Bytes end = aes_cbc_encrypt(key, last, {}).value();
  longer.insert(longer.end(), end.begin(), end.end());
  const Secret plain = aes_cbc_decrypt(key, zeros(), longer).value();
  return {plain.view().begin(), plain.view().end()};
}

TEST(SealOpen, A10_NoSubstitutedKeyMakesAnotherContent) {
  // The signature covers the ciphertext alone: a stranger puts another key and another IV before
  // it.
  const SignedMessage original = alice_to_bob();
  Directory directory = directory_of({&alice(), &bob()});
  const auto with = [&](ByteView key, const SignedMessage& message) {
    SignedMessage out = message;
    out.sealed.keys[0].second =
        bob().message_keys[0].public_key().encrypt(key, os_random()).value();
    return out;
  };
  const auto key_of = [](const SignedMessage& message) {
    return to_bytes(as_text(decrypt(message.sealed, bob(), {}).value().key.data()));
  };
  const Bytes bits = key_of(original);
  const Bytes right = key_text("AES", bits);
  const std::string right_text = to_base64(bits);
  std::vector<std::pair<std::string, Bytes>> keys = {
      {"zeros", key_text("AES", Bytes(32, 0))},
      {"ones", key_text("AES", Bytes(32, 0xFF))},
      {"of another message", key_text("AES", key_of(alice_to_bob()))},
      {"of 16 bytes", key_text("AES", Bytes(16, 0))},
      {"empty", key_text("AES", {})},
      {"none", to_bytes(R"({"algorithm":"PLAIN"})")},
      {"of another cipher", to_bytes(R"({"algorithm":"DES","data":")" + right_text + R"("})")},
      {"in another mode",
       to_bytes(R"({"algorithm":"AES","mode":"ECB","data":")" + right_text + R"("})")},
      {"under two names", to_bytes(R"({"algorithm":"AES","data":")" + right_text + R"(","data":")" +
                                   right_text + R"("})")},
  };
  for (std::size_t bit = 0; bit < 256; bit += 17) {
    Bytes flipped = bits;
    flipped[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
    keys.emplace_back("bit " + std::to_string(bit), key_text("AES", flipped));
  }
  for (const auto& [name, key] : keys)
    EXPECT_EQ(failure(bob_opens(with(key, original), directory)), Errc::decrypt) << name;
  EXPECT_TRUE(bob_opens(with(right, original), directory));

  // The forgery of sixteen bytes: a key under which the last byte says that all but one block is
  // padding, and the IV that makes of that block what the stranger wants. Peers that do not check
  // the padding read it.
  const Bytes data = aes(32, R"({"type":1,"sn":7,"time":1,"text":"a short text of an old peer"})");
  ASSERT_LE(data.size(), 256U);
  const std::string wanted = R"({"type":1,"sn":9)";
  ASSERT_EQ(wanted.size(), 16U);
  for (std::uint32_t tries = 0;; ++tries) {
    ASSERT_LT(tries, 100'000U);
    Bytes bytes(32, 0);
    for (std::size_t i = 0; i < 4; ++i) bytes[i] = static_cast<std::uint8_t>(tries >> 8 * i);
    const Bytes plain = raw_decrypt(Secret::copy_of(bytes), data);
    ASSERT_EQ(plain.size(), data.size());
    if (plain.back() != data.size() - 16) continue;
    Bytes iv(16, 0);
    for (std::size_t i = 0; i < 16; ++i)
      iv[i] = static_cast<std::uint8_t>(plain[i] ^ static_cast<std::uint8_t>(wanted[i]));
    EXPECT_EQ(failure(bob_opens(crafted(key_text("AES", bytes), data, iv), directory)),
              Errc::decrypt);
    break;
  }
}

TEST(SealOpen, J32_AFrameOfTheNativeSuiteOrOfNoneIsRefusedAndChangesNothing) {
  // A frame of the native suite (dim/native), or of none, where a message of today's form has its
  // key: suite, commitment, header and cipher text. In this form none of them is a key.
  Directory directory = directory_of({&alice(), &bob()});
  KeyRing ring;
  const OpenRules rules{.keys = &ring};
  const SignedMessage right = alice_to_bob();
  const Known before = *directory.find(alice().id);
  for (const std::uint8_t suite :
       std::array<std::uint8_t, 7>{0x00, 0x01, 0x10, 0x11, 0x20, 0x7F, 0xFF}) {
    for (const std::size_t size : {1U, 33U, 113U, 256U}) {
      SignedMessage framed = right;
      Bytes frame(size, 0);  // a commitment and a public key of zeros too
      frame[0] = suite;
      framed.sealed.keys[0].second = frame;
      EXPECT_EQ(failure(bob_opens(framed, directory, rules)), Errc::decrypt)
          << int{suite} << ", " << size;
      framed.sealed.keys.clear();
      framed.sealed.key = frame;
      EXPECT_EQ(failure(bob_opens(framed, directory, rules)), Errc::decrypt)
          << int{suite} << ", " << size;
    }
  }
  const Known& after = *directory.find(alice().id);
  EXPECT_EQ(after.state, before.state);
  EXPECT_EQ(after.meta->digest(), before.meta->digest());
  EXPECT_EQ(after.documents.size(), before.documents.size());
  EXPECT_EQ(after.chain_alarm, before.chain_alarm);
  SignedMessage without_key = right;
  without_key.sealed.keys.clear();
  EXPECT_EQ(failure(bob_opens(without_key, directory, rules)), Errc::decrypt)
      << "no key was remembered";
  EXPECT_TRUE(bob_opens(right, directory, rules));
}

// ---- A06 and A22: keys, and one error for every cause ----

TEST(SealOpen, A06_OnlyAes256IsAMessageKey) {
  const std::string text = padded_content();
  struct Case {
    const char* name;
    Bytes key, data;
  };
  const std::vector<Case> cases = {
      {"PLAIN", to_bytes(R"({"algorithm":"PLAIN"})"), to_bytes(text)},
      {"AES-128", key_text("AES", Bytes(16, 7)), aes(16, text)},
      {"AES-192", key_text("AES", Bytes(24, 7)), aes(24, text)},
  };
  Directory directory = directory_of({&alice(), &bob()});
  for (const Case& entry : cases) {
    const SignedMessage message = crafted(entry.key, entry.data);
    EXPECT_EQ(failure(bob_opens(message, directory)), Errc::decrypt) << entry.name;
    // The same message is sound for who takes such keys: it is the key that is refused.
    EXPECT_TRUE(bob_opens(message, directory, {.reading = Reading::codec})) << entry.name;
  }
  EXPECT_TRUE(bob_opens(crafted(right_key(), aes(32, text)), directory));
}

TEST(SealOpen, A06_OtherCiphersAndModesAreRefused) {
  const Bytes data = aes(32, padded_content());
  const std::string key = to_base64(Bytes(32, 7));
  for (const std::string& text :
       {R"({"algorithm":"DES","data":")" + key + R"("})",
        R"({"algorithm":"AES","mode":"ECB","data":")" + key + R"("})",
        R"({"algorithm":"AES","padding":"ZERO","data":")" + key + R"("})",
        std::string(R"({"algorithm":"AES","data":""})"), std::string(R"({"algorithm":"AES"})")}) {
    EXPECT_EQ(failure(bob_opens(crafted(as_bytes(text), data))), Errc::decrypt) << text;
  }
}

TEST(SealOpen, A22_J17_J18_J19_J20_OneErrorForEveryCause) {
  const std::string text = padded_content();
  const Bytes data = aes(32, text);
  const auto padding = [&](std::string_view end) {
    std::string blocks = text;
    blocks.replace(blocks.size() - end.size(), end.size(), end);
    return crafted(right_key(), aes_with_padding(blocks));
  };
  SignedMessage bad_wrapping = crafted(right_key(), data);
  bad_wrapping.sealed.keys[0].second[100] ^= 1;
  SignedMessage short_wrapping = crafted(right_key(), data);
  short_wrapping.sealed.keys[0].second.pop_back();
  // A key of 10 KiB goes into no RSA block; 41 of them do not become one.
  SignedMessage many_blocks = crafted(right_key(), data);
  const Bytes block = many_blocks.sealed.keys[0].second;
  for (int i = 1; i < 41; ++i) {
    Bytes& wrapped = many_blocks.sealed.keys[0].second;
    wrapped.insert(wrapped.end(), block.begin(), block.end());
  }
  ASSERT_GE(many_blocks.sealed.keys[0].second.size(), 10U * 1024);
  SignedMessage no_key = crafted(right_key(), data);
  no_key.sealed.keys.clear();
  SignedMessage key_of_another = crafted(right_key(), data);
  key_of_another.sealed.keys[0].first = carol().id.text();
  struct Case {
    const char* name;
    SignedMessage message;
  };
  const std::vector<Case> cases = {
      {"J17 PLAIN", crafted(as_bytes(R"({"algorithm":"PLAIN"})"), data)},
      {"J17 DES", crafted(key_text("DES", Bytes(8, 7)), data)},
      {"J17 AES-128", crafted(key_text("AES", Bytes(16, 7)), data)},
      {"J17 empty data", crafted(as_bytes(R"({"algorithm":"AES","data":""})"), data)},
      {"J17 array", crafted(as_bytes("[1, 2, 3]"), data)},
      {"J17 10 KiB", many_blocks},
      {"J17 the most that a block takes", crafted(key_text("AES", Bytes(150, 7)), data)},
      {"J17 no JSON", crafted(Bytes(32, 0xFF), data)},
      {"J17 another key", crafted(key_text("AES", Bytes(32, 8)), data)},
      {"J18 bad PKCS#1", bad_wrapping},
      {"J18 wrong length", short_wrapping},
      {"no key", no_key},
      {"no key for Bob", key_of_another},
      {"J19 no IV", crafted(right_key(), data, {})},
      {"J19 15 bytes", crafted(right_key(), data, Bytes(15, 0))},
      {"J19 17 bytes", crafted(right_key(), data, Bytes(17, 0))},
      {"J19 another IV", crafted(right_key(), data, Bytes(16, 1))},
      {"J20 pad 0", padding(std::string(1, '\0'))},
      {"J20 pad 17", padding(std::string(17, '\x11'))},
      {"J20 pad 255", padding("\xFF")},
      {"J20 inconsistent", padding(std::string("\x03\x02\x03", 3))},
      {"no JSON inside", crafted(right_key(), aes(32, std::string(320, 'x')))},
  };
  Directory directory = directory_of({&alice(), &bob()});
  const auto first = bob_opens(cases[0].message, directory);
  ASSERT_FALSE(first);
  for (const Case& entry : cases) {
    const auto opened = bob_opens(entry.message, directory);
    ASSERT_FALSE(opened) << entry.name;
    EXPECT_EQ(opened.error().code, Errc::decrypt) << entry.name;
    EXPECT_EQ(opened.error().hint, first.error().hint) << entry.name;
    EXPECT_EQ(opened.error().at, first.error().at) << entry.name;
  }
  // One class of time too: none of what is found in the block of the key, or not, spares the work
  // of opening it. How equal the times are is what dim/crypto/rsa_timing_test.cc says.
  if (!kSanitised) {
    using Time = std::chrono::steady_clock;
    std::vector<Time::duration> best;
    std::vector<const Case*> opens;
    for (const Case& entry : cases) {
      const std::string_view name = entry.name;
      if ((name.starts_with("J17") && name != "J17 10 KiB") || name == "J18 bad PKCS#1")
        opens.push_back(&entry);
    }
    ASSERT_EQ(opens.size(), 9U);
    best.resize(opens.size(), Time::duration::max());
    for (int i = 0; i < 20; ++i) {
      for (std::size_t at = 0; at < opens.size(); ++at) {
        const auto start = Time::now();
        std::ignore = bob_opens(opens[at]->message, directory);
        best[at] = std::min(best[at], Time::now() - start);
      }
    }
    const auto [least, most] = std::ranges::minmax(best);
    EXPECT_LT(most, 2 * least);
  }
  // The controls: the same bytes with right padding, key and IV do open.
  EXPECT_TRUE(bob_opens(crafted(right_key(), data), directory));
  EXPECT_TRUE(bob_opens(padding(std::string("\x03\x03\x03", 3)), directory));
}

// 200,000 in the long form (`./dev test --long`).
TEST(SealOpen, A22_J18_NoVariantOfTheKeyTellsAnything) {
  const SignedMessage good = crafted(right_key(), aes(32, padded_content()));
  Directory directory = directory_of({&alice(), &bob()});
  ASSERT_TRUE(bob_opens(good, directory));
  const Bytes wrapped = good.sealed.keys[0].second;
  const int variants = long_form() ? 200'000 : kSanitised ? 300 : 1'000;
  std::optional<Error> first;
  for (int i = 0; i < variants; ++i) {
    SignedMessage message = good;
    Bytes& key = message.sealed.keys[0].second;
    if (i % 2 == 0) {
      // Each byte in turn; after all of them with another mask.
      const auto at = static_cast<std::size_t>(i) / 2;
      key[at % key.size()] ^= static_cast<std::uint8_t>(1 + at / key.size() % 255);
    } else {
      os_random().fill(key);
    }
    ASSERT_NE(key, wrapped);
    const auto opened = bob_opens(message, directory);
    ASSERT_FALSE(opened) << i;
    if (!first) first = opened.error();
    ASSERT_EQ(opened.error().code, Errc::decrypt) << i;
    ASSERT_EQ(opened.error().hint, first->hint) << i;
    ASSERT_EQ(opened.error().at, first->at) << i;
  }
}

TEST(SealOpen, J19_MissingIvIsZeroForOldPeersOnly) {
  const SignedMessage message = crafted(right_key(), aes(32, padded_content()), {});
  Directory old = directory_of_old_alice();
  EXPECT_TRUE(bob_opens(message, old));
  EXPECT_EQ(failure(bob_opens(message)), Errc::decrypt);
}

TEST(SealOpen, J19_IvUnderTwoNamesIsNone) {
  JsonObject object = alice_to_bob().json;
  object.set("iv", *object.text("IV"));
  const auto message = SignedMessage::parse(write_json(object));
  ASSERT_TRUE(message);
  EXPECT_EQ(failure(bob_opens(*message)), Errc::decrypt);
}

// ---- A08: who it was written for ----

TEST(SealOpen, A08_RedirectedMessageIsNoticed) {
  // Bob wraps the key for Carol and changes the receiver; Alice's signature still verifies.
  SignedMessage message = alice_to_bob();
  const auto read = decrypt(message.sealed, bob(), {});
  ASSERT_TRUE(read);
  const PublicKey to_carol = carol().message_keys[0].public_key();
  message.sealed.keys = {
      {carol().id.text(), to_carol.encrypt(read->key.json().view(), os_random()).value()}};
  message.sealed.envelope.receiver = carol().id;
  Directory directory = directory_of({&alice(), &carol()});
  EXPECT_EQ(failure(open(message, carol(), directory, nullptr, kNow)), Errc::rebound);
  Directory old = directory_of_old_alice();
  EXPECT_EQ(failure(open(message, carol(), old, nullptr, kNow)), Errc::rebound);
}

TEST(SealOpen, J22_A08_MissingBindOfAPeerThatPromisedIt) {
  const SignedMessage message = without_checks(text_content());
  EXPECT_EQ(failure(bob_opens(message)), Errc::rebound);
  Directory old = directory_of_old_alice();
  const auto opened = bob_opens(message, old);
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->label, Label::addressee_unproven);
}

TEST(SealOpen, J22_A08_WrongBindIsRefused) {
  const Id group("friends", Address::btc(EntityType::group, as_bytes("friends")));
  const auto with_bind = [](Json bind) {
    JsonObject content = text_content();
    content.set("bind", std::move(bind));
    return content;
  };
  const auto changed = [&](std::string_view name, Json value) {
    JsonObject bind = bind_of(alice().id, bob().id);
    bind.set(name, std::move(value));
    return with_bind(bind);
  };
  JsonObject without_to = bind_of(alice().id, bob().id);
  without_to.erase("to");
  const std::vector<JsonObject> wrong = {
      changed("to", carol().id.text()),
      changed("from", carol().id.text()),
      changed("time", kSeconds - 3),
      changed("v", 2),
      changed("to", 7),
      changed("group", group.text()),
      with_bind(without_to),
      with_bind(true),
      with_bind(JsonArray{}),
  };
  Directory promised = directory_of({&alice(), &bob()});
  Directory old = directory_of_old_alice();
  for (const JsonObject& content : wrong) {
    const SignedMessage message = without_checks(content);
    EXPECT_EQ(failure(bob_opens(message, promised)), Errc::rebound) << write_json(content);
    EXPECT_EQ(failure(bob_opens(message, old)), Errc::rebound) << write_json(content);
  }
  EXPECT_TRUE(bob_opens(without_checks(bound_content())));
}

// ---- A09: what may go without encryption ----

TEST(SealOpen, J10_A09_BroadcastGroupDoesNotMakeAPrivateMessagePlain) {
  JsonObject content = text_content();
  content.set("group", kEverybody.text());
  const Id stations("stations", kEveryone);
  Directory directory = directory_of({&alice(), &bob(), &station()});
  const auto open_as = [&](const Account& receiver, const Envelope& envelope,
                           const JsonObject& inside) {
    return failure(
        open(plain_message(alice(), envelope, inside), receiver, directory, nullptr, kNow));
  };
  // The five combinations of receiver and group.
  EXPECT_EQ(open_as(bob(), envelope_to(bob().id, kEverybody), content), Errc::plain_not_allowed);
  EXPECT_EQ(open_as(station(), envelope_to(station().id, kEverybody), content),
            Errc::plain_not_allowed);
  JsonObject hello = handshake();
  hello.set("group", stations.text());
  JsonObject bound = hello;
  bound.set("bind", bind_of(alice().id, station().id));
  EXPECT_EQ(open_as(station(), envelope_to(station().id, stations), bound), std::nullopt);
  JsonObject to_bob = hello;
  to_bob.set("bind", bind_of(alice().id, bob().id));
  EXPECT_EQ(open_as(bob(), envelope_to(bob().id, stations), to_bob), Errc::plain_not_allowed);
  JsonObject to_all = text_content();
  to_all.set("bind", bind_of(alice().id, kEverybody));
  EXPECT_EQ(open_as(bob(), envelope_to(kEverybody), to_all), std::nullopt);
}

TEST(SealOpen, A09_PlainIsNeverLabelledSecure) {
  JsonObject content = text_content();
  content.set("bind", bind_of(alice().id, kEverybody));
  const auto opened = bob_opens(plain_message(alice(), envelope_to(kEverybody), content));
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->label, Label::not_encrypted);
}

TEST(SealOpen, A09_PlainAnswersOnlyOfOnesOwnStation) {
  JsonObject answer = handshake();
  answer.set("group", kEverybody.text());
  answer.set("bind", bind_of(station().id, bob().id));
  const SignedMessage message = plain_message(station(), envelope_to(bob().id, kEverybody), answer);
  JsonObject text = text_content();
  text.set("group", kEverybody.text());
  text.set("bind", bind_of(station().id, bob().id));
  const SignedMessage chat = plain_message(station(), envelope_to(bob().id, kEverybody), text);
  Directory directory = directory_of({&alice(), &bob(), &station()});
  EXPECT_EQ(failure(bob_opens(message, directory)), Errc::plain_not_allowed);
  EXPECT_EQ(failure(bob_opens(message, directory, {.station = alice().id})),
            Errc::plain_not_allowed);
  EXPECT_TRUE(bob_opens(message, directory, {.station = station().id}));
  EXPECT_EQ(failure(bob_opens(chat, directory, {.station = station().id})),
            Errc::plain_not_allowed);
}

TEST(SealOpen, A09_SealRefusesWhatOpenWouldRefuse) {
  const Directory directory = directory_of({&alice(), &bob()});
  PlainMessage message = message_of(alice(), bob().id, text_content());
  message.envelope.group = kEverybody;
  EXPECT_EQ(failure(seal(message, alice(), directory, {}, os_random())), Errc::plain_not_allowed);
}

// ---- A11: remembered keys ----

TEST(SealOpen, A11_OnlyKeysThatOpenedAMessageAreRemembered) {
  const Bytes data = aes(32, padded_content());
  SignedMessage keyless = crafted(right_key(), data);
  keyless.sealed.keys.clear();
  Directory directory = directory_of({&alice(), &bob()});
  KeyRing ring;
  const OpenRules rules{.keys = &ring};
  EXPECT_EQ(failure(bob_opens(keyless, directory, rules)), Errc::decrypt);
  EXPECT_TRUE(bob_opens(crafted(right_key(), data), directory, rules));
  EXPECT_EQ(ring.find(alice().id, bob().id).size(), 1U);

  // Keys of messages that do not decrypt, or whose content is refused, change nothing.
  const SignedMessage poison = crafted(key_text("AES", Bytes(32, 9)), data);
  EXPECT_EQ(failure(bob_opens(poison, directory, rules)), Errc::decrypt);
  EXPECT_EQ(failure(bob_opens(without_checks(text_content()), directory, rules)), Errc::rebound);
  EXPECT_EQ(ring.find(alice().id, bob().id).size(), 1U);
  EXPECT_TRUE(bob_opens(keyless, directory, rules));
  EXPECT_TRUE(ring.find(bob().id, alice().id).empty()) << "one direction";
}

TEST(SealOpen, A11_TheLastFourKeysAreKept) {
  KeyRing ring;
  for (std::uint8_t i = 0; i < 6; ++i) {
    const auto object = parse_json_object(as_text(key_text("AES", Bytes(32, i))));
    ring.remember(alice().id, bob().id, SymmetricKey::parse(*object).value());
  }
  const auto& keys = ring.find(alice().id, bob().id);
  ASSERT_EQ(keys.size(), 4U);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(keys[i].data()[0], 5 - i);
}

// ---- A13: place and time ----

TEST(SealOpen, A13_CarriesItsPlaceInTheConversation) {
  const std::string before = to_base64(message_hash(alice_to_bob()));
  const auto opened = bob_opens(alice_to_bob(text_content(), {.seq = 2, .prev = before}));
  ASSERT_TRUE(opened);
  ASSERT_TRUE(opened->chain);
  EXPECT_EQ(opened->chain->seq, 2);
  EXPECT_EQ(opened->chain->prev, before);
  const auto unchained = bob_opens(alice_to_bob());
  ASSERT_TRUE(unchained);
  EXPECT_FALSE(unchained->chain);
}

TEST(SealOpen, A13_TellsWhatCameLate) {
  const SignedMessage message = alice_to_bob();
  Directory directory = directory_of({&alice(), &bob()});
  const auto in_time = open(message, bob(), directory, nullptr, kNow + 300'000);
  ASSERT_TRUE(in_time);
  EXPECT_FALSE(in_time->late);
  const auto late = open(message, bob(), directory, nullptr, kNow + 300'001);
  ASSERT_TRUE(late);
  EXPECT_TRUE(late->late);
}

// ---- J21: content and envelope ----

TEST(SealOpen, J21_ContentNeedsTypeSnAndTheTimeOfItsEnvelope) {
  const auto changed = [](std::string_view name, std::optional<Json> value) {
    JsonObject content = bound_content();
    if (value) {
      content.set(name, *value);
    } else {
      content.erase(name);
    }
    return content;
  };
  const auto at = [&](double time) {
    JsonObject content = changed("time", time);
    content.set("bind", bind_of(alice().id, bob().id, time));
    return content;
  };
  Directory directory = directory_of({&alice(), &bob()});
  for (const JsonObject& content :
       {changed("type", std::nullopt), changed("sn", std::nullopt), changed("sn", 0),
        changed("sn", -1), changed("type", 136), changed("time", std::nullopt), at(kSeconds + 2.5),
        at(kSeconds - 2.5)}) {
    EXPECT_EQ(failure(bob_opens(without_checks(content), directory)), Errc::content)
        << write_json(content);
  }
  for (const JsonObject& content : {at(kSeconds + 1.5), at(kSeconds - 1.5)}) {
    EXPECT_TRUE(bob_opens(without_checks(content), directory)) << write_json(content);
  }
}

TEST(SealOpen, J21_SealRefusesAContentWithoutTypeSnOrTime) {
  const Directory directory = directory_of({&alice(), &bob()});
  for (const char* name : {"type", "sn", "time"}) {
    PlainMessage message = message_of(alice(), bob().id, text_content());
    message.content.erase(name);
    message.envelope.time = 0;
    EXPECT_EQ(failure(seal(message, alice(), directory, {}, os_random())), Errc::content) << name;
  }
}

}  // namespace
}  // namespace dim
