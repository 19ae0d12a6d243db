// Recovery of the station's store from a damaged disk (R3, C06). The input edits the files that a
// running station left behind, then the store is opened, read, written and opened again. Whatever
// happened to the files: no crash, and nothing that comes out of the store is anything else than
// what was put in.
//
// First byte: which image (bits 0-1), and with bit 7 set the rest of the input replaces one file
// (bits 2-3). Else records of 8 bytes: operation, file, offset (3 bytes), length, argument (2).
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "fuzz/check.h"
#include "sqlite/sqlite_store.h"
#include "testing/disk/sim_disk.h"

namespace {

using namespace dim;
using fuzz::must;
using File = std::vector<std::uint8_t>;

constexpr std::array<const char*, 5> kNames = {"/data/station.db", "/data/station.db-wal",
                                               "/data/station.db-synced", "/data/station.db-keys1",
                                               "/data/station.db-words1"};
constexpr int kFirstPost = 500'000, kPosts = 90;
constexpr std::size_t kRecord = 8;
constexpr std::size_t kMostEdits = 24;
constexpr std::size_t kMostBytes = 1'000'000;
constexpr Millis kTime = 1'790'000'000'000;
using Image = std::array<std::optional<File>, kNames.size()>;

std::string user(int number) { return "user" + std::to_string(number); }

Guid guid_of(int number) {
  std::array<std::uint8_t, 16> bytes{0x01, 0xa0, 0xc4, 0x1e, 0x60, 0x00, 0x70, 0x00, 0x80};
  for (std::size_t i = 0; i < 4; ++i)
    bytes[12 + i] = static_cast<std::uint8_t>(number >> (24 - 8 * i));
  return *Guid::from_bytes(bytes);
}

/// Message `number` has always these bytes and this receiver.
PutMessage message_of(int number) {
  std::string content(static_cast<std::size_t>(number * 37 % 900),
                      static_cast<char>('a' + number % 26));
  content += std::to_string(number);
  return {{0, guid_of(number), kTime, user(9), "message", std::move(content)}, {user(number % 3)}};
}

PutDocument document_of(int number) {
  return {user(number % 3), "visa", "", number, "document " + std::to_string(number)};
}

Post post_of(int number) {
  return {.guid = guid_of(kFirstPost + number),
          .channel = guid_of(kFirstPost),
          .time = kTime,
          .author = user(number % 3),
          .content = "post " + std::to_string(number)};
}

SqliteOptions options_for(const SimDisk& disk) {
  SqliteOptions options;
  options.vfs = disk.vfs();
  options.exclusive = true;
  options.checkpoint_bytes = 60'000;
  return options;
}

Image image_of(SimDisk& disk) {
  Image out;
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (const File* file = disk.content(kNames[i])) out[i] = *file;
  }
  return out;
}

/// A log of ten transactions; half of it in the database and a log begun anew; closed in order.
const std::array<Image, 3>& images() {
  static const std::array<Image, 3> made = [] {
    std::array<Image, 3> out;
    SimDisk disk(1);
    auto store = SqliteStore::open("/data", options_for(disk));
    must(store.has_value());
    int number = 1;
    const auto commit = [&](int batches) {
      for (; batches > 0; --batches) {
        const std::vector<Write> batch = {
            message_of(number),
            message_of(number + 1),
            document_of(number),
            PutName{"name" + std::to_string(number % 7), user(number % 7), 1},
            PutIdentity{user(number % 3), "meta of " + user(number % 3), true},
            PutPost{post_of(number)},
            ChangePost{.guid = post_of(number - 4).guid,
                       .act = number % 8 == 1 ? PostAct::destroy : PostAct::hide,
                       .time = kTime}};
        number += 2;
        must((*store)->commit(batch).has_value());
      }
    };
    commit(10);
    out[0] = image_of(disk);
    must((*store)->tidy(kTime, true).has_value());
    commit(30);
    must((*store)->tidy(kTime, false).has_value());
    commit(3);
    const std::vector<Write> acked = {AckInbox{user(0), 5}};
    must((*store)->commit(acked).has_value());
    out[1] = image_of(disk);
    must((*store)->close().has_value());
    out[2] = image_of(disk);
    return out;
  }();
  return made;
}

std::uint8_t& byte_at(File& file, std::size_t at) { return file[at % file.size()]; }

