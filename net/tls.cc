#include "net/tls.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "dim/base/release.h"

namespace dim {
namespace {

constexpr std::size_t kRecordHeader = 5;
constexpr std::size_t kMostRecord = 16'384 + 256;  // RFC 8446 section 5.2
constexpr std::size_t kMostHello = 16'384;
constexpr std::size_t kMostHeld =
    32'768;  // ClientHello and whatever came with it, while waiting for a place
constexpr std::uint32_t kMostKeyUpdates = 32;
constexpr Millis kKeyUpdateWindow = 60'000;
constexpr long kTicketSeconds = 24 * 3'600;
constexpr std::string_view kExporterLabel = "EXPORTER-Channel-Binding";

template <auto Free>
struct Deleter {
  void operator()(auto* p) const { Free(p); }
};
using BioPtr = std::unique_ptr<BIO, Deleter<BIO_free_all>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using CertPtr = std::unique_ptr<X509, Deleter<X509_free>>;

// Every failure leaves OpenSSL's per-thread queue empty, so that none is blamed on the next
// connection.
std::unexpected<Error> tls_fail(Errc code, Literal hint) {
  ERR_clear_error();
  return fail(code, hint);
}

BioPtr reader(ByteView bytes) {
  return BioPtr(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
}

ByteView contents(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return as_bytes({data, static_cast<std::size_t>(std::max(size, 0L))});
}

// Keys of a station are never behind a passphrase here; without this OpenSSL would ask on the
// terminal.
int no_passphrase(char*, int, int, void*) { return -1; }

std::optional<Digest32> spki_of(X509* cert) {
  unsigned char* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
  if (size <= 0) return std::nullopt;
  const Digest32 digest = sha256(ByteView(der, static_cast<std::size_t>(size)));
  OPENSSL_free(der);
  return digest;
}

std::size_t record_bytes(std::string_view header) {
  const auto hi = static_cast<std::uint8_t>(header[3]);
  const auto lo = static_cast<std::uint8_t>(header[4]);
  const std::size_t body = static_cast<std::size_t>(hi) << 8 | lo;
  // A length nobody may send: OpenSSL gets the header alone and answers with its alert.
  return body > kMostRecord ? kRecordHeader : kRecordHeader + body;
}

// How much of `bytes` is whole records.
std::size_t whole_records(std::string_view bytes) {
  std::size_t at = 0;
  while (bytes.size() - at >= kRecordHeader) {
    const std::size_t size = record_bytes(bytes.substr(at));
    if (bytes.size() - at < size) break;
    at += size;
  }
  return at;
}

// How many bytes from the start of the connection are needed before it is worth looking again; 0
// when OpenSSL can act: a whole ClientHello is there, or something that will never be one.
std::size_t hello_needs(std::string_view bytes) {
  constexpr char kHandshake = 22, kVersionMajor = 3;
  constexpr std::uint8_t kClientHello = 1;
  std::array<std::uint8_t, 4> head{};  // type and length of the handshake message
  std::size_t got = 0;
  for (std::size_t at = 0;;) {
    const std::string_view rest = bytes.substr(at);
    if (!rest.empty() && rest[0] != kHandshake) return 0;
    if (rest.size() > 1 && rest[1] != kVersionMajor) return 0;
    if (rest.size() < kRecordHeader) return at + kRecordHeader;
    const std::size_t size = record_bytes(rest);
    if (size == kRecordHeader) return 0;
    const std::string_view body = rest.substr(kRecordHeader, size - kRecordHeader);
    for (std::size_t i = 0; i < body.size() && got + i < head.size(); ++i) {
      head[got + i] = static_cast<std::uint8_t>(body[i]);
    }
    got += body.size();
    if (got > 0 && head[0] != kClientHello) return 0;
    if (rest.size() < size) return at + size;
    at += size;
    if (got < head.size()) continue;
    const std::size_t message = std::size_t{head[1]} << 16 | std::size_t{head[2]} << 8 | head[3];
    if (message > kMostHello || got >= head.size() + message) return 0;
  }
}

// A ClientHello that offers SSL 3.0 at most. OpenSSL would answer it in SSL 3.0's own alerts, which
// lack protocol_version (P07).
bool is_ssl3_hello(std::string_view bytes) {
  constexpr std::size_t kClientVersion = kRecordHeader + 4;
  return bytes.size() >= kClientVersion + 2 && bytes[0] == 22 && bytes[kRecordHeader] == 1 &&
         bytes[kClientVersion] == 3 && bytes[kClientVersion + 1] == 0;
}

}  // namespace

// What OpenSSL calls. The transport is a pair of strings of the stream: no sockets, no copies in
// between.
struct TlsStream::Hooks {
  static TlsStream& of(BIO* bio) { return *static_cast<TlsStream*>(BIO_get_data(bio)); }

