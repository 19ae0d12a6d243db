// Every limit and timeout in one place, with units (docs/protocol/limits.md says what happens at
// each).
#pragma once
#include <cstddef>
#include <cstdint>

namespace dim::limits {

inline constexpr std::size_t kKiB = 1024;
inline constexpr std::size_t kMiB = 1024 * kKiB;

// DIM/2023 packets (bytes, unless a name says otherwise)
inline constexpr std::size_t kHeaderBytes = 16 * kKiB;
inline constexpr std::size_t kHeaderLines = 64;
inline constexpr std::size_t kLineBytes = 4 * kKiB;
inline constexpr std::size_t kListItems = 256;
inline constexpr std::size_t kUriBytes = 2 * kKiB;
inline constexpr std::size_t kControlContent = 64 * kKiB;
inline constexpr std::size_t kTextContent = 1 * kMiB;
inline constexpr std::size_t kMediaContent = 1 * kMiB;
inline constexpr std::size_t kPostBytes = 64 * kKiB;  // of a message in a public channel
inline constexpr std::size_t kEmptyLines = 16;        // before a packet; more closes the connection

// Frames of the dimchat world (dimchat-frames.md)
inline constexpr std::size_t kFrameBody = 1 * kMiB;    // of a frame, and of a message in fragments
inline constexpr std::size_t kFrameTexts = 256;        // messages in it
inline constexpr std::size_t kFrameJunk = 64 * kKiB;   // bytes without a frame in them
inline constexpr std::size_t kDetectJunk = 4 * kKiB;   // the same, before the framing is known
inline constexpr std::size_t kFragmentPages = 4'096;   // of one message
inline constexpr std::size_t kFragmentedMessages = 8;  // unfinished, of one connection
inline constexpr std::size_t kMarsHeader = 1 * kKiB;
inline constexpr std::size_t kUpgradeRequest = 8 * kKiB;
inline constexpr std::size_t kTraces = 16;            // stations that a message has passed
inline constexpr std::size_t kTraceMemory = 65'536;   // messages whose forwarding is remembered
inline constexpr std::size_t kWebSocketAcks = 4'096;  // awaited, of one connection

// Times (milliseconds)
inline constexpr std::int64_t kFragmentMs = 300'000;
inline constexpr std::int64_t kFirstPacketMs = 10'000;
inline constexpr std::int64_t kLoginMs = 20'000;
inline constexpr std::int64_t kIdleMs = 300'000;
inline constexpr std::int64_t kChallengeMs = 30'000;
inline constexpr std::int64_t kSlowWindowMs = 10'000;
inline constexpr std::size_t kSlowBytesPerSecond = 64;
inline constexpr std::int64_t kFutureToleranceMs = 300'000;
inline constexpr std::int64_t kTraceMs = 5 * 3'600'000;  // how long forwarding is remembered
inline constexpr std::int64_t kTokenMs = 24 * 3'600'000;

// Connections and sessions
inline constexpr std::size_t kSessionsPerUser = 8;
inline constexpr std::size_t kOpenRequests = 64;
inline constexpr std::size_t kUnauthenticatedPer64 = 32;
inline constexpr std::size_t kUnauthenticatedPer48 = 128;
inline constexpr std::size_t kUnauthenticated = 2'048;
inline constexpr std::size_t kHandshakesAtOnce = 256;
inline constexpr std::size_t kSendQueueBytes = 4 * kMiB;
inline constexpr std::size_t kStrayResponses = 100;

// Quotas
inline constexpr std::size_t kMessagesPerSecond = 20;
inline constexpr std::size_t kMessagesBurst = 60;
inline constexpr std::size_t kHistoryPerSecond = 30;
inline constexpr std::size_t kDocumentsPerHour = 200;
inline constexpr std::size_t kFailedLoginsPerMinute = 10;
inline constexpr std::size_t kInboxMessages = 20'000;
inline constexpr std::size_t kInboxBytes = 256 * kMiB;
inline constexpr std::size_t kHistoryPage = 200;

// JSON and DIMP
inline constexpr std::size_t kJsonDepth = 32;
inline constexpr std::size_t kJsonNodes = 10'000;
inline constexpr std::size_t kJsonString = 1 * kMiB;
inline constexpr std::size_t kJsonNumber = 32;  // characters
inline constexpr std::size_t kMessageKeys = 1'000;
inline constexpr std::size_t kForwardDepth = 3;
inline constexpr std::size_t kForwardMessages = 64;
inline constexpr std::size_t kAttachedDocuments = 4;
inline constexpr std::size_t kDocumentBytes = 16 * kKiB;

}  // namespace dim::limits