void edit(Image& image, const Image& other, const std::uint8_t* record) {
  auto& file = image[record[1] % kNames.size()];
  const std::size_t offset = std::size_t{record[2]} << 16 | std::size_t{record[3]} << 8 | record[4];
  const std::size_t length = record[5];
  const std::size_t argument = std::size_t{record[6]} << 8 | record[7];
  if (record[0] % 8 == 5) {
    file.reset();
    return;
  }
  if (!file || file->empty()) return;
  const std::size_t at = offset % file->size();
  switch (record[0] % 8) {
    case 0:
      file->resize(at);
      break;
    case 1:  // bits that fell over
      for (std::size_t i = 0; i <= length % 4; ++i) {
        byte_at(*file, at + i * (argument >> 3)) ^= static_cast<std::uint8_t>(1U << (argument & 7));
      }
      break;
    case 2:  // sectors that were never written
      for (std::size_t i = 0; i < length * 16 && at + i < file->size(); ++i) (*file)[at + i] = 0;
      break;
    case 3: {  // a sector of the log or the mark as it was before, or will be
      const auto& from = other[1 + record[1] % 2];
      auto& to = image[1 + record[1] % 2];
      if (!from || !to) break;
      const std::size_t start = offset % (to->size() + 1) / SimDisk::kSector * SimDisk::kSector;
      for (std::size_t i = 0; i < SimDisk::kSector; ++i) {
        if (start + i < from->size() && start + i < to->size())
          (*to)[start + i] = (*from)[start + i];
      }
      break;
    }
    case 4:  // a write that ran on
      file->resize(std::min(file->size() + length * 64, kMostBytes),
                   static_cast<std::uint8_t>(argument));
      break;
    case 6: {  // two sectors that changed places
      const std::size_t a = at / SimDisk::kSector * SimDisk::kSector;
      const std::size_t b =
          argument * SimDisk::kSector % file->size() / SimDisk::kSector * SimDisk::kSector;
      for (std::size_t i = 0; i < SimDisk::kSector && a + i < file->size() && b + i < file->size();
           ++i) {
        std::swap((*file)[a + i], (*file)[b + i]);
      }
      break;
    }
    default:  // one byte
      byte_at(*file, at) = static_cast<std::uint8_t>(argument);
  }
}

/// Every answer is an error or something that was put in. `whole`: the files are as they were.
void read_all(Store& store, bool trusted, bool whole) {
  std::size_t found = 0;
  for (int i = 0; i < 3; ++i) {
    std::set<Cursor> cursors;
    for (Cursor after = 0; cursors.size() < 1'000;) {
      const auto page = store.inbox(user(i), after, 50, 1 << 20);
      if (!page || page->empty()) {
        must(page.has_value() || !whole);
        break;
      }
      for (const StoredMessage& one : *page) {
        must(one.cursor > after && cursors.insert(one.cursor).second);
        after = one.cursor;
        ++found;
        if (!trusted) continue;
        const auto bytes = one.guid.bytes();
        const int number = bytes[12] << 24 | bytes[13] << 16 | bytes[14] << 8 | bytes[15];
        const PutMessage expected = message_of(number);
        must(one.guid == expected.message.guid && one.author == expected.message.author &&
             one.type == expected.message.type && one.content == expected.message.content &&
             expected.receivers.front() == user(i));
      }
    }
    if (const auto documents = store.documents(user(i))) {
      for (const StoredDocument& one : *documents) {
        if (trusted) {
          const PutDocument expected = document_of(static_cast<int>(one.time));
          must(one.document == expected.document && expected.id == user(i));
        }
      }
    }
    const auto identity = store.identity(user(i));
    if (identity && *identity && trusted) must((*identity)->meta == "meta of " + user(i));
    static_cast<void>(store.newest(user(i)));
  }
  for (int i = 0; i < 7; ++i) {
    const auto owner = store.owner_of("name" + std::to_string(i));
    if (owner && *owner && trusted) must(**owner == user(i));
  }
  for (int i = 1; i < kPosts; ++i) {
    const auto post = store.post(post_of(i).guid);
    must(post.has_value() || !whole);
    if (!post || !*post || !trusted) continue;
    must((*post)->content == post_of(i).content || (*post)->content.empty());
  }
  static_cast<void>(store.search(std::array{guid_of(kFirstPost)}, "post", 0, 50));
  static_cast<void>(store.resume(guid_of(1)));
  if (whole) must(found > 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t which = data[0] % 4 % images().size();
  Image image = images()[which];
  const bool raw = (data[0] & 0x80) != 0;
  const std::size_t edits = raw ? 0 : std::min((size - 1) / kRecord, kMostEdits);
  if (raw) {
    // Bytes of a stranger, checksums and all: what comes out need not be what was put in.
    image[static_cast<std::size_t>(data[0] >> 2) % 4 % kNames.size()] = File(data + 1, data + size);
  }
  for (std::size_t i = 0; i < edits; ++i) {
    edit(image, images()[(which + 1) % images().size()], data + 1 + i * kRecord);
  }

  SimDisk disk(1);
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (image[i]) disk.put(kNames[i], *image[i]);
  }
  for (int round = 0; round < 2; ++round) {
    auto store = SqliteStore::open("/data", options_for(disk));
    must(store.has_value() || raw || edits > 0);
    if (!store) return 0;
    read_all(**store, !raw, !raw && edits == 0);
    static_cast<void>((*store)->verify());
    const int number = 1'000 + round;
    const std::vector<Write> batch = {message_of(number)};
    const auto written = (*store)->commit(batch);
    if (!written) return 0;
    if (!raw && written->front().accepted == Accepted::stored) {
      const auto page =
          (*store)->inbox(user(number % 3), written->front().cursors.front() - 1, 1, 1);
      if (page) must(page->size() == 1 && page->front().guid == guid_of(number));
    }
    static_cast<void>((*store)->tidy(kTime, round == 1));
  }
  return 0;
}