  static int create(BIO* bio) {
    BIO_set_init(bio, 1);
    return 1;
  }

  static int read(BIO* bio, char* out, int size) {
    TlsStream& stream = of(bio);
    BIO_clear_retry_flags(bio);
    // Over the KeyUpdate limit nothing more is worth a key derivation: the stream is about to fail.
    if (stream.input_.empty() || stream.key_updates_ > kMostKeyUpdates) {
      BIO_set_retry_read(bio);
      return -1;
    }
    const std::size_t n = std::min(static_cast<std::size_t>(size), stream.input_.size());
    std::memcpy(out, stream.input_.data(), n);
    stream.input_.remove_prefix(n);
    return static_cast<int>(n);
  }

  static int write(BIO* bio, const char* data, int size) {
    BIO_clear_retry_flags(bio);
    of(bio).output_.append(data, static_cast<std::size_t>(size));
    return size;
  }

  static long control(BIO*, int command, long, void*) {
    return command == BIO_CTRL_FLUSH || command == BIO_CTRL_DUP ? 1 : 0;
  }

  static void message(int sent, int, int type, const void* data, std::size_t size, SSL*,
                      void* arg) {
    if (sent != 0 || type != SSL3_RT_HANDSHAKE || size == 0) return;
    if (*static_cast<const std::uint8_t*>(data) != SSL3_MT_KEY_UPDATE) return;
    auto& stream = *static_cast<TlsStream*>(arg);
    if (stream.key_updates_ == 0 || stream.now_ - stream.key_updates_since_ >= kKeyUpdateWindow) {
      stream.key_updates_since_ = stream.now_;
      stream.key_updates_ = 0;
    }
    ++stream.key_updates_;
  }

  // OpenSSL asks for the protocol only when the client names one; that it must name one is checked
  // here.
  static int client_hello(SSL* ssl, int* alert, void* arg) {
    const unsigned char* data = nullptr;
    std::size_t size = 0;
    // A client without supported_versions has no TLS 1.3: OpenSSL tells it so (P07).
    if (!static_cast<const TlsContext*>(arg)->alpn_required_ ||
        SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_supported_versions, &data, &size) != 1 ||
        SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, &data,
                                  &size) == 1) {
      return SSL_CLIENT_HELLO_SUCCESS;
    }
    *alert = SSL_AD_NO_APPLICATION_PROTOCOL;
    return SSL_CLIENT_HELLO_ERROR;
  }

