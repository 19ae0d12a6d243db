// Against a server in a thread of its own, whose certificate the test has made.
#include "client/fetch.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "client/attach.h"
#include "dim/base/hex.h"
#include "dim/protocol/content.h"

namespace dim {
namespace {

constexpr const char* kHost = "files.example";

/// A key and a certificate for kHost that is its own authority.
struct Own {
  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key{EVP_EC_gen("P-256"), &EVP_PKEY_free};
  std::unique_ptr<X509, decltype(&X509_free)> certificate{X509_new(), &X509_free};

  Own() {
    X509* made = certificate.get();
    X509_set_version(made, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(made), 1);
    X509_gmtime_adj(X509_getm_notBefore(made), -3'600);
    X509_gmtime_adj(X509_getm_notAfter(made), 3'600);
    X509_set_pubkey(made, key.get());
    X509_NAME_add_entry_by_txt(X509_get_subject_name(made), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(kHost), -1, -1, 0);
    X509_set_issuer_name(made, X509_get_subject_name(made));
    X509_EXTENSION* names =
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "DNS:files.example");
    X509_add_ext(made, names, -1);
    X509_EXTENSION_free(names);
    X509_sign(made, key.get(), EVP_sha256());
  }
};

/// Gives each path of `answers` its bytes, one connection after the other.
class Server {
 public:
  Server() {
    std::signal(SIGPIPE, SIG_IGN);  // a client that goes in the middle is part of the test
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&at), size), 0);
    EXPECT_EQ(::listen(listener_, 8), 0);
    EXPECT_EQ(::getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &size), 0);
    port_ = ntohs(at.sin_port);
    ca_file_ =
        (std::filesystem::temp_directory_path() / ("dim-fetch-" + std::to_string(port_))).string();
    FILE* file = std::fopen(ca_file_.c_str(), "w");
    PEM_write_X509(file, own_.certificate.get());
    std::fclose(file);
    context_ = SSL_CTX_new(TLS_server_method());
    SSL_CTX_use_certificate(context_, own_.certificate.get());
    SSL_CTX_use_PrivateKey(context_, own_.key.get());
    thread_ = std::thread([this] { serve(); });
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
    SSL_CTX_free(context_);
    std::filesystem::remove(ca_file_);
  }

  std::string url(const std::string& path) const {
    return std::string("https://") + kHost + ":" + std::to_string(port_) + path;
  }
  FetchRules rules() const {
    return {.most = 1'000,
            .timeout_ms = 20'000,
            .may_reach = [](const sockaddr&) { return true; },
            .ca_file = ca_file_,
            .resolve = std::string(kHost) + ":" + std::to_string(port_) + ":127.0.0.1"};
  }

  std::map<std::string, std::string> answers;  // before the first request
  std::atomic<int> connections = 0;
  std::string last_request() {
    const std::scoped_lock lock(mutex_);
    return last_request_;
  }

 private:
  void serve() {
    int socket = -1;
    while ((socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0) {
      ++connections;
      SSL* tls = SSL_new(context_);
      SSL_set_fd(tls, socket);
      if (SSL_accept(tls) == 1) answer(tls);
      SSL_shutdown(tls);
      SSL_free(tls);
      ::close(socket);
    }
  }
  void answer(SSL* tls) {
    std::string request;
    std::array<char, 1024> buffer{};
    int got = 0;
    while (request.find("\r\n\r\n") == std::string::npos &&
           (got = SSL_read(tls, buffer.data(), static_cast<int>(buffer.size()))) > 0)
      request.append(buffer.data(), static_cast<std::size_t>(got));
    {
      const std::scoped_lock lock(mutex_);
      last_request_ = request;
    }
    const std::size_t begin = request.find(' ') + 1;
    const std::string path = request.substr(begin, request.find(' ', begin) - begin);
    const auto found = answers.find(path);
    const std::string reply = found == answers.end()
                                  ? "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
                                  : found->second;
    SSL_write(tls, reply.data(), static_cast<int>(reply.size()));
  }

  Own own_;
  std::mutex mutex_;
  std::string last_request_;
  int listener_ = -1;
  int port_ = 0;
  std::string ca_file_;
  SSL_CTX* context_ = nullptr;
  std::thread thread_;
};

