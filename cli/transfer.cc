#include "cli/transfer.h"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>

#include "cli/interrupt.h"
#include "cli/progress.h"
#include "client/describe.h"
#include "client/fields.h"
#include "client/files.h"
#include "client/transfer.h"
#include "dim/base/base64.h"
#include "dim/base/hex.h"
#include "dim/crypto/digest.h"

namespace dim {
namespace {

constexpr Millis kDialMs = 10'000;
constexpr Millis kAgainMs = 500;
constexpr std::string_view kRecords = "upload";  // uploads that are not finished
constexpr std::string_view kFiles = "media";     // own objects at stations

/// Works until it is done or cannot be; without `what` nothing is said of how far it is. 0, or the
/// exit code after printing why.
int run(Context& context, Transfer& transfer, const std::string& what, int timeout_s) {
  const CatchInterrupt caught;
  const bool told = !what.empty();
  Progress progress(what, transfer.size(), told && !context.out.json(), context.clock,
                    told ? context.on_progress : nullptr);
  Millis moved_at = context.clock.monotonic();
  std::int64_t moved = -1;
  const auto look = [&] {
    transfer.tick();
    progress.at(transfer.moved());
    if (std::exchange(moved, transfer.moved()) != moved) moved_at = context.clock.monotonic();
    return transfer.done() || transfer.failed() || interrupted != 0;
  };
  const auto waited_too_long = [&] {
    return context.clock.monotonic() - moved_at > Millis{1'000} * timeout_s;
  };
  while (!look()) {
    if (context.messenger->is_ready() && !context.failure) {
      transfer.start(
          [&](Packet packet, Uplink::Handler handler) {
            context.messenger->request_media(std::move(packet), std::move(handler));
          },
          context.messenger->session()->is_shared());
      context.link.run_until(
          [&] { return look() || context.failure.has_value() || waited_too_long(); }, -1);
      if (context.failure) transfer.lost();
    }
    if (look()) break;
    if (context.failure && exit_of(*context.failure) == Exit::security) {
      progress.end();
      return context.report_failure();
    }
    if (waited_too_long()) {
      progress.end();
      const int exit = context.report_failure();
      context.out.note("The same command goes on where this one has stopped.");
      return exit;
    }
    if (context.failure) context.link.run_until([] { return interrupted != 0; }, kAgainMs);
    if (interrupted == 0) context.connect(kDialMs);
  }
  progress.end();
  if (transfer.done()) return 0;
  if (transfer.failed()) {
    context.out.error(*transfer.failed());
    return code(exit_of(*transfer.failed()));
  }
  context.out.note(fmt::format("Stopped at {}%. The same command goes on from there.",
                               transfer.size() > 0 ? transfer.moved() * 100 / transfer.size() : 0));
  return code(Exit::interrupted);
}

struct Record {
  Guid guid;
  Secret key;
};

/// How an earlier run had begun with the very same file, at this station.
Result<std::optional<Record>> find_record(Home& home, const std::string& name,
                                          const std::string& stamp) {
  auto body = home.vault().get(kRecords, name);
  if (!body) return std::unexpected(body.error());
  if (!*body) return std::nullopt;
  auto object = parse_json_object(**body);
  if (!object) return std::unexpected(object.error());
  const std::string* kept = object->text("stamp");
  const std::string* guid_text = object->text("guid");
  const std::string* key_text = object->text("key");
  if (kept == nullptr || *kept != stamp || guid_text == nullptr || key_text == nullptr)
    return std::nullopt;
  auto guid = Guid::parse(*guid_text);
  auto key = from_base64(*key_text);
  if (!guid || !key) return std::nullopt;
  Record out{*guid, Secret::copy_of(*key)};
  wipe(*key);
  return out;
}

Result<Record> make_record(Context& context, const std::string& name, const std::string& stamp) {
  Record out{Guid::make(context.clock.now(), context.random), Secret::random(32, context.random)};
  JsonObject object;
  object.set("guid", out.guid.text());
  object.set("key", to_base64(out.key.view()));
  object.set("stamp", stamp);
  if (auto put = context.home->vault().put(kRecords, name, write_json(object)); !put)
    return std::unexpected(put.error());
  return out;
}

/// Bytes in memory, as a SourceFile is on the disk.
struct SourceBytes {
  ByteView bytes;
  std::string digest;

  std::int64_t size() const { return static_cast<std::int64_t>(bytes.size()); }
  const std::string& stamp() const { return digest; }
  static Status check() { return {}; }
  Status read(std::int64_t offset, std::span<std::uint8_t> out) const {
    std::ranges::copy(bytes.subspan(static_cast<std::size_t>(offset), out.size()), out.begin());
    return {};
  }
};

/// The sealed bytes of a range of chunks; the file must be as it was, also when there are none.
template <class Source>
Status read_sealed(const Source& file, FileSeal& seal, std::int64_t first, std::int64_t size,
                   Bytes& out) {
  if (auto same = file.check(); !same) return same;
  const std::int64_t chunks = chunk_count(sealed_size(file.size()));
  Bytes plain;
  for (std::int64_t at = first; at < first + size; at += kSealedChunk) {
    const std::int64_t chunk = at / kSealedChunk;
    const std::int64_t from = chunk * kPlainChunk;
    plain.resize(static_cast<std::size_t>(std::min(kPlainChunk, file.size() - from)));
    if (auto done = file.read(from, plain); !done) return done;
    if (auto done = seal.seal(chunk, chunk + 1 == chunks, plain, out); !done) return done;
  }
  return {};
}

std::string station_of(Context& context) {
  const auto target = context.home->station();
  return target && *target ? (*target)->id : std::string();
}

/// Under which name the home keeps how to go on with an upload of this file.
std::string record_of(Context& context, const std::string& path) {
  std::error_code ignored;
  return std::filesystem::canonical(path, ignored).string() + "\n" + station_of(context);
}

/// `record`: under which the home keeps how to go on with it.
template <class Source>
std::expected<Uploaded, int> upload(Context& context, const Source& file, const std::string& record,
                                    const std::string& name, int timeout_s) {
  const auto failed = [&](const Error& error) {
    context.out.error(error);
    return std::unexpected(code(exit_of(error)));
  };
  auto known = find_record(*context.home, record, file.stamp());
  if (!known) return failed(known.error());
  const bool resumed = known->has_value();
  if (!resumed) {
    auto made = make_record(context, record, file.stamp());
    if (!made) return failed(made.error());
    known->emplace(std::move(*made));
  }
  Record& how = **known;
  auto seal = FileSeal::make(how.key);
  if (!seal) return failed(seal.error());
  MediaUpload transfer(
      how.guid, sealed_size(file.size()),
      [&](std::int64_t first, std::int64_t size, Bytes& out) {
        return read_sealed(file, *seal, first, size, out);
      },
      context.clock);
  const std::string shown = printable(name);
  if (resumed) context.out.note("Going on with an earlier upload of " + shown);
  const int exit = run(context, transfer, "Sending " + shown, timeout_s);
  if (const auto& why = transfer.failed(); why && why->code != Errc::unavailable &&
                                           why->code != Errc::insufficient_storage &&
                                           why->code != Errc::too_many_requests) {
    // Nothing would come of going on with it.
    (void)context.home->vault().erase(kRecords, record);
  }
  if (exit != 0) return std::unexpected(exit);
  Uploaded out{.link = {.guid = how.guid,
                        .station = station_of(context),
                        .size = transfer.size(),
                        .sha256 = transfer.digest(),
                        .key = std::move(how.key),
                        .name = name},
               .bytes = file.size(),
               .resumed = resumed,
               .record = record};
  return out;
}

}  // namespace

std::expected<Uploaded, int> upload_file(Context& context, const std::string& path, int timeout_s) {
  const auto failed = [&](const Error& error) {
    context.out.error(error);
    return std::unexpected(code(exit_of(error)));
  };
  const auto target = context.home->station();
  if (target && *target && (*target)->protocol != StationTarget::Protocol::dim) {
    return failed({Errc::not_implemented,
                   "stations of the dimchat reference keep no files; use --url and --sealed of dim "
                   "send"});
  }
  const auto file = SourceFile::open(path);
  if (!file) return failed(file.error());
  return upload(context, *file, record_of(context, path), safe_filename(path), timeout_s);
}

std::expected<Uploaded, int> upload_bytes(Context& context, ByteView bytes,
                                          const std::string& made_of, const std::string& name,
                                          int timeout_s) {
  // The key belongs to these bytes: made otherwise another time they get another one.
  const SourceBytes source{bytes, to_hex(sha256(bytes))};
  return upload(context, source, record_of(context, made_of) + "\n" + name, name, timeout_s);
}

Status note_uploaded(Home& home, const Uploaded& file, const std::optional<Id>& to) {
  JsonObject object;
  object.set("guid", file.link.guid.text());
  object.set("station", file.link.station);
  object.set("name", file.link.name);
  object.set("bytes", file.bytes);
  if (to) object.set("to", to->bare().text());
  return home.vault().transaction([&]() -> Status {
    if (auto put = home.vault().put(kFiles, file.link.guid.text(), write_json(object)); !put)
      return put;
    return home.vault().erase(kRecords, file.record);
  });
}

Status forget_uploaded(Home& home, const Guid& file) {
  return home.vault().erase(kFiles, file.text());
}

int save_from_station(Context& context, const MediaLink& link, const std::string& path,
                      const std::string& guid, int timeout_s) {
  const auto failed = [&](const Error& error) {
    context.out.error(error);
    return code(exit_of(error));
  };
  if (link.station != station_of(context)) {
    return failed({Errc::not_found,
                   "the file lies at another station than yours, where you have no account"});
  }
  const auto plain = plain_size(link.size);
  if (!plain) return failed(plain.error());
  auto part = PartFile::open(path, link.guid.text());
  if (!part) return failed(part.error());
  auto download =
      MediaDownload::make(link, [&](ByteView bytes) { return part->append(bytes); }, context.clock);
  if (!download) return failed(download.error());
  // The last chunk is fetched again, so that there is something to check.
  const std::int64_t whole =
      std::min(part->size(), std::max<std::int64_t>(*plain - 1, 0)) / kPlainChunk * kPlainChunk;
  if (auto done = part->replay(whole, kPlainChunk,
                               [&](ByteView chunk) { return (*download)->have(chunk); });
      !done) {
    return failed(done.error());
  }
  const std::string shown = printable(safe_filename(link.name));
  if (whole > 0) context.out.note("Going on with an earlier download of " + shown);
  const int exit = run(context, **download, "Receiving " + shown, timeout_s);
  if (const auto& why = (*download)->failed();
      why &&
      (why->code == Errc::decrypt || why->code == Errc::gone || why->code == Errc::not_found)) {
    part->discard();  // nothing will come of it, and it is in the clear
  }
  if (exit != 0) return exit;
  auto saved = part->finish(link.name);
  if (!saved) return failed(saved.error());
  JsonObject members;
  members.set("guid", guid);
  members.set("path", *saved);
  members.set("bytes", *plain);
  members.set("encrypted", true);
  members.set("proven", true);
  context.out.object("saved", std::move(members));
  context.out.line(
      fmt::format("{}  {}", printable(*saved), size_in_words(static_cast<std::size_t>(*plain))));
  return code(Exit::ok);
}

std::expected<Bytes, int> fetch_bytes(Context& context, const MediaLink& link, int timeout_s) {
  const auto failed = [&](const Error& error) {
    context.out.error(error);
    return std::unexpected(code(exit_of(error)));
  };
  if (link.station != station_of(context))
    return failed({Errc::not_found, "it lies at another station than yours"});
  if (link.size > kSealedChunk)
    return failed({Errc::too_large, "it is too large for a small picture"});
  Bytes out;
  auto download = MediaDownload::make(
      link,
      [&](ByteView bytes) -> Status {
        out.insert(out.end(), bytes.begin(), bytes.end());
        return {};
      },
      context.clock);
  if (!download) return failed(download.error());
  const int exit = run(context, **download, "", timeout_s);
  if (exit != 0) return std::unexpected(exit);
  return out;
}

Result<std::vector<JsonObject>> own_files(Context& context) {
  auto rows = context.home->vault().list(kFiles);
  if (!rows) return std::unexpected(rows.error());
  std::vector<JsonObject> out;
  for (const Vault::Row& row : *rows) {
    auto object = parse_json_object(row.body);
    if (!object) return std::unexpected(object.error());
    out.push_back(std::move(*object));
  }
  return out;
}

int delete_at_station(Context& context, const Guid& guid, int timeout_s, Operation operation) {
  std::optional<Packet> answer;
  Packet packet = Packet::request(operation);
  packet.set("type", "media").set("target", guid.text());
  context.messenger->request_media(std::move(packet),
                                   [&](const Packet& response) { answer = response; });
  context.link.run_until([&] { return answer.has_value() || context.failure.has_value(); },
                         Millis{1'000} * timeout_s);
  if (!answer) return context.report_failure();
  // What is gone already is as it should be.
  if (answer->code == 200 || answer->code == 204 || answer->code == 410 || answer->code == 404) {
    const auto erased = forget_uploaded(*context.home, guid);
    if (erased) return code(Exit::ok);
    context.out.error(erased.error());
    return code(Exit::failed);
  }
  context.out.error({Errc::forbidden, "the station did not delete it"}, answer->get("message"));
  return code(Exit::failed);
}

}  // namespace dim