  static int choose_alpn(SSL*, const unsigned char** out, unsigned char* out_size,
                         const unsigned char* in, unsigned in_size, void* arg) {
    const auto& context = *static_cast<const TlsContext*>(arg);
    const std::string_view ours = context.alpn_;
    const std::string_view theirs(reinterpret_cast<const char*>(in), in_size);
    const auto entry = [](std::string_view list, std::size_t at) {
      return list.substr(at, 1 + std::size_t{static_cast<std::uint8_t>(list[at])});
    };
    for (std::size_t i = 0; i < ours.size(); i += entry(ours, i).size()) {
      for (std::size_t j = 0; j < theirs.size(); j += entry(theirs, j).size()) {
        if (entry(ours, i) != entry(theirs, j)) continue;
        *out = in + j + 1;
        *out_size = in[j];
        return SSL_TLSEXT_ERR_OK;
      }
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }

  static BIO_METHOD* method() {
    static const int index = BIO_get_new_index();  // there are few; one serves every context
    BIO_METHOD* made = BIO_meth_new(BIO_TYPE_SOURCE_SINK | index, "dim");
    if (made == nullptr) return nullptr;
    BIO_meth_set_create(made, create);
    BIO_meth_set_read(made, read);
    BIO_meth_set_write(made, write);
    BIO_meth_set_ctrl(made, control);
    return made;
  }
};

Result<Certificate> make_certificate() {
  ERR_clear_error();
  constexpr Literal failed = "the TLS library could not make a certificate";
  const KeyPtr key(EVP_EC_gen("P-256"));
  const CertPtr cert(X509_new());
  if (!key || !cert) return tls_fail(Errc::internal, failed);

  std::array<std::uint8_t, 16> serial;
  if (RAND_bytes(serial.data(), static_cast<int>(serial.size())) != 1) {
    return tls_fail(Errc::internal, failed);
  }
  serial[0] = static_cast<std::uint8_t>((serial[0] & 0x7f) | 0x40);  // positive, 16 bytes in DER
  const std::unique_ptr<BIGNUM, Deleter<BN_free>> number(
      BN_bin2bn(serial.data(), static_cast<int>(serial.size()), nullptr));
  X509_NAME* name = X509_get_subject_name(cert.get());
  const auto* common = reinterpret_cast<const unsigned char*>("dim station");
  // 9999-12-31: "no well-defined expiration date" (RFC 5280 section 4.1.2.5).
  const bool ok =
      number && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(cert.get())) &&
      X509_set_version(cert.get(), X509_VERSION_3) == 1 &&
      ASN1_TIME_set_string_X509(X509_getm_notBefore(cert.get()), "20230101000000Z") == 1 &&
      ASN1_TIME_set_string_X509(X509_getm_notAfter(cert.get()), "99991231235959Z") == 1 &&
      X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, common, -1, -1, 0) == 1 &&
      X509_set_issuer_name(cert.get(), name) == 1 && X509_set_pubkey(cert.get(), key.get()) == 1 &&
      X509_sign(cert.get(), key.get(), EVP_sha256()) > 0;
  if (!ok) return tls_fail(Errc::internal, failed);

  const BioPtr key_out(BIO_new(BIO_s_secmem()));
  const BioPtr cert_out(BIO_new(BIO_s_mem()));
  if (!key_out || !cert_out ||
      PEM_write_bio_PKCS8PrivateKey(key_out.get(), key.get(), nullptr, nullptr, 0, nullptr,
                                    nullptr) != 1 ||
      PEM_write_bio_X509(cert_out.get(), cert.get()) != 1) {
    return tls_fail(Errc::internal, failed);
  }
  const ByteView key_pem = contents(key_out.get());
  Certificate made{Secret::copy_of(key_pem), to_text(contents(cert_out.get()))};
  // Without a secure heap the BIO's memory is ordinary: nothing else would wipe it.
  OPENSSL_cleanse(const_cast<std::uint8_t*>(key_pem.data()), key_pem.size());
  return made;
}

Result<Digest32> spki_sha256(std::string_view cert_pem) {
  ERR_clear_error();
  const BioPtr in = reader(as_bytes(cert_pem));
  const CertPtr cert(in ? PEM_read_bio_X509(in.get(), nullptr, no_passphrase, nullptr) : nullptr);
  const auto digest = cert ? spki_of(cert.get()) : std::nullopt;
  if (!digest) return tls_fail(Errc::key, "not an X.509 certificate in PEM");
  return *digest;
}

TlsContext::~TlsContext() {
  SSL_CTX_free(ctx_);
  BIO_meth_free(bio_);
}

