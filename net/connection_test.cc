#include "net/connection.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "net/test_world.h"

namespace dim {
namespace {

std::string pattern(std::size_t size) {
  std::string out(size, '\0');
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<char>(i * 31 + i / 251);
  return out;
}

void echo(World& world) {
  world.on_open = [](std::shared_ptr<Connection> connection) {
    Connection* raw = connection.get();
    connection->set_callbacks(
        {.data = [raw](std::string_view bytes) { raw->send(std::string(bytes)); }});
  };
}

TEST(Connection, EchoesAMebibyte) {
  World world;
  echo(world);
  Seen seen;
  const auto client = world.dial();
  ASSERT_TRUE(client);
  client->set_callbacks(seen.callbacks());
  const std::string sent = pattern(1 << 20);
  client->send(sent);
  ASSERT_TRUE(world.until([&] { return seen.data.size() >= sent.size(); }));
  EXPECT_EQ(seen.data, sent);
  EXPECT_EQ(client->bytes_received(), sent.size());
  EXPECT_EQ(client->bytes_sent(), sent.size());
  EXPECT_EQ(client->queued_bytes(), 0U);
}

TEST(Connection, S04_ExporterAndS18_PinAreReadableOnceOpen) {
  World world;
  const auto client = world.dial();
  ASSERT_TRUE(client);
  ASSERT_TRUE(world.until([&] { return !world.accepted.empty(); }));
  const auto& server = world.accepted[0];
  EXPECT_EQ(client->channel_binding().value(), server->channel_binding().value());
  EXPECT_EQ(client->peer_spki(), spki_sha256(test_keys().certificate.cert_pem).value());
  EXPECT_FALSE(server->peer_spki());
  EXPECT_EQ(client->tls_cipher(), "TLS_AES_256_GCM_SHA384");
  EXPECT_TRUE(client->is_tls());
  EXPECT_EQ(server->peer().address_text(), "::1");
  EXPECT_EQ(client->peer().port, world.port());
  EXPECT_NE(client->id(), server->id());
}

TEST(Connection, P43_OneByteASegmentArrivesWhole) {
  World world;
  Seen seen;
  world.on_open = [&](std::shared_ptr<Connection> connection) {
    connection->set_callbacks(seen.callbacks());
  };
  BareTls client(world.port());
  const auto drip = [&](std::string bytes) {
    for (const char& c : bytes) {
      client.socket.write({&c, 1});
      world.reactor.run_for(0);
    }
  };
  for (int i = 0; i < 200 && !client.open(); ++i) {
    drip(std::exchange(client.tls.output(), {}));
    world.reactor.run_for(1);
    client.socket.poll();
    if (!client.socket.in.empty()) {
      ASSERT_TRUE(client.tls.feed(std::exchange(client.socket.in, {}), 0, client.plain));
    }
  }
  ASSERT_TRUE(client.open());
  drip(std::exchange(client.tls.output(), {}));
  ASSERT_TRUE(client.tls.write(pattern(300)));
  drip(std::exchange(client.tls.output(), {}));
  ASSERT_TRUE(world.until([&] { return seen.data.size() == 300; }));
  EXPECT_EQ(seen.data, pattern(300));
}

TEST(Connection, EverythingQueuedInOneTurnIsOneTlsRecord) {
  World world;
  BareTls client(world.port());
  ASSERT_TRUE(world.until([&] {
    client.pump();
    return client.open() && !world.accepted.empty();
  }));
  world.run(50);
  client.pump();
  client.raw.clear();
  for (int i = 0; i < 10; ++i) world.accepted[0]->send("message " + std::to_string(i) + ";");
  ASSERT_TRUE(world.until([&] {
    client.pump();
    return client.plain.size() >= 100;
  }));
  ASSERT_GT(client.raw.size(), 5U);
  const std::size_t body = static_cast<std::size_t>(static_cast<std::uint8_t>(client.raw[3])) << 8 |
                           static_cast<std::uint8_t>(client.raw[4]);
  EXPECT_EQ(client.raw.size(), 5 + body) << "one record and nothing else";
}

TEST(Connection, N8_ASharedOneTellsWhenWhatWasQueuedBeforeHasLeft) {
  World world;
  const auto client = world.dial();
  ASSERT_TRUE(client);
  Seen station;
  world.accepted.at(0)->set_callbacks(station.callbacks());
  Seen seen;
  client->set_callbacks(seen.callbacks());
  client->send(std::string(40'000, 'x'));  // below the mark of before, above that of now
  client->share(16'384);
  EXPECT_TRUE(world.until([&] { return station.data.size() == 40'000; }));
  EXPECT_TRUE(world.until([&] { return seen.drained > 0; }));
}

TEST(Connection, BytesWaitForCallbacks) {
  World world;
  const auto client = world.dial();
  ASSERT_TRUE(client);
  client->send("first");
  ASSERT_TRUE(world.until([&] { return !world.accepted.empty(); }));
  world.run(50);
  Seen seen;
  world.accepted[0]->set_callbacks(seen.callbacks());
  EXPECT_EQ(seen.data, "") << "never from inside the call";
  ASSERT_TRUE(world.until([&] { return seen.data == "first"; }));
}

TEST(Connection, BytesThatCameWithTheHandshakeAreNotLost) {
  World world;
  BareTls client(world.port());
  // The client's last flight, data and closing alert leave in one segment.
  ASSERT_TRUE(world.until([&] {
    client.socket.write(std::exchange(client.tls.output(), {}));
    client.socket.poll();
    if (!client.socket.in.empty()) {
      EXPECT_TRUE(client.tls.feed(std::exchange(client.socket.in, {}), 0, client.plain));
    }
    return client.open();
  }));
  ASSERT_TRUE(client.tls.write("hello"));
  client.tls.close_notify();
  client.socket.write(std::exchange(client.tls.output(), {}));
  ASSERT_TRUE(world.until([&] { return !world.accepted.empty(); }));
  world.run(20);
  Seen seen;
  world.accepted[0]->set_callbacks(seen.callbacks(true));
  ASSERT_TRUE(world.until([&] { return seen.ended == 1; }));
  EXPECT_EQ(seen.data, "hello");
}

TEST(Connection, CallbacksMayBeReplacedFromWithin) {
  World world;
  Seen second;
  world.on_open = [&](std::shared_ptr<Connection> connection) {
    Connection* raw = connection.get();
    auto owned = std::make_shared<std::string>("alive");
    connection->set_callbacks({.data = [&, raw, owned](std::string_view) {
      raw->set_callbacks(second.callbacks());
      EXPECT_EQ(*owned, "alive");
    }});
  };
  const auto client = world.dial();
  client->send("one");
  world.run(50);
  client->send("two");
  ASSERT_TRUE(world.until([&] { return second.data == "two"; }));
}

TEST(Connection, HalfCloseStillGetsItsAnswer) {
  World world;
  Seen seen;
  world.on_open = [&](std::shared_ptr<Connection> connection) {
    connection->set_callbacks(seen.callbacks(true));
  };
  BareTls client(world.port());
  ASSERT_TRUE(world.until([&] {
    client.pump();
    return client.open();
  }));
  ASSERT_TRUE(client.tls.write("request"));
  client.tls.close_notify();
  client.pump();
  client.socket.end();
  ASSERT_TRUE(world.until([&] { return seen.ended == 1; }));
  EXPECT_EQ(seen.data, "request");
  EXPECT_TRUE(seen.closed.empty());
  world.run(100);
  world.accepted[0]->send("late answer");
  world.accepted[0]->close();
  ASSERT_TRUE(world.until([&] {
    client.pump();
    return client.socket.over();
  }));
  EXPECT_EQ(client.plain, "late answer");
  EXPECT_TRUE(client.tls.peer_ended());
  ASSERT_TRUE(world.until([&] { return !seen.closed.empty(); }));
  EXPECT_EQ(seen.closed, std::vector{CloseReason::local});
}

TEST(Connection, WithoutAnEndedCallbackItAnswersAndCloses) {
  World world;
  echo(world);
  BareTls client(world.port());
  ASSERT_TRUE(world.until([&] {
    client.pump();
    return client.open();
  }));
  ASSERT_TRUE(client.tls.write("request"));
  client.tls.close_notify();
  ASSERT_TRUE(world.until([&] {
    client.pump();
    return client.tls.peer_ended();
  }));
  EXPECT_EQ(client.plain, "request");
}

TEST(Connection, P42_FinWithoutClosingAlertIsATruncation) {
  World world;
  Seen seen;
  world.on_open = [&](std::shared_ptr<Connection> connection) {
    connection->set_callbacks(seen.callbacks(true));
  };
  BareTls client(world.port());
  ASSERT_TRUE(world.until([&] {
    client.pump();
    return client.open();
  }));
  ASSERT_TRUE(client.tls.write("half a pack"));
  client.pump();
  client.socket.end();
  ASSERT_TRUE(world.until([&] { return !seen.closed.empty(); }));
  EXPECT_EQ(seen.closed, std::vector{CloseReason::truncated});
  EXPECT_EQ(seen.ended, 0);
}

TEST(Connection, P42_RstInTheMiddleClosesOnce) {
  World world;
  Seen seen;
  world.on_open = [&](std::shared_ptr<Connection> connection) {
    connection->set_callbacks(seen.callbacks());
  };
  BareTls client(world.port());
  ASSERT_TRUE(world.until([&] {
    client.pump();
    return client.open() && !world.accepted.empty();
  }));
  ASSERT_TRUE(client.tls.write("some"));
  client.pump();
  ASSERT_TRUE(world.until([&] { return seen.data == "some"; }));
  client.socket.rst();
  ASSERT_TRUE(world.until([&] { return !seen.closed.empty(); }));
  world.run(50);
  EXPECT_EQ(seen.closed, std::vector{CloseReason::reset});
  EXPECT_FALSE(world.accepted[0]->is_open());
  world.accepted[0]->send("ignored");
  world.accepted[0]->close();
  EXPECT_EQ(world.accepted[0]->queued_bytes(), 0U);
}

TEST(Connection, R9_ASlowReadersQueueGrowsAndDrainsWithOneCall) {
  World world;
  Seen server, client_seen;
  world.on_open = [&](std::shared_ptr<Connection> connection) {
    connection->set_callbacks(server.callbacks());
  };
  const auto client = world.dial();
  ASSERT_TRUE(client);
  client->set_callbacks(client_seen.callbacks());
  client->pause_reading();
  ASSERT_TRUE(world.until([&] { return !world.accepted.empty(); }));
  const auto& connection = world.accepted[0];
  const std::string block = pattern(256 * 1024);
  for (int i = 0; i < 64; ++i) {
    connection->send(block);
    world.reactor.run_for(1);
  }
  world.run(100);
  EXPECT_GT(connection->queued_bytes(), 4U << 20) << "the kernel takes a few MiB, not 16";
  const int drained = server.drained;  // the kernel took the first blocks at once
  EXPECT_LT(drained, 32);
  EXPECT_EQ(client_seen.data.size(), 0U);
  client->resume_reading();
  ASSERT_TRUE(world.until([&] { return client_seen.data.size() == 64 * block.size(); }, 20'000));
  EXPECT_EQ(connection->queued_bytes(), 0U);
  EXPECT_EQ(server.drained, drained + 1);
  EXPECT_EQ(client_seen.data.substr(63 * block.size()), block);
}

TEST(Connection, P28_PausedReadingLeavesTheBytesInTheKernel) {
  World world;
  Seen seen;
  world.on_open = [&](std::shared_ptr<Connection> connection) {
    connection->set_callbacks(seen.callbacks());
  };
  const auto client = world.dial();
  ASSERT_TRUE(client);
  ASSERT_TRUE(world.until([&] { return !world.accepted.empty(); }));
  world.run(20);
  world.accepted[0]->pause_reading();
  EXPECT_TRUE(world.accepted[0]->reading_paused());
  client->send("wait");
  world.run(100);
  EXPECT_EQ(seen.data, "");
  world.accepted[0]->resume_reading();
  ASSERT_TRUE(world.until([&] { return seen.data == "wait"; }));
}

TEST(Connection, CloseSendsWhatIsQueuedThoughThePeerKeepsTalking) {
  World world;
  Seen seen;
  world.on_open = [&](std::shared_ptr<Connection> connection) {
    connection->set_callbacks(seen.callbacks());
  };
  BareTls client(world.port());
  ASSERT_TRUE(world.until([&] {
    client.pump();
    return client.open() && !world.accepted.empty();
  }));
  world.accepted[0]->send(pattern(500'000));
  world.accepted[0]->close();
  EXPECT_FALSE(world.accepted[0]->is_open());
  EXPECT_TRUE(seen.closed.empty()) << "never from inside close()";
  ASSERT_TRUE(world.until([&] {
    client.socket.write(
        std::string(10'000, 'n'));  // would be answered by RST after a plain close()
    client.pump();
    return client.socket.over();
  }));
  EXPECT_FALSE(client.socket.reset);
  EXPECT_EQ(client.plain, pattern(500'000));
  EXPECT_TRUE(client.tls.peer_ended());
  client.socket.close();
  ASSERT_TRUE(world.until([&] { return seen.closed.size() == 1; }));
  EXPECT_EQ(seen.closed[0], CloseReason::local);
  EXPECT_EQ(seen.data, "");
}

TEST(Connection, CloseGivesUpOnAPeerThatDoesNotRead) {
  World world;
  Seen seen;
  world.on_open = [&](std::shared_ptr<Connection> connection) {
    connection->set_callbacks(seen.callbacks());
  };
  BareTls client(world.port());
  ASSERT_TRUE(world.until([&] {
    client.pump();
    return client.open() && !world.accepted.empty();
  }));
  world.accepted[0]->send(std::string(32 << 20, 'x'));
  world.accepted[0]->close(CloseReason::local, 300);
  ASSERT_TRUE(world.until([&] { return !seen.closed.empty(); }, 3'000));
  EXPECT_EQ(seen.closed, std::vector{CloseReason::timeout});
}

TEST(Connection, AbortResets) {
  World world;
  Seen seen;
  world.on_open = [&](std::shared_ptr<Connection> connection) {
    connection->set_callbacks(seen.callbacks());
  };
  BareTls client(world.port());
  ASSERT_TRUE(world.until([&] {
    client.pump();
    return client.open() && !world.accepted.empty();
  }));
  world.accepted[0]->abort();
  EXPECT_TRUE(seen.closed.empty());
  ASSERT_TRUE(world.until([&] {
    client.socket.poll();
    return client.socket.reset && !seen.closed.empty();
  }));
}

TEST(Connection, AForgedRecordClosesItWithReasonTls) {
  World world;
  Seen seen;
  world.on_open = [&](std::shared_ptr<Connection> connection) {
    connection->set_callbacks(seen.callbacks());
  };
  BareTls client(world.port());
  ASSERT_TRUE(world.until([&] {
    client.pump();
    return client.open() && !world.accepted.empty();
  }));
  client.socket.write(std::string("\x17\x03\x03\x00\x20", 5) + std::string(32, 'f'));
  ASSERT_TRUE(world.until([&] {
    client.pump();
    return client.socket.over();
  }));
  client.socket.close();
  ASSERT_TRUE(world.until([&] { return !seen.closed.empty(); }));
  EXPECT_EQ(seen.closed, std::vector{CloseReason::tls});
}

TEST(Connection, IdleLimitCountsFromTheLastByte) {
  World world;
  Seen seen;
  world.on_open = [&](std::shared_ptr<Connection> connection) {
    connection->set_callbacks(seen.callbacks());
    connection->set_idle_limit(600);
  };
  const auto client = world.dial();
  ASSERT_TRUE(client);
  for (int i = 0; i < 5; ++i) {
    client->send("x");
    world.run(300);
  }
  EXPECT_TRUE(seen.closed.empty());
  const Millis silent = world.reactor.now();
  ASSERT_TRUE(world.until([&] { return world.accepted[0]->is_open() == false; }, 3'000));
  EXPECT_GE(world.reactor.now() - silent, 200);
  client->set_callbacks({});
  ASSERT_TRUE(world.until([&] { return !seen.closed.empty(); }));
  EXPECT_EQ(seen.closed, std::vector{CloseReason::timeout});
}

TEST(Connection, CallbacksThatWereTakenAwayAreNotToldOfTheEnd) {
  World world;
  BareTls client(world.port());
  ASSERT_TRUE(world.until([&] {
    client.pump();
    return client.open() && !world.accepted.empty();
  }));
  bool early = false;
  bool late = false;
  Connection& connection = *world.accepted[0];
  connection.set_callbacks(
      {.data = {}, .drained = {}, .ended = {}, .closed = [&](CloseReason) { early = true; }});
  world.run(5);
  connection.abort();  // to be told in the next turn, and their owner goes before
  connection.set_callbacks(
      {.data = {}, .drained = {}, .ended = {}, .closed = [&](CloseReason) { late = true; }});
  world.run(5);
  EXPECT_FALSE(early);
  EXPECT_TRUE(late);
  connection.set_callbacks({});
  world.run(5);
}

TEST(Connection, ClosedIsToldToCallbacksThatComeLate) {
  World world;
  const auto client = world.dial();
  ASSERT_TRUE(client);
  client->abort();
  Seen seen;
  client->set_callbacks(seen.callbacks());
  ASSERT_TRUE(world.until([&] { return !seen.closed.empty(); }));
}

TEST(Reactor, PostRunsInOrderFromAnyThread) {
  Reactor reactor;
  std::vector<int> order;
  std::thread other([&] {
    for (int i = 0; i < 1'000; ++i) reactor.post([&order, i] { order.push_back(i); });
    reactor.post([&] { reactor.stop(); });
  });
  reactor.run();
  other.join();
  ASSERT_EQ(order.size(), 1'000U);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST(Reactor, RunsTimers) {
  Reactor reactor;
  Timer timer;
  const Millis start = reactor.now();
  Millis fired = 0;
  reactor.arm(timer, 250, [&] {
    fired = reactor.now();
    reactor.stop();
  });
  reactor.run();
  EXPECT_GE(fired - start, 250);
  EXPECT_LE(fired - start, 250 + 300);
}

TEST(Reactor, GoesDownWithConnectionsInEveryPhase) {
  // The sanitizers judge this one.
  for (int round = 0; round < 3; ++round) {
    World world;
    BareSocket silent(world.port());
    BareSocket plain(world.port());
    plain.write("version: dim/2023\n");
    BareSocket hello(world.port());
    hello.write(std::string("\x16\x03\x01\x02\x00\x01", 6));
    const auto client = world.dial();
    const auto other = world.dial();
    Seen seen;
    client->set_callbacks(seen.callbacks());
    world.accepted[0]->send(std::string(8 << 20, 'x'));
    other->send("x");
    other->close();
    if (round > 0) world.run(round * 20);
  }
}

}  // namespace
}  // namespace dim
