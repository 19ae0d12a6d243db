#include "net/tls.h"

#include <gtest/gtest.h>
#include <malloc.h>
#include <openssl/bio.h>  // the odd peers of these tests are made with OpenSSL itself
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <memory>
#include <utility>
#include <vector>

#include "dim/base/hex.h"
#include "testing/sanitised.h"

namespace dim {
namespace {

struct Contexts {
  Certificate certificate = *make_certificate();
  std::shared_ptr<const TlsContext> server = *TlsContext::server(certificate);
  std::shared_ptr<const TlsContext> client = *TlsContext::client();
};

const Contexts& contexts() {
  static const Contexts made;
  return made;
}

std::string take(TlsStream& stream) { return std::exchange(stream.output(), {}); }

// Our client and our server, joined by strings.
struct Pair {
  TlsStream server{contexts().server};
  TlsStream client{contexts().client};
  std::string at_server, at_client;
  Status server_status, client_status;

  void shuttle(std::size_t step = std::string::npos) {
    if (client.state() == TlsStream::State::handshaking) client_status = client.start(0, at_client);
    for (;;) {
      const std::string up = take(client), down = take(server);
      if (up.empty() && down.empty()) return;
      for (std::size_t i = 0; i < up.size() && server_status; i += std::min(step, up.size())) {
        server_status = server.feed(std::string_view(up).substr(i, step), 0, at_server);
      }
      for (std::size_t i = 0; i < down.size() && client_status; i += std::min(step, down.size())) {
        client_status = client.feed(std::string_view(down).substr(i, step), 0, at_client);
      }
    }
  }
};

// A client that may do what ours never does.
class OddClient {
 public:
  explicit OddClient(int version = TLS1_3_VERSION, std::string_view alpn =
                                                       "\x08"
                                                       "dim/2023") {
    ctx_ = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(ctx_, version);
    SSL_CTX_set_max_proto_version(ctx_, version);
    SSL_CTX_set_verify(ctx_, SSL_VERIFY_NONE, nullptr);
    SSL_CTX_set_session_cache_mode(ctx_, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ctx_, [](SSL* of, SSL_SESSION* session) {
      auto* self = static_cast<OddClient*>(SSL_get_app_data(of));
      SSL_SESSION_free(self->ticket);
      self->ticket = session;
      return 1;
    });
    SSL_CTX_set_keylog_callback(ctx_, [](const SSL* of, const char* line) {
      const std::string_view words = line;
      if (words.starts_with("CLIENT_TRAFFIC_SECRET_0 "))
        static_cast<OddClient*>(SSL_get_app_data(of))->secret = words.substr(words.rfind(' ') + 1);
    });
    ssl = SSL_new(ctx_);
    SSL_set_app_data(ssl, this);
    if (!alpn.empty()) {
      SSL_set_alpn_protos(ssl, reinterpret_cast<const unsigned char*>(alpn.data()),
                          static_cast<unsigned>(alpn.size()));
    }
    SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(ssl);
  }
  ~OddClient() {
    SSL_SESSION_free(ticket);
    SSL_free(ssl);
    SSL_CTX_free(ctx_);
    ERR_clear_error();
  }
  OddClient(const OddClient&) = delete;
  OddClient& operator=(const OddClient&) = delete;

  std::string sent() {
    std::string out(BIO_ctrl_pending(SSL_get_wbio(ssl)), '\0');
    if (!out.empty()) BIO_read(SSL_get_wbio(ssl), out.data(), static_cast<int>(out.size()));
    return out;
  }
  void receive(std::string_view bytes) {
    if (!bytes.empty()) BIO_write(SSL_get_rbio(ssl), bytes.data(), static_cast<int>(bytes.size()));
  }
  // Until neither side has anything to say.
  Status run(TlsStream& server, std::string& at_server, Millis now = 0) {
    Status status;
    for (int i = 0; i < 10; ++i) {
      if (!SSL_is_init_finished(ssl)) SSL_do_handshake(ssl);
      char byte = 0;
      SSL_peek(ssl, &byte, 1);  // tickets
      const std::string up = sent();
      if (status && !up.empty()) status = server.feed(up, now, at_server);
      receive(take(server));
    }
    return status;
  }