Result<std::shared_ptr<TlsContext>> TlsContext::make(bool server, const TlsOptions& options) {
  ERR_clear_error();
  std::shared_ptr<TlsContext> made(new TlsContext);
  made->server_ = server;
  made->alpn_required_ = options.alpn_required;
  for (const std::string& protocol : options.alpn) {
    if (protocol.empty() || protocol.size() > 255) {
      return fail(Errc::config, "an ALPN name has 1 to 255 bytes");
    }
    made->alpn_ += static_cast<char>(protocol.size());
    made->alpn_ += protocol;
  }
  made->ctx_ = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
  made->bio_ = TlsStream::Hooks::method();
  SSL_CTX* ctx = made->ctx_;
  const bool ok =
      ctx != nullptr && made->bio_ != nullptr &&
      SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) == 1 &&
      SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) == 1 &&
      SSL_CTX_set_ciphersuites(
          ctx, "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256") == 1 &&
      (SSL_CTX_set1_groups_list(ctx, "X25519MLKEM768:X25519:P-256") == 1 ||
       SSL_CTX_set1_groups_list(ctx, "X25519:P-256") == 1) &&
      SSL_CTX_set_max_early_data(ctx, 0) == 1;
  if (!ok) return tls_fail(Errc::internal, "the TLS library lacks TLS 1.3 with AES-GCM and X25519");
  ERR_clear_error();
  // R20: what was decrypted is wiped where OpenSSL has had it.
  SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                               SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
                               SSL_OP_CLEANSE_PLAINTEXT);
  SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, nullptr);
  SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
  if (server) {
    SSL_CTX_set_num_tickets(ctx, 2);
    SSL_CTX_set_timeout(ctx, kTicketSeconds);
    SSL_CTX_set_client_hello_cb(ctx, TlsStream::Hooks::client_hello, made.get());
    SSL_CTX_set_alpn_select_cb(ctx, TlsStream::Hooks::choose_alpn, made.get());
  } else if (!made->alpn_.empty() &&
             SSL_CTX_set_alpn_protos(ctx,
                                     reinterpret_cast<const unsigned char*>(made->alpn_.data()),
                                     static_cast<unsigned>(made->alpn_.size())) != 0) {
    return tls_fail(Errc::internal, "the TLS library refused the ALPN list");
  }
  return made;
}

Result<std::shared_ptr<const TlsContext>> TlsContext::server(const Certificate& certificate,
                                                             const TlsOptions& options) {
  auto made = make(true, options);
  if (!made) return std::unexpected(made.error());
  SSL_CTX* ctx = (*made)->ctx_;

  const BioPtr key_in = reader(certificate.key_pem.view());
  const KeyPtr key(key_in ? PEM_read_bio_PrivateKey(key_in.get(), nullptr, no_passphrase, nullptr)
                          : nullptr);
  if (!key)
    return tls_fail(Errc::key, "the TLS key is not a private key in PEM without passphrase");
  const BioPtr cert_in = reader(as_bytes(certificate.cert_pem));
  const CertPtr cert(cert_in ? PEM_read_bio_X509(cert_in.get(), nullptr, no_passphrase, nullptr)
                             : nullptr);
  if (!cert || SSL_CTX_use_certificate(ctx, cert.get()) != 1) {
    return tls_fail(Errc::key, "the TLS certificate is not X.509 in PEM");
  }
  for (;;) {
    CertPtr issuer(PEM_read_bio_X509(cert_in.get(), nullptr, no_passphrase, nullptr));
    if (!issuer) break;
    if (SSL_CTX_add0_chain_cert(ctx, issuer.get()) != 1) {
      return tls_fail(Errc::key, "the certificate's chain cannot be used");
    }
    static_cast<void>(issuer.release());  // the context owns it now
  }
  ERR_clear_error();
  if (SSL_CTX_use_PrivateKey(ctx, key.get()) != 1 || SSL_CTX_check_private_key(ctx) != 1) {
    return tls_fail(Errc::key, "TLS key and certificate do not belong together");
  }
  constexpr unsigned char kContext[] = "dim/2023";
  if (SSL_CTX_set_session_id_context(ctx, kContext, sizeof kContext - 1) != 1) {
    return tls_fail(Errc::internal, "the TLS library refused the session context");
  }
  return std::shared_ptr<const TlsContext>(std::move(*made));
}

Result<std::shared_ptr<const TlsContext>> TlsContext::client(const TlsOptions& options) {
  auto made = make(false, options);
  if (!made) return std::unexpected(made.error());
  return std::shared_ptr<const TlsContext>(std::move(*made));
}

TlsStream::TlsStream(std::shared_ptr<const TlsContext> context, std::string_view server_name)
    : context_(std::move(context)),
      server_name_(server_name),
      state_(context_->server_ ? State::collecting : State::handshaking) {}

TlsStream::~TlsStream() {
  SSL_free(ssl_);
  ERR_clear_error();
}

