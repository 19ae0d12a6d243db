// TLS 1.3 without I/O: ciphertext and plain text go in and out as bytes (security.md 3.7,
// dim-2023.md section 4).
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dim/base/error.h"
#include "dim/base/time.h"
#include "dim/crypto/digest.h"
#include "dim/crypto/secret.h"

struct ssl_st;
struct ssl_ctx_st;
struct bio_method_st;

namespace dim {

inline constexpr std::string_view kAlpn = "dim/2023";

/// A private key and its certificate (with its chain behind it, where there is one). Who owns it
/// stores it.
struct Certificate {
  Secret key_pem;        ///< PKCS#8, not encrypted
  std::string cert_pem;  ///< X.509
};

/// A fresh P-256 key with a self-made certificate that does not expire: peers know it by its key,
/// not by its dates.
Result<Certificate> make_certificate();
/// SHA-256 of the SubjectPublicKeyInfo (DER) of the first certificate in `cert_pem`; Errc::key.
Result<Digest32> spki_sha256(std::string_view cert_pem);

struct TlsOptions {
  std::vector<std::string> alpn{std::string(kAlpn)};  ///< in order of preference
  bool alpn_required = true;                          ///< false only on 8810
};

/// What all connections of one side share. TLS 1.3 only; AES-256-GCM, AES-128-GCM, ChaCha20;
/// X25519MLKEM768 where the library has it, X25519, P-256; two tickets of 24 h, no early data, no
/// compression.
class TlsContext {
 public:
  /// Errc::key when the certificate and key cannot be read or do not belong together.
  static Result<std::shared_ptr<const TlsContext>> server(const Certificate& certificate,
                                                          const TlsOptions& options = {});
  /// Checks no certificate authority: the caller compares peer_spki() before it sends a byte.
  static Result<std::shared_ptr<const TlsContext>> client(const TlsOptions& options = {});
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;
  ~TlsContext();

  bool is_server() const { return server_; }

 private:
  friend class TlsStream;
  TlsContext() = default;
  static Result<std::shared_ptr<TlsContext>> make(bool server, const TlsOptions& options);

  ssl_ctx_st* ctx_ = nullptr;
  bio_method_st* bio_ = nullptr;
  bool server_ = false;
  bool alpn_required_ = true;
  std::string alpn_;  // wire form
};

/// One connection. A server holds no OpenSSL object until the ClientHello is complete (R7), and
/// hands OpenSSL only whole records, so that a slow peer costs what it has sent and no more.
class TlsStream {
 public:
  enum class State : std::uint8_t {
    collecting,  ///< server: ClientHello not complete
    hello,       ///< server with hold_hello: ClientHello complete, waits for start()
    handshaking,
    open,
    failed,  ///< output() may hold an alert
  };

  /// `server_name` (client): SNI, only for a host name.
  explicit TlsStream(std::shared_ptr<const TlsContext> context, std::string_view server_name = {});
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;
  ~TlsStream();

  /// Server: stop at State::hello until start(), so that the number of handshakes at once can be
  /// limited.
  void hold_hello() { hold_ = true; }
  /// Goes on with what has been collected. A client begins its handshake by this call.
  Status start(Millis now, std::string& plain);
  /// Takes all of `ciphertext`; appends what it decrypts to to `plain`. `now` is monotonic, for the
  /// KeyUpdate limit (S20). Errors: Errc::better_encryption (peer has no TLS 1.3), Errc::downgrade
  /// (a station answered in plain text, S19), Errc::unreachable (closed during the handshake),
  /// Errc::security_error (everything else); the stream is then failed, send output() and close.
  Status feed(std::string_view ciphertext, Millis now, std::string& plain);
  /// Encrypts into output(). Errc::too_early before State::open.
  Status write(std::string_view plain);
  /// Puts the closing alert into output(), once.
  void close_notify();

  /// Ciphertext to send. The caller empties it (or swaps it away) as it sends.
  std::string& output() { return output_; }

  State state() const { return state_; }
  /// The peer sent close_notify: no more plain text will come. An end of the socket without it is a
  /// truncation.
  bool peer_ended() const { return peer_ended_; }

  /// RFC 9266 tls-exporter: 32 bytes, equal on both sides and on no other connection.
  /// Errc::too_early before open.
  Result<Bytes> channel_binding() const;
  /// SHA-256 of the peer certificate's SPKI; nothing without a certificate or before State::open.
  std::optional<Digest32> peer_spki() const;
  /// "TLS_AES_256_GCM_SHA384"; empty before State::open.
  std::string_view cipher() const;
  /// The protocol agreed by ALPN; empty if none.
  std::string_view alpn() const;

 private:
  friend class TlsContext;
  struct Hooks;  // OpenSSL's callbacks
  Status begin();
  Status collect(std::string_view bytes, Millis now, std::string& plain);
  Status records(std::string_view bytes, std::string& plain);
  Status pump(std::string_view whole_records, std::string& plain);
  Status finish_handshake();
  std::unexpected<Error> broken();

  std::shared_ptr<const TlsContext> context_;
  ssl_st* ssl_ = nullptr;
  std::string_view input_;  // what OpenSSL may read now
  std::string pending_;     // an incomplete record, or the ClientHello so far
  std::string output_;
  std::string server_name_;
  Millis now_ = 0;
  Millis key_updates_since_ = 0;
  std::uint32_t key_updates_ = 0;
  std::size_t hello_needs_ = 1;
  State state_;
  bool hold_ = false;
  bool peer_ended_ = false;
  bool notified_ = false;
  bool seen_bytes_ = false;
};

}  // namespace dim