std::string ok(const std::string& body) {
  return "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}
std::string moved(const std::string& to) {
  return "HTTP/1.1 302 Found\r\nConnection: close\r\nLocation: " + to +
         "\r\nContent-Length: 0\r\n\r\n";
}
Errc why(const Result<Bytes>& result) {
  EXPECT_FALSE(result);
  return result ? Errc::internal : result.error().code;
}

TEST(Fetch, GetsWhatLiesThereAndSaysNothingOfItself) {
  Server server;
  server.answers["/file"] = ok("some bytes");
  const auto got = fetch_file(server.url("/file"), server.rules());
  ASSERT_TRUE(got) << to_string(got.error());
  EXPECT_EQ(as_text(*got), "some bytes");
  for (const char* header : {"Cookie", "Referer", "User-Agent", "Authorization", "Accept-Encoding"})
    EXPECT_EQ(server.last_request().find(header), std::string::npos) << server.last_request();
  EXPECT_EQ(why(fetch_file(server.url("/gone"), server.rules())), Errc::not_found);
}

// "file-iv-in-content" of vectors/symmetric_2026.json.
constexpr std::string_view kReferenceCipher =
    "1c55e217c8bb64c796b4b54697610038bd1e5716a7066c863d7689c6cb1cfd7f"
    "166ebc900617d0ea51978cb94531a216124dfdb31b87e4446ff0280a5b14e63d"
    "6809ff3c8bec180441788a444794f12fce5719383e14cce79b5d59172c38eb67"
    "c33e685a141d540da96bef682dd2cbb7";
constexpr std::string_view kReferencePlain =
    "061fe3ef31d7bbcaa7e17ae9e806845b79a98d92871e4e78099dbfc65e55f24e"
    "37a7281e0b9d871538769c7a73b405ca4d0db1ac27914491037fa6ca27b41b23"
    "c838a50f29f63bc2dfd023ee3db2e12c527a99fddcbd8042bc16a809c52495e7"
    "4e8db1e8";

TEST(Fetch, AFileThatTheReferenceHasEncryptedBehindAUrlIsFetchedAndOpened) {
  Server server;
  const Bytes cipher = from_hex(kReferenceCipher).value();
  server.answers["/f"] = ok(std::string(as_text(cipher)));
  server.answers["/cut"] = ok(std::string(as_text(ByteView(cipher).first(cipher.size() - 8))));
  const auto received = [&](const std::string& path) {
    JsonObject object = *parse_json_object(
        R"({"type":18,"sn":7,"time":1800000000.5,"filename":"a.jpg",
            "key":{"algorithm":"AES","data":"eVDXsDpk2AMcssUEUho6+qfuK19t/66BfGO4M0YgpEk="},
            "IV":"6IsRFKhlmoKn6w4yLkxesg=="})");
    object.set("URL", server.url(path));
    auto content = decode_content(std::move(object));
    EXPECT_TRUE(content);
    return received_file(*content, false,
                         [&](const std::string& url) { return fetch_file(url, server.rules()); });
  };
  const auto file = received("/f");
  ASSERT_TRUE(file) << to_string(file.error());
  EXPECT_EQ(file->name, "a.jpg");
  EXPECT_EQ(file->bytes, from_hex(kReferencePlain).value());
  EXPECT_TRUE(file->encrypted);
  EXPECT_FALSE(file->proven) << "the reference writes no checksum";
  const auto cut = received("/cut");
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().code, Errc::decrypt);
  const auto gone = received("/gone");
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, Errc::not_found);
}

TEST(Fetch, A40_ConnectsToNoAddressThatIsNotPublic) {
  Server server;
  server.answers["/file"] = ok("secret of the local network");
  FetchRules rules = server.rules();
  rules.may_reach = {};
  EXPECT_EQ(why(fetch_file(server.url("/file"), rules)), Errc::forbidden);
  EXPECT_EQ(server.connections, 0);
}

TEST(Fetch, A40_M08_TakesHttpsToANameOnly) {
  for (const char* url : {"http://files.example/a", "ftp://files.example/a", "file:///etc/passwd",
                          "https://127.0.0.1/a", "https://[::1]/a", "https://localhost/a",
                          "https://user@files.example/a", "https://files.example/ a", ""})
    EXPECT_EQ(why(fetch_file(url)), Errc::bad_request) << url;
}

TEST(Fetch, A40_FollowsThreeRedirectsOnTheSameHostAndNoOther) {
  Server server;
  server.answers["/1"] = moved("/2");
  server.answers["/2"] = moved(server.url("/3"));
  server.answers["/3"] = moved("/4");
  server.answers["/4"] = ok("at the end");
  server.answers["/0"] = moved("/1");
  server.answers["/elsewhere"] = moved("https://other.example/");
  server.answers["/plain"] = moved("http://files.example/");
  server.answers["/inside"] = moved("https://127.0.0.1/");
  const auto got = fetch_file(server.url("/1"), server.rules());
  ASSERT_TRUE(got) << to_string(got.error());
  EXPECT_EQ(as_text(*got), "at the end");
  for (const char* path : {"/0", "/elsewhere", "/plain", "/inside"})
    EXPECT_EQ(why(fetch_file(server.url(path), server.rules())), Errc::bad_request) << path;
}

TEST(Fetch, A40_StopsAtItsLimitWhateverTheServerAnnounces) {
  Server server;
  server.answers["/fits"] = ok(std::string(1'000, 'x'));
  server.answers["/large"] = ok(std::string(1'001, 'x'));
  server.answers["/endless"] =
      "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + std::string(100'000, 'x');
  EXPECT_TRUE(fetch_file(server.url("/fits"), server.rules()));
  EXPECT_EQ(why(fetch_file(server.url("/large"), server.rules())), Errc::too_large);
  EXPECT_EQ(why(fetch_file(server.url("/endless"), server.rules())), Errc::too_large);
}

TEST(Fetch, AServerWithoutAValidCertificateIsNotTalkedTo) {
  Server server;
  server.answers["/file"] = ok("some bytes");
  FetchRules rules = server.rules();
  rules.ca_file.clear();
  EXPECT_EQ(why(fetch_file(server.url("/file"), rules)), Errc::unreachable);
  rules = server.rules();
  std::string other = server.url("/file");
  other.replace(other.find(kHost), std::string_view(kHost).size(), "other.example");
  rules.resolve.replace(0, std::string_view(kHost).size(), "other.example");
  EXPECT_EQ(why(fetch_file(other, rules)), Errc::unreachable);
}

}  // namespace
}  // namespace dim