std::unexpected<Error> TlsStream::broken() {
  state_ = State::failed;
  release(pending_);
  const unsigned long error = ERR_peek_error();
  if (ERR_GET_LIB(error) == ERR_LIB_SSL) {
    switch (ERR_GET_REASON(error)) {
      case SSL_R_UNSUPPORTED_PROTOCOL:
      case SSL_R_VERSION_TOO_LOW:
      case SSL_R_WRONG_SSL_VERSION:
      case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
        return tls_fail(Errc::better_encryption, "the peer does not speak TLS 1.3");
      case SSL_R_NO_APPLICATION_PROTOCOL:
      case SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL:
      case SSL_R_CALLBACK_FAILED:
        return tls_fail(Errc::security_error,
                        "the peers do not share the protocol dim/2023 (ALPN)");
      default:
        break;
    }
  }
  return tls_fail(Errc::security_error, "TLS failed");
}

Status TlsStream::begin() {
  ERR_clear_error();
  ssl_ = SSL_new(context_->ctx_);
  BIO* bio = ssl_ != nullptr ? BIO_new(context_->bio_) : nullptr;
  if (bio == nullptr) {
    state_ = State::failed;
    return tls_fail(Errc::unavailable, "the TLS library has no memory");
  }
  BIO_set_data(bio, this);
  SSL_set_bio(ssl_, bio, bio);
  SSL_set_msg_callback(ssl_, Hooks::message);
  SSL_set_msg_callback_arg(ssl_, this);
  if (context_->server_) {
    SSL_set_accept_state(ssl_);
  } else {
    SSL_set_connect_state(ssl_);
    if (!server_name_.empty()) {
      SSL_ctrl(ssl_, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, server_name_.data());
    }
    server_name_ = {};
  }
  state_ = State::handshaking;
  return {};
}

Status TlsStream::start(Millis now, std::string& plain) {
  now_ = now;
  if (ssl_ != nullptr || state_ == State::failed) return {};
  if (is_ssl3_hello(pending_)) {
    state_ = State::failed;
    release(pending_);
    output_.append("\x15\x03\x01\x00\x02\x02\x46", 7);  // fatal protocol_version
    return fail(Errc::better_encryption, "the peer does not speak TLS 1.3");
  }
  if (auto begun = begin(); !begun) return begun;
  if (!context_->server_) return pump({}, plain);
  const std::string held = std::exchange(pending_, {});
  return records(held, plain);
}

Status TlsStream::feed(std::string_view ciphertext, Millis now, std::string& plain) {
  if (state_ == State::failed) return fail(Errc::security_error, "TLS has failed before");
  if (ciphertext.empty()) return {};
  now_ = now;
  if (ssl_ == nullptr) {
    if (!context_->server_) return fail(Errc::too_early, "a client starts TLS before it is fed");
    return collect(ciphertext, now, plain);
  }
  if (!seen_bytes_) {
    seen_bytes_ = true;
    // A handshake record or an alert; anything else is not TLS at all.
    if (!context_->server_ && ciphertext[0] != 22 && ciphertext[0] != 21) {
      state_ = State::failed;
      return fail(Errc::downgrade, "the station answered in plain text; nothing was sent to it");
    }
  }
  return records(ciphertext, plain);
}

Status TlsStream::collect(std::string_view bytes, Millis now, std::string& plain) {
  if (pending_.size() + bytes.size() > kMostHeld && (hold_ || state_ == State::hello)) {
    // What OpenSSL needs is at the front; a peer that sends so much before an answer is no client.
    state_ = State::failed;
    release(pending_);
    return fail(Errc::security_error, "too much before the TLS handshake");
  }
  pending_.append(bytes);
  if (state_ == State::hello || pending_.size() < hello_needs_) return {};
  hello_needs_ = hello_needs(pending_);
  if (hello_needs_ != 0 && pending_.size() <= kMostHello + kRecordHeader) return {};
  if (hold_) {
    state_ = State::hello;
    return {};
  }
  return start(now, plain);
}