  // The first record of the open connection: a handshake message that OpenSSL would not send, under
  // the right keys (RFC 8446 section 5.2).
  std::string record_of(std::string_view handshake_message) const {
    EXPECT_STREQ(SSL_get_cipher_name(ssl), "TLS_AES_256_GCM_SHA384");
    const Bytes key = expand("key", 32), nonce = expand("iv", 12);  // its number is 0
    Bytes plain(handshake_message.begin(), handshake_message.end());
    plain.push_back(22);  // handshake
    const std::size_t size = plain.size() + 16;
    Bytes out = {23, 3, 3, static_cast<std::uint8_t>(size >> 8), static_cast<std::uint8_t>(size)};
    const Bytes head = out;
    out.resize(head.size() + size);
    int count = 0;
    EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
    EXPECT_EQ(EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), nullptr, key.data(), nonce.data()), 1);
    EXPECT_EQ(EVP_EncryptUpdate(context, nullptr, &count, head.data(), 5), 1);
    EXPECT_EQ(EVP_EncryptUpdate(context, out.data() + 5, &count, plain.data(),
                                static_cast<int>(plain.size())),
              1);
    EXPECT_EQ(EVP_EncryptFinal_ex(context, out.data() + out.size(), &count), 1);
    EXPECT_EQ(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, 16, out.data() + 5 + plain.size()),
              1);
    EVP_CIPHER_CTX_free(context);
    return {out.begin(), out.end()};
  }

  SSL* ssl = nullptr;
  SSL_SESSION* ticket = nullptr;
  std::string secret;  // client_application_traffic_secret_0 in hex

 private:
  // HKDF-Expand-Label (RFC 8446 section 7.1).
  Bytes expand(std::string_view label, std::size_t size) const {
    const auto from = from_hex(secret);
    EXPECT_TRUE(from);
    Bytes key = *from, out(size);
    std::string digest = "SHA384", prefix = "tls13 ", name(label);
    int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
    const std::array parameters = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest.data(), 0),
        OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, key.data(), key.size()),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PREFIX, prefix.data(), prefix.size()),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_LABEL, name.data(), name.size()),
        OSSL_PARAM_construct_end()};
    EVP_KDF* kdf = EVP_KDF_fetch(nullptr, "TLS13-KDF", nullptr);
    EVP_KDF_CTX* context = EVP_KDF_CTX_new(kdf);
    EXPECT_EQ(EVP_KDF_derive(context, out.data(), out.size(), parameters.data()), 1);
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(kdf);
    return out;
  }

  SSL_CTX* ctx_ = nullptr;
};

// The description byte of an alert record sent in the clear, or -1.
int alert_in(std::string_view bytes) {
  if (bytes.size() < 7 || bytes[0] != 21) return -1;
  return static_cast<std::uint8_t>(bytes[6]);
}

TEST(Tls, BothSidesGetThroughAndCarryBytes) {
  Pair pair;
  pair.shuttle();
  ASSERT_TRUE(pair.server_status && pair.client_status);
  ASSERT_EQ(pair.server.state(), TlsStream::State::open);
  ASSERT_EQ(pair.client.state(), TlsStream::State::open);
  EXPECT_EQ(pair.server.cipher(), "TLS_AES_256_GCM_SHA384");
  EXPECT_EQ(pair.server.alpn(), "dim/2023");
  EXPECT_EQ(pair.client.alpn(), "dim/2023");
  ASSERT_TRUE(pair.client.write("to the server"));
  ASSERT_TRUE(pair.server.write(std::string(100'000, 'x')));
  pair.shuttle();
  EXPECT_EQ(pair.at_server, "to the server");
  EXPECT_EQ(pair.at_client, std::string(100'000, 'x'));
}

TEST(Tls, P43_AnyCutOfTheStreamGivesTheSame) {
  for (const std::size_t step : {1U, 2U, 5U, 7U, 1'000U}) {
    Pair pair;
    pair.shuttle(step);
    ASSERT_EQ(pair.server.state(), TlsStream::State::open) << step;
    ASSERT_TRUE(pair.client.write(std::string(20'000, 'a')));
    ASSERT_TRUE(pair.client.write("b"));
    pair.shuttle(step);
    EXPECT_EQ(pair.at_server, std::string(20'000, 'a') + "b") << step;
  }
}

TEST(Tls, S04_ExporterIsEqualOnBothSidesAndDiffersBetweenConnections) {
  Pair one, two;
  EXPECT_FALSE(one.server.channel_binding());
  one.shuttle();
  two.shuttle();
  const Bytes binding = one.server.channel_binding().value();
  EXPECT_EQ(binding.size(), 32U);
  EXPECT_EQ(binding, one.client.channel_binding().value());
  EXPECT_NE(binding, two.server.channel_binding().value());
}

TEST(Tls, S18_ClientSeesTheKeyOfTheCertificate) {
  Pair pair;
  EXPECT_FALSE(pair.client.peer_spki());
  pair.shuttle();
  EXPECT_EQ(pair.client.peer_spki(), spki_sha256(contexts().certificate.cert_pem).value());
  EXPECT_FALSE(pair.server.peer_spki());
}

TEST(Tls, CertificatesDifferAndAreCheckedAgainstTheirKeys) {
  const Certificate other = make_certificate().value();
  EXPECT_NE(spki_sha256(other.cert_pem).value(),
            spki_sha256(contexts().certificate.cert_pem).value());
  const Certificate mixed{other.key_pem.clone(), contexts().certificate.cert_pem};
  EXPECT_EQ(TlsContext::server(mixed).error().code, Errc::key);
  EXPECT_EQ(TlsContext::server({Secret(), other.cert_pem}).error().code, Errc::key);
  EXPECT_EQ(TlsContext::server({other.key_pem.clone(), "nonsense"}).error().code, Errc::key);
  EXPECT_EQ(spki_sha256("nonsense").error().code, Errc::key);
  EXPECT_EQ(ERR_peek_error(), 0U) << "failures leave nothing for the next connection";
}

TEST(Tls, S17_A46_RefusesAnotherAlpnAndNone) {
  for (const std::string_view alpn : {std::string_view("\x02"
                                                       "h2"),
                                      std::string_view()}) {
    OddClient client(TLS1_3_VERSION, alpn);
    SSL_do_handshake(client.ssl);
    TlsStream server(contexts().server);
    std::string plain;
    const Status status = server.feed(client.sent(), 0, plain);
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, Errc::security_error);
    EXPECT_EQ(alert_in(server.output()), SSL_AD_NO_APPLICATION_PROTOCOL);
    EXPECT_EQ(server.state(), TlsStream::State::failed);
    EXPECT_FALSE(server.feed("more", 0, plain));
    EXPECT_EQ(ERR_peek_error(), 0U);
  }
}

TEST(Tls, S17_ClientRefusesAServerThatIgnoresAlpn) {
  SSL_CTX* ctx = SSL_CTX_new(TLS_server_method());
  const std::string key = to_text(contexts().certificate.key_pem.view());
  BIO* in = BIO_new_mem_buf(key.data(), static_cast<int>(key.size()));
  EVP_PKEY* pkey = PEM_read_bio_PrivateKey(in, nullptr, nullptr, nullptr);
  BIO_free(in);
  const std::string& pem = contexts().certificate.cert_pem;
  in = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  X509* cert = PEM_read_bio_X509(in, nullptr, nullptr, nullptr);
  BIO_free(in);
  SSL_CTX_use_certificate(ctx, cert);
  SSL_CTX_use_PrivateKey(ctx, pkey);
  SSL* ssl = SSL_new(ctx);
  SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  SSL_set_accept_state(ssl);

  TlsStream client(contexts().client);
  std::string plain;
  Status status = client.start(0, plain);
  for (int i = 0; i < 4 && status; ++i) {
    const std::string up = take(client);
    if (!up.empty()) BIO_write(SSL_get_rbio(ssl), up.data(), static_cast<int>(up.size()));
    SSL_do_handshake(ssl);
    std::string down(BIO_ctrl_pending(SSL_get_wbio(ssl)), '\0');
    if (!down.empty()) BIO_read(SSL_get_wbio(ssl), down.data(), static_cast<int>(down.size()));
    status = client.feed(down, 0, plain);
  }
  EXPECT_FALSE(status);
  EXPECT_EQ(client.state(), TlsStream::State::failed);
  SSL_free(ssl);
  SSL_CTX_free(ctx);
  X509_free(cert);
  EVP_PKEY_free(pkey);
  ERR_clear_error();
}

TEST(Tls, P07_RefusesTls12) {
  OddClient client(TLS1_2_VERSION);
  SSL_do_handshake(client.ssl);
  TlsStream server(contexts().server);
  std::string plain;
  const Status status = server.feed(client.sent(), 0, plain);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Errc::better_encryption);
  EXPECT_EQ(alert_in(server.output()), SSL_AD_PROTOCOL_VERSION);
}

TEST(Tls, P07_RefusesAnSsl3Hello) {
  // SSL 3.0 with one suite and no extensions.
  std::string hello = {0x16, 0x03, 0x00, 0x00, 0x2d, 0x01, 0x00, 0x00, 0x29, 0x03, 0x00};
  hello += std::string(32, 'r');
  hello += std::string("\0\0\x02\0\x35\x01\0", 7);
  TlsStream server(contexts().server);
  std::string plain;
  ASSERT_FALSE(server.feed(hello, 0, plain));
  EXPECT_EQ(alert_in(server.output()), SSL_AD_PROTOCOL_VERSION);
}

TEST(Tls, S16_EarlyDataIsNeitherAcceptedNorDelivered) {
  OddClient first;
  TlsStream server(contexts().server);
  std::string plain;
  ASSERT_TRUE(first.run(server, plain));
  ASSERT_NE(first.ticket, nullptr);
  EXPECT_EQ(SSL_SESSION_get_max_early_data(first.ticket), 0U) << "tickets do not invite early data";
  SSL_SESSION_set_max_early_data(first.ticket, 16'384);  // a client that does not care

  OddClient second;
  SSL_set_session(second.ssl, first.ticket);
  std::size_t written = 0;
  const std::string evil = "operation: DESTROY";
  ASSERT_EQ(SSL_write_early_data(second.ssl, evil.data(), evil.size(), &written), 1);
  TlsStream again(contexts().server);
  plain.clear();
  ASSERT_TRUE(second.run(again, plain));
  EXPECT_EQ(again.state(), TlsStream::State::open);
  EXPECT_EQ(plain, "");
  EXPECT_EQ(SSL_get_early_data_status(second.ssl), SSL_EARLY_DATA_REJECTED);
  EXPECT_EQ(SSL_session_reused(second.ssl), 1) << "the ticket itself works";
  SSL_write_ex(second.ssl, "late", 4, &written);
  ASSERT_TRUE(second.run(again, plain));
  EXPECT_EQ(plain, "late");
}

TEST(Tls, ResumptionByTicketHasAnotherExporter) {
  OddClient first, second;
  TlsStream one(contexts().server), two(contexts().server);
  std::string plain;
  ASSERT_TRUE(first.run(one, plain));
  SSL_set_session(second.ssl, first.ticket);
  ASSERT_TRUE(second.run(two, plain));
  ASSERT_EQ(SSL_session_reused(second.ssl), 1);
  EXPECT_NE(one.channel_binding().value(), two.channel_binding().value());
}

TEST(Tls, S20_RenegotiationIsAnAlert) {
  for (const bool asks : {true, false}) {
    OddClient client;
    TlsStream server(contexts().server);
    std::string plain;
    SSL_do_handshake(client.ssl);
    const std::string hello = client.sent();
    ASSERT_TRUE(server.feed(hello, 0, plain));
    ASSERT_TRUE(client.run(server, plain));
    ASSERT_EQ(server.state(), TlsStream::State::open);
    // Its own ClientHello again; to see that the record is right, the KeyUpdate of RFC 8446 4.6.3.
    const std::string update("\x18\x00\x00\x01\x00", 5);
    const Status status = server.feed(client.record_of(asks ? hello.substr(5) : update), 0, plain);
    EXPECT_EQ(status.has_value(), !asks);
    EXPECT_EQ(plain, "");
    if (!asks) continue;
    EXPECT_EQ(status.error().code, Errc::security_error);
    EXPECT_EQ(server.state(), TlsStream::State::failed);
    client.receive(take(server));
    ERR_clear_error();
    char byte = 0;
    EXPECT_LE(SSL_read(client.ssl, &byte, 1), 0);
    EXPECT_EQ(ERR_GET_REASON(ERR_peek_error()), SSL_AD_REASON_OFFSET + SSL_AD_UNEXPECTED_MESSAGE);
  }
}

TEST(Tls, S20_FailsAfter32KeyUpdatesAMinute) {
  OddClient client;
  TlsStream server(contexts().server);
  std::string plain;
  ASSERT_TRUE(client.run(server, plain));
  const auto update = [&](Millis now) -> Status {
    SSL_key_update(client.ssl, SSL_KEY_UPDATE_NOT_REQUESTED);
    SSL_do_handshake(client.ssl);
    return server.feed(client.sent(), now, plain);
  };
  for (int i = 0; i < 32; ++i) ASSERT_TRUE(update(0)) << i;
  for (int i = 0; i < 32; ++i) ASSERT_TRUE(update(60'000)) << "another minute, " << i;
  const Status status = update(60'001);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Errc::security_error);
  EXPECT_EQ(server.state(), TlsStream::State::failed);
}

TEST(Tls, S20_TenThousandKeyUpdatesInOneReadAreNotAllObeyed) {
  OddClient client;
  TlsStream server(contexts().server);
  std::string plain, flood;
  ASSERT_TRUE(client.run(server, plain));
  for (int i = 0; i < 10'000; ++i) {
    SSL_key_update(client.ssl, SSL_KEY_UPDATE_REQUESTED);
    SSL_do_handshake(client.ssl);
  }
  flood = client.sent();
  EXPECT_FALSE(server.feed(flood, 0, plain));
  EXPECT_LT(server.output().size(), 64U * 64) << "answers stopped at the limit";
}

TEST(Tls, S19_ClientStopsAtAPlainAnswer) {
  TlsStream client(contexts().client);
  std::string plain;
  ASSERT_TRUE(client.start(0, plain));
  const Status status = client.feed("version: dim/2023\ncode: 200\n\n", 0, plain);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Errc::downgrade);
  EXPECT_EQ(plain, "");
}

TEST(Tls, ClosingAlertTellsAnEndFromATruncation) {
  Pair pair;
  pair.shuttle();
  ASSERT_TRUE(pair.client.write("last words"));
  pair.client.close_notify();
  EXPECT_FALSE(pair.client.write("more"));
  pair.shuttle();
  EXPECT_EQ(pair.at_server, "last words");
  EXPECT_TRUE(pair.server.peer_ended());
  EXPECT_FALSE(pair.client.peer_ended());
  // The other direction still works.
  ASSERT_TRUE(pair.server.write("answer"));
  pair.shuttle();
  EXPECT_EQ(pair.at_client, "answer");
}

TEST(Tls, AClosingAlertInTheClearIsAFailureNotAnEnd) {
  TlsStream client(contexts().client);
  std::string plain;
  ASSERT_TRUE(client.start(0, plain));
  const Status status = client.feed(std::string("\x15\x03\x03\x00\x02\x01\x00", 7), 0, plain);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Errc::unreachable);
  EXPECT_FALSE(client.peer_ended());
}

TEST(Tls, AForgedByteFailsTheConnectionAndDeliversNothing) {
  Pair pair;
  pair.shuttle();
  ASSERT_TRUE(pair.client.write("transfer"));
  std::string record = take(pair.client);
  record[record.size() / 2] = static_cast<char>(record[record.size() / 2] ^ 1);
  EXPECT_FALSE(pair.server.feed(record, 0, pair.at_server));
  EXPECT_EQ(pair.at_server, "");
}

TEST(Tls, RecordsLongerThanAllowedFailAtTheirHeader) {
  Pair pair;
  pair.shuttle();
  EXPECT_FALSE(pair.server.feed(std::string("\x17\x03\x03\xff\xff", 5), 0, pair.at_server));
}

TEST(Tls, WritingTooEarlyIsAnError) {
  TlsStream client(contexts().client);
  EXPECT_EQ(client.write("x").error().code, Errc::too_early);
  EXPECT_EQ(client.channel_binding().error().code, Errc::too_early);
}

std::string client_hello() {
  TlsStream client(contexts().client);
  std::string plain;
  EXPECT_TRUE(client.start(0, plain));
  return take(client);
}

TEST(Tls, R7_APartialClientHelloCostsWhatItSent) {
  if (kSanitised) GTEST_SKIP() << "sanitizer's allocator";  // check_words: allow
  const std::string hello = client_hello();
  ASSERT_GT(hello.size(), 150U);
  constexpr std::size_t kMany = 1'000;
  std::vector<std::unique_ptr<TlsStream>> streams;
  streams.reserve(kMany);
  std::string plain;
  const std::size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
  for (std::size_t i = 0; i < kMany; ++i) {
    streams.push_back(std::make_unique<TlsStream>(contexts().server));
    ASSERT_TRUE(streams.back()->feed(hello.substr(0, hello.size() - 1), 0, plain));
    ASSERT_EQ(streams.back()->state(), TlsStream::State::collecting);
  }
  const std::size_t each = (mallinfo2().uordblks + mallinfo2().hblkhd - before) / kMany;
  EXPECT_LT(each, 4'096U);
}

TEST(Tls, R7_AHelloInPiecesOfRecordsIsCollectedBeforeOpenSslSeesIt) {
  const std::string hello = client_hello();
  const std::string message = hello.substr(5);
  std::string cut;  // the same message, one byte a record
  for (const char c : message) cut += std::string("\x16\x03\x01\x00\x01", 5) + c;
  TlsStream server(contexts().server);
  server.hold_hello();
  std::string plain;
  for (std::size_t i = 0; i + 1 < cut.size(); ++i) {
    ASSERT_TRUE(server.feed(cut.substr(i, 1), 0, plain));
    ASSERT_EQ(server.state(), TlsStream::State::collecting);
  }
  ASSERT_TRUE(server.feed(cut.substr(cut.size() - 1), 0, plain));
  EXPECT_EQ(server.state(), TlsStream::State::hello);
  ASSERT_TRUE(server.start(0, plain));
  EXPECT_EQ(server.state(), TlsStream::State::handshaking);
  EXPECT_FALSE(server.output().empty());
}

TEST(Tls, R7_AHeldHelloTakesNoMoreThan32KiB) {
  TlsStream server(contexts().server);
  server.hold_hello();
  std::string plain;
  ASSERT_TRUE(server.feed(client_hello(), 0, plain));
  ASSERT_EQ(server.state(), TlsStream::State::hello);
  Status status;
  for (int i = 0; i < 40 && status; ++i) status = server.feed(std::string(1'024, '\x17'), 0, plain);
  EXPECT_FALSE(status);
}

TEST(Tls, R8_AnIdleConnectionCostsAtMost20KiB) {
  if (kSanitised) GTEST_SKIP() << "sanitizer's allocator";  // check_words: allow
  constexpr std::size_t kMany = 200;
  std::vector<std::unique_ptr<TlsStream>> idle;
  idle.reserve(kMany);
  const auto one = [&] {
    auto server = std::make_unique<TlsStream>(contexts().server);
    OddClient client;
    std::string plain;
    EXPECT_TRUE(client.run(*server, plain));
    EXPECT_EQ(server->state(), TlsStream::State::open);
    return server;
  };
  one();
  const std::size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
  for (std::size_t i = 0; i < kMany; ++i) idle.push_back(one());
  const std::size_t each = (mallinfo2().uordblks + mallinfo2().hblkhd - before) / kMany;
  RecordProperty("bytes_each", static_cast<int>(each));
  EXPECT_LT(each, 20U * 1'024);
}

TEST(Tls, P45_NoiseNeverGetsThrough) {
  std::uint32_t seed = 1;
  for (int round = 0; round < 200; ++round) {
    TlsStream server(contexts().server);
    std::string noise(3'000, '\0'), plain;
    for (char& c : noise) c = static_cast<char>((seed = seed * 1'664'525 + 1'013'904'223) >> 24);
    if (round % 2 == 0) noise.replace(0, 3, "\x16\x03\x01");
    static_cast<void>(server.feed(noise, 0, plain));
    EXPECT_NE(server.state(), TlsStream::State::open);
    EXPECT_EQ(plain, "");
  }
  EXPECT_EQ(ERR_peek_error(), 0U);
}

}  // namespace
}  // namespace dim