Status TlsStream::records(std::string_view bytes, std::string& plain) {
  while (!bytes.empty()) {
    if (pending_.empty()) {
      const std::size_t whole = whole_records(bytes);
      if (whole > 0) {
        if (auto pumped = pump(bytes.substr(0, whole), plain); !pumped) return pumped;
        bytes.remove_prefix(whole);
      }
      if (!peer_ended_) pending_.assign(bytes);
      return {};
    }
    const std::size_t wanted =
        pending_.size() < kRecordHeader ? kRecordHeader : record_bytes(pending_);
    const std::size_t n = std::min(wanted - pending_.size(), bytes.size());
    pending_.append(bytes.substr(0, n));
    bytes.remove_prefix(n);
    if (pending_.size() >= kRecordHeader && pending_.size() >= record_bytes(pending_)) {
      const std::string record = std::exchange(pending_, {});
      if (auto pumped = pump(record, plain); !pumped) return pumped;
    }
  }
  return {};
}

Status TlsStream::pump(std::string_view whole_records, std::string& plain) {
  constexpr std::size_t kStep = 16'384;  // one record's plain text at most
  ERR_clear_error();
  input_ = whole_records;
  int result = 1;
  if (state_ == State::handshaking) {
    result = SSL_do_handshake(ssl_);
    if (result == 1) {
      if (auto done = finish_handshake(); !done) return done;
    }
  }
  while (result == 1) {
    const std::size_t before = plain.size();
    std::size_t got = 0;
    plain.resize_and_overwrite(before + kStep, [&](char* data, std::size_t) {
      result = SSL_read_ex(ssl_, data + before, kStep, &got);
      return before + (result == 1 ? got : 0);
    });
  }
  const int why = SSL_get_error(ssl_, result);
  input_ = {};
  if (key_updates_ > kMostKeyUpdates) {
    state_ = State::failed;
    return tls_fail(Errc::security_error, "more than 32 KeyUpdates in a minute");
  }
  if (why == SSL_ERROR_WANT_READ) return {};
  if (why == SSL_ERROR_ZERO_RETURN) {
    // Before the handshake is done anybody could have said it.
    if (state_ != State::open) {
      state_ = State::failed;
      return tls_fail(Errc::unreachable, "the peer closed during the TLS handshake");
    }
    peer_ended_ = true;
    return {};
  }
  return broken();
}

Status TlsStream::finish_handshake() {
  if (context_->alpn_required_ && alpn().empty()) {
    state_ = State::failed;
    return tls_fail(Errc::security_error, "the peers do not share the protocol dim/2023 (ALPN)");
  }
  state_ = State::open;
  return {};
}

Status TlsStream::write(std::string_view plain) {
  if (state_ != State::open) return fail(Errc::too_early, "TLS is not up");
  if (notified_) return fail(Errc::gone, "the closing alert has been sent");
  if (plain.empty()) return {};
  ERR_clear_error();
  std::size_t written = 0;
  if (SSL_write_ex(ssl_, plain.data(), plain.size(), &written) != 1 || written != plain.size()) {
    return broken();
  }
  return {};
}

void TlsStream::close_notify() {
  if (notified_ || state_ != State::open) return;
  notified_ = true;
  ERR_clear_error();
  SSL_shutdown(ssl_);
  ERR_clear_error();
}

Result<Bytes> TlsStream::channel_binding() const {
  if (state_ != State::open) return fail(Errc::too_early, "TLS is not up");
  Bytes out(32);
  ERR_clear_error();
  if (SSL_export_keying_material(ssl_, out.data(), out.size(), kExporterLabel.data(),
                                 kExporterLabel.size(), nullptr, 0, 1) != 1) {
    return tls_fail(Errc::internal, "the TLS library gave no exporter value");
  }
  return out;
}

std::optional<Digest32> TlsStream::peer_spki() const {
  if (state_ != State::open) return std::nullopt;
  X509* cert = SSL_get0_peer_certificate(ssl_);
  return cert != nullptr ? spki_of(cert) : std::nullopt;
}

std::string_view TlsStream::cipher() const {
  return state_ == State::open ? SSL_get_cipher_name(ssl_) : std::string_view();
}

std::string_view TlsStream::alpn() const {
  const unsigned char* data = nullptr;
  unsigned size = 0;
  if (ssl_ != nullptr) SSL_get0_alpn_selected(ssl_, &data, &size);
  return {reinterpret_cast<const char*>(data), size};
}

}  // namespace dim
